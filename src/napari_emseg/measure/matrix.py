"""Tables of one kind of object against another, such as axons and muscle fibres; no contact is NaN, never 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.measure.contact import Row

MOST = 40
"""Objects on a side of a table where nobody said which: more cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class PairMatrix:
    """One number for every pair of a row object and a column object.

    Attributes
    ----------
    rows, columns : tuple of int
        Ids.
    values : ndarray of float64 (rows, columns)
        NaN where the two do not touch.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    values: NDArray[np.float64]

    @property
    def totals(self) -> NDArray[np.float64]:
        """Sum of every row."""
        return np.asarray(np.nansum(self.values, axis=1))

    def by_total(self) -> PairMatrix:
        """The same with the row of the largest sum first, and the columns likewise; equal ones by id."""
        across = np.nansum(self.values, axis=0)
        rows = sorted(range(len(self.rows)), key=lambda k: (-self.totals[k], self.rows[k]))
        columns = sorted(range(len(self.columns)), key=lambda k: (-across[k], self.columns[k]))
        return PairMatrix(
            tuple(self.rows[k] for k in rows),
            tuple(self.columns[k] for k in columns),
            self.values[np.ix_(rows, columns)],
        )


def pair_matrix(
    contacts: Iterable[Row], rows: Sequence[int], columns: Sequence[int], column: str = "contact_area_um2"
) -> PairMatrix:
    """Arrange one column of a table of contacts.

    Parameters
    ----------
    contacts : iterable of dict
        Rows with ``id_a``, ``id_b``; a ``column`` that ends in ``_of_a_nm`` belongs to ``id_a``, and what ends in
        ``_of_b_nm`` is taken where the object of the row is ``id_b``.
    rows, columns : sequence of int
        Ids; an object may stand on both sides, and does not touch itself.
    column : str
    """
    place_r = {object_id: k for k, object_id in enumerate(rows)}
    place_c = {object_id: k for k, object_id in enumerate(columns)}
    values = np.full((len(rows), len(columns)), np.nan)
    for contact in contacts:
        a, b = int(contact["id_a"] or 0), int(contact["id_b"] or 0)
        for one, other, name in ((a, b, column), (b, a, column.replace("_of_a_", "_of_b_"))):
            found = contact[name]
            if one in place_r and other in place_c and found is not None:
                values[place_r[one], place_c[other]] = found
    return PairMatrix(tuple(rows), tuple(columns), values)


def largest(contacts: Iterable[Row], most: int = MOST) -> tuple[int, ...]:
    """The objects with the most contact, at most so many, sorted by id."""
    total: dict[int, float] = {}
    for row in contacts:
        for side in ("id_a", "id_b"):
            object_id = int(row[side] or 0)
            total[object_id] = total.get(object_id, 0.0) + float(row["contact_area_um2"] or 0.0)
    return tuple(sorted(sorted(total, key=lambda k: (-total[k], k))[:most]))
