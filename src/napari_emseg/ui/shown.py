"""A stack as the canvas gets it: a section that cannot be read is black and said, instead of stopping the view.

What works on a layer's data (predicting, comparing, saving) takes it through `as_it_is`: there, black would be a lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.io.for_the_eye import Forgiving, Shown
from napari_emseg.io.lazy import LazyStack
from napari_emseg.io.packed import PackedStack

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Layer

    from napari_emseg.core.errors import EmsegError


def shown(stack: Any, failed: Callable[[EmsegError], None]) -> Any:
    """What to give to the canvas: an array in memory as it is, anything else as `Shown`."""
    return stack if isinstance(stack, np.ndarray | Shown) else Shown(stack, failed)


def as_it_is(data: Any) -> Any:
    """The data of a layer as a reader gives it: what cannot be read is refused, and not black."""
    return data.stack if isinstance(data, Shown) else data


def forgive(layer: Layer, failed: Callable[[Layer, EmsegError], None]) -> None:
    """Let a layer that our readers read from the disk be black where that cannot be read any more.

    Parameters
    ----------
    layer : napari Layer
        Nothing is done with one whose data is in memory, or comes from elsewhere. Labels cannot be painted: nothing
        is written into a file.
    failed : callable
        Told of the layer, and why something of it could not be read.
    """
    data = getattr(layer, "data", None)
    if isinstance(data, Forgiving):  # until now napari alone told of it
        data = data.stack
    if not isinstance(data, LazyStack) or isinstance(data, PackedStack):
        return
    layer.data = Shown(data, lambda error: failed(layer, error))
    if str(layer._type_string) == "labels":
        layer.editable = False
