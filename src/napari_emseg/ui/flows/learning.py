"""Teach the model from proofread sections, and choose what happens to it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import ENOUGH_STEPS, LEARNED
from napari_emseg.core.model_card import find_model, instead_of_bundled, list_models, read_card
from napari_emseg.core.words import counted, last_name
from napari_emseg.ui.bench import sentence
from napari_emseg.ui.runner import Work

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_emseg.core.learning import FinetuneResult
    from napari_emseg.jobs.versions import Candidate, Version
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_WAITS = "A new model waits"
_STOPPED = "Learning was stopped"
_KEY = "train"
_DECIDE = {"tone": "done", "link": "Decide", "action": "stage:train"}
_ROWS = (
    ("edits_per_100_objects", "Edits per 100 objects", "{:.1f}"),
    ("v_rand", "V_rand", "{:.4f}"),
    ("v_info", "V_info", "{:.4f}"),
)


def learn(desk: Desk) -> None:
    """Teach a copy of the model in the background lane; painting goes on meanwhile."""
    from napari_emseg.jobs import finetune, kept_learning

    session, _ = desk.need_session()
    if desk.learning is not None:
        raise EmsegError("a new model waits for your decision", "", "use it or discard it first")
    if desk.runner.is_running(_KEY):  # a second T would throw away what it has learned
        return
    request = finetune.prepare(session)
    begun = kept_learning.interrupted(session)
    kept_learning.forget_others(request)
    desk.losses = []
    started = time.monotonic()

    def done(result: FinetuneResult) -> None:
        desk.learning = finetune.finish(session, request, result)
        desk.learned.emit()
        desk.say("train", verdict(result), **_DECIDE)

    plain = desk.handlers("train", done)

    def stopped() -> None:
        plain.stopped()
        desk.say(
            "train", "Stopped. Learning can go on where it was; predictions come from the same model as before.",
            link="Go on learning", action="train",
        )  # fmt: skip

    def failed(error: EmsegError) -> None:
        plain.failed(error)
        left = kept_learning.interrupted(session)
        if left is not None and left.folder == request.out_dir:
            desk.say(
                "train", f"{sentence(error)} Learning was kept{_at(left.fraction)} and can go on.", tone="error",
                link="Go on learning", action="train",
            )  # fmt: skip

    def progress(work: Work) -> None:
        if "loss" in work.values:
            desk.losses.append((time.monotonic() - started, work.values["loss"]))
        left = work.values.get("seconds_left")  # what comes before and after is no measure of it
        plain.progress(Work(work.fraction, work.message, left, work.values))

    _is_settled(desk)
    desk.start("train", "getting ready to learn")
    text = "You can go on painting while the copy learns."
    if begun is not None and begun.folder == request.out_dir:
        text = (
            f"The copy goes on where it was stopped{_at(begun.fraction)}. You can go on painting meanwhile."
        )
    elif begun is not None:
        text = f"Sections, labels or settings are others than before the stop: the copy begins anew. {text}"
    desk.say("train", " ".join(filter(None, (text, finetune.about_few_labels(request)))), tone="busy")
    desk.runner.submit(
        _KEY,
        lambda **callbacks: desk.engine.submit(
            "napari_emseg.jobs.finetune:run", request, lane="background", **callbacks
        ),
        replace(plain, failed=failed, stopped=stopped, progress=progress),
    )


def take_up(desk: Desk) -> str:
    """Find what was being learned when the project was closed, and say so; in a few words for the first panel, too."""
    from napari_emseg.jobs import kept_learning

    session, _ = desk.need_session()
    kept_learning.tidy(session)
    desk.learning = kept_learning.waiting(session)
    if desk.learning is not None:
        desk.learned.emit()
        words = f"{_WAITS} for your decision."
        desk.say("train", f"{words} {verdict(desk.learning.result)}", **_DECIDE)
        return words
    begun = kept_learning.interrupted(session)
    if begun is None:
        return ""
    words = f"{_STOPPED}{_at(begun.fraction)} and can go on."
    text = f"{words} With the same sections and settings it begins where it was."
    desk.say("train", text, link="Go on learning", action="train")
    return words


def _at(fraction: float) -> str:
    """How far a learning was, where that is known."""
    return f" at {fraction:.0%}".replace("%", " %") if fraction > 0 else ""


def accept(desk: Desk) -> None:
    """Predict with the new model from now on."""
    from napari_emseg.jobs import versions
    from napari_emseg.ui.flows import predicting

    session, _ = desk.need_session()
    if desk.learning is None:
        raise EmsegError("there is no new model", "", "let one learn first")
    aside = _aside(session)
    folder = versions.accept(session, desk.learning)
    _forget(desk)
    forget_predictions(desk)
    predicting.warm_up(desk)
    desk.say(
        "train", f"Predictions come from {folder.name} now; the old model stays in the list.{aside}", tone="done",
        link="Segment what you see with it", action="segment",
    )  # fmt: skip


def discard(desk: Desk) -> None:
    """Keep the present model."""
    from napari_emseg.jobs import versions

    if desk.learning is None:
        raise EmsegError("there is no new model", "", "let one learn first")
    versions.discard(desk.learning)
    _forget(desk)
    desk.say("train", "The new model is gone; predictions come from the same model as before.")


def use_version(desk: Desk) -> None:
    """Predict with the version that is chosen in the list: back to an earlier one, or on to another branch."""
    from napari_emseg.jobs import versions
    from napari_emseg.ui.flows import predicting

    session, _ = desk.need_session()
    if not desk.version:
        raise EmsegError("no version is chosen", "", "click on one in the list")
    if desk.version == session.model and session.membranes is None:
        raise EmsegError("this version predicts already", model_words(desk.version), "choose another one")
    aside = _aside(session)
    versions.roll_back(session, desk.version)
    forget_predictions(desk)
    predicting.warm_up(desk)
    desk.say(
        "train",
        f"Predictions come from {model_words(session.model)} now; all versions are kept.{aside}",
        tone="done",
    )
    desk.state_changed.emit()


def version_tree(session: Session) -> tuple[Version, ...]:
    """All versions of the project, each after its parent; none where a card cannot be read."""
    from napari_emseg.jobs import versions

    try:
        return versions.tree(session)
    except EmsegError:
        return ()


def version_words(version: Version) -> str:
    """One line of the list: where it stands in the tree, what taught it, and edits before and after."""
    tick = "\u2713 " if version.is_current else "   "
    branch = "    " * max(0, version.depth - 1) + ("\u2514 " if version.depth else "")
    parts = [f"{tick}{branch}{version.name}"]
    if n := len(version.sections):
        parts.append(counted(n, "section"))
    if version.score_words:
        parts.append(f"edits {version.score_words}")
    if version.is_lost:
        parts.append("no longer there")
    return "  \u00b7  ".join(parts)


def version_help(version: Version) -> str:
    """What the scores of a version mean."""
    if not version.depth:
        return "The model that this project began with"
    taught = f"Learned from section{'s' * (len(version.sections) != 1)} {_listed(version.sections)}"
    if not version.score_words:
        return f"{taught}; it was not scored"
    return f"{taught}. Edits per 100 objects of its parent and of itself, scored on {version.scored_on}"


def _listed(sections: Sequence[int]) -> str:
    return ", ".join(str(z) for z in sections[:8]) + (" ..." if len(sections) > 8 else "")


def models(session: Session) -> dict[str, Path]:
    """Models to choose from: bundled, the person's own, and those that learned in this project."""
    found = list_models()
    folder = session.project.models
    if folder.is_dir():
        found |= {str(p): p for p in sorted(folder.iterdir()) if p.name[0] != "." and _is_membrane(p)}
    return {name: path for name, path in found.items() if _is_membrane(path)}


