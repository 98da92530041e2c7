"""Voxel sizes: units of length to nanometres, and what counts as a voxel size at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset

_LEAST_NM, _MOST_NM, _FARTHEST_NM = 1e-3, 1e9, 1e15

_NANOMETRES = {
    1e-1: ("a", "å", "angstrom", "ångström"),
    1.0: ("nm", "nanometer", "nanometre", "nanometers", "nanometres"),
    1e3: ("um", "µm", "μm", "micron", "microns", "micrometer", "micrometre", "micrometers", "\\u00b5m"),
    1e6: ("mm", "millimeter", "millimetre", "millimeters"),
    1e7: ("cm", "centimeter", "centimetre"),
    2.54e7: ("inch", "in"),
    1e9: ("m", "meter", "metre"),
    1e-3: ("pm", "picometer", "picometre"),
}


def nanometres_per(unit: str | None) -> float | None:
    """Nanometres in one unit of length, or None where the name is not one ("pixel", "").

    Examples
    --------
    >>> nanometres_per("µm"), nanometres_per("pixel")
    (1000.0, None)
    """
    name = (unit or "").strip().lower()
    return next((size for size, names in _NANOMETRES.items() if name in names), None)


def valid_spacing(values: Any, factor: float = 1.0) -> Spacing | None:
    """Three positive numbers times a factor as (z, y, x) in nm, or None if they are no voxel size.

    Nothing that is looked at has voxels of less than a picometre or more than a metre. A fourth number in front
    (channels) is left out.
    """
    try:
        sizes = [float(v) * factor for v in np.asarray(values, dtype=float).ravel()]
    except (TypeError, ValueError):
        return None
    if len(sizes) == 4:
        sizes = sizes[1:]
    if len(sizes) != 3 or not all(_LEAST_NM <= s <= _MOST_NM for s in sizes):
        return None
    return sizes[0], sizes[1], sizes[2]


def valid_offset(values: Any, factor: Any = 1.0) -> Offset | None:
    """Three finite numbers times a factor (or three) as (z, y, x) in nm, or None if they are no position."""
    try:
        places = np.asarray(values, dtype=float).ravel() * factor
    except (TypeError, ValueError):
        return None
    if places.size == 4:
        places = places[1:]
    if places.size != 3 or not (np.abs(places) <= _FARTHEST_NM).all():
        return None
    return float(places[0]), float(places[1]), float(places[2])


def lengths_along(values: Any, axes: str, units: Any = None) -> tuple[float, float, float] | None:
    """Three lengths as (z, y, x) in nm from one for each axis of an array, as attributes beside it give them.

    Parameters
    ----------
    values : numbers
        One for each axis, or for each axis of space; in the order of the axes.
    axes : str
        Letters of the axes; where they are not known, the last three are z, y and x.
    units : str or sequence of str, optional
        Of all, or of each of the values; nanometres where nothing is said.

    Returns
    -------
    (z, y, x) or None
        None where they are not three numbers, or a unit is none of length.

    Examples
    --------
    >>> lengths_along([4, 5, 0.04], "xyz", ["nm", "nm", "um"])
    (40.0, 5.0, 4.0)
    """
    try:
        sizes = _in_space(np.asarray(values, dtype=float).ravel().tolist(), axes)
    except (TypeError, ValueError):
        return None
    every = np.asarray(units, dtype=object).ravel().tolist()
    said = _in_space((every or [None]) * 3 if len(every) < len("yx") else every, axes)
    found = [
        sizes[a] * factor
        for a in "zyx"
        if a in sizes and a in said and (factor := _factor(said[a])) is not None
    ]
    return (found[0], found[1], found[2]) if len(found) == len("zyx") else None


def _in_space(values: list[Any], axes: str) -> dict[str, Any]:
    """Values of all axes of an array, or of those of space, by the letters z, y and x."""
    space = "".join(a for a in axes if a in "zyx")
    space = space if len(space) == len("zyx") else "zyx"  # a section may be given the size of its voxels
    letters = axes if len(axes) == len(values) else "c" * (len(values) - len(space)) + space
    return {a: v for a, v in zip(letters, values, strict=False) if a in "zyx"}


def _factor(unit: Any) -> float | None:
    text = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else str(unit or "")
    return nanometres_per(text) if text.strip() else 1.0


def coarse_offset(first: Any, spacing: Any, finest: Any) -> Offset | None:
    """Where the first voxel of a level lies whose grid begins where that of the finest level does.

    Formats that count in voxels give the corners of voxels, and we their middles, as seen from the first voxel of the finest
    level: one that stands for several lies in the middle of these.

    Parameters
    ----------
    first : three numbers (z, y, x)
        Of the level's own voxels.
    spacing, finest : three numbers (z, y, x), nm
        Voxel sizes of the level and of the finest one.
    """
    size = np.asarray(spacing, dtype=float)
    return valid_offset(np.asarray(first, dtype=float) * size + (size - np.asarray(finest, dtype=float)) / 2)


def required_spacing(values: Any) -> Spacing:
    """The voxel size that a person gave.

    Raises
    ------
    EmsegError
        If it is not three positive numbers.
    """
    spacing = valid_spacing(values)
    if spacing is None:
        raise EmsegError(
            "this is no voxel size", str(values), "give three positive numbers in nanometres: z, y, x"
        )
    return spacing
