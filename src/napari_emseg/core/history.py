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
        # a project of months has a hundred thousand edits: none of what follows goes through all of them
        self._sizes = {entry.id: entry.nbytes for entry in (*self._done, *self._dropped)}
        self._total = sum(self._sizes.values())

    @property
    def undoable(self) -> Entry | None:
        """What undo would take back."""
        return self._done[-1] if self._done else None

    @property
    def last_id(self) -> int:
        """Id of the edit that undo would take back; 0 without one."""
        return self._done[-1].id if self._done else 0

    @property
    def redoable(self) -> Entry | None:
        """What redo would do again."""
        return self._undone[-1] if self._undone else None

    @property
    def nbytes(self) -> int:
        """Compressed size of everything that can be undone or restored."""
        return self._total

    def grow(self, grown: dict[int, int]) -> None:
        """Ways back over these edits have taken so many more bytes."""
        for number, nbytes in grown.items():
            self._grown[number] = self._grown.get(number, 0) + nbytes
            if number in self._sizes:
                self._sizes[number] += nbytes
                self._total += nbytes

    def _count(self, entry: Entry) -> None:
        self._sizes[entry.id] = size = entry.nbytes + self._grown.get(entry.id, 0)
        self._total += size

    def push(self, entry: Entry) -> list[Entry]:
        """Add a new edit; what was undone is dropped. Returns the edits that are forgotten for it."""
        for undone in self._undone:
            self._count(undone)
        if self._undone:
            self._dropped = sorted((*self._dropped, *self._undone), key=lambda dropped: dropped.id)
            self._undone.clear()
        self._done.append(entry)
        self._count(entry)
        n_done = n_dropped = 0
        forgotten: list[Entry] = []
        while self._total > self.limit_bytes:
            done = self._done[n_done] if n_done < len(self._done) - 1 else None  # the newest stays
            dropped = self._dropped[n_dropped] if n_dropped < len(self._dropped) else None
            if dropped is not None and (done is None or dropped.id < done.id):
                n_dropped += 1
                old = dropped
            elif done is not None:
                n_done += 1
                old = done
            else:
                break
            self._total -= self._sizes.pop(old.id)
            forgotten.append(old)
        del self._done[:n_done], self._dropped[:n_dropped]
        return forgotten

    def undo(self) -> None:
        """The newest edit was taken back."""
        entry = self._done.pop()
        self._total -= self._sizes.pop(entry.id)
        self._undone.append(entry)

    def redo(self) -> None:
        """The edit that was taken back last was done again."""
        entry = self._undone.pop()
        self._count(entry)
        self._done.append(entry)

    def numbers(self) -> list[int]:
        """Numbers of the edits that can be undone, oldest first."""
        return [entry.id for entry in self._done]

    def names(self) -> list[str]:
        """Names of the edits that can be undone, oldest first."""
        return [entry.name for entry in self._done]
