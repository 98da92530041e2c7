"""Copy a project folder: everything that belongs to it, at one moment, complete or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.atomic import sync_folder
from napari_emseg.core.database import connect_read_only
from napari_emseg.core.errors import EmsegError, reason_of
from napari_emseg.core.image_reference import ImageReference
from napari_emseg.core.leftovers import remove
from napari_emseg.core.progress import Silent
from napari_emseg.core.project import Origin, load_project, move_into_place, new_folder
from napari_emseg.core.timestamp import timestamp

if TYPE_CHECKING:
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.project import Project

IMAGE = "image"
"""Folder inside a project that holds its image, where that was packed or copied with it."""

JOURNAL = "journal.sqlite"
_NOT_COPIED = ("lock", JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm")


def files_of(folder: Path) -> list[Path]:
    """Files of a project, relative to its folder, the journal left out; what is half-written is not listed."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(place)
        for name in sorted(names):
            relative = (here / name).relative_to(folder)
            if str(relative) not in _NOT_COPIED and not name.startswith("."):
                found.append(relative)
    return found


def freeze(folder: Path, beside: Path) -> None:
    """Keep the present state of a project in another folder on the same disk, quickly and without more space.

    Every file of a project is replaced and never changed in place, so a link keeps what it was. The caller holds the
    project's lock and has written everything out.

    Parameters
    ----------
    folder : Path
        The project.
    beside : Path
        An existing empty folder.

    Raises
    ------
    OSError, sqlite3.Error
        As the system reports it.
    """
    # the journal first: label files may be ahead of it, and it of them never
    with (
        closing(connect_read_only(folder / JOURNAL)) as source,  # the folder may be one that nobody can write
        closing(sqlite3.connect(beside / JOURNAL)) as copy,
    ):
        source.backup(copy)
    for relative in files_of(folder):
        if relative.parts[0] == IMAGE:
            continue
        target = beside / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(folder / relative, target)
        except OSError:  # a disk without links
            shutil.copyfile(folder / relative, target)


def origin_of(folder: Path) -> Origin:
    """What a copy of this project has in common with it: everything up to now."""
    with closing(sqlite3.connect(folder / JOURNAL)) as db:
        position = int(db.execute("SELECT coalesce(max(seq), 0) FROM log").fetchone()[0])
        row = db.execute("SELECT value FROM meta WHERE key = 'max_id'").fetchone()
    return Origin(position, int(row[0]) if row else 0, timestamp())


def image_path(project: Project) -> Path | None:
    """File or folder of a project's image, None for samples and for an image that is not where it was."""
    for uri in project.image.candidates(project.folder):
        path = Path(uri.partition("::")[0])
        if uri and not uri.startswith("sample:") and path.exists():
            return path
    return None


def image_files(path: Path) -> list[tuple[Path, Path]]:
    """Files of an image and where they go inside a project: (source, relative target)."""
    if path.is_file():
        return [(path, Path(IMAGE) / path.name)]
    return [
        (Path(place) / name, Path(IMAGE) / path.name / Path(place).relative_to(path) / name)
        for place, _, names in os.walk(path)
        for name in sorted(names)
    ]


def inside(reference: ImageReference, name: str) -> ImageReference:
    """A reference to an image that lies in the project's own folder."""
    internal = reference.uri.partition("::")[1:]
    place = f"{IMAGE}/{name}" + "".join(internal)
    return replace(reference, uri=place, relative=place)


def copy_project(
    folder: Path,
    target: Path,
    *,
    source: Path | None = None,
    with_image: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Copy a project.

    Parameters
    ----------
    folder : Path
        The project; the caller holds its lock.
    target : Path
        The copy, ``NAME.emseg``; must not exist.
    source : Path, optional
        Frozen state of the project to copy from (see `freeze`), where the project is in use meanwhile.
    with_image : bool
        Also copy the image, into the copy.
    progress : Progress, optional

    Returns
    -------
    Path
        The copy.

    Raises
    ------
    EmsegError
        If the name is taken, the image is gone, or the disk refuses; nothing is left then.
    """
    progress = progress or Silent()
    project = load_project(folder)
    image = wanted_image(project) if with_image else None
    beside = new_folder(target)
    try:
        begin = beside / ".frozen"
        if source is None:
            begin.mkdir()
            freeze(folder, begin)
            source = begin
        work = [(source / name, name) for name in (*files_of(source), Path(JOURNAL))]
        work += image_files(image) if image else []
        total = sum(path.stat().st_size for path, _ in work) or 1
        done = 0
        for path, name in work:
            (beside / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, beside / name)
            done += path.stat().st_size
            progress.report(done / total, f"copying {name.name}")
        remove(begin)
        reference = inside(project.image, image.name) if image else _elsewhere(project, target)
        membranes = project.membranes and project.membranes.seen_from(folder, target)
        replace(load_project(beside), image=reference, origin=origin_of(beside), membranes=membranes).saved()
        sync_folder(beside)
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        if isinstance(error, (OSError, sqlite3.Error)):
            raise EmsegError(
                f"the copy is not made: {reason_of(error)}", str(target), "free space or choose another place"
            ) from error
        raise
    move_into_place(beside, target)
    return target


def wanted_image(project: Project) -> Path | None:
    """`image_path` of an image that has to be there.

    Raises
    ------
    EmsegError
        If it is not; a sample needs none.
    """
    path = image_path(project)
    if path is None and not project.image.uri.startswith("sample:"):
        raise EmsegError(
            "the image of this project is gone",
            project.image.uri or project.image.name,
            "find it first, or leave it out",
        )
    return path


def _elsewhere(project: Project, target: Path) -> ImageReference:
    """The reference of a copy in another place to the same image."""
    path = image_path(project)
    if path is None:
        return project.image
    internal = "".join(project.image.uri.partition("::")[1:])
    try:
        relative = Path(os.path.relpath(path, target)).as_posix() + internal
    except ValueError:  # another drive
        relative = ""
    return replace(project.image, uri=str(path.resolve()) + internal, relative=relative)
