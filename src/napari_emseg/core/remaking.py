"""Projects that have lost their ``project.json``: what is said about them, and how it is made anew.

The file says which image a project belongs to, which model it uses and how its stages are set. Labels, history,
section states and models lie beside it and are not touched.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.core.project import Project
    from napari_emseg.core.stack import ImageStack

ACTION = "remake_project"
_TRACES = ("journal.sqlite", "labels.zarr")
_KEPT = "project.json.damaged"


class DamagedProject(EmsegError):  # noqa: N818 - reads as what happened
    """A project whose ``project.json`` is missing or no longer readable.

    Parameters
    ----------
    what : str
    where : str
        The project folder.
    remedy : str, optional
    """

    def __init__(self, what: str, where: str, remedy: str = "") -> None:
        remedy = remedy or (
            "labels and history are untouched: put the file back from a backup, or have it made anew with "
            '"napari-emseg project find-image PROJECT IMAGE", or rename the folder to begin a new project'
        )
        super().__init__(what, where, remedy, action=ACTION)

    @property
    def folder(self) -> Path:
        """The project folder."""
        return Path(self.where)


def has_traces(folder: Path) -> bool:
    """Whether this folder holds the work of a project, with or without its ``project.json``."""
    return any((folder / name).exists() for name in _TRACES)


def remake(folder: Path, image: ImageStack, program: str) -> Project:
    """Write ``project.json`` anew for an image; what is left of the old one is kept as ``project.json.damaged``.

    Parameters
    ----------
    folder : Path
        A project whose `load_project` raised `DamagedProject`.
    image : ImageStack
        The image that its labels were made on.
    program : str
        Name and version, for the file.

    Raises
    ------
    EmsegError
        If the labels have another shape than the image, the project is in use, or the folder cannot be written.
    """
    from napari_emseg.core.folder_lock import FolderLock
    from napari_emseg.core.image_reference import ImageReference
    from napari_emseg.core.project import fresh
    from napari_emseg.core.volume import LabelVolume

    project = fresh(folder, ImageReference.to(image, folder), program)
    volume = LabelVolume.open(project.labels)
    if volume.shape != image.shape:
        raise EmsegError(
            f"the labels have another shape {volume.shape} than the image {image.shape}",
            str(project.labels),
            "give the image that the project was made for",
        )
    lock = FolderLock(project.lock)
    if reason := lock.acquire():
        raise EmsegError(f"the project cannot be mended: {reason}", str(folder), "close it there")
    try:
        old = folder / "project.json"
        if old.is_symlink() or old.exists():
            old.replace(_free(folder / _KEPT))
        return project.saved()
    except OSError as error:
        raise EmsegError(
            f"the project cannot be mended ({error.strerror})", str(folder), "check the folder"
        ) from error
    finally:
        lock.release()


def _free(path: Path) -> Path:
    """A name at which nothing is: nothing that a person may still want is replaced."""
    found, n = path, 1
    while found.exists():
        n += 1
        found = path.with_name(f"{path.name}-{n}")
    return found
