"""Predict the membrane probability of what is on screen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.core.sections import Status
from napari_emseg.settings import PredictSettings
from napari_emseg.ui.durations import took
from napari_emseg.ui.flows import given
from napari_emseg.ui.runner import Handlers, Work, so_far
from napari_emseg.ui.target_maps import WORDS
from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.jobs.predict import PredictRequest
    from napari_emseg.session import Session
    from napari_emseg.settings import Settings
    from napari_emseg.ui.desk import Desk

RUN = "napari_emseg.jobs.predict:run"
AHEAD = "ahead"
"""Key of what is predicted unasked."""
_KEY = "predict"
MEMBRANE = "membrane"
_MOST_VOXELS = 1 << 26  # asked for at a time: a gigabyte with what is found beside membranes
_SHOW_EVERY_S = 0.3  # drawing a section costs more than predicting a tile on a graphics card


@dataclass(frozen=True)
class Asked:
    """What a model is asked for; two that are equal get the same answer.

    Parameters
    ----------
    region : Region
    targets : tuple of str
    model : str
    settings : Settings
    left_out : tuple of int
        Sections that nothing is seen of.
    requests : list
        What was sent, once it is prepared.
    """

    region: Region
    targets: tuple[str, ...]
    model: str
    settings: Settings
    left_out: tuple[int, ...]
    requests: list[PredictRequest] = field(default_factory=list, compare=False)

    @classmethod
    def of(cls, session: Session, region: Region, targets: tuple[str, ...]) -> Asked:
        """As a session's model is asked now, with its settings."""
        left_out = session.sections.with_status(Status.EXCLUDED)
        settings = session.get_settings("predict")
        return cls(region, targets, session.model, settings, left_out)

    def prepare(self, session: Session) -> PredictRequest:
        """Copy what the worker needs; may be called in a thread."""
        from napari_emseg.jobs import predict

        self.requests.append(predict.prepare(session, self.region, targets=self.targets))
        return self.requests[-1]


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
            f"{found} of {width} × {height} px in section {region.start[0]}, {took(seconds)}.",
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

    A box of many sections is asked for in parts, so that the worker's memory does not depend on how far ids are carried.

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
    targets, parts = wanted_targets(session), _parts(region)
    notes: dict[str, None] = {}
    began = time.monotonic()
    if session.membranes is None:
        steps = [partial(_ask_model, desk, part, targets, notes) for part in parts]
    else:
        steps = [partial(given.read, desk, part) for part in parts]
        steps += [partial(_ask_model, desk, part, targets[1:], notes) for part in parts if targets[1:]]

    def step(k: int) -> None:
        if 0 < k < len(steps) and desk.runner.was_stopped(_KEY):
            desk.handlers(stage, lambda _: None).stopped()
            return
        if k < len(steps):
            steps[k](partial(handlers, k), partial(step, k + 1))
            return
        then()
        if notes:
            saying = desk.sayings[stage]
            desk.say(stage, f"{saying.text} {' '.join(notes)}.", link=saying.link, action=saying.action)

    def handlers(k: int, done: Callable[[Any], None], tile: Callable[[Any], None] | None = None) -> Handlers:
        plain = desk.handlers(stage, done, partial=tile)
        if len(steps) == 1:
            return plain

        def progress(work: Work) -> None:
            share = (k + max(work.fraction, 0.0)) / len(steps)
            plain.progress(so_far(work, share, work.message, began))

        is_last = k + 1 == len(steps)
        return replace(plain, progress=progress, done=plain.done if is_last else done)

    first = "looking for membranes"
    desk.start(stage, first if session.membranes is None else f"reading “{session.membranes.name}”")
    step(0)


def _parts(region: Region) -> list[Region]:
    """Boxes of whole sections that a worker can be asked for at a time, one after the other."""
    _, height, width = region.shape
    deep = max(1, _MOST_VOXELS // max(1, height * width))
    ends = range(region.start[0], region.stop[0], deep)
    return [
        Region((z, *region.start[1:]), (min(z + deep, region.stop[0]), *region.stop[1:])) for z in ends
    ] or [region]


def _ask_model(
    desk: Desk,
    region: Region,
    targets: tuple[str, ...],
    notes: dict[str, None],
    handlers: Callable[..., Handlers],
    then: Callable[[], None],
) -> None:
    """Let the model predict, and write what it finds into the maps of the targets, tile by tile."""
    from napari_emseg.jobs import predict

    session, layers = desk.need_session()
    shown_at = time.monotonic()

    def show(**how: bool) -> None:
        for target in targets:
            layers.map_of(target).refresh(extent=False, **how)

    def tile(part: Any) -> None:
        nonlocal shown_at
        where, probability = part
        write_maps(desk, targets, where, probability)
        if time.monotonic() - shown_at > _SHOW_EVERY_S:
            show(thumbnail=False)
            shown_at = time.monotonic()

    def done(result: Any) -> None:
        write_maps(desk, targets, result.region, result.probability)
        origin = predict.finish(session, asked.requests[-1], result)
        for target in targets:
            layers.map_of(target).metadata["napari-emseg"] = origin
        layers.bring_back(desk.viewer, layers.boundary)
        show()
        desk.device = result.device
        desk.predicted.emit()
        notes.update(dict.fromkeys(result.notes))
        then()

    asked = Asked.of(session, region, targets)
    wanted = replace(handlers(done, tile), about=asked)
    if (begun := desk.runner.share(_KEY, AHEAD, wanted)) is not None:  # unasked, a moment ago
        asked = begun
        return
    desk.runner.submit_prepared(
        _KEY,
        lambda: asked.prepare(session),
        lambda request, **callbacks: desk.engine.submit(RUN, request, **callbacks),
        wanted,
    )


def write_maps(desk: Desk, targets: tuple[str, ...], where: Region, probability: Any) -> None:
    """Take over what was predicted of a box, (targets, z, y, x); nothing is drawn yet."""
    _, layers = desk.need_session()
    for target, values in zip(targets, probability, strict=True):
        if target == MEMBRANE:
            layers.boundary_map.write(where, values)
        else:
            layers.target_map(desk.viewer, target).values.write(where, values)


def wanted_targets(session: Session) -> tuple[str, ...]:
    """Membranes, and what else the person wants to see that the session's model finds."""
    settings = session.get_settings("predict")
    assert isinstance(settings, PredictSettings)
    if not settings.also:
        return (MEMBRANE,)
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
