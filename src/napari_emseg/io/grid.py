"""Formats that count positions in voxels: offsets in whole voxels, and levels on the same grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset
    from napari_emseg.io.pyramid import Factors

_TOLERANCE = 0.01  # of a voxel: what is lost when a position is written in micrometres with few digits


def whole_voxels(
    offset_nm: Offset | None, spacing_nm: Spacing, where: str, *, least: int | None = None
) -> tuple[int, int, int]:
    """A position in voxels (z, y, x).

    Raises
    ------
    EmsegError
        If it lies between voxels, or before ``least``.
    """
    voxels = np.asarray(offset_nm or (0.0, 0.0, 0.0)) / np.asarray(spacing_nm)
    whole = np.rint(voxels)
    if np.abs(voxels - whole).max() > _TOLERANCE or (least is not None and whole.min() < least):
        said = "negative" if np.abs(voxels - whole).max() <= _TOLERANCE else "no whole number of voxels"
        raise EmsegError(
            f"the offset {offset_nm} nm is {said}, which the format cannot hold", where,
            "give another one with --offset Z,Y,X in nm, for instance 0,0,0",
        )  # fmt: skip
    return int(whole[0]), int(whole[1]), int(whole[2])


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
