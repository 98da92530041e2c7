"""The whole loop on a sample, without a window: what a person does with it, timed and scored.

what next - predict - seeds - segment - propagate - correct one section - mark it proofread - learn in the background,
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
from napari_emseg.jobs import finetune, oracle, predict, propagate, segment, suggest, versions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.io.samples import SampleTruth
    from napari_emseg.jobs.engine import Engine
    from napari_emseg.session import Session

LEARN_S = 60.0
MARK = "made-by-demo.txt"
"""A file in the project that a demo has made: such a one is replaced without a question."""

STRANGER = "membrane-isbi"
"""Where the demo begins: a model that has never seen either sample, as no model has seen a person's own stack."""

_SECTIONS = 4  # segmented and carried through; the first one teaches
_SCORED = 16  # at most: other sections, evenly through the stack
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
    sample: str, folder: Path, progress: Progress, *, model: str = STRANGER, learn_s: float = LEARN_S
) -> Report:
    """Go through the loop once and leave the project in `folder`.

    Parameters
    ----------
    sample : {"phantom", "vnc"}
    folder : Path
        Project folder ``NAME.emseg`` to make.
    progress : Progress
    model : str, optional
        Model to start from.
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
        (folder / MARK).write_text("napari-emseg demo made this project, and the next demo replaces it.\n")
        try:
            session.model = model
            truth = sample_truth(sample)
            report.step("open", began, shape=list(session.image.shape))
            _loop(session, engine, truth, report, progress, learn_s)
        finally:
            session.close()
    card = read_card(find_model(session.model, session.project.models))
    report.facts |= {
        "program": f"napari-emseg {__version__}",
        "model_at_first": model,
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
    engine.warm_up(request=predict.prepare_warm_up(session)).wait(120)
    report.step("start the worker", began, device=engine.device())

    progress.report(0.07, "asking which section would teach most")
    began = time.perf_counter()
    z = _most_teaching(session, engine)
    report.step("what to proofread next", began, section=z)
    screen = _section(session, z)
    others = _others(session.image.shape[0], z)
    report.facts |= {"section": z, "scored_sections": others, "on_screen": list(screen.shape[1:])}

    progress.report(0.1, "predicting membranes")
    began = time.perf_counter()
    shown, clicks = _predict_sections(session, engine, range(z, z + _SECTIONS))
    report.step("predict", began, seconds_per_section=clicks)

    progress.report(0.15, "scoring the other sections")
    began = time.perf_counter()
    before = _scores(truth, others, _predict_sections(session, engine, others)[0])
    report.step("score other sections", began, **before)

    progress.report(0.2, "growing segments from seeds")
    began = time.perf_counter()
    region = Region(screen.start, (z + _SECTIONS, *screen.stop[1:]))
    request = segment.prepare(session, region, shown)
    found = engine.call("napari_emseg.jobs.segment:run", request)
    session.commit(segment.finish(session, request, found))
    needed = oracle.edits_needed(session.volume.read(screen)[0], truth.membranes[z])
    report.step("seeds and segments", began, sections=_SECTIONS, segments=found.n_segments, **needed)

    progress.report(0.3, "carrying ids to the next sections")
    began = time.perf_counter()
    report.step("propagate", began, **_propagate(session, engine, region, truth))

    progress.report(0.4, "correcting one section")
    began = time.perf_counter()
    done = oracle.correct(session, z, truth.membranes[z])
    report.step("correct and mark proofread", began, merges=done.merges, splits=done.splits,
                painted_px=done.painted_px, section=z)  # fmt: skip

    candidate = _learn(session, engine, z, report, progress, learn_s)
    report.facts |= {"before": before, "after": before, "new_model_kept": candidate.result.helps}

    progress.report(0.9, "scoring the other sections again")
    began = time.perf_counter()
    if candidate.result.helps:
        versions.accept(session, candidate)
        after = _scores(truth, others, _predict_sections(session, engine, others)[0])
        report.step("score other sections again", began, **after)
        report.facts["after"] = after
        return
    if candidate.result.share > 0:  # a person would not know; here it can be seen whether that was right
        seen = _scores(truth, others, _predict_sections(session, engine, others, candidate.folder)[0])
        report.step("score other sections with the model that was not kept", began, **seen)
        report.facts["not_kept"] = seen
    versions.discard(candidate)


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
    report: Report,
    progress: Progress,
    learn_s: float,
) -> versions.Candidate:
    """Teach in the background while predictions go on."""
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
    report.facts["training_steps"] = candidate.result.steps
    return candidate


def _most_teaching(session: Session, engine: Engine) -> int:
    """The section that is suggested first, of those that have enough others behind them."""
    found = engine.call("napari_emseg.jobs.suggest:run", suggest.prepare(session))
    last = max(0, session.image.shape[0] - _SECTIONS)
    return next((one.section for one in found.sections if one.section <= last), 0)


def _others(n_sections: int, taught: int) -> list[int]:
    """Sections that did not teach, evenly through the stack."""
    others = [z for z in range(n_sections) if z != taught]
    chosen = np.linspace(0, len(others) - 1, min(_SCORED, len(others))).round().astype(int)
    return [others[n] for n in chosen]


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


def _predict_section(
    session: Session, engine: Engine, z: int, model: Path | None = None
) -> tuple[NDArray[np.float32], float]:
    clicked = time.perf_counter()
    request = predict.prepare(session, _section(session, z), model)
    probability = engine.call("napari_emseg.jobs.predict:run", request).probability[0, 0]
    return probability, round(time.perf_counter() - clicked, 2)


def _predict_sections(
    session: Session, engine: Engine, sections: Sequence[int], model: Path | None = None
) -> tuple[NDArray[np.float32], list[float]]:
    """Probability of sections (z, y, x), and seconds per section."""
    found = [_predict_section(session, engine, z, model) for z in sections]
    return np.stack([probability for probability, _ in found]), [seconds for _, seconds in found]


def _scores(truth: SampleTruth, sections: Sequence[int], probability: NDArray[Any]) -> dict[str, float]:
    """Boundary scores of some sections."""
    from napari_emseg.algorithms.metrics.boundary import boundary_scores

    found = boundary_scores(truth.membranes[sections] == 0, probability)
    return {key: round(found[key], 4) for key in _KEPT_SCORES}