def model_words(name: str) -> str:
    """A model's name for people; one that learned in a project is known by its folder's name."""
    return last_name(name)


def hides_bundled(session: Session, name: str) -> str:
    """A sentence for where a model of the person's own is taken in place of the bundled one of its name; else empty."""
    try:
        return instead_of_bundled(name, find_model(name, session.project.models))
    except EmsegError:
        return ""


def choose(desk: Desk, name: str) -> None:
    """Predict with another model from now on."""
    from napari_emseg.ui.flows import predicting

    session, _ = desk.need_session()
    if name != session.model or session.membranes is not None:
        aside, hides = _aside(session), hides_bundled(session, name)
        text = f"Predictions come from {model_words(name)} now.{aside}"
        desk.say("predict", f"{text} {hides}." if hides else text)
        try:
            session.model = name
        except EmsegError as error:  # it holds until the window is closed
            desk.fail("predict", error)
        forget_predictions(desk)
        predicting.warm_up(desk)
        desk.state_changed.emit()


def teacher_words(sections: Sequence[int]) -> str:
    """Which sections teach, in a line."""
    if not sections:
        return "No section is marked proofread yet."
    return f"Teaches: section{'s' * (len(sections) != 1)} {_listed(sections)}"


def verdict(result: FinetuneResult) -> str:
    """What learning has brought, in numbers; whether that is better is the person's to say."""
    text = f"Learned for {result.seconds:.0f} s."
    if result.unkept:
        text += f" Its state could not be kept meanwhile: {result.unkept}."
    if result.share == 0:
        where = (
            "Even on the sections that it learned from"
            if result.scored_on == LEARNED
            else "On what was held back"
        )
        text += f" {where} it did not help: keep the present model"
        if result.steps < ENOUGH_STEPS:
            return f"{text}, or let it learn longer: there was time for {counted(result.steps, 'step')} only."
        return f"{text}, and proofread on."
    key, _, form = _ROWS[0]
    if key in result.before and key in result.after:
        before, after = result.before[key], result.after[key]
        text += f" Edits per 100 objects: {form.format(after)}, before {form.format(before)}. You decide."
    if result.formers:
        text += " Stacks with pixels of the sizes that it knew before are predicted as before."
    return text


