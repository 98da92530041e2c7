"""Which edits can be undone and redone, bounded by bytes. The edits themselves lie in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_emseg.core.journal import Entry

DEFAULT_LIMIT_BYTES = 2**30  # compressed: tens of thousands of strokes


class History:
    """Two stacks of journal entries, and what was dropped from them but can be restored.

    Parameters
    ----------
    entries : iterable of Entry
        Edits that can be undone (state "done"), redone ("undone") or restored ("dropped"), oldest first.
    limit_bytes : int
        Compressed size of all of them; the oldest are forgotten beyond it.
    """

    def __init__(self, entries: Iterable[Entry] = (), limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        entries = list(entries)
        self._done = [entry for entry in entries if entry.state == "done"]
        self._undone = [entry for entry in reversed(entries) if entry.state == "undone"]
        self._dropped = [entry for entry in entries if entry.state == "dropped"]
        self._grown: dict[int, int] = {}
        self.limit_bytes = limit_bytes

    @property
    def undoable(self) -> Entry | None:
        """What undo would take back."""
        return self._done[-1] if self._done else None

    @property
    def redoable(self) -> Entry | None:
        """What redo would do again."""
        return self._undone[-1] if self._undone else None

    @property
    def nbytes(self) -> int:
        """Compressed size of everything that can be undone or restored."""
        return sum(self._size(entry) for entry in (*self._done, *self._dropped))

    def grow(self, grown: dict[int, int]) -> None:
        """Ways back over these edits have taken so many more bytes."""
        for number, nbytes in grown.items():
            self._grown[number] = self._grown.get(number, 0) + nbytes

    def _size(self, entry: Entry) -> int:
        return entry.nbytes + self._grown.get(entry.id, 0)

    def push(self, entry: Entry) -> list[Entry]:
        """Add a new edit; what was undone is dropped. Returns the edits that are forgotten for it."""
        self._dropped += self._undone
        self._undone.clear()
        self._done.append(entry)
        total = self.nbytes
        forgotten: list[Entry] = []
        for old in sorted((*self._done[:-1], *self._dropped), key=lambda old: old.id):
            if total <= self.limit_bytes:
                break
            total -= self._size(old)
            forgotten.append(old)
        if forgotten:
            last = forgotten[-1].id
            self._done = [kept for kept in self._done if kept.id > last]
            self._dropped = [kept for kept in self._dropped if kept.id > last]
        return forgotten

    def undo(self) -> None:
        """The newest edit was taken back."""
        self._undone.append(self._done.pop())

    def redo(self) -> None:
        """The edit that was taken back last was done again."""
        self._done.append(self._undone.pop())

    def numbers(self) -> list[int]:
        """Numbers of the edits that can be undone, oldest first."""
        return [entry.id for entry in self._done]

    def names(self) -> list[str]:
        """Names of the edits that can be undone, oldest first."""
        return [entry.name for entry in self._done]
