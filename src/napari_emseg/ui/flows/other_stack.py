"""Another stack that comes into the window while one is open: it is shown, and can be worked on instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.as_stack import candidates, place_of
from napari_emseg.ui.flows import given, opening

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_emseg.ui.desk import Desk


def tell(desk: Desk, layer: Any) -> None:
    """Say of a layer that was just added that it can be worked on, where it is a stack that our readers or samples gave."""
    if layer not in others(desk):
        return
    text = f"“{layer.name}” is shown beside “{_own_name(desk)}”, on which you work."
    if layer in given.other_maps(desk):
        text += " If it shows membranes, Predict can take them"
        if np.issubdtype(layer.dtype, np.integer):  # of 8 or 16 bits: of more they are labels to our readers
            text += "; if it holds object ids, right click on its layer and choose Convert to Labels"
        text += "."
    desk.say(desk.stage, text, link="Work on it instead", action="work_on_other")


def work_on(desk: Desk) -> None:
    """Close the open stack, with all that was done to it kept, and work on the other one.

    Raises
    ------
    EmsegError
        If there is no other one.
    """
    layer = other(desk)
    if layer is None:
        raise EmsegError("there is no other stack", "this window", "drop one into it, or open it in Data")
    opening.adopt(desk, layer)


def other(desk: Desk) -> Image | None:
    """The stack that could be worked on instead: the chosen layer if it is one, else the newest."""
    found = others(desk)
    active = desk.viewer.layers.selection.active
    return active if active in found else next(iter(reversed(found)), None)


def others(desk: Desk) -> list[Image]:
    """Stacks in the window, from our readers and samples, that are not the open project's."""
    if desk.session is None or desk.layers is None:
        return []
    own = {id(layer) for layer in (desk.layers.image, *desk.layers.owned)}
    return [layer for layer in candidates(desk) if id(layer) not in own and place_of(layer)]


def _own_name(desk: Desk) -> str:
    session, _ = desk.need_session()
    return session.image.name
