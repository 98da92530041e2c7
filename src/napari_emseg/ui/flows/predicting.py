"""Predict the membrane probability of what is on screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.settings import PredictSettings
from napari_emseg.ui.durations import took
from napari_emseg.ui.flows import given
from napari_emseg.ui.runner import Handlers
from napari_emseg.ui.target_maps import WORDS
from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.core.edit import Region
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_KEY = "predict"
MEMBRANE = "membrane"
_SHOW_EVERY_S = 0.3  # drawing a section costs more than predicting a tile on a graphics card


def predict_visible(desk: Desk) -> None:
    """Predict the region on screen; a newer request makes this one worthless."""
    session, layers = desk.need_session()
    region = visible_region(desk.viewer, layers.image)
    found = _in_words(wanted_targets(session)[1:])
    started = time.monotonic()

    def done() -> None:
        layers.boundary.visible = True  # also where clicks on the image had put it away
        layers.is_map_put_away = False
        seconds = time.monotonic() - started
        _, height, width = region.shape
        desk.say(
            "predict",
            f"{found} of {height} × {width} px in section {region.start[0]}, {took(seconds)}.",
            tone="done",
            link="Next: segment what you see",
            action="stage:segment",
        )

    predict_region(desk, region, stage="predict", then=done)


def _in_words(beside: tuple[str, ...]) -> str:
    """Membranes and what is shown beside them."""
    *others, last = ("Membranes", *(WORDS.get(target, target).lower() for target in beside))
    return f"{', '.join(others)} and {last}" if others else last


def predict_region(desk: Desk, region: Region, *, stage: str, then: Callable[[], None]) -> None:
    """Predict a box and write it into the maps; where a file of membranes is in use, they are read from it.

    Parameters
    ----------
    region : Region
        Voxels wanted.
    stage : str
        Stage that shows progress and failures.
    then : callable
        What goes on when the prediction is there.
    """
    session, layers = desk.need_session()
    layers.boundary_map.keep(region)
    targets = wanted_targets(session)
    if session.membranes is None:
        _ask_model(desk, region, targets, stage=stage, then=then)
        return
    beside = targets[1:]

    def rest() -> None:
        if beside:
            _ask_model(desk, region, beside, stage=stage, then=then)
        else:
            then()

    given.read(desk, region, stage=stage, then=rest)


def _ask_model(
    desk: Desk, region: Region, targets: tuple[str, ...], *, stage: str, then: Callable[[], None]
) -> None:
    """Let the model predict, and write what it finds into the maps of the targets, tile by tile."""
    from napari_emseg.jobs import predict

    session, layers = desk.need_session()
    requests: list[Any] = []
    shown_at = time.monotonic()

    def prepare() -> Any:
        requests.append(predict.prepare(session, region, targets=targets))
        return requests[-1]

    def write(where: Region, probability: Any) -> None:
        for target, values in zip(targets, probability, strict=True):
            if target == MEMBRANE:
                layers.boundary_map.write(where, values)
            else:
                layers.target_map(desk.viewer, target).values.write(where, values)

    def shown() -> list[Any]:
        return [layers.boundary if target == MEMBRANE else layers.targets[target].layer for target in targets]

    def show(**how: bool) -> None:
        for layer in shown():
            layer.refresh(extent=False, **how)

    def tile(part: Any) -> None:
        nonlocal shown_at
        where, probability = part
        write(where, probability)
        if time.monotonic() - shown_at > _SHOW_EVERY_S:
            show(thumbnail=False)
            shown_at = time.monotonic()

    def done(result: Any) -> None:
        write(result.region, result.probability)
        origin = predict.finish(session, requests[-1], result)
        for layer in shown():
            layer.metadata["napari-emseg"] = origin
        layers.bring_back(desk.viewer, layers.boundary)
        show()
        desk.device = result.device
        desk.predicted.emit()
        then()
        if result.notes:
            saying = desk.sayings[stage]
            desk.say(
                stage, f"{saying.text} {' '.join(result.notes)}.", link=saying.link, action=saying.action
            )

    desk.start(stage, f"looking for {'membranes' if MEMBRANE in targets else 'what else is there'}")
    desk.runner.submit_prepared(
        _KEY,
        prepare,
        lambda request, **callbacks: desk.engine.submit(
            "napari_emseg.jobs.predict:run", request, **callbacks
        ),
        desk.handlers(stage, done, partial=tile),
    )


def wanted_targets(session: Session) -> tuple[str, ...]:
    """Membranes, and what else the person wants to see that the session's model finds."""
    settings = session.get_settings("predict")
    assert isinstance(settings, PredictSettings)
    known = read_card(find_model(session.model, session.project.models)).targets
    return MEMBRANE, *(target for target in settings.also if target in known and target != MEMBRANE)


def warm_up(desk: Desk) -> None:
    """Let the worker load the model while the person looks at the stack."""
    from napari_emseg.jobs import predict

    session, _ = desk.need_session()
    try:
        request = predict.prepare_warm_up(session)
    except EmsegError as error:  # said in the panel where another model can be chosen
        desk.fail("predict", error)
        return

    def done(device: str) -> None:
        desk.device = device
        desk.state_changed.emit()

    desk.runner.submit(
        "warm up",
        lambda on_done, on_error, **_: desk.engine.warm_up(
            request=request, on_done=on_done, on_error=on_error
        ),
        Handlers(done, lambda error: desk.fail("predict", error), lambda: None, lambda work: None),
    )
