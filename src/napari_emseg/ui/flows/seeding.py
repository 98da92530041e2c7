"""Live preview of the seeds: a slider moves, the seeds follow, the window never waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.runner import Handlers
from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SeedSettings
    from napari_emseg.ui.desk import Desk

_KEY = "seeds"
_PIXELS: Spacing = (1.0, 1.0, 1.0)


def preview(desk: Desk) -> None:
    """Compute the seeds of the region on screen in a thread and show them.

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
    z = region.start[0]
    if region.shape[0] != 1 or z not in layers.boundary_map.sections:
        layers.seeds.data = np.empty((0, 3))
        return
    boundary = layers.boundary_map.read(region)[0]
    settings = session.get_settings("seeds")
    spacing = session.image.spacing_nm or _PIXELS

    def done(points: NDArray[np.floating]) -> None:
        if desk.layers is None:
            return
        desk.layers.seeds.data = points
        desk.layers.seeds.visible = True
        desk.state_changed.emit()
        again()

    def again(*_: object) -> None:
        if desk.seeds_wanted:
            preview(desk)

    desk.runner.thread(
        _KEY,
        lambda: seed_points(boundary, settings, spacing, region),
        Handlers(done, again, again, lambda work: None),
    )


def seed_points(
    boundary: NDArray[np.floating], settings: SeedSettings, spacing_nm: Spacing, region: Region
) -> NDArray[np.floating]:
    """Middle of every seed of one section.

    Parameters
    ----------
    boundary : ndarray (y, x)
        Membrane probability of the box.
    region : Region
        Where the box lies.

    Returns
    -------
    ndarray (n, 3)
        In voxels (z, y, x).
    """
    from napari_emseg.algorithms.seeds import distance_seeds

    seeds: NDArray[Any] = distance_seeds(boundary, settings, spacing_nm[1:])
    y, x = np.nonzero(seeds)
    if not len(y):
        return np.empty((0, 3))
    ids = seeds[y, x].astype(np.intp)
    n = np.bincount(ids)
    there = n > 0
    points = np.empty((int(there.sum()), 3))
    points[:, 0] = region.start[0]
    points[:, 1] = np.bincount(ids, y)[there] / n[there] + region.start[1]
    points[:, 2] = np.bincount(ids, x)[there] / n[there] + region.start[2]
    return points


def show(desk: Desk, on: bool) -> None:
    """Switch the preview on or off."""
    if on:
        preview(desk)
    else:
        hide(desk)
    desk.state_changed.emit()


def hide(desk: Desk) -> None:
    """Take the seeds off the canvas."""
    if desk.layers is not None and desk.layers.seeds.visible:
        desk.layers.seeds.visible = False


def words(desk: Desk) -> str:
    """How many seeds there are, or why there are none."""
    if desk.layers is None:
        return ""
    if desk.section not in desk.layers.boundary_map.sections:
        return "Seeds appear when the membranes of this section are predicted."
    n = len(desk.layers.seeds.data)
    return f"{n} seed{'s' * (n != 1)} on screen" if desk.layers.seeds.visible else ""
