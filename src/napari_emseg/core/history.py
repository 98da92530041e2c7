"""Which edits can be undone and redone, bounded by bytes. The edits themselves lie in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_emseg.core.journal import Entry

DEFAULT_LIMIT_BYTES = 2**30  # compressed: tens of thousands of strokes


class History:
    """Two stacks of journal entries.

    Parameters
    ----------
    entries : iterable of Entry
        Edits that can be undone (state "done") or redone ("undone"), oldest first.
    limit_bytes : int
        Compressed size of the undoable edits; the oldest are forgotten beyond it.
    """

    def __init__(self, entries: Iterable[Entry] = (), limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        entries = list(entries)
        self._done = [entry for entry in entries if entry.state == "done"]
        self._undone = [entry for entry in reversed(entries) if entry.state == "undone"]
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
        """Compressed size of everything that can be undone."""
        return sum(entry.nbytes for entry in self._done)

    def push(self, entry: Entry) -> list[Entry]:
        """Add a new edit; what was undone is gone. Returns the edits that are forgotten for it."""
        self._undone.clear()
        self._done.append(entry)
        total, n = self.nbytes, 0
        while total > self.limit_bytes and n < len(self._done) - 1:
            total -= self._done[n].nbytes
            n += 1
        forgotten, self._done = self._done[:n], self._done[n:]
        return forgotten

    def undo(self) -> None:
        """The newest edit was taken back."""
        self._undone.append(self._done.pop())

    def redo(self) -> None:
        """The edit that was taken back last was done again."""
        self._done.append(self._undone.pop())

    def names(self) -> list[str]:
        """Names of the edits that can be undone, oldest first."""
        return [entry.name for entry in self._done]
