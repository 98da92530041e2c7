"""A target that no model knows, from a handful of clicks: click on it, click beside it, find more like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.examples import ALIKE, add_examples
from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.jobs.few_shot import Click
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.layers import StackLayers

_STAGE = "predict"
_TAKEN = "taken back"
"""Key of what the layer of clicks remembers: how many clicks were left, where the one was, whether it was on the target."""


def mark_on(desk: Desk) -> None:
    """Take clicks on the target."""
    _mark(desk, inside=True)


def mark_beside(desk: Desk) -> None:
    """Take clicks on something else."""
    _mark(desk, inside=False)


def find_alike(desk: Desk) -> None:
    """Compare what is on screen with the clicks, in the worker."""
    from napari_emseg.jobs import few_shot

    session, layers = desk.need_session()
    region = visible_region(desk.viewer, layers.image)
    clicks = clicks_of(desk)
    layer = layers.examples
    if layer is not None:
        layer.mode = "pan_zoom"

    used: list[int] = []

    def prepare() -> Any:
        request = few_shot.prepare_region(session, clicks, region)
        used.append(len(request.clicks))
        return request

    def done(found: NDArray[np.float32]) -> None:
        alike = layers.target_map(desk.viewer, ALIKE)
        alike.values.write(region, found)
        alike.layer.visible = True
        alike.layer.refresh(extent=False)
        share = float((found > 0.5).mean())
        desk.say(
            _STAGE,
            f"{100 * share:.0f} % of what is on screen is more like what you clicked on, by {used[-1]} clicks. "
            "Where it errs, click once more and find again.",
            tone="done",
        )

    desk.start(_STAGE, "comparing with your clicks")
    desk.runner.submit_prepared(
        "examples",
        prepare,
        lambda request, **callbacks: desk.engine.submit(
            "napari_emseg.jobs.few_shot:run", request, **callbacks
        ),
        desk.handlers(_STAGE, done),
    )


def forget(desk: Desk) -> None:
    """Remove the clicks, and what was found with them."""
    _, layers = desk.need_session()
    layer = layers.examples
    alike = layers.targets.pop(ALIKE, None)
    desk.viewer.layers.selection.active = layers.labels
    for gone in (layer, alike.layer if alike else None):
        if gone is not None and gone in desk.viewer.layers:
            desk.viewer.layers.remove(gone)
        if gone in layers.owned:
            layers.owned.remove(gone)
    layers.examples = None
    _show_again(layers)
    desk.say(_STAGE, "The clicks, and what was found with them, are gone.")
    desk.state_changed.emit()


def undo(desk: Desk, *, again: bool = False) -> bool:
    """Take back the last click, or make it again, while clicks are in the hand. Whether there was one."""
    layers = desk.layers
    layer = None if layers is None else layers.examples
    if layer is None or layer not in desk.viewer.layers or str(layer.mode) != "add":
        return False
    n, taken = len(layer.data), layer.metadata[_TAKEN]
    if again:
        if not taken or taken[-1][0] != n:  # others were made meanwhile
            return False
        _, place, on = taken.pop()
        kind, colour = layer.feature_defaults, layer.current_face_color
        layer.selected_data = set()
        layer.feature_defaults, layer.current_face_color = {"on": on}, layer.metadata["colours"][on]
        layer.add(place)
        layer.selected_data = set()
        layer.feature_defaults, layer.current_face_color = kind, colour
    else:
        if not n:
            return False
        if taken and taken[-1][0] != n:
            taken.clear()
        taken.append((n - 1, layer.data[-1].copy(), bool(layer.features["on"].iloc[-1])))
        kind, colour = layer.feature_defaults, layer.current_face_color
        layer.selected_data = {n - 1}
        layer.remove_selected()
        layer.feature_defaults, layer.current_face_color = kind, colour
    said = f"The click is {'made again' if again else 'taken back'}: {words(desk) or 'none is left'}."
    desk.say(_STAGE, said, link="" if again else "Redo", action="" if again else "redo")
    return True


def put_down(desk: Desk) -> None:
    """Take no more clicks: keys and mouse are the labels' again, and these are seen if they were hidden for the clicks."""
    layers = desk.layers
    if layers is None:
        return
    layer = layers.examples
    if layer is not None and layer in desk.viewer.layers:
        layer.mode = "pan_zoom"
        if desk.viewer.layers.selection.active is layer:
            desk.viewer.layers.selection.active = layers.labels
    _show_again(layers)


def _show_again(layers: StackLayers) -> None:
    """What was hidden to be clicked on what lies under it."""
    if layers.are_labels_put_away:
        layers.are_labels_put_away = False
        layers.labels.visible = True
    if layers.is_map_put_away:
        layers.is_map_put_away = False
        layers.boundary.visible = True


def clicks_of(desk: Desk) -> Sequence[Click]:
    """What has been clicked on, as voxels of the stack."""
    from napari_emseg.jobs.few_shot import Click

    _, layers = desk.need_session()
    layer = layers.examples
    if layer is None or layer not in desk.viewer.layers:
        return ()
    voxels = np.rint(layer.data).astype(int).tolist()
    return tuple(Click(z, y, x, bool(on)) for (z, y, x), on in zip(voxels, layer.features["on"], strict=True))


def words(desk: Desk) -> str:
    """How many clicks there are."""
    if desk.session is None:
        return ""
    clicks = clicks_of(desk)
    on = sum(click.inside for click in clicks)
    return f"{on} on it, {len(clicks) - on} beside it" if clicks else ""


def _mark(desk: Desk, *, inside: bool) -> None:
    session, layers = desk.need_session()
    if desk.viewer.dims.ndisplay != 2:
        raise EmsegError(
            "the view is three-dimensional", "", "switch to sections with Ctrl+Y", action="show_sections"
        )
    desk.set_tool(None)
    layer = layers.examples
    if layer is None or layer not in desk.viewer.layers:
        layer = layers.examples = add_examples(desk.viewer, session)
        layers.owned.append(layer)
        layer.metadata[_TAKEN] = []
        layer.events.data.connect(lambda _event: desk.state_changed.emit())
    layer.selected_data = set()
    layer.feature_defaults = {"on": inside}
    layer.current_face_color = layer.metadata["colours"][inside]
    layer.visible = True
    desk.viewer.layers.selection.active = layer
    layer.mode = "add"
    layers.is_map_put_away |= layers.boundary.visible
    layers.boundary.visible = False  # clicked is on the image: it has to be seen
    layers.are_labels_put_away |= layers.labels.visible
    layers.labels.visible = False
    where = "on what you look for" if inside else "on something else, lookalikes first"
    desk.say(_STAGE, f"Click {where}. Three to five clicks are a start.", tone="busy")
    desk.state_changed.emit()
