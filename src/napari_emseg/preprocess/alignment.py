"""An alignment: whole-pixel shifts of all sections, and perhaps a smooth displacement after them; there and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.elastic import Warp, unwarp_points, unwarp_section, warp_points, warp_section
from napari_emseg.preprocess.shift_table import (
    ShiftTable,
    align_points,
    align_section,
    unalign_points,
    unalign_section,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress


@dataclass(frozen=True, eq=False)
class Alignment:
    """Sections are shifted onto a canvas first and bent there.

    Parameters
    ----------
    shifts : ShiftTable
    warp : Warp, optional
        On the canvas of the shifts.
    """

    shifts: ShiftTable
    warp: Warp | None = None

    @classmethod
    def elastic(
        cls,
        stack: Any,
        shifts: ShiftTable,
        *,
        excluded: Collection[int] = (),
        progress: Progress | None = None,
    ) -> Alignment:
        """Estimate the elastic part of a stack (z, y, x) whose shifts are known."""
        from napari_emseg.preprocess.elastic_estimate import estimate_warp

        def shifted(z: int) -> NDArray[Any]:
            return align_section(np.asarray(stack[z]), z, shifts)

        return cls(shifts, estimate_warp(shifted, len(shifts), excluded=excluded, progress=progress))

    def check(self, shape: tuple[int, int, int], where: str) -> None:
        """Refuse a stack (z, y, x) that this alignment is not for."""
        self.shifts.check_length(shape[0], where)
        canvas = self.shifts.canvas(shape[1:])
        if self.warp is not None and (len(self.warp) != shape[0] or self.warp.shape != canvas):
            raise EmsegError(
                f"the elastic alignment is for {len(self.warp)} sections of {self.warp.shape[0]} x {self.warp.shape[1]} px",
                where,
                f"this stack has {shape[0]} on a canvas of {canvas[0]} x {canvas[1]} px: give the files that belong to it",
            )

    def forward(self, section: NDArray[Any], z: int, *, labels: bool = False) -> NDArray[Any]:
        """One section (y, x) on the canvas; grey values linearly, ids at the nearest pixel."""
        moved = align_section(section, z, self.shifts)
        return moved if self.warp is None else warp_section(moved, z, self.warp, labels=labels)

    def back(self, section: NDArray[Any], z: int, *, labels: bool = False) -> NDArray[Any]:
        """One section of the canvas as it lay before; the exact inverse where nothing is bent."""
        if self.warp is not None:
            section = unwarp_section(section, z, self.warp, labels=labels)
        return unalign_section(section, z, self.shifts)

    def points_forward(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Points (n, 3), (z, y, x) in pixels, on the canvas."""
        moved = align_points(points, self.shifts)
        return moved if self.warp is None else warp_points(moved, self.warp)

    def points_back(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """The inverse of `points_forward`, to a millionth of a pixel."""
        moved = points if self.warp is None else unwarp_points(points, self.warp)
        return unalign_points(moved, self.shifts)
