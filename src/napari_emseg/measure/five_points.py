"""The five-point form: the calibre at five places of an object, and their mean. A missing place is not a zero."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from napari_emseg.measure.profile import Profile

SHARES = (10, 30, 50, 70, 90)
"""Where the five places lie, in percent of the main branch: the middles of five equal stretches."""


def five_points(found: Profile) -> dict[int, float | None]:
    """Calibre at five places of the main branch, in nanometres.

    Returns
    -------
    dict of int to float or None
        Percent of the way to calibre; None where no cross-section could be measured in that fifth.
    """
    main = (found.branch == 0) & found.is_measured
    way, calibre = found.along_nm[main], found.diameter_nm[main]
    length = found.length_nm[0] if found.length_nm else 0.0
    places: dict[int, float | None] = {}
    for share in SHARES:
        wanted = length * share / 100
        fifth = np.abs(way - wanted) <= length / 10
        places[share] = float(np.interp(wanted, way, calibre)) if fifth.any() else None
    return places


def five_along(found: Profile, places_nm: NDArray[np.float64]) -> list[float | None]:
    """Calibre at five places of the stretch along which an object touches another, in nanometres.

    The stretch is that of the branch that most of the contact is nearest to.

    Parameters
    ----------
    found : Profile
    places_nm : ndarray of float64 (n, 3)
        Points of the contact (z, y, x).

    Returns
    -------
    list of float or None
        Five; None where no cross-section could be measured there.
    """
    from scipy.spatial import KDTree

    if not len(places_nm) or not len(found.place_nm):
        return [None] * len(SHARES)
    nearest = KDTree(found.place_nm).query(places_nm)[1]
    branch = int(np.bincount(found.branch[nearest]).argmax())
    touched = found.along_nm[nearest][found.branch[nearest] == branch]
    here = (found.branch == branch) & found.is_measured
    way, calibre = found.along_nm[here], found.diameter_nm[here]
    every = found.along_nm[found.branch == branch]
    step = float(np.diff(every).max()) if every.size > 1 else np.inf
    low, high = float(touched.min()), float(touched.max())
    five: list[float | None] = []
    for share in SHARES:
        wanted = low + (high - low) * share / 100
        near = way.size and float(np.abs(way - wanted).min()) <= step
        five.append(float(np.interp(wanted, way, calibre)) if near else None)
    return five


def mean_of(values: Iterable[float | None]) -> float | None:
    """Mean of what is there; None where nothing is."""
    there = [float(value) for value in values if value is not None and np.isfinite(value)]
    return statistics.mean(there) if there else None  # of equal values exactly that value, however many


def means_of_sheet(sheet: ArrayLike, points: int = 5, *, nm_per_unit: float = 1.0) -> NDArray[np.float64]:
    """Means of a sheet on which every object has several rows: rows 0 to 4 are the first object, 5 to 9 the second.

    Parameters
    ----------
    sheet : array-like (objects * points, partners)
        Diameters measured by hand; NaN is a blank, and so is a diameter of 0 or less.
    points : int
        Rows of one object.
    nm_per_unit : float
        Nanometres of one unit of the sheet, for pixels the pixel size.

    Returns
    -------
    ndarray of float64 (objects, partners)
        In nanometres; NaN where all points of a pair are blank.

    Raises
    ------
    ValueError
        If the rows do not make whole objects.
    """
    values = np.array(sheet, np.float64, ndmin=2)
    if points < 1 or values.shape[0] % points:
        raise ValueError(f"{values.shape[0]} rows are not a whole number of objects of {points} points")
    grouped = values.reshape(-1, points, values.shape[1])
    there = np.isfinite(grouped) & (grouped > 0)
    total = np.where(there, grouped, 0.0).sum(1)
    count = there.sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan) * nm_per_unit
