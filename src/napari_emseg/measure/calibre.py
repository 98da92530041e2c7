"""Calibre of an object: diameters across its axis, however that lies and however thick the sections are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.measure.cross_section import AT_EDGE, ELSEWHERE
from napari_emseg.measure.five_points import five_points, mean_of
from napari_emseg.measure.profile import AT_FORK, BESIDE_EDGE, Profile

if TYPE_CHECKING:
    from numpy.typing import NDArray


Row = dict[str, float | int | str | None]

TOO_SMALL = "too small"
CUT_OFF = "cut off by the edge of the volume"
ONLY_FORKS = "forks and ends only"
FORKS_AND_EDGE = "cut off by the edge of the volume, or at forks"


def calibre_row(found: Profile) -> Row:
    """Numbers of a profile, with their units in the names; None where nothing could be measured.

    Calibre is the diameter of the circle with the same area as the cross-section. ``min_feret`` and ``minor_axis`` are the
    narrowest slit through which a cross-section fits and the minor axis of the ellipse with the same second moments.
    ``calibre_at_least_nm`` is the diameter of the largest ball that fits in, also where nothing could be measured.
    """
    here = found.is_measured
    calibre, feret, minor = (v[here] for v in (found.diameter_nm, found.feret_nm, found.minor_nm))
    five = five_points(found)
    row: Row = {
        "no_calibre_because": None if here.any() else why_none(found),
        "length_nm": sum(found.length_nm) if found.length_nm else None,
        **_summary("calibre", calibre, ("median", "mean", "min", "max", "sd")),
        **_summary("minor_axis", minor, ("median", "min")),
        **_summary("min_feret", feret, ("median", "min")),
        "calibre_at_least_nm": found.ball_nm or None,
        "cross_sections": int(here.sum()),
        "branches": len(found.length_nm) or None,
        "parts": found.parts or None,
    }
    row |= {f"calibre_at_{share}_percent_nm": value for share, value in five.items()}
    row["calibre_five_point_mean_nm"] = mean_of(five.values())
    return row


def why_none(found: Profile) -> str:
    """Why no cross-section of an object could be measured: `TOO_SMALL`, `CUT_OFF`, `ONLY_FORKS` or `FORKS_AND_EDGE`."""
    if not found.why_not:
        return TOO_SMALL
    reasons = set(found.why_not)
    if not {AT_EDGE, BESIDE_EDGE} & reasons:
        return ONLY_FORKS
    return FORKS_AND_EDGE if {AT_FORK, ELSEWHERE} & reasons else CUT_OFF


def _summary(name: str, values: NDArray[np.float64], wanted: tuple[str, ...]) -> Row:
    """Columns of some values; None if there are none."""
    if not values.size:
        return {f"{name}_{what}_nm": None for what in wanted}
    numbers = {
        "median": np.median(values), "mean": values.mean(), "min": values.min(), "max": values.max(), "sd": values.std(),
    }  # fmt: skip
    return {f"{name}_{what}_nm": float(numbers[what]) for what in wanted}
