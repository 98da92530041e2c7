"""What must hold before a stack enters the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.core.stack import ImageStack

_SCAN_ALL_BYTES = 512 << 20
_SCAN_SECTIONS = 16
_FIRST_PX, _CORNER_PX = 1 << 24, 64
"""Of the first section: so many are read at most, or a corner of so many on each side."""


def check_image(stack: ImageStack) -> None:
    """Refuse what is no grey stack, in one sentence.

    Integer stacks are checked without reading them, but for the first section (is it colour? can it be
    decoded?). Floating-point stacks are searched for values that are not numbers: all of a small one,
    16 sections spread over a large one.

    Raises
    ------
    EmsegError
        If it is not three-dimensional, empty, complex, or holds NaN or infinity.
    """
    shape = tuple(stack.data.shape)
    if len(shape) != 3:
        raise EmsegError(
            f"it has {len(shape)} axes {shape} and not three", stack.uri, "give a stack with axes (z, y, x)"
        )
    if 0 in shape:
        raise EmsegError(f"it holds no voxels {shape}", stack.uri, "export it again")
    dtype = np.dtype(stack.data.dtype)
    if dtype.kind not in "buif":
        raise EmsegError(f"its values are {dtype}, not grey values", stack.uri, "convert it to uint8")
    if dtype.kind != "f":
        part = slice(None if shape[1] * shape[2] <= _FIRST_PX else _CORNER_PX)
        stack.data[0, part, part]  # the only colour may be a mark somewhere in it
        return
    n = shape[0]
    if n * shape[1] * shape[2] * dtype.itemsize > _SCAN_ALL_BYTES:
        sections = np.unique(np.linspace(0, n - 1, min(n, _SCAN_SECTIONS)).astype(int)).tolist()
    else:
        sections = list(range(n))
    for z in sections:
        if not np.isfinite(stack.data[z]).all():
            raise EmsegError(
                "it holds values that are not numbers (NaN or infinity)",
                f"{stack.uri or stack.name}, section {z}",
                "replace them, for example by 0",
            )
