"""Find synapses in the open project: predict clefts where they are not yet, then ask the worker who the partners are."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted
from napari_emseg.ui.boundary_map import coded
from napari_emseg.ui.durations import took
from napari_emseg.ui.flows.predicting import RUN
from napari_emseg.ui.flows.synapse_queue import STAGE, draw
from napari_emseg.ui.runner import Work, so_far
from napari_emseg.ui.synapses.index import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_emseg.io.packed import PackedStack
    from napari_emseg.jobs.kept_synapses import Synapse
    from napari_emseg.jobs.synapses_project import SynapsesResult
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.synapses.index import Listed

_KEY = "synapses"
_JOB = "napari_emseg.jobs.synapses_project:run"
_PREDICTING = 0.85  # of the time, where all clefts are still to be predicted
_AS_BYTES = np.concatenate([[0], np.rint(np.arange(255) * 255 / 254)]).astype(np.uint8)
"""What the map of a target holds (0: not predicted, 1 to 255) to probability times 255."""


def find_synapses(desk: Desk) -> None:
    """Find synapses in all sections with cells, or in those that were chosen."""
    from napari_emseg.io.packed import PackedStack
    from napari_emseg.jobs import synapses_project as job

    session, layers = desk.need_session()
    desk.sweep()
    span = desk.synapses.span or (0, session.volume.shape[0] - 1)
    searched = job.sections_with_cells(session, range(span[0], span[1] + 1))
    known = layers.targets.get(job.TARGET)
    clefts = PackedStack(session.volume.shape, np.uint8)
    search = _Search(range(span[0], span[1] + 1), searched, clefts, time.monotonic())

    def look() -> tuple[list[int], Path]:
        missing = [z for z in searched if known is None or not known.values.covers(_section(desk, z))]
        for z in searched:
            if known is not None and z not in missing:
                clefts.put(z, _AS_BYTES[known.values[z]])
        return missing, job.cleft_model(session) if missing else Path()

    def go_on(found: tuple[list[int], Path]) -> None:
        missing, model = found
        if missing:
            _predict(desk, model, missing, search)
        else:
            _judge(desk, search)

    desk.start(STAGE, "looking for clefts")
    plain = desk.handlers(STAGE, lambda _: None)
    desk.runner.thread(_KEY, look, replace(plain, done=go_on))


@dataclass(frozen=True, eq=False)
class _Search:
    """What is searched, and what is known of it so far.

    Parameters
    ----------
    sections : range
        What the person asked for.
    searched : tuple of int
        Those of them with cells.
    clefts : PackedStack (z, y, x) of uint8
        Probability times 255, filled section by section.
    started : float
        On the monotonic clock.
    """

    sections: range
    searched: tuple[int, ...]
    clefts: PackedStack
    started: float


def _predict(desk: Desk, model: Path, missing: Sequence[int], search: _Search) -> None:
    """Predict clefts section by section; each is on the screen as soon as it is there."""
    from napari_emseg.jobs import predict
    from napari_emseg.jobs.synapses_project import TARGET

    session, layers = desk.need_session()
    found = layers.target_map(desk.viewer, TARGET)
    plain = desk.handlers(STAGE, lambda _: None)

    def write(where: Region, probability: Any) -> None:
        found.values.write(where, probability[0])
        if where.start[0] == desk.section:
            found.layer.refresh(extent=False, thumbnail=False)

    def keep(result: Any) -> None:
        search.clefts.put(result.region.start[0], _AS_BYTES[coded(result.probability[0, 0])])

    def step(k: int, before: Callable[[], None]) -> None:
        z = missing[k]
        requests: list[Any] = []

        def prepare() -> Any:
            before()  # here and not when it came: packing a large section takes longer than a window may stand still
            requests.append(predict.prepare(session, _section(desk, z), model, targets=(TARGET,)))
            return requests[0]

        def done(result: Any) -> None:
            write(result.region, result.probability)
            found.layer.metadata["napari-emseg"] = predict.finish(session, requests[0], result)
            desk.device = result.device
            if desk.runner.was_stopped(_KEY):
                plain.stopped()
            elif k + 1 < len(missing):
                step(k + 1, lambda: keep(result))
            else:
                _judge(desk, search, lambda: keep(result))

        def progress(work: Work) -> None:
            share = _PREDICTING * (k + max(work.fraction, 0.0)) / len(missing)
            plain.progress(so_far(work, share, f"clefts of section {z}", search.started))

        desk.runner.submit_prepared(
            _KEY,
            prepare,
            lambda request, **back: desk.engine.submit(RUN, request, lane="background", **back),
            replace(plain, done=done, progress=progress, partial=lambda part: write(*part)),
        )

    step(0, lambda: None)


def _judge(desk: Desk, search: _Search, before: Callable[[], None] | None = None) -> None:
    """Number the clefts and find the partners; ``before`` is done first, in the thread that copies."""
    from napari_emseg.jobs import synapses_project as job

    session, layers = desk.need_session()
    settings = session.get_settings(STAGE)
    number = desk.runner.generation(_KEY) + 1
    begin = _PREDICTING if before is not None else 0.0

    def prepare() -> Any:
        if before is not None:
            before()
        return job.prepare(
            session, search.searched, search.clefts, settings, lambda: desk.runner.generation(_KEY) == number
        )

    def done(result: SynapsesResult) -> None:
        origin = layers.targets[job.TARGET].layer.metadata.get("napari-emseg", {})
        _keep(desk, search, result, {"settings": settings.model_dump(), "clefts": origin})

    handlers = desk.handlers(STAGE, done)

    def progress(work: Work) -> None:
        share = begin + (1 - begin) * max(work.fraction, 0.0)
        handlers.progress(so_far(work, share, work.message, search.started))

    desk.runner.submit_prepared(
        _KEY,
        prepare,
        lambda request, **back: desk.engine.submit(_JOB, request, lane="background", **back),
        replace(handlers, progress=progress),
    )


def _keep(
    desk: Desk,
    search: _Search,
    result: SynapsesResult,
    made: Mapping[str, Any],
    before: tuple[Synapse, ...] | None = None,
) -> None:
    """Put what was found together with what was said before, keep and show it; many pairs take seconds, so in a thread."""
    from napari_emseg.jobs import synapses_project as job
    from napari_emseg.jobs.kept_synapses import read_synapses

    session, _ = desk.need_session()
    held, begun = desk.synapses, desk.synapses.version
    answers, number = dict(session.answers), desk.runner.generation(_KEY) + 1

    def work() -> tuple[tuple[Synapse, ...], Listed]:
        known = read_synapses(session) if before is None else before
        found = job.finish(
            session, search.sections, result, made, before=known, answers=answers,
            wanted=lambda: desk.runner.generation(_KEY) == number,
        )  # fmt: skip
        return known, listed(found, answers, session.volume.read)

    def done(found: tuple[tuple[Synapse, ...], Listed]) -> None:
        if held.version != begun:  # cells or answers have changed meanwhile
            _keep(desk, search, result, made, found[0])
            return
        held.take(found[1])
        draw(desk)
        desk.say(
            STAGE, f"{found_words(result)}, {took(time.monotonic() - search.started)}.", tone="done",
            **({"link": "Look at the least sure", "action": "next_synapse"} if held.n_pairs else {}),
        )  # fmt: skip

    handlers = desk.handlers(STAGE, done)
    handlers.progress(so_far(Work(1.0, "", None, {}), 1.0, "putting the list together", search.started))
    desk.runner.thread(_KEY, work, handlers)


def found_words(result: SynapsesResult) -> str:
    """What was found, in numbers."""
    synapses = result.synapses
    n_pairs = sum(len(one.pairs) for one in synapses)
    text = f"{counted(len(synapses), 'synapse')}, {counted(n_pairs, 'pair of cells', 'pairs of cells')}"
    if undirected := sum(not pair.is_directed for one in synapses for pair in one.pairs):
        text += f" ({undirected} without a direction)"
    if alone := sum(not one.pairs for one in synapses):
        text += f", {alone} without a pair"
    return text


def ask_sites(desk: Desk) -> None:
    """Ask where the sites go; the panel has the answer."""
    _need(desk)
    desk.asked.emit("synapse_sites")


def ask_table(desk: Desk) -> None:
    """Ask where the table goes; the panel has the answer."""
    _need(desk)
    desk.asked.emit("synapse_table")


def export(desk: Desk, path: str) -> None:
    """Write all pairs as they stand now; the suffix says as what.

    Raises
    ------
    EmsegError
        If the image itself or a file of a project would be replaced, or the place cannot be written.
    """
    from napari_emseg.io.writing import check_new
    from napari_emseg.jobs.synapses_export import export_synapses

    session, _ = desk.need_session()
    _need(desk)
    desk.sweep()
    image = session.image.uri
    check_new(path, image if image and not image.startswith("sample:") else None)
    place, found = Path(path), desk.synapses.found

    def done(words: str) -> None:
        desk.say(STAGE, f"{place.name}: {words}. It is in {place.parent}.", tone="done")

    desk.start(STAGE, f"writing {place.name}")
    desk.runner.thread(_KEY, lambda: export_synapses(session, found, place), desk.handlers(STAGE, done))


def _need(desk: Desk) -> None:
    desk.need_session()
    if not desk.synapses.found:
        raise EmsegError("there are no synapses yet", "", "find them first", action="find_synapses")


def _section(desk: Desk, z: int) -> Region:
    session, _ = desk.need_session()
    return Region((z, 0, 0), (z + 1, *session.volume.shape[1:]))
