"""Predict the section that comes next while nothing else is done, so that it is there when the person comes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.settings import PredictSettings
from napari_emseg.ui.flows.predicting import AHEAD, RUN, Asked, wanted_targets, write_maps
from napari_emseg.ui.runner import Handlers
from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.ui.desk import Desk

_MOST_PX = 4096 * 4096  # larger ones take minutes and gigabytes that nobody has asked for


def region_ahead(desk: Desk, way: int) -> Region | None:
    """What is on screen, in the next section that somebody will segment; None where nothing is to be done.

    That is where the membranes on screen are not known themselves, or come from a file, where those of the next section are
    known or not needed, because it has labels or is proofread, and where very much is on screen.

    Parameters
    ----------
    desk : Desk
    way : int
        1 towards the end of the stack, -1 towards its beginning.
    """
    session, layers = desk.session, desk.layers
    if session is None or layers is None or session.membranes is not None:
        return None
    settings = session.get_settings("predict")
    assert isinstance(settings, PredictSettings)
    if (
        not settings.ahead
        or layers.image not in desk.viewer.layers
        or layers.boundary not in desk.viewer.layers
    ):
        return None
    try:
        here = visible_region(desk.viewer, layers.image)
    except EmsegError:
        return None
    if here.shape[0] != 1 or math.prod(here.shape) > _MOST_PX or not layers.boundary_map.covers(here):
        return None
    z = here.start[0] + way
    while 0 <= z < session.image.shape[0] and session.sections[z].status is Status.EXCLUDED:
        z += way
    if (
        not 0 <= z < session.image.shape[0]
        or z in desk.labelled
        or session.sections[z].status is Status.PROOFREAD
    ):
        return None
    there = Region((z, *here.start[1:]), (z + 1, *here.stop[1:]))
    return None if layers.boundary_map.covers(there) else there


def look_ahead(desk: Desk, asked: Asked, *, ended: Callable[[], None]) -> None:
    """Predict a box without a word; who asks for the same gets the answer, and whatever else is asked for takes its place.

    Parameters
    ----------
    asked : Asked
        About what `region_ahead` has found.
    ended : callable
        Told of an answer; why something cannot be predicted is said when somebody asks for it.
    """
    session, layers = desk.need_session()

    def done(result: Any) -> None:
        if session.membranes is None and Asked.of(session, asked.region, wanted_targets(session)) == asked:
            write_maps(desk, asked.targets, result.region, result.probability)
            if desk.section == asked.region.start[0]:
                for target in asked.targets:
                    layers.map_of(target).refresh(extent=False)
                desk.predicted.emit()
        ended()

    desk.runner.submit_prepared(
        AHEAD,
        lambda: asked.prepare(session),
        lambda request, **callbacks: desk.engine.submit(RUN, request, **callbacks),
        Handlers(done, lambda _: ended(), lambda: None, lambda _: None, gives_way=True, about=asked),
    )
