"""Live preview of the seeds: a slider moves, the seeds follow, the window never waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.runner import Handlers
from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.ui.desk import Desk

_KEY = "seeds"


def preview(desk: Desk) -> None:
    """Compute the seeds of the region on screen in the worker and show them.

    While one computation runs, newer wishes wait; only the newest is computed afterwards.
    """
    if desk.session is None or desk.layers is None:
        return
    if desk.runner.is_running(_KEY):
        desk.seeds_wanted = True
        return
    desk.seeds_wanted = False
    session, layers = desk.session, desk.layers
    try:
        region = visible_region(desk.viewer, layers.image)
    except EmsegError:
        return
    if region.shape[0] != 1 or region.start[0] not in layers.boundary_map.sections:
        layers.seeds.data = np.empty((0, 3))
        return
    from napari_emseg.jobs.seed_points import SeedPointsRequest

    request = SeedPointsRequest(
        layers.boundary_map.walls(region)[0],
        session.get_settings("seeds"),
        session.image.spacing_nm,
        region.start,
    )

    def done(points: NDArray[np.floating]) -> None:
        if desk.layers is not None:
            desk.layers.bring_back(desk.viewer, desk.layers.seeds)
            desk.layers.seeds.data = points
            desk.layers.seeds.visible = True
            desk.state_changed.emit()
        again()

    def again(*_: object) -> None:
        if desk.seeds_wanted:
            preview(desk)

    desk.runner.submit(
        _KEY,
        lambda **callbacks: desk.engine.submit("napari_emseg.jobs.seed_points:run", request, **callbacks),
        Handlers(done, again, again, lambda work: None),
    )


def show(desk: Desk, on: bool) -> None:
    """Switch the preview on or off."""
    if on:
        preview(desk)
    else:
        hide(desk)
    desk.state_changed.emit()


def hide(desk: Desk) -> None:
    """Take the seeds off the canvas, also those that are still being computed."""
    desk.seeds_wanted = False
    desk.runner.drop(_KEY)
    if desk.layers is not None and desk.layers.seeds.visible:
        desk.layers.seeds.visible = False


def words(desk: Desk) -> str:
    """How many seeds there are, or why there are none."""
    if desk.layers is None:
        return ""
    if desk.section not in desk.layers.boundary_map.sections:
        return "no membranes here yet"
    n = len(desk.layers.seeds.data)
    return f"{n} seed{'s' * (n != 1)} on screen" if desk.layers.seeds.visible else ""
