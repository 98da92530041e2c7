"""Grow the object under the mouse into empty space, up to the membranes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.flows.segmenting import refuse_settled, with_boundary
from napari_emseg.ui.view import need_one_section, visible_region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.ui.desk import Desk

_KEY = "grow"


def grow_here(desk: Desk) -> None:
    """Grow the object under the mouse; over empty space, a new object grows from there."""
    session, layers = desk.need_session()
    desk.sweep()
    need_one_section(desk.viewer, layers.image)
    region = visible_region(desk.viewer, layers.image)
    place = np.round(layers.labels.world_to_data(desk.viewer.cursor.position)).astype(int)[-3:]
    z, y, x = (int(p) for p in place)
    inside = all(a <= p < b for a, p, b in zip(region.start, (z, y, x), region.stop, strict=True))
    if not inside or region.shape[0] != 1:
        raise EmsegError("the mouse is not over the section", f"section {desk.section}", "point at an object")
    refuse_settled(session, region)
    found = int(session.volume[z, y, x])
    if found in session.locked:
        raise EmsegError(f"object {found} is locked", f"section {z}", "unlock it with Shift+L first")
    object_id = found or int(session.volume.next_ids())
    at = (y - region.start[1], x - region.start[2])

    def go() -> None:
        from napari_emseg.jobs.grow_here import GrowRequest

        refuse_settled(session, region)  # it may have been marked while its membranes were looked for
        before = session.volume.read(region)
        request = GrowRequest(
            layers.boundary_map.walls(region)[0], before[0], object_id, at,
            session.get_settings("seeds"), session.image.spacing_nm,
        )  # fmt: skip

        def done(taken: NDArray[np.bool_]) -> None:
            refuse_settled(session, region)
            labels = session.volume.read(region)
            taken &= labels[0] == 0
            labels[0][taken] = object_id
            edit = session.around_people(f"grow object {object_id}", "human", region, labels)
            n = int(taken.sum())
            if n == 0:
                desk.say("proofread", f"Object {object_id} has no empty space to grow into here.")
                return
            session.commit(edit)
            layers.labels.visible = True
            layers.labels.selected_label = object_id
            words = (
                f"Object {object_id} took {n} pixels." if found else f"New object {object_id}: {n} pixels."
            )
            desk.say("proofread", words, tone="done", link="Take that back", action="undo")

        desk.start("proofread", "growing")
        desk.runner.submit(
            _KEY,
            lambda **callbacks: desk.engine.submit("napari_emseg.jobs.grow_here:run", request, **callbacks),
            desk.handlers("proofread", done),
        )

    with_boundary(desk, region, go, stage="proofread")
