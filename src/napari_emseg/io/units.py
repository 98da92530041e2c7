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
