"""The open project: its image, labels, history, section states, model and settings.

Everything that changes a project goes through here. All methods are called from one thread, the main one,
and all signals are emitted in it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg import __version__
from napari_emseg.core.chronicle import count_events
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.folder_lock import FolderLock
from napari_emseg.core.image_reference import ImageReference
from napari_emseg.core.journal import Journal
from napari_emseg.core.leftovers import clear_small
from napari_emseg.core.project import (
    SUFFIX,
    belongs,
    default_folder,
    fresh,
    is_project,
    load_project,
    move_into_place,
    new_folder,
    refusal,
)
from napari_emseg.core.recovery import open_volume
from napari_emseg.core.remaking import remake
from napari_emseg.core.volume import LabelVolume
from napari_emseg.session.disagreeing import Disagreeing
from napari_emseg.session.image import image_of, words_of_change
from napari_emseg.session.marking import Marking
from napari_emseg.session.remembering import STAGES, Remembering
from napari_emseg.session.undoing import Undoing

if TYPE_CHECKING:
    from napari_emseg.core.stack import ImageStack

__all__ = ["STAGES", "Session"]


class Session(Undoing, Marking, Disagreeing, Remembering):
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

    @classmethod
    def create(cls, folder: Path, image: ImageStack) -> Session:
        """Make a project for an image. The folder appears complete or not at all.

        Parameters
        ----------
        folder : Path
            ``NAME.emseg``; must not exist.
        image : ImageStack
            The stack to be proofread. Sections that it calls ``missing`` are left out.

        Raises
        ------
        EmsegError
            If the name is taken or the place cannot be written.
        """
        folder = _absolute(folder)
        beside = new_folder(folder)
        try:
            reference = ImageReference.to(image, folder, image.fingerprint)
            project = fresh(beside, reference, f"napari-emseg {__version__}").saved()
            volume = LabelVolume.create(project.labels, image.shape, image.spacing_nm)
            Journal.create(project.journal, volume.dtype).close()
            project.models.mkdir()
        except BaseException as error:
            shutil.rmtree(beside, ignore_errors=True)
            if isinstance(error, OSError):
                raise EmsegError(
                    f"the project cannot be made ({error.strerror})", str(folder), "choose another place"
                ) from error
            if isinstance(error, EmsegError):  # it names the folder as it is called until it is complete
                where = error.where.replace(str(beside), str(folder))
                raise EmsegError(error.what, where, error.remedy, action=error.action) from error
            raise
        move_into_place(beside, folder)
        made = cls.open(folder, image)
        try:
            made.leave_out_missing()
        except EmsegError as error:  # on a full disk the project can still be looked at
            made.notices.append(f"{error}.")
        return made

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
        if not reason:
            for place in (folder, project.labels, *project.models.glob("*/")):
                clear_small(place)
        try:
            journal = Journal.open_read_only(project.journal) if reason else Journal.open(project.journal)
            volume, notice = open_volume(
                project.labels, journal, project.image.shape, project.image.spacing_nm
            )
            image = image_of(project, image)
            session = cls(image, project, journal, volume, lock, reason)
        except BaseException:
            if journal is not None:
                journal.close()
            lock.release()
            raise
        if notice:
            session.notices.append(notice)
        changed = words_of_change(project, image)
        begun = bool(changed) and count_events(journal) > 0
        if begun:
            session.notices.append(changed)
        try:
            session.remember_image()
            if changed and not begun:  # nothing was made on the other one
                session.keep_image()
        except EmsegError as error:  # on a full disk the project can still be looked at
            session.notices.append(f"{error}.")
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

        Raises
        ------
        EmsegError
            If the folder that has the image's name holds a project that cannot be read.
        """
        if folder is not None:
            return cls.open(folder, image) if is_project(_absolute(folder)) else cls.create(folder, image)
        first = default_folder(image.uri, image.name)
        candidate, n = first, 1
        unreadable: EmsegError | None = None
        while candidate.exists() and not belongs(candidate, image):
            unreadable = unreadable or refusal(candidate)
            n += 1
            candidate = first.with_name(f"{first.stem}-{n}{SUFFIX}")
        if candidate.exists():
            return cls.open(candidate, image)
        if unreadable is not None:  # it may hold the work on this image: nothing is begun beside it unasked
            raise unreadable
        return cls.create(candidate, image)

    @classmethod
    def remake(cls, folder: Path, image: ImageStack) -> Session:
        """Open a project that has lost its ``project.json``, after the file was made anew for its image.

        Raises
        ------
        EmsegError
            As `core.remaking.remake` and `open`.
        """
        folder = _absolute(folder)
        remake(folder, image, f"napari-emseg {__version__}")
        session = cls.open(folder, image)
        session.notices.append(
            "The project file was made anew: labels, history and section states are as they were, "
            "the settings of the stages and the choice of the model are not."
        )
        return session


def _absolute(folder: Path) -> Path:
    return Path(folder).expanduser().resolve()
