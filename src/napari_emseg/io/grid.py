"""Formats that count positions in voxels: offsets in whole voxels, and levels on the same grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.pyramid import level_factors

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset
    from napari_emseg.io.pyramid import Factors
    from napari_emseg.io.source import Source

# formats whose positions are whole voxels, and the least that each can hold
_COUNTING: dict[str, int | None] = {".precomputed": None, ".wk": 0}
_TOLERANCE = 0.01  # of a voxel: what is lost when a position is written in micrometres with few digits
_IN_THE_MIDDLE = tuple((1 - 0.5**n) / 2 for n in range(5))
"""Where the first voxel of a level lies that is 1, 2, 4, 8 or 16 times coarser than the first, in its own voxels."""


def whole_voxels(
    offset_nm: Offset | None, spacing_nm: Spacing, where: str, *, least: int | None = None
) -> tuple[int, int, int]:
    """A position in voxels (z, y, x): of a coarser level that begins on the grid of the finest one, in its own voxels.

    Raises
    ------
    EmsegError
        If it lies between voxels, or before ``least``.
    """
    voxels = np.asarray(offset_nm or (0.0, 0.0, 0.0)) / np.asarray(spacing_nm)
    # pixels of a level are as much coarser along y as along x
    shifts = [(z, yx, yx) for yx in _IN_THE_MIDDLE for z in _IN_THE_MIDDLE]
    apart = [np.abs(voxels - shift - np.rint(voxels - shift)).max() for shift in shifts]
    is_on_grid = min(apart) <= _TOLERANCE
    whole = np.rint(voxels - shifts[int(np.argmin(apart))])
    if not is_on_grid or (least is not None and whole.min() < least):
        said = "negative" if is_on_grid else "no whole number of voxels"
        raise EmsegError(
            f"the offset {offset_nm} nm is {said}, which the format cannot hold", where,
            "give another one with --offset Z,Y,X in nm, for instance 0,0,0",
        )  # fmt: skip
    return int(whole[0]), int(whole[1]), int(whole[2])


def position_kept(
    path: str | os.PathLike[str], offset_nm: Offset | None, spacing_nm: Spacing | None
) -> Offset | None:
    """Where a result that lies where its source does is said to lie.

    Parameters
    ----------
    path : path
        Of the output; its format may count in voxels.
    offset_nm, spacing_nm : tuple of float or None
        Of the result (z, y, x).

    Returns
    -------
    (z, y, x) or None
        None where nobody knows, or the format cannot hold it.
    """
    from napari_emseg.io.writing import writer_for

    suffix = writer_for(path)
    if offset_nm is None or suffix not in _COUNTING:
        return offset_nm
    try:
        whole_voxels(offset_nm, spacing_nm or (1.0, 1.0, 1.0), str(path), least=_COUNTING[suffix])
    except EmsegError:
        return None
    return offset_nm


def position_moved(
    offset_nm: Offset | None, spacing_nm: Spacing | None, voxels: Sequence[float]
) -> Offset | None:
    """Where the first voxel of a result lies that begins so many voxels (z, y, x) from the first one of its source.

    Parameters
    ----------
    offset_nm, spacing_nm : tuple of float or None
        Of the source (z, y, x).
    voxels : sequence of float
        Of the source; between its voxels where the result has voxels of another size.

    Returns
    -------
    (z, y, x) or None
        None where nobody knows.
    """
    if offset_nm is None or (spacing_nm is None and any(voxels)):
        return None
    z, y, x = (o + n * s for o, n, s in zip(offset_nm, voxels, spacing_nm or (1.0, 1.0, 1.0), strict=True))
    return z, y, x


def voxel_grid(
    array: Source,
    spacing_nm: Spacing | None,
    path: Path,
    *,
    name: str,
    types: Sequence[str],
    instead: str,
    least: int | None = None,
) -> tuple[Spacing, tuple[int, int, int], list[Factors]]:
    """Where a volume lies on the grid of a format that cannot do without one.

    Parameters
    ----------
    array : Source
        What is to be written.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x).
    path : Path
        For the message.
    name, types, instead : str, names of numpy types, str
        The format, what it can hold, and what else to write.
    least : int, optional
        The lowest position that the format can hold.

    Returns
    -------
    tuple
        Voxel size, first voxel (z, y, x), and the factors between levels that begin there too.

    Raises
    ------
    EmsegError
        If the voxel size is unknown, the position is no whole number of voxels, or the values cannot be held.
    """
    if spacing_nm is None:
        raise EmsegError("the format needs a voxel size", str(path), "give --pixel-size Z,Y,X in nm")
    if array.dtype.name not in types:
        raise EmsegError(f"{name} holds no {array.dtype} values", str(path), f"use --dtype {instead}")
    begin = whole_voxels(array.offset_nm, spacing_nm, str(path), least=least)
    factors = level_factors(array.shape[-3:], spacing_nm, array.options.levels)
    return spacing_nm, begin, aligned_factors(factors, begin)


def aligned_factors(factors: Sequence[Factors], begin: Sequence[int]) -> list[Factors]:
    """The levels whose voxels begin where the volume begins: coarser grids would be shifted."""
    kept: list[Factors] = []
    total = np.ones(3, int)
    for step in factors:
        total = total * step
        if np.any(np.asarray(begin) % total):
            break
        kept.append(step)
    return kept
