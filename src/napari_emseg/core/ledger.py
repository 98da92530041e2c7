"""Edits from intention to durable fact: volume, journal and history kept in step. No signals here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.edit import Edit
from napari_emseg.core.history import History
from napari_emseg.core.patching import refuse_if_outdated
from napari_emseg.core.recovery import replay

if TYPE_CHECKING:
    from napari_emseg.core.journal import Entry, Journal
    from napari_emseg.core.volume import LabelVolume


class Ledger:
    """The one path by which labels change.

    Every method first makes the change durable in the journal and then carries it out, so a crash in between is
    mended by replay. If the disk refuses, nothing has happened.

    Parameters
    ----------
    journal : Journal
        Open for writing, or for reading only.
    volume : LabelVolume
        Brought up to date from the journal here.
    """

    def __init__(self, journal: Journal, volume: LabelVolume) -> None:
        self.journal = journal
        self.volume = volume
        self.replayed = replay(journal, volume)
        self.history = History(journal.entries())
        self._forget: list[int] = []

    def commit(self, edit: Edit, model: str) -> list[Entry]:
        """Do an edit; returns the old edits that can no longer be undone because of it.

        Raises
        ------
        EmsegError
            If it does not fit the volume, is outdated, or the disk refuses.
        """
        self.volume.check(edit)
        refuse_if_outdated(self.volume, edit)
        position, forgotten = self._record(edit, model)
        self.volume.apply_quietly(edit)
        self.volume.pages.token = position
        return forgotten

    def commit_stroke(self, edit: Edit, model: str) -> list[Entry]:
        """Keep what was painted: ``edit`` is the open stroke, which is in the volume already."""
        position, forgotten = self._record(edit, model)
        self.volume.pages.release_stroke()
        self.volume.pages.token = position
        return forgotten

    def undo(self) -> Edit | None:
        """Take the newest edit back; returns its inverse, which was applied."""
        entry = self.history.undoable
        if entry is None:
            return None
        edit = self._turn(entry.id, self.journal.read(entry.id).inverse(), -1)
        self.history.undo()
        return edit

    def redo(self) -> Edit | None:
        """Do again what was taken back last."""
        entry = self.history.redoable
        if entry is None:
            return None
        edit = self._turn(entry.id, self.journal.read(entry.id), 1)
        self.history.redo()
        return edit

    def save(self) -> None:
        """Write all labels out, and let the journal know."""
        self.volume.flush()
        self.journal.note_checkpoint(*self.volume.pages.written())

    def _record(self, edit: Edit, model: str) -> tuple[int, list[Entry]]:
        highest = max((int(patch.after.max()) for patch in edit.patches if patch.after.size), default=0)
        checkpoint = self.volume.pages.written()
        entry, position = self.journal.record(
            edit,
            max_id=max(highest, self.volume.max_id()),
            model=model,
            forget=self._forget,
            checkpoint=checkpoint,
        )
        self.volume.pages.forget_written(checkpoint[1])
        forgotten = self.history.push(entry)
        self._forget = [
            old.id for old in forgotten
        ]  # the next transaction notes it; a crash only delays that
        return position, forgotten

    def _turn(self, number: int, edit: Edit, direction: int) -> Edit:
        for patch in edit.patches:
            self.volume.read(patch.region)  # a damaged chunk is to refuse before anything is recorded
        checkpoint = self.volume.pages.written()
        position = self.journal.turn(number, edit, 1 if direction == 1 else -1, checkpoint)
        self.volume.pages.forget_written(checkpoint[1])
        self.volume.apply_quietly(edit)
        self.volume.pages.token = position
        return edit
