"""The whole loop on a sample, without a window: what a person does with it, timed and scored.

predict - seeds - segment - propagate - correct one section - mark it proofread - learn in the background,
while predictions go on - decide - predict again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg import __version__
from napari_emseg.algorithms.contingency import contingency
from napari_emseg.core.edit import Region
from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.jobs import finetune, oracle, predict, propagate, segment, versions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.io.samples import SampleTruth
    from napari_emseg.jobs.engine import Engine
    from napari_emseg.session import Session

LEARN_S = 30.0
_SECTIONS = 4  # the first one teaches, the others are scored
_LARGE_PX = 64  # smaller overlaps say nothing
_LOOK_S = 2.0  # between two clicks while the model learns
_KEPT_SCORES = ("v_rand", "v_info", "edits_per_100_objects")


@dataclass
class Report:
    """What happened, for people and for programs."""

    sample: str
    steps: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def step(self, name: str, began: float, **values: Any) -> None:
        """Note one step with the seconds that it took."""
        self.steps.append({"step": name, "seconds": round(time.perf_counter() - began, 2)} | values)

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {"sample": self.sample, **self.facts, "steps": self.steps}


def run(
    sample: str, folder: Path, progress: Progress, *, model: str = "", learn_s: float = LEARN_S
) -> Report:
    """Go through the loop once and leave the project in `folder`.

    Parameters
    ----------
    sample : {"phantom", "vnc"}
    folder : Path
        Project folder ``NAME.emseg`` to make.
    progress : Progress
    model : str, optional
        Model to start from; default: the bundled one.
    learn_s : float
        Time for learning.
    """
    from napari_emseg.io import open_image
    from napari_emseg.io.samples import sample_truth
    from napari_emseg.jobs.engine import Engine
    from napari_emseg.session import Session

    report, whole = Report(sample), time.perf_counter()
    with Engine() as engine:
        progress.report(0.0, f"opening {sample}")
        began = time.perf_counter()
        session = Session.create(folder, open_image(f"sample:{sample}"))
        try:
            if model:
                session.model = model
            truth = sample_truth(sample)
            report.step("open", began, shape=list(session.image.shape))
            _loop(session, engine, truth, report, progress, learn_s)
        finally:
            session.close()
    card = read_card(find_model(session.model, session.project.models))
    report.facts |= {
        "program": f"napari-emseg {__version__}",
        "device": engine.device(),
        "model_at_the_end": card.name,
        "seconds": round(time.perf_counter() - whole, 1),
    }
    progress.report(1.0, "done")
    return report


def _loop(
    session: Session, engine: Engine, truth: SampleTruth, report: Report, progress: Progress, learn_s: float
) -> None:
    began = time.perf_counter()
    progress.report(0.05, "starting the worker")
    device: list[str] = []
    ticket = engine.warm_up(request=predict.prepare_warm_up(session), on_done=device.append)
    ticket.wait(120)
    report.step("start the worker", began, device=engine.device())

    z = session.image.shape[0] // 2 - _SECTIONS // 2
    screen = _section(session, z)
    membranes = truth.membranes[z : z + _SECTIONS]
    report.facts |= {"section": z, "on_screen": list(screen.shape[1:])}

    progress.report(0.1, "predicting membranes")
    began = time.perf_counter()
    before, clicks = _predict_sections(session, engine, z)
    report.step("predict", began, seconds_per_section=clicks, **_scores(membranes[1:], before[1:]))

    progress.report(0.2, "growing segments from seeds")
    began = time.perf_counter()
    region = Region(screen.start, (z + _SECTIONS, *screen.stop[1:]))
    request = segment.prepare(session, region, before)
    found = engine.call("napari_emseg.jobs.segment:run", request)
    session.commit(segment.finish(session, request, found))
    needed = oracle.edits_needed(session.volume.read(screen)[0], membranes[0])
    report.step("seeds and segments", began, sections=_SECTIONS, segments=found.n_segments, **needed)

    progress.report(0.3, "carrying ids to the next sections")
    began = time.perf_counter()
    report.step("propagate", began, **_propagate(session, engine, region, truth))

    progress.report(0.4, "correcting one section")
    began = time.perf_counter()
    done = oracle.correct(session, z, membranes[0])
    report.step("correct and mark proofread", began, merges=done.merges, splits=done.splits,
                painted_px=done.painted_px, section=z)  # fmt: skip

    _learn(session, engine, z, before, membranes, report, progress, learn_s)


def _propagate(session: Session, engine: Engine, region: Region, truth: SampleTruth) -> dict[str, Any]:
    """Carry the ids of the first section onwards; how many links, how sure, and how right."""
    settings = session.get_settings("propagate").model_copy(update={"sections": region.shape[0] - 1})
    request = propagate.prepare(session, region.start[0], settings=settings)
    result = engine.call("napari_emseg.jobs.propagate:run", request)
    session.commit(propagate.finish(session, request, result))
    joins = [link for link in result.links if link.a and link.b]
    kept = _right_links(session.volume.read(region), truth.labels[region.slices])
    doubtful = sum(link.confidence < settings.doubt_below for link in joins)
    return {"links": len(joins), "doubtful": doubtful} | kept


def _learn(
    session: Session,
    engine: Engine,
    z: int,
    before: NDArray[np.float32],
    membranes: NDArray[Any],
    report: Report,
    progress: Progress,
    learn_s: float,
) -> None:
    """Teach in the background while predictions go on, then do what the held-out scores recommend."""
    began = time.perf_counter()
    settings = session.get_settings("finetune").model_copy(update={"max_seconds": learn_s})
    request = finetune.prepare(session, settings)
    ticket, answer = engine.promise(
        "napari_emseg.jobs.finetune:run",
        request,
        lane="background",
        on_progress=lambda part, text="", **values: progress.report(0.5 + 0.35 * part, text, **values),
    )
    clicks = []
    while not ticket.done:
        clicks.append(_predict_section(session, engine, z + 1)[1])
        ticket.wait(_LOOK_S)
    candidate = finetune.finish(session, request, answer())
    report.step(
        "learn in the background",
        began,
        training_steps=candidate.result.steps,
        held_out_before=candidate.result.before.get("edits_per_100_objects"),
        held_out_after=candidate.result.after.get("edits_per_100_objects"),
        weights_moved=candidate.result.share,
        seconds_per_section_meanwhile=clicks,
    )

    progress.report(0.9, "predicting with the new model")
    began = time.perf_counter()
    is_recommended = candidate.result.helps
    if is_recommended:
        versions.accept(session, candidate)
    else:
        versions.discard(candidate)
    after, seconds = _predict_sections(session, engine, z)
    scores = [_scores(membranes[1:], found[1:]) for found in (before, after)]
    report.step("predict again", began, seconds_per_section=seconds, **scores[1])
    report.facts |= {"before": scores[0], "after": scores[1], "new_model_kept": is_recommended}


def _right_links(labels: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
    """Share of true continuations, from section to section, that got one id; empty where nobody knows."""
    right = total = 0
    for section in range(len(labels) - 1):
        names = [_main_label(labels[n], truth[n]) for n in (section, section + 1)]
        for owner in names[0].keys() & names[1].keys():
            total += 1
            right += names[0][owner] == names[1][owner]
    return {"true_continuations": total, "kept": round(right / total, 4)} if total else {}


def _main_label(labels: NDArray[Any], truth: NDArray[Any]) -> dict[int, int]:
    """For each true object of one section, the label that covers most of it."""
    both = (labels > 0) & (truth > 0)
    table = contingency(truth[both], labels[both])
    order = np.argsort(table.count, kind="stable")
    return {int(table.a[i]): int(table.b[i]) for i in order if table.count[i] >= _LARGE_PX}


def _section(session: Session, z: int) -> Region:
    return Region((z, 0, 0), (z + 1, *session.image.shape[1:]))


def _predict_section(session: Session, engine: Engine, z: int) -> tuple[NDArray[np.float32], float]:
    clicked = time.perf_counter()
    request = predict.prepare(session, _section(session, z))
    probability = engine.call("napari_emseg.jobs.predict:run", request).probability[0, 0]
    return probability, round(time.perf_counter() - clicked, 2)


def _predict_sections(session: Session, engine: Engine, z: int) -> tuple[NDArray[np.float32], list[float]]:
    """Probability of a section and of the next ones (z, y, x), and seconds per section."""
    found = [_predict_section(session, engine, z + n) for n in range(_SECTIONS)]
    return np.stack([probability for probability, _ in found]), [seconds for _, seconds in found]


def _scores(membranes: NDArray[Any], probability: NDArray[Any]) -> dict[str, float]:
    """Boundary scores of sections that did not teach."""
    from napari_emseg.algorithms.metrics.boundary import boundary_scores

    found = boundary_scores(np.asarray(membranes) == 0, probability)
    return {key: round(found[key], 4) for key in _KEPT_SCORES}
