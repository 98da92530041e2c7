"""Find an object, a section, a place or a word, and go there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.view import go_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_emseg.core.volume import LabelVolume
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.finding import Found

_NUMBERS = "biufc"  # kinds of columns that hold no words


def find(desk: Desk) -> None:
    """Show the line to type into, or hide it."""
    desk.need_session()
    desk.asked.emit("find")


def look_up(desk: Desk, text: str) -> tuple[Found, ...]:
    """What a text may mean in the open project."""
    from napari_emseg.ui.finding import look_up as meanings

    session, _ = desk.need_session()
    return meanings(text, session, notes_of_layers(desk))


def notes_of_layers(desk: Desk) -> Iterator[tuple[str, Any]]:
    """Words that belong to points of other layers, and the voxels where these are."""
    from napari.layers import Points

    _, layers = desk.need_session()
    for layer in desk.viewer.layers:
        if (
            not isinstance(layer, Points)
            or layer is layers.seeds
            or layer in layers.synapses
            or layer.ndim != 3
        ):
            continue
        columns = [c for c in layer.features if layer.features[c].dtype.kind not in _NUMBERS]
        for k, point in enumerate(layer.data):
            words = " ".join(str(layer.features[c].iloc[k]) for c in columns)
            place = np.rint(np.asarray(layers.image.world_to_data(layer.data_to_world(point))))
            yield words or layer.name, place


def go(desk: Desk, found: Found, said: Callable[[str, str], None]) -> None:
    """Go to something that was found.

    Parameters
    ----------
    said : callable (text, tone)
        Told how it went; an object is looked for in a thread.
    """
    session, layers = desk.need_session()
    if not found.object_id:
        go_to(desk.viewer, layers.image, found.place)
        said(f"{found.title} is on the screen.", "done")
        return
    number, section = found.object_id, desk.section
    desk.sweep()
    said(f"Looking for object {number} ...", "busy")

    def done(answer: tuple[tuple[int, int, int], int] | None) -> None:
        if answer is None:
            said(f"There is no object {number}.", "error")
            return
        place, n = answer
        go_to(desk.viewer, layers.image, place)
        layers.labels.selected_label = number
        said(f"Object {number} is in the middle: section {place[0]}, one of {n} that have it.", "done")

    def failed(error: EmsegError) -> None:
        said(str(error), "error")

    from napari_emseg.ui.runner import Handlers

    handlers = Handlers(done, failed, lambda: None, lambda _: None)
    desk.runner.thread("find", lambda: nearest(session.volume, number, section), handlers)


def nearest(volume: LabelVolume, object_id: int, section: int) -> tuple[tuple[int, int, int], int] | None:
    """A voxel of an object in the section nearest to one, and how many sections have the object.

    Returns
    -------
    (z, y, x), int
        Or None if there is no such object.
    """
    if object_id > np.iinfo(volume.dtype).max:
        return None
    boxes = volume.find([object_id])
    if not boxes:
        return None
    z = min(boxes, key=lambda k: (abs(k - section), k))
    box = boxes[z]
    y, x = np.nonzero(volume.read(box)[0] == object_id)
    k = int(((y - y.mean()) ** 2 + (x - x.mean()) ** 2).argmin())
    return (z, box.start[1] + int(y[k]), box.start[2] + int(x[k])), len(boxes)
