"""A stack that the window shows already gets no second layer: one that was taken over stays when its project is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.ui.as_stack import candidates, place_of
from napari_emseg.ui.shown import as_it_is

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_emseg.core.stack import ImageStack
    from napari_emseg.ui.desk import Desk


def layer_of(desk: Desk, stack: ImageStack) -> Image | None:
    """The layer of the person's that shows a stack, if there is one; not one that goes with the open project."""
    going = {id(layer) for layer in desk.layers.owned} if desk.layers is not None else set()
    found = (layer for layer in candidates(desk) if id(layer) not in going and _shows(layer, stack))
    return next(found, None)


def _shows(layer: Image, stack: ImageStack) -> bool:
    """Whether it is the same array, or comes from the same file."""
    if tuple(layer.data.shape) != stack.shape:
        return False
    files = place_of(layer), str(layer.source.path or "")
    return as_it_is(layer.data) is stack.data or (bool(stack.uri) and stack.uri in files)
