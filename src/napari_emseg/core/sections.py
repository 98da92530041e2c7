"""Per-section state. The proofread sections *are* the training set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from psygnal import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Status(StrEnum):
    """What is known about a section."""

    UNSEEN = "unseen"
    PREDICTED = "predicted"
    PROOFREAD = "proofread"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class SectionState:
    """Status of one section, and for an excluded one the reason ("fold", "missing", ...)."""

    status: Status = Status.UNSEEN
    reason: str = ""


class SectionStates:
    """State of every section of a stack; unlisted sections are unseen.

    Parameters
    ----------
    n_sections : int
        Number of sections (z extent).
    states : mapping of int to SectionState
        Initial states of sections that are not unseen.
    """

    changed = Signal(int, SectionState)

    def __init__(self, n_sections: int, states: Mapping[int, SectionState] | None = None) -> None:
        self._n = n_sections
        self._states: dict[int, SectionState] = dict(states or {})

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, section: int) -> SectionState:
        if not 0 <= section < self._n:
            raise IndexError(section)
        return self._states.get(section, SectionState())

    def __iter__(self) -> Iterator[SectionState]:
        return (self[z] for z in range(self._n))

    def set(self, section: int, state: SectionState) -> None:
        """Record the state of one section and tell everybody."""
        self.put(section, state)
        self.changed.emit(section, state)

    def put(self, section: int, state: SectionState) -> None:
        """Record the state of one section; called by the session only, which tells everybody afterwards."""
        if not 0 <= section < self._n:
            raise IndexError(section)
        self._states[section] = state

    def with_status(self, *status: Status) -> tuple[int, ...]:
        """Sections that have one of these statuses, in order."""
        return tuple(z for z in range(self._n) if self[z].status in status)

    @property
    def proofread(self) -> tuple[int, ...]:
        """The training set."""
        return self.with_status(Status.PROOFREAD)
