"""Edits from intention to durable fact: volume, journal and history kept in step. No signals here."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_emseg.core.compaction import Compaction
from napari_emseg.core.edit import Edit
from napari_emseg.core.history import History
from napari_emseg.core.older_labels import go_back_to_labels
from napari_emseg.core.page_records import PageRecords
from napari_emseg.core.patching import refuse_if_outdated
from napari_emseg.core.recovery import go_on_after_loss, replay

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
        self.notice = go_on_after_loss(journal, volume) or go_back_to_labels(journal, volume)
        """What the person is to know about the journal; empty where all is well."""
        self.records = PageRecords(journal)
        volume.pages.book = self.records
        self.replayed = replay(journal, volume)
        self.history = History(journal.kept())
        self.compaction = Compaction(journal, volume, self.records)
        volume.pages.out.idle = lambda: self.compaction.step() or volume.pyramid.step()
        self._forget: list[int] = []

    def commit(self, edit: Edit, model: str, **more: Any) -> tuple[Edit, list[Entry]]:
        """Do an edit; returns it as it was recorded, and the old edits that can no longer be undone because of it.

        Parameters
        ----------
        edit : Edit
        model : str
            Current model, for the record.
        **more
            ``tool`` and ``seconds``, see `Journal.record`.

        Raises
        ------
        EmsegError
            If it does not fit the volume, is outdated, or the disk refuses.
        """
        self.volume.check(edit)
        refuse_if_outdated(self.volume, edit)
        with self._still(edit):
            entry, position, forgotten = self._record(edit, model, **more)
            if edit.relabel is not None:
                edit = replace(edit, relabel=replace(edit.relabel, number=entry.id))
            self.volume.apply_quietly(edit)
            self.volume.pages.token = position
        return edit, forgotten

    def commit_stroke(self, edit: Edit, model: str, **more: Any) -> list[Entry]:
        """Keep what was painted: ``edit`` is the open stroke, which is in the volume already."""
        _, position, forgotten = self._record(edit, model, **more)
        self.volume.pages.release_stroke()
        self.volume.pages.token = position
        return forgotten

    def undo(self) -> Edit | None:
        """Take the newest edit back; returns its inverse, which was applied."""
        entry = self.history.undoable
        if entry is None:
            return None
        with self.volume.pages.out.standing_aside():
            edit = self._turn(entry.id, self.journal.read(entry.id).inverse(), -1)
        self.history.undo()
        return edit

    def redo(self) -> Edit | None:
        """Do again what was taken back last."""
        entry = self.history.redoable
        if entry is None:
            return None
        with self.volume.pages.out.standing_aside():
            edit = self._turn(entry.id, self.journal.read(entry.id), 1)
        self.history.redo()
        return edit

    def save(self) -> None:
        """Write all labels out, and let the journal know."""
        self.volume.flush()
        self.journal.note_checkpoint(*self.volume.pages.out.written())

    def _record(self, edit: Edit, model: str, **more: Any) -> tuple[Entry, int, list[Entry]]:
        checkpoint = self.volume.pages.out.written()
        entry, position = self.journal.record(
            edit,
            max_id=max(edit.highest_id, self.volume.max_id()),
            model=model,
            forget=self._forget,
            checkpoint=checkpoint,
            **more,
        )
        self.volume.pages.out.forget_written(checkpoint[1])
        self.history.grow(self.records.grown())
        forgotten = self.history.push(entry)
        # the next transaction notes it; a crash only delays that
        self._forget = [old.id for old in forgotten]
        return entry, position, [old for old in forgotten if old.state == "done"]

    def _turn(self, number: int, edit: Edit, direction: int) -> Edit:
        for patch in edit.patches:
            self.volume.read(patch.region)  # a damaged chunk is to refuse before anything is recorded
        checkpoint = self.volume.pages.out.written()
        with self._still(edit):
            position = self.journal.turn(number, edit, 1 if direction == 1 else -1, checkpoint)
            self.volume.pages.out.forget_written(checkpoint[1])
            self.volume.apply_quietly(edit)
            self.volume.pages.token = position
        return edit

    def _still(self, edit: Edit) -> AbstractContextManager[object]:
        """No page is looked at between the record of a change of ids and the change itself."""
        return nullcontext() if edit.relabel is None else self.volume.pages.lock
