"""Find synapses in the open project: predict clefts where they are not yet, then ask the worker who the partners are."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.durations import took
from napari_emseg.ui.flows.synapse_queue import STAGE, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_emseg.io.packed import PackedStack
    from napari_emseg.jobs.synapses_project import SynapsesResult
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.runner import Work

_KEY = "synapses"
_JOB = "napari_emseg.jobs.synapses_project:run"
_PREDICT = "napari_emseg.jobs.predict:run"
_PREDICTING = 0.85  # of the time, where all clefts are still to be predicted
_SURE_AFTER_S = 1.0
_AS_BYTES = np.concatenate([[0], np.rint(np.arange(255) * 255 / 254)]).astype(np.uint8)
"""What the map of a target holds (0: not predicted, 1 to 255) to probability times 255."""


def find_synapses(desk: Desk) -> None:
    """Find synapses in all sections with cells, or in those that were chosen."""
    from napari_emseg.io.packed import PackedStack
    from napari_emseg.jobs import synapses_project as job

    session, layers = desk.need_session()
    desk.sweep()
    span = desk.synapses.span or (0, session.volume.shape[0] - 1)
    sections = range(span[0], span[1] + 1)
    searched = job.sections_with_cells(session, sections)
    known = layers.targets.get(job.TARGET)
    missing = [z for z in searched if known is None or not known.values.covers(_section(desk, z))]
    model = job.cleft_model(session) if missing else Path()
    clefts = PackedStack(session.volume.shape, np.uint8)
    for z in searched:
        if z not in missing and known is not None:
            clefts.put(z, _AS_BYTES[known.values[z]])
    started = time.monotonic()
    desk.start(STAGE, "looking for clefts" if missing else "reading the cells")
    if missing:
        _predict(
            desk, model, missing, clefts, started, lambda: _judge(desk, sections, searched, clefts, started)
        )
    else:
        _judge(desk, sections, searched, clefts, started)


def _predict(
    desk: Desk,
    model: Path,
    missing: Sequence[int],
    clefts: PackedStack,
    started: float,
    then: Callable[[], None],
) -> None:
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

    def step(k: int) -> None:
        z = missing[k]

        def done(result: Any) -> None:
            write(result.region, result.probability)
            clefts.put(z, _AS_BYTES[found.values[z]])
            desk.device = result.device
            if k + 1 < len(missing):
                step(k + 1)
            else:
                then()

        def progress(work: Work) -> None:
            share = _PREDICTING * (k + max(work.fraction, 0.0)) / len(missing)
            plain.progress(_so_far(work, share, f"clefts of section {z}", started))

        desk.runner.submit_prepared(
            _KEY,
            lambda: predict.prepare(session, _section(desk, z), model, targets=(TARGET,)),
            lambda request, **back: desk.engine.submit(_PREDICT, request, lane="background", **back),
            replace(plain, done=done, progress=progress, partial=lambda part: write(*part)),
        )

    step(0)


def _judge(
    desk: Desk, sections: range, searched: tuple[int, ...], clefts: PackedStack, started: float
) -> None:
    """Number the clefts and find the partners."""
    from napari_emseg.jobs import synapses_project as job

    session, _ = desk.need_session()
    settings = session.get_settings(STAGE)
    number = desk.runner.generation(_KEY) + 1
    begin = _PREDICTING if STAGE in desk.work and desk.work[STAGE].fraction > 0 else 0.0

    def done(result: SynapsesResult) -> None:
        kept = job.finish(session, sections, result)
        desk.synapses.put(kept)
        draw(desk)
        desk.say(
            STAGE, f"{found_words(result)}, {took(time.monotonic() - started)}.", tone="done",
            **({"link": "Look at the least sure", "action": "next_synapse"} if desk.synapses.n_pairs else {}),
        )  # fmt: skip

    handlers = desk.handlers(STAGE, done)

    def progress(work: Work) -> None:
        share = begin + (1 - begin) * max(work.fraction, 0.0)
        handlers.progress(_so_far(work, share, work.message, started))

    desk.runner.submit_prepared(
        _KEY,
        lambda: job.prepare(
            session, searched, clefts, settings, lambda: desk.runner.generation(_KEY) == number
        ),
        lambda request, **back: desk.engine.submit(_JOB, request, lane="background", **back),
        replace(handlers, progress=progress),
    )


def found_words(result: SynapsesResult) -> str:
    """What was found, in numbers."""
    synapses = result.synapses
    n_pairs = sum(len(one.pairs) for one in synapses)
    text = (
        f"{len(synapses)} synapse{'s' * (len(synapses) != 1)}, {n_pairs} pair{'s' * (n_pairs != 1)} of cells"
    )
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
    """Write all pairs as they stand now; the suffix says as what."""
    from napari_emseg.jobs.synapses_export import export_synapses

    session, _ = desk.need_session()
    _need(desk)
    desk.sweep()
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


def _so_far(work: Work, fraction: float, message: str, started: float) -> Work:
    """Progress of one step as progress of the whole."""
    elapsed = time.monotonic() - started
    remaining = elapsed * (1 - fraction) / fraction if fraction > 0 and elapsed > _SURE_AFTER_S else None
    return replace(work, fraction=fraction, message=message, remaining_s=remaining)
