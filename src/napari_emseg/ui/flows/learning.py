"""Teach the model from proofread sections, and choose what happens to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import list_models

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_emseg.core.learning import FinetuneResult
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_ROWS = (
    ("edits_per_100_objects", "Edits per 100 objects", "{:.1f}"),
    ("v_rand", "V_rand", "{:.4f}"),
    ("v_info", "V_info", "{:.4f}"),
)


def learn(desk: Desk) -> None:
    raise EmsegError("not wired yet")


def accept(desk: Desk) -> None:
    """Predict with the new model from now on."""


def discard(desk: Desk) -> None:
    """Keep the present model."""


def models(session: Session) -> dict[str, Path]:
    """Models to choose from: bundled, the person's own, and those that learned in this project."""
    found = list_models()
    folder = session.project.models
    if folder.is_dir():
        found |= {str(p): p for p in sorted(folder.iterdir()) if (p / "card.json").is_file()}
    return {name: path for name, path in found.items() if _is_membrane(path)}


def model_words(name: str) -> str:
    """A model's name for people; one that learned in a project is known by its folder's name."""
    return name.rstrip("/").rsplit("/", 1)[-1]


def choose(desk: Desk, name: str) -> None:
    """Predict with another model from now on."""
    session, layers = desk.need_session()
    if name != session.model:
        session.model = name
        layers.boundary_map.clear()
        layers.boundary.refresh(extent=False)
        desk.say("predict", f"Predictions come from {model_words(name)} now.")
        desk.state_changed.emit()


def teacher_words(sections: Sequence[int]) -> str:
    """Which sections teach, in a line."""
    if not sections:
        return "No section is marked proofread yet."
    listed = ", ".join(str(z) for z in sections[:8]) + (" ..." if len(sections) > 8 else "")
    return f"Teaches: section{'s' * (len(sections) != 1)} {listed}"


def score_rows(result: FinetuneResult) -> tuple[tuple[str, ...], ...]:
    """Table of scores before and after, best known rows first."""
    rows: list[tuple[str, ...]] = [(f"on {result.scored_on}" if result.scored_on else "", "before", "after")]
    for key, words, form in _ROWS:
        if key in result.after:
            before = form.format(result.before[key]) if key in result.before else "–"
            rows.append((words, before, form.format(result.after[key])))
    return tuple(rows)


def _is_membrane(path: Path) -> bool:
    from napari_emseg.core.model_card import read_card

    try:
        return "membrane" in read_card(path).targets
    except EmsegError:
        return False


def _unused(value: Any) -> None: ...
