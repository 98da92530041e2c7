"""What every part of a session stands on: its state, its signals, and the one way in which edits happen."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_emseg.core.answers import standing_answers
from napari_emseg.core.edit import Edit
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.ledger import Ledger
from napari_emseg.core.recovery import mender
from napari_emseg.core.sections import SectionStates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_emseg.core.codec import PackedEdit
    from napari_emseg.core.folder_lock import FolderLock
    from napari_emseg.core.history import History
    from napari_emseg.core.journal import Entry, Journal
    from napari_emseg.core.project import Project
    from napari_emseg.core.stack import ImageStack
    from napari_emseg.core.volume import LabelVolume


class Kernel:
    """State and edits of one open project; `Session` adds what people do with them.

    Parameters
    ----------
    image : ImageStack
    project : Project
    journal : Journal
    volume : LabelVolume
    lock : FolderLock
    reason : str
        Why the project can only be read; empty where it can be written.
    """

    edited = Signal(Edit)
    history_changed = Signal()
    sections_changed = Signal(int)
    model_changed = Signal(str)
    settings_changed = Signal(str)
    locked_changed = Signal()
    notice = Signal(str)

    def __init__(
        self,
        image: ImageStack,
        project: Project,
        journal: Journal,
        volume: LabelVolume,
        lock: FolderLock,
        reason: str,
    ) -> None:
        self.image = image
        self.project = project
        self.volume = volume
        self.notices: list[str] = []
        self.read_only = bool(reason)
        self._journal = journal
        self._lock = lock
        self._said_write_error = ""
        self._closed = False
        if reason:
            volume.read_only_reason = reason
            volume.pages.out.may_write = False
            self.notices.append(f"This project is read-only: {reason}.")
        volume.pages.mend = mender(journal, volume, self.notices.append)
        self._ledger = Ledger(journal, volume)
        if self._ledger.notice:
            self.notices.append(self._ledger.notice)
        self.sections = SectionStates(volume.shape[0], journal.section_states())
        self._locked = journal.locked()
        self._answers = standing_answers(journal)
        self._corrections = journal.corrections()

    def save(self) -> None:
        """Write everything to disk now; it happens by itself a second after each edit.

        Raises
        ------
        EmsegError
            If the disk refuses; nothing is lost from memory and journal then.
        """
        if not self.read_only and not self._closed:
            self.commit_stroke()
            self._ledger.save()

    def close(self) -> None:
        """Save everything and let the folder go; a second call does nothing."""
        if self._closed:
            return
        try:
            if not self.read_only:
                self.commit_stroke()
                self._ledger.save()
        finally:
            self._closed = True
            self.volume.pages.mend = None  # a layer that somebody has made of the labels may still read them
            self.volume.pages.out.close()
            self._journal.close()
            self._lock.release()

    # --- edits ---------------------------------------------------------------------------------------

    def commit(
        self, edit: Edit, *, tool: str = "", seconds: float | None = None, ready: PackedEdit | None = None
    ) -> None:
        """Make an edit durable, apply it, and tell everybody. Empty edits are ignored.

        Parameters
        ----------
        edit : Edit
        tool : str
            What the person held, for the record; by default the first word of the edit's name.
        seconds : float, optional
            How long the person took, for the record.
        ready : PackedEdit, optional
            The same edit, compressed already: that is most of the time that a large one takes.

        Raises
        ------
        EmsegError
            If the disk refuses, the project is read-only, or the labels have changed since the edit was
            built. Nothing has happened then.
        """
        self.commit_stroke()
        if edit.is_empty:
            return
        self._refuse_if_read_only(edit.name)
        edit, forgotten = self._ledger.commit(
            edit, self.project.source, tool=tool, seconds=seconds, ready=ready
        )
        self._applied(edit, 1, forgotten)

    def commit_stroke(self, name: str = "paint") -> Edit | None:
        """Turn what was painted since the last call into one durable edit; None if nothing changed.

        Raises
        ------
        EmsegError
            If the disk refuses. What was painted stays in the volume and is saved with the next call.
        """
        if not self.volume.pages.has_stroke:
            return None
        edit = Edit(name, "human", self.volume.stroke())
        if not edit.patches:
            self.volume.pages.release_stroke()
            return None
        self._refuse_if_read_only(name)
        seconds = time.monotonic() - self.volume.pages.stroke_began
        forgotten = self._ledger.commit_stroke(edit, self.project.source, seconds=seconds)
        self._applied(edit, 1, forgotten)
        return edit

    def unsaved(self) -> EmsegError | None:
        """Why what was painted last cannot be saved, after another try; None where all is durable."""
        try:
            self.commit_stroke()
        except EmsegError as error:
            return error
        return None

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A journal that another program has locked is not waited for meanwhile."""
        patience, self._journal.patience_ms = self._journal.patience_ms, 0
        try:
            yield
        finally:
            self._journal.patience_ms = patience

    def _applied(self, edit: Edit, direction: int, forgotten: Sequence[Entry] = ()) -> None:
        """Bring everything derived up to date first, and only then tell anybody."""
        if edit.source == "human":
            for z in edit.painted_sections:
                self._corrections[z] = self._corrections.get(z, 0) + direction
        for lock in edit.locks:
            (self._locked.add if lock.after else self._locked.discard)(lock.object_id)
        for answer in edit.answers:
            self._answers[answer.sites] = answer.after
        for mark in edit.marks:
            self.sections.put(mark.section, mark.after)
        self.volume.edited.emit(edit)
        self.edited.emit(edit)
        for mark in edit.marks:
            self.sections.changed.emit(mark.section, mark.after)
            self.sections_changed.emit(mark.section)
        if edit.locks:
            self.locked_changed.emit()
        self.history_changed.emit()
        if forgotten:
            limit = f"{self.history.limit_bytes / 2**20:.0f} MB"
            self._say(
                f"The {len(forgotten)} oldest edits can no longer be undone: the history holds {limit}."
            )
        self._say_write_error()

    def need_writing(self) -> None:
        """Refuse, before anything of a command is done, a project that cannot be changed.

        Raises
        ------
        EmsegError
            Saying why: it is open elsewhere, or nobody can write there.
        """
        if self.read_only:
            raise EmsegError(
                "this project cannot be changed",
                self.volume.read_only_reason,
                "close it there, or make a copy",
            )

    def _refuse_if_read_only(self, what: str) -> None:
        if self._closed:
            raise EmsegError(
                f"{what} is not saved: the project is closed", str(self.project.folder), "open it again"
            )
        if self.read_only:
            raise EmsegError(
                f"{what} is not saved: this project is read-only",
                self.volume.read_only_reason,
                "make a copy, or open it where it can be changed",
            )

    @property
    def history(self) -> History:
        """What can be undone and redone."""
        return self._ledger.history

    # --- telling the person ------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self.notices.append(text)
        self.notice.emit(text)

    def _say_write_error(self) -> None:
        error = self.volume.pages.out.error
        text = "" if error is None else str(error)
        if text and text != self._said_write_error:
            self._say(text)
        self._said_write_error = text
