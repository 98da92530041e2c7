"""What each stage says about itself: a pure function from facts to words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Tone = Literal["quiet", "ready", "done", "busy", "blocked"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the data allow, read once from session, layers and engine."""

    has_stack: bool = False
    voxel_size_known: bool = False
    n_sections: int = 0
    section: int = 0
    boundary_here: bool = False
    boundary_sections: int = 0
    labels_here: bool = False
    labelled_sections: int = 0
    proofread: int = 0
    excluded: int = 0
    running: Mapping[str, float] = field(default_factory=dict)
    candidate: bool = False
    suspicious: int = 0
    is_cleaned: bool = False
    exported: int = 0
    measured: int = 0
    measured_is_old: bool = False
    pairs: int = 0
    pairs_answered: int = 0


@dataclass(frozen=True, slots=True)
class StageState:
    """One line of the spine."""

    name: str
    number: int
    title: str
    word: str
    tone: Tone
    needs: str = ""
    """Stage that has to come first, or empty."""

    @property
    def can_start(self) -> bool:
        """Whether the primary button of the stage does something."""
        return not self.needs


_TITLES = {
    "data": "Data",
    "cleanup": "Clean up",
    "predict": "Predict",
    "segment": "Seeds & segments",
    "propagate": "Propagate",
    "proofread": "Proofread",
    "train": "Train",
    "synapses": "Synapses",
    "measure": "Measure",
    "export": "Export",
}
STAGES: tuple[tuple[str, int, str], ...] = tuple(
    (name, i, _TITLES[name]) for i, name in enumerate(_TITLES, start=1)
)
"""Name, number and title of every stage; the numbers count what is there."""


def resolve(facts: Facts) -> tuple[StageState, ...]:
    """State of every stage, in order."""
    words = {
        "data": _data,
        "cleanup": _cleanup,
        "predict": _predict,
        "segment": _segment,
        "propagate": _propagate,
        "proofread": _proofread,
        "train": _train,
        "synapses": _synapses,
        "measure": _measure,
        "export": _export,
    }
    states = []
    tone: Tone
    for name, number, title in STAGES:
        word, tone, needs = words[name](facts)
        if name in facts.running:
            part = facts.running[name]
            word, tone = "working" if part < 0 else f"{round(100 * part)} %", "busy"
        states.append(StageState(name, number, title, word, tone, needs))
    return tuple(states)


def _data(facts: Facts) -> tuple[str, Tone, str]:
    if not facts.has_stack:
        return "start here", "ready", ""
    if not facts.voxel_size_known:
        return "voxel size?", "blocked", ""
    return "done", "done", ""


def _cleanup(facts: Facts) -> tuple[str, Tone, str]:
    if not facts.has_stack:
        return "needs a stack", "quiet", "data"
    if facts.suspicious:
        return f"{facts.suspicious} to decide", "ready", ""
    return ("cleaned", "done", "") if facts.is_cleaned else ("skip", "quiet", "")


def _predict(facts: Facts) -> tuple[str, Tone, str]:
    if not facts.has_stack:
        return "needs a stack", "quiet", "data"
    return ("done here", "done", "") if facts.boundary_here else ("ready", "ready", "")


def _segment(facts: Facts) -> tuple[str, Tone, str]:
    if not facts.has_stack:
        return "needs a stack", "quiet", "data"
    return ("done here", "done", "") if facts.labels_here else ("ready", "ready", "")


def _propagate(facts: Facts) -> tuple[str, Tone, str]:
    if not facts.labelled_sections:
        return "needs segments", "quiet", "segment" if facts.has_stack else "data"
    return "ready", "ready", ""


def _proofread(facts: Facts) -> tuple[str, Tone, str]:
    if not facts.labelled_sections and not facts.proofread:
        return "needs segments", "quiet", "segment" if facts.has_stack else "data"
    total = facts.n_sections - facts.excluded
    return f"{facts.proofread} / {total}", "done" if facts.proofread >= total else "ready", ""


def _train(facts: Facts) -> tuple[str, Tone, str]:
    if facts.candidate:
        return "new model", "ready", ""
    if not facts.proofread:
        return "needs proofread", "quiet", "proofread" if facts.has_stack else "data"
    return "ready", "ready", ""


def _synapses(facts: Facts) -> tuple[str, Tone, str]:
    if not facts.labelled_sections:
        return "needs segments", "quiet", "segment" if facts.has_stack else "data"
    if not facts.voxel_size_known:
        return "needs voxel size", "quiet", "data"
    if facts.pairs:
        done = facts.pairs_answered >= facts.pairs
        return f"{facts.pairs_answered} / {facts.pairs}", "done" if done else "ready", ""
    return "ready", "ready", ""


def _measure(facts: Facts) -> tuple[str, Tone, str]:
    if not facts.labelled_sections:
        return "needs segments", "quiet", "segment" if facts.has_stack else "data"
    if not facts.voxel_size_known:
        return "needs voxel size", "quiet", "data"
    if facts.measured and facts.measured_is_old:
        return "out of date", "ready", ""
    return ("done", "done", "") if facts.measured else ("ready", "ready", "")


def _export(facts: Facts) -> tuple[str, Tone, str]:
    if not facts.labelled_sections and not facts.boundary_sections:
        return "needs segments", "quiet", "segment" if facts.has_stack else "data"
    return ("done", "done", "") if facts.exported else ("ready", "ready", "")
