"""What the samples are cut from: the part of a stack that is on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.shown import as_it_is

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

_MOST_PX = 768  # along y and x: enough for every sample, and read quickly
_SPARE_SECTIONS = 4  # beyond a sample, for recipes that leave some out
_FROM_SAMPLE = 2.0  # samples wide at least, so that they differ


@dataclass(frozen=True)
class Part:
    """A box of a stack: slices in (z, y, x)."""

    z: slice
    y: slice
    x: slice

    def of(self, data: Any) -> NDArray[Any]:
        """Read it from a stack (z, y, x), or from a single section (y, x)."""
        if data.ndim == 2:
            return np.asarray(data[self.y, self.x])[None]
        return np.asarray(data[self.z, self.y, self.x])


def full_resolution(layer: Image | Labels) -> Any:
    """Data of a layer; the finest level of a pyramid."""
    return layer.data[0] if layer.multiscale else as_it_is(layer.data)


def check(image: Image, labels: Labels | None) -> None:
    """Refuse what cannot be augmented.

    Raises
    ------
    EmsegError
        If the image is no stack of grey values, or the labels do not belong to it.
    """
    data = full_resolution(image)
    if image.rgb or data.ndim not in (2, 3):
        raise EmsegError("this is no stack of grey values", image.name, "pick another")
    if labels is not None and full_resolution(labels).shape != data.shape:
        raise EmsegError(
            f"labels {tuple(full_resolution(labels).shape)} and stack {tuple(data.shape)} differ in shape",
            labels.name,
            "pick the labels of this stack, or none",
        )


def on_screen(viewer: Viewer, image: Image, size: tuple[int, int, int]) -> Part:
    """The part around what is on the screen; around the middle of the stack where nothing of it is shown."""
    from napari_emseg.ui.view import visible_region

    shape = tuple(full_resolution(image).shape)
    shape = (1, *shape) if len(shape) == 2 else shape
    if len(full_resolution(image).shape) == 2:
        start, stop = [0, 0, 0], list(shape)
    else:
        try:
            region = visible_region(viewer, image)
            start, stop = list(region.start), list(region.stop)
        except (EmsegError, AttributeError):  # three-dimensional, elsewhere, or a viewer without a window
            start, stop = [shape[0] // 2, 0, 0], [shape[0] // 2 + 1, shape[1], shape[2]]
    depth = size[0] + _SPARE_SECTIONS
    return Part(
        _around((start[0] + stop[0] - 1) // 2, depth, shape[0]),
        *(
            _around(
                (start[a] + stop[a]) // 2,
                int(min(_MOST_PX, max(stop[a] - start[a], _FROM_SAMPLE * size[a]))),
                shape[a],
            )
            for a in (1, 2)
        ),
    )


def _around(middle: int, length: int, n: int) -> slice:
    length = min(length, n)
    first = min(max(middle - length // 2, 0), n - length)
    return slice(first, first + length)
