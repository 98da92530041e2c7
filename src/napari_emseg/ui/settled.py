"""Answers to doubts that change no labels: what Ctrl-Z takes back before it comes to the edits before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_emseg.jobs.doubts import Doubt, Verdict


class Settled:
    """Answers since the last edit, each with the doubt as it was before."""

    def __init__(self) -> None:
        self._done: list[tuple[Doubt, Verdict]] = []
        self._undone: list[tuple[Doubt, Verdict]] = []

    def add(self, doubt: Doubt, verdict: Verdict) -> None:
        """Remember an answer; what was taken back before cannot be given again."""
        self._done.append((doubt, verdict))
        self._undone.clear()

    def step(self, *, again: bool) -> tuple[Doubt, Verdict] | None:
        """The last answer that stands, or the last one that was taken back; None if there is none."""
        one, other = (self._undone, self._done) if again else (self._done, self._undone)
        if not one:
            return None
        other.append(one.pop())
        return other[-1]

    def clear(self) -> None:
        """Another edit lies between now."""
        self._done.clear()
        self._undone.clear()
