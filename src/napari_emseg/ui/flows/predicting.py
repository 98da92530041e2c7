"""Predict the membrane probability of what is on screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.core.edit import Region
    from napari_emseg.ui.desk import Desk

_KEY = "predict"


def predict_visible(desk: Desk) -> None:
    """Predict the region on screen; a newer request makes this one worthless."""
    session, layers = desk.need_session()
    region = visible_region(desk.viewer, layers.image)
    predict_region(desk, region, stage="predict", then=None)


def predict_region(
    desk: Desk, region: Region, *, stage: str, then: Callable[[], None] | None
) -> None:
    """Predict a box and write it into the boundary map, tile by tile.

    Parameters
    ----------
    region : Region
        Voxels wanted.
    stage : str
        Stage that shows progress and failures.
    then : callable, optional
        What goes on afterwards, instead of saying that the prediction is there.
    """
    from napari_emseg.jobs import predict

    session, layers = desk.need_session()
    request = predict.prepare(session, region)
    started = time.monotonic()

    def shown(part: Any) -> None:
        where, probability = part
        layers.boundary_map.write(where, probability[0])
        layers.boundary.refresh(extent=False)

    def done(result: Any) -> None:
        predict.finish(session, request, result)
        layers.boundary_map.write(result.region, result.probability[0])
        layers.boundary.visible = True
        layers.boundary.refresh(extent=False)
        desk.settings_changed.emit("segment")
        if then is not None:
            then()
            return
        seconds = time.monotonic() - started
        _, height, width = region.shape
        desk.say(
            "predict",
            f"Membranes of {height} × {width} px in section {region.start[0]} in {seconds:.1f} s.",
            tone="done",
            link="Next: segment what you see",
            action="stage:segment",
        )

    desk.start(stage, "looking for membranes")
    desk.runner.submit(
        _KEY,
        lambda **callbacks: desk.engine.submit(
            "napari_emseg.jobs.predict:run", request, lane="interactive", **callbacks
        ),
        desk.handlers(stage, done, partial=shown),
    )