def is_better(candidate: Candidate) -> bool:
    """Whether fewer corrections are to be expected; a model that could not be scored may be better."""
    return candidate.result.helps


def score_rows(candidate: Candidate) -> tuple[tuple[str, ...], ...]:
    """Table of scores before and after; empty where nothing was held back to score on."""
    result = candidate.result
    rows = [
        (words, form.format(result.before[key]), form.format(result.after[key]))
        for key, words, form in _ROWS
        if key in result.before and key in result.after
    ]
    if not rows:
        return ()
    return (("", "before", "after"), *rows)


def _forget(desk: Desk) -> None:
    _is_settled(desk)
    desk.learning = None
    desk.losses = []
    desk.learned.emit()


def _is_settled(desk: Desk) -> None:
    """What the first panel said of learning when the project was opened does not wait any longer."""
    said = desk.sayings.get("data")
    if said is None or said.action != "stage:train":
        return
    text = said.text
    for words in (_WAITS, _STOPPED):
        text = text.partition(f" {words}")[0]
    desk.sayings["data"] = replace(said, text=text, link="Go on proofreading", action="stage:proofread")


def _aside(session: Session) -> str:
    """What to say of a file of membranes that a model takes the place of; empty without one."""
    file = session.membranes
    return f" “{file.name}” is put aside." if file is not None else ""


def forget_predictions(desk: Desk) -> None:
    """Another model makes other probabilities; what is segmented stays."""
    _, layers = desk.need_session()
    desk.runner.give_up("predict")
    desk.runner.clear_the_way()
    layers.forget_predictions()
    desk.suggestions = desk.suggested = None


def _is_membrane(path: Path) -> bool:
    try:
        return "membrane" in read_card(path).targets
    except EmsegError:
        return False
