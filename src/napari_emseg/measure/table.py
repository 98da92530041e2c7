"""Tables as comma-separated values: a blank is what was not measured, never 0."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_emseg.measure.profile import Profile

Value = float | int | str | None


def csv_text(rows: Iterable[Mapping[str, Value]], columns: Sequence[str] = ()) -> str:
    """Rows as text, with a line of names.

    Parameters
    ----------
    rows : iterable of mapping
    columns : sequence of str
        Names that come first, also where there are no rows; others follow as they appear.
    """
    found = list(rows)
    names = list(dict.fromkeys([*columns, *(name for row in found for name in row)]))
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    for row in found:
        table.writerow([_cell(row.get(name)) for name in names])
    return text.getvalue()


def profile_rows(profiles: Mapping[int, Profile]) -> Iterable[dict[str, Value]]:
    """Calibre along objects, one row a cross-section."""
    for object_id, found in profiles.items():
        for k in range(len(found.along_nm)):
            z, y, x = found.place_nm[k].tolist()
            measured = bool(found.is_measured[k])
            yield {
                "id": object_id,
                "branch": int(found.branch[k]),
                "along_nm": float(found.along_nm[k]),
                "z_nm": z,
                "y_nm": y,
                "x_nm": x,
                "calibre_nm": float(found.diameter_nm[k]) if measured else None,
                "minor_axis_nm": float(found.minor_nm[k]) if measured else None,
                "min_feret_nm": float(found.feret_nm[k]) if measured else None,
                "not_measured_because": found.why_not[k] or None,
            }


def _cell(value: Value) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
