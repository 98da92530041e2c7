"""The open project: its image, labels, history, section states, model and settings.

Everything that changes a project goes through here. All methods are called from one thread, the main one,
and all signals are emitted in it.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from psygnal import Signal

from napari_emseg import __version__
from napari_emseg.core.chronicle import event
from napari_emseg.core.conflicts import decide, decided, load_conflicts, save_conflicts
from napari_emseg.core.edit import Edit, Lock, Mark, Region, Source
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.folder_lock import FolderLock
from napari_emseg.core.following import catch_up
from napari_emseg.core.image_reference import ImageReference
from napari_emseg.core.journal import Journal
from napari_emseg.core.ledger import Ledger
from napari_emseg.core.moments import edit_back_to, position_of
from napari_emseg.core.people import around_people
from napari_emseg.core.project import (
    SUFFIX,
    Project,
    belongs,
    default_folder,
    fresh,
    is_project,
    load_project,
    move_into_place,
    new_folder,
)
from napari_emseg.core.recovery import mender, open_volume
from napari_emseg.core.sections import SectionState, SectionStates, Status
from napari_emseg.core.volume import LabelVolume
from napari_emseg.settings import (
    AugmentationSettings,
    CleanUpSettings,
    FinetuneSettings,
    PredictSettings,
    PropagateSettings,
    SeedSettings,
    SegmentSettings,
    Settings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.conflicts import Conflict
    from napari_emseg.core.history import History
    from napari_emseg.core.journal import Entry
    from napari_emseg.core.stack import ImageStack, Spacing

STAGES: dict[str, type[Settings]] = {
    "cleanup": CleanUpSettings,
    "predict": PredictSettings,
    "seeds": SeedSettings,
    "segment": SegmentSettings,
    "propagate": PropagateSettings,
    "finetune": FinetuneSettings,
    "augmentation": AugmentationSettings,
}


class Session:
    """One open project. Made by `create`, `open` or `open_or_create`; ended by `close`.

    Attributes
    ----------
    image : ImageStack
    project : Project
    volume : LabelVolume
        Object ids; napari paints into it, everything else goes through `commit`.
    sections : SectionStates
    read_only : bool
        True if another process has the project open, or the folder cannot be written.
    notices : list of str
        Sentences for the person, oldest first; later ones also come through `notice`.
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
        self.sections = SectionStates(volume.shape[0], journal.section_states())
        self._locked = journal.locked()
        self._corrections = journal.corrections()
        self._conflicts: tuple[Conflict, ...] = ()
        try:
            self._conflicts = load_conflicts(project.folder)
        except EmsegError as error:  # the labels do not depend on it
            self.notices.append(f"{error}.")

    # --- opening and closing -----------------------------------------------------------------------

    @classmethod
    def create(cls, folder: Path, image: ImageStack) -> Session:
        """Make a project for an image. The folder appears complete or not at all.

        Parameters
        ----------
        folder : Path
            ``NAME.emseg``; must not exist.
        image : ImageStack
            The stack to be proofread.

        Raises
        ------
        EmsegError
            If the name is taken or the place cannot be written.
        """
        folder = _absolute(folder)
        beside = new_folder(folder)
        try:
            project = fresh(beside, ImageReference.to(image, folder), f"napari-emseg {__version__}").saved()
            volume = LabelVolume.create(project.labels, image.shape, image.spacing_nm)
            Journal.create(project.journal, volume.dtype).close()
            project.models.mkdir()
        except OSError as error:
            raise EmsegError(f"the project cannot be made ({error.strerror})", str(folder)) from error
        move_into_place(beside, folder)
        return cls.open(folder, image)

    @classmethod
    def open(cls, folder: Path, image: ImageStack | None = None) -> Session:
        """Open a project and bring its labels up to date from the journal.

        Parameters
        ----------
        folder : Path
            ``NAME.emseg``.
        image : ImageStack, optional
            Its image, if it is open already or lies somewhere else now.

        Raises
        ------
        EmsegError
            If a part of the project is missing, damaged beyond mending, or from a newer version.
        """
        folder = _absolute(folder)
        project = load_project(folder)
        lock = FolderLock(project.lock)
        reason = lock.acquire()
        journal: Journal | None = None
        try:
            journal = Journal.open_read_only(project.journal) if reason else Journal.open(project.journal)
            volume, notice = open_volume(
                project.labels, journal, project.image.shape, project.image.spacing_nm
            )
            image = _with_known_spacing(image or _find_image(project), project)
            if image.spacing_nm is None and project.image.spacing_nm is not None:  # as given before
                known = project.image
                image = replace(image, spacing_nm=known.spacing_nm, spacing_source=known.spacing_source)
            if image.shape != project.image.shape:
                raise EmsegError(
                    f"the image has another shape {image.shape} than this project {project.image.shape}",
                    image.uri,
                    "open the image that the project was made for",
                )
            session = cls(image, project, journal, volume, lock, reason)
        except BaseException:
            if journal is not None:
                journal.close()
            lock.release()
            raise
        if notice:
            session.notices.append(notice)
        session._remember_image()
        return session

    @classmethod
    def open_or_create(cls, image: ImageStack, folder: Path | None = None) -> Session:
        """The project of an image: the one that exists, else a new one.

        Parameters
        ----------
        image : ImageStack
        folder : Path, optional
            By default ``<stem>.emseg`` beside the image if that can be written, else in the person's own
            folder.
        """
        if folder is not None:
            return cls.open(folder, image) if is_project(_absolute(folder)) else cls.create(folder, image)
        first = default_folder(image.uri, image.name)
        candidate, n = first, 1
        while candidate.exists() and not belongs(candidate, image):
            n += 1
            candidate = first.with_name(f"{first.stem}-{n}{SUFFIX}")
        return cls.open(candidate, image) if candidate.exists() else cls.create(candidate, image)

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
            self.volume.pages.out.close()
            self._journal.close()
            self._lock.release()

    # --- edits ---------------------------------------------------------------------------------------

    def commit(self, edit: Edit, *, tool: str = "", seconds: float | None = None) -> None:
        """Make an edit durable, apply it, and tell everybody. Empty edits are ignored.

        Parameters
        ----------
        edit : Edit
        tool : str
            What the person held, for the record; by default the first word of the edit's name.
        seconds : float, optional
            How long the person took, for the record.

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
        edit, forgotten = self._ledger.commit(edit, self.project.model, tool=tool, seconds=seconds)
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
        forgotten = self._ledger.commit_stroke(edit, self.project.model, seconds=seconds)
        self._applied(edit, 1, forgotten)
        return edit

    def undo(self) -> Edit | None:
        """Take the newest edit back; returns what was applied (its inverse), None if there is none."""
        self.commit_stroke()
        self._refuse_if_read_only("undo")
        edit = self._ledger.undo()
        if edit is not None:
            self._applied(edit, -1)
        return edit

    def redo(self) -> Edit | None:
        """Do again what was taken back last; returns what was applied, None if there is nothing."""
        self.commit_stroke()
        self._refuse_if_read_only("redo")
        edit = self._ledger.redo()
        if edit is not None:
            self._applied(edit, 1)
        return edit

    def restore(self, number: int) -> Edit:
        """Bring back labels, section states and locks as they were right after an edit, as one new edit.

        Parameters
        ----------
        number : int
            The edit's number in the journal, see `core.chronicle`.

        Returns
        -------
        Edit
            Committed already; empty where nothing has changed since.

        Raises
        ------
        EmsegError
            If what has changed since is not kept any more, or the project is read-only.
        """
        self.commit_stroke()
        self._refuse_if_read_only("restoring")
        then = event(self._journal, number)
        name = f"restore the moment after “{then.name}”" if then else "restore a moment"
        position = position_of(self._journal, number)
        edit = edit_back_to(self._journal, self.volume, self.sections, self._locked, position, name)
        self.commit(edit)
        return edit

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Where a colleague's corrections and this project disagree, decided ones included."""
        return self._conflicts

    def add_conflicts(self, conflicts: Sequence[Conflict]) -> None:
        """Keep conflicts until they are decided, together with those that wait already."""
        self._refuse_if_read_only("importing corrections")
        self._keep_conflicts((*(c for c in self._conflicts if not c.decision), *conflicts))

    def decide_conflict(self, number: int, decision: Literal["mine", "theirs"]) -> Edit:
        """Decide one conflict, as one undoable edit where it changes the labels.

        Parameters
        ----------
        number : int
            Place in `conflicts`.
        decision : {"mine", "theirs"}
        """
        self.commit_stroke()
        self._refuse_if_read_only("the decision")
        edit = decide(self._conflicts[number], decision, self.volume, self.sections)
        self.commit(edit)
        self._keep_conflicts(decided(self._conflicts, number, decision))
        return edit

    def _keep_conflicts(self, conflicts: tuple[Conflict, ...]) -> None:
        save_conflicts(self.project.folder, conflicts)
        self._conflicts = conflicts
        self.history_changed.emit()

    def refresh(self) -> int:
        """Where another process writes this project: show what it has done since. Returns how many edits those were."""
        if not self.read_only or self._closed:
            return 0
        done = catch_up(self._journal, self.volume)
        if not done:
            return 0
        self._corrections = self._journal.corrections()
        before, self._locked = self._locked, self._journal.locked()
        states = self._journal.section_states()
        changed = [z for z in range(len(self.sections)) if states.get(z, SectionState()) != self.sections[z]]
        for z in changed:
            self.sections.put(z, states.get(z, SectionState()))
        for edit in done:
            self.volume.edited.emit(edit)
            self.edited.emit(edit)
        for z in changed:
            self.sections.changed.emit(z, self.sections[z])
            self.sections_changed.emit(z)
        if before != self._locked:
            self.locked_changed.emit()
        self.history_changed.emit()
        return len(done)

    def _applied(self, edit: Edit, direction: int, forgotten: Sequence[Entry] = ()) -> None:
        """Bring everything derived up to date first, and only then tell anybody."""
        if edit.source == "human":
            for z in edit.painted_sections:
                self._corrections[z] = self._corrections.get(z, 0) + direction
        for lock in edit.locks:
            (self._locked.add if lock.after else self._locked.discard)(lock.object_id)
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

    def _refuse_if_read_only(self, what: str) -> None:
        if self._closed:
            raise EmsegError(
                f"{what} is not saved: the project is closed", str(self.project.folder), "open it again"
            )
        if self.read_only:
            raise EmsegError(
                f"{what} is not saved: this project is read-only",
                self.volume.read_only_reason,
                "close it there, or make a copy",
            )

    # --- what can be undone ----------------------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        """The journal, to read the history from (`core.chronicle`); it is written by `commit` only."""
        return self._journal

    @property
    def history(self) -> History:
        """What can be undone and redone."""
        return self._ledger.history

    @property
    def replayed(self) -> int:
        """Number of edits, undos and redos that opening had to bring to the labels on disk."""
        return self._ledger.replayed

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return self.history.undoable is not None or self.volume.pages.has_stroke

    @property
    def can_redo(self) -> bool:
        """Whether there is something to do again."""
        return self.history.redoable is not None

    @property
    def undo_name(self) -> str:
        """Name of the edit that undo takes back, or empty."""
        return self.history.undoable.name if self.history.undoable else ""

    @property
    def redo_name(self) -> str:
        """Name of the edit that redo does again, or empty."""
        return self.history.redoable.name if self.history.redoable else ""

    # --- sections, locks -------------------------------------------------------------------------------

    def mark(self, section: int, status: Status, reason: str = "") -> Edit:
        """Change the state of a section as one undoable edit.

        Parameters
        ----------
        section : int
        status : Status
        reason : str
            Why a section is excluded.
        """
        after = SectionState(Status(status), reason)
        before = self.sections[section]
        marks = (Mark(section, before, after),) if before != after else ()
        edit = Edit(f"mark section {section} {after.status}", "human", (), marks)
        self.commit(edit)
        return edit

    def lock(self, object_id: int, locked: bool = True) -> Edit:
        """Lock or unlock one object as one undoable edit."""
        before = object_id in self._locked
        locks = (Lock(object_id, before, locked),) if before != locked else ()
        edit = Edit(f"{'lock' if locked else 'unlock'} object {object_id}", "human", (), (), locks)
        self.commit(edit)
        return edit

    @property
    def locked(self) -> set[int]:
        """Ids of objects that nothing automatic may overwrite. Changed by `lock` only."""
        return self._locked

    def around_people(
        self,
        name: str,
        source: Source,
        region: Region,
        labels: NDArray[Any],
        *,
        marks: Iterable[Mark] = (),
    ) -> Edit:
        """An edit that writes labels into a box, but not into proofread sections or locked objects.

        See `napari_emseg.core.people.around_people`. The edit is not committed.
        """
        self.commit_stroke()
        return around_people(self.volume, self.sections, self._locked, name, source, region, labels, marks)

    def correction_count(self, section: int) -> int:
        """Number of standing human edits of this section's labels."""
        return self._corrections.get(section, 0)

    # --- model and settings ------------------------------------------------------------------------------

    @property
    def model(self) -> str:
        """Name or folder of the current membrane model."""
        name = self.project.model
        inside = self.project.folder / name
        return str(inside) if name.startswith("models/") and inside.is_dir() else name

    @model.setter
    def model(self, name: str | Path) -> None:
        path = Path(name)
        if path.is_absolute() and path.is_relative_to(self.project.folder):
            name = path.relative_to(self.project.folder).as_posix()
        if str(name) != self.project.model:
            self._save(model=str(name))
            self.model_changed.emit(self.model)

    @property
    def settings(self) -> dict[str, Settings]:
        """Settings of every stage."""
        return {stage: self.get_settings(stage) for stage in STAGES}

    def get_settings(self, stage: str) -> Any:
        """Settings of one stage as the person left them; defaults where this version cannot read them."""
        kind = STAGES[stage]
        try:
            return kind.model_validate(self.project.settings.get(stage, {}))
        except ValueError:
            return kind()

    def set_settings(self, settings: Settings) -> None:
        """Remember the settings of a stage in the project."""
        stage = next(name for name, kind in STAGES.items() if isinstance(settings, kind))
        content = settings.model_dump(mode="json")
        if self.project.settings.get(stage) != content:
            self._save(settings={**self.project.settings, stage: content})
            self.settings_changed.emit(stage)

    def set_spacing(self, spacing_nm: Spacing) -> None:
        """Take over the voxel size that the person has given, and remember it.

        Parameters
        ----------
        spacing_nm : tuple of float
            Voxel size (z, y, x) in nanometres.

        Raises
        ------
        EmsegError
            If a size is not positive.
        """
        z, y, x = (float(size) for size in spacing_nm)
        if not all(math.isfinite(size) and size > 0 for size in (z, y, x)):
            raise EmsegError(
                "a voxel size is a positive number", f"{z:g} x {y:g} x {x:g} nm", "give nanometres"
            )
        self.image = replace(self.image, spacing_nm=(z, y, x), spacing_source="you")
        self._remember_image()

    def _save(self, **changes: Any) -> None:
        # a read-only project remembers them while the window is open
        self.project = replace(self.project, **changes) if self.read_only else self.project.saved(**changes)

    def _remember_image(self) -> None:
        """Note where the image lies now and what its voxel size is."""
        found = ImageReference.to(self.image, self.project.folder)
        if found != self.project.image:
            self._save(image=found)
        if self.image.spacing_nm is not None:
            self.volume.set_spacing(self.image.spacing_nm)

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


def _absolute(folder: Path) -> Path:
    return Path(folder).expanduser().resolve()


def _with_known_spacing(image: ImageStack, project: Project) -> ImageStack:
    """A voxel size is asked for once: what the person said wins over what the file says or lacks."""
    known = project.image
    if known.spacing_nm is None or (image.spacing_nm is not None and known.spacing_source != "you"):
        return image
    return replace(image, spacing_nm=known.spacing_nm, spacing_source=known.spacing_source)


def _find_image(project: Project) -> ImageStack:
    """Open the image that a project refers to."""
    from napari_emseg.io import open_image  # only needed when the image is not open yet

    wanted = project.image
    given = wanted.spacing_nm if wanted.spacing_source == "you" else None
    places = wanted.candidates(project.folder)
    for uri in places:
        if uri.startswith("sample:") or Path(uri.partition("::")[0]).exists():
            image: ImageStack = open_image(uri, spacing_nm=given)
            return image
    raise EmsegError(
        "the image of this project is gone",
        places[0],
        "put it back, or say where it lies now",
        action="find_image",
    )
