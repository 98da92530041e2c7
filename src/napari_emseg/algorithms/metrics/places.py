"""Where the error of an object can be seen best."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.metrics.error_map import EXTRA, MERGE, MISSED, SPLIT
from napari_emseg.algorithms.metrics.object_errors import ObjectErrors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.algorithms.metrics.error_map import ErrorBook
    from napari_emseg.algorithms.metrics.object_errors import Place


class Places:
    """Remembers, for every object and kind of error, the section that has most of it.

    Parameters
    ----------
    origin : (y, x)
        Added to the places, where a part of the sections is looked at.
    """

    def __init__(self, origin: Sequence[int] = (0, 0)) -> None:
        self._origin = origin
        self._best: dict[tuple[int, int], tuple[int, Place]] = {}

    def look(self, z: int, errors: NDArray[np.uint8], truth: NDArray[Any], prediction: NDArray[Any]) -> None:
        """Take in a section.

        Parameters
        ----------
        z : int
        errors, truth : ndarray (y, x)
            Of `ErrorMapper.section`.
        prediction : ndarray (y, x)
            Segments.
        """
        for kind in (SPLIT, MERGE, MISSED, EXTRA):
            y, x = np.nonzero(errors == kind)
            if not y.size:
                continue
            names = (prediction if kind == EXTRA else truth)[y, x]
            for name, count, middle_y, middle_x in middles(names, y, x):
                key = (kind, name)
                if key not in self._best or self._best[key][0] < count:
                    self._best[key] = (count, (z, middle_y + self._origin[0], middle_x + self._origin[1]))

    def of(self, kind: int, name: int) -> Place | None:
        """Where an object has most of a kind of error."""
        found = self._best.get((kind, name))
        return found[1] if found else None

    def complete(self, rows: Sequence[ObjectErrors], book: ErrorBook) -> list[ObjectErrors]:
        """Give the rows their places, and add the segments that are not in the truth, the largest first."""
        out = [self._placed(row) for row in rows]
        order = np.argsort(-book.extra_voxels, kind="stable")
        for k in order.tolist():
            name = int(book.extra[k])
            out.append(
                ObjectErrors(
                    0, int(book.extra_voxels[k]), 0, name, 0.0, 0.0, (), 0.0, 0.0, "not in the truth",
                    self.of(EXTRA, name),
                )
            )  # fmt: skip
        return out

    def _placed(self, row: ObjectErrors) -> ObjectErrors:
        if row.error == "missed":
            return replace(row, place=self.of(MISSED, row.object_id))
        split = self.of(SPLIT, row.object_id) if row.pieces > 1 else None
        merge = None
        if row.merged_with:
            # The object that has most of a segment is right; what is merged with it is to be cut off.
            seen = (self.of(MERGE, name) for name in (row.object_id, *row.merged_with))
            merge = next((place for place in seen if place is not None), None)
        first, second = (split, merge) if row.voi_split >= row.voi_merge else (merge, split)
        if first is None:
            first, second = second, None
        return replace(row, place=first, other_place=second)


def middles(names: NDArray[Any], y: NDArray[np.intp], x: NDArray[np.intp]) -> list[tuple[int, int, int, int]]:
    """Id, number of pixels, and the pixel nearest to their centre, for every id but 0."""
    if not names.size:
        return []
    ids, of = np.unique(names, return_inverse=True)
    count = np.bincount(of, minlength=ids.size)
    middle_y = np.bincount(of, y, ids.size) / count
    middle_x = np.bincount(of, x, ids.size) / count
    away = (y - middle_y[of]) ** 2 + (x - middle_x[of]) ** 2
    order = np.lexsort((away, of))
    first = order[np.r_[0, np.cumsum(count)[:-1]]]
    return [
        (int(ids[k]), int(count[k]), int(y[first[k]]), int(x[first[k]])) for k in range(ids.size) if ids[k]
    ]
