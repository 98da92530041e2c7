"""A project folder, ``NAME.emseg``. ``docs/project-layout.md`` describes every file in it.

::

    NAME.emseg/
      project.json     what this is: layout version, the image it belongs to, the current model, settings
      labels.zarr/     object ids, OME-Zarr 0.5, one array "0" in chunks of (1, 512, 512)
      journal.sqlite   every edit, section states, locked objects (and -wal, -shm beside it while open)
      models/          models that were fine-tuned here, one folder each
      lock             held by the process that may write

Paths inside ``project.json`` are relative to the folder, so that it can be moved together with its image.
"""

from __future__ import annotations

import json
import math
import shutil
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.atomic import may_write, patiently, sync_folder, write_atomic
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.home import own_folder
from napari_emseg.core.image_reference import ImageReference
from napari_emseg.core.leftovers import beside as name_beside
from napari_emseg.core.leftovers import clear
from napari_emseg.core.membrane_file import MembraneFile
from napari_emseg.core.migration import VERSION, migrated
from napari_emseg.core.remaking import DamagedProject, has_traces
from napari_emseg.core.timestamp import timestamp
from napari_emseg.core.words import file_name

if TYPE_CHECKING:
    from napari_emseg.core.stack import ImageStack

SUFFIX = ".emseg"
FORMAT = "napari-emseg project"
_FILE = "project.json"


@dataclass(frozen=True)
class Origin:
    """Where a copy or an unpacked project comes from.

    Parameters
    ----------
    position : int
        Place in the log up to which both have the same history.
    max_id : int
        Highest id at that moment: higher ones were given on both sides independently.
    time : str
        When the copy was made (UTC).
    """

    position: int
    max_id: int
    time: str


@dataclass(frozen=True)
class Project:
    """The content of ``project.json``; changes are written with `saved`."""

    folder: Path
    image: ImageReference
    model: str = "membrane"
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    identity: str = ""
    created: str = ""
    program: str = ""
    origin: Origin | None = None
    membranes: MembraneFile | None = None

    @property
    def membranes_in_use(self) -> MembraneFile | None:
        """The file that membranes come from in place of the model; None where the model finds them."""
        return self.membranes if self.membranes is not None and self.membranes.is_used else None

    @property
    def source(self) -> str:
        """What the journal writes for where membranes come from: the model, or the file in its place."""
        file = self.membranes_in_use
        return file.record if file is not None else self.model

    @property
    def labels(self) -> Path:
        """The label store."""
        return self.folder / "labels.zarr"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.folder / "journal.sqlite"

    @property
    def models(self) -> Path:
        """Models that were made in this project."""
        return self.folder / "models"

    @property
    def lock(self) -> Path:
        """The lock file."""
        return self.folder / "lock"

    def saved(self, **changes: Any) -> Project:
        """The project with some fields changed, after it was written.

        Raises
        ------
        EmsegError
            If the folder cannot be written.
        """
        project = replace(self, **changes)
        content = {
            "format": FORMAT,
            "version": VERSION,
            "identity": project.identity,
            "created": project.created,
            "program": project.program,
            "image": {
                "uri": project.image.uri,
                "relative": project.image.relative,
                "shape": list(project.image.shape),
                "spacing_nm": list(project.image.spacing_nm) if project.image.spacing_nm else None,
                "spacing_source": project.image.spacing_source,
                "name": project.image.name,
                "fingerprint": project.image.fingerprint,
            },
            "model": project.model,
            "membranes": asdict(project.membranes) if project.membranes else None,
            "settings": project.settings,
            "origin": asdict(project.origin) if project.origin else None,
        }
        try:
            write_atomic(project.folder / _FILE, json.dumps(content, indent=2, ensure_ascii=False).encode())
        except OSError as error:
            raise EmsegError(
                f"the project cannot be saved ({error.strerror})",
                str(project.folder),
                "free space or choose another folder",
            ) from error
        return project


def load_project(folder: Path) -> Project:
    """Read ``project.json``.

    Raises
    ------
    EmsegError
        If this is no project, or it is from a newer version; `DamagedProject` where it has lost its file.
    """
    path = folder / _FILE
    try:
        content = json.loads(patiently(path.read_text, "utf-8"))
        if content["format"] != FORMAT:
            raise KeyError("format")
        return _understood(migrated(content, folder), folder)
    except FileNotFoundError as error:
        if has_traces(folder):
            raise DamagedProject(f"this project has lost its {_FILE}", str(folder)) from error
        raise EmsegError("this is not a project folder", str(folder), f"it holds no {_FILE}") from error
    except PermissionError as error:
        raise EmsegError("the project may not be read", str(path), "ask its owner for permission") from error
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DamagedProject(f"this project's {_FILE} is damaged", str(folder)) from error


def _understood(content: dict[str, Any], folder: Path) -> Project:
    """What a ``project.json`` says; anything of another type or sign raises TypeError or ValueError."""
    image = content["image"]
    z, y, x = (int(n) for n in image["shape"])
    spacing = image["spacing_nm"]
    sizes = (float(spacing[0]), float(spacing[1]), float(spacing[2])) if spacing else None
    if min(z, y, x) < 1 or (sizes and not all(0 < size < math.inf for size in sizes)):
        raise ValueError(image)
    settings = content["settings"]
    if not isinstance(settings, dict) or not all(isinstance(stage, dict) for stage in settings.values()):
        raise TypeError(settings)
    words = [image[key] for key in ("uri", "relative", "spacing_source", "name")]
    words.append(image.get("fingerprint", ""))
    words += [content[key] for key in ("model", "identity", "created", "program")]
    if not all(isinstance(word, str) for word in words):
        raise TypeError(words)
    uri, relative, source, name, mark, model, identity, created, program = words
    return Project(
        folder,
        ImageReference(uri, relative, (z, y, x), sizes, source, name, mark),
        model,
        settings,
        identity,
        created,
        program,
        Origin(**content["origin"]) if content["origin"] else None,
        MembraneFile.understood(content.get("membranes")),
    )


def is_project(folder: Path) -> bool:
    """Whether this folder is a project."""
    return (folder / _FILE).is_file()


def new_folder(folder: Path) -> Path:
    """A hidden folder beside the final one, to be filled and then moved into place.

    Raises
    ------
    EmsegError
        If the name is taken or the place cannot be written.
    """
    if folder.exists():
        raise EmsegError("there is already something here", str(folder), "open it, or choose another name")
    clear(folder)
    beside = name_beside(folder, "part")
    try:
        beside.mkdir(parents=True)
    except OSError as error:
        raise EmsegError(
            f"a project cannot be made here ({error.strerror})",
            str(folder.parent),
            _where_else(folder),
        ) from error
    return beside


def _where_else(folder: Path) -> str:
    """What to do where a project cannot be made; nobody has chosen the person's own folder."""
    if folder.parent == home() / "projects":
        return "copy the stack into a folder that you may write, or name one in NAPARI_EMSEG_HOME"
    return "choose a writable folder"


def move_into_place(beside: Path, folder: Path) -> None:
    """Give a filled folder its final name."""
    try:
        patiently(beside.rename, folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise EmsegError(
            f"the project cannot be made ({error.strerror})", str(folder), "choose another name"
        ) from error


def fresh(folder: Path, image: ImageReference, program: str) -> Project:
    """A project that is not written yet."""
    now = timestamp()
    return Project(folder, image, identity=uuid.uuid4().hex, created=now, program=program)


def default_folder(uri: str, name: str) -> Path:
    """Where the project of an image goes: beside it when that is writable, else the person's own folder.

    Parameters
    ----------
    uri : str
        ``sample:NAME`` or a path with optional ``::internal/path``.
    name : str
        Used where the uri is no path.
    """
    path = Path(uri.partition("::")[0])
    if not uri.startswith("sample:") and uri and path.exists():
        path = path.resolve()
        beside = path.parent / f"{path.stem}{SUFFIX}"
        if is_project(beside) or may_write(path.parent):
            return beside
        name = path.stem
    return home() / "projects" / f"{file_name(name) or 'project'}{SUFFIX}"


def home() -> Path:
    """The person's own folder of this program; ``NAPARI_EMSEG_HOME`` moves it.

    Raises
    ------
    EmsegError
        If the person has no home: one that the system has no name for, in a container.
    """
    return own_folder()


def belongs(folder: Path, image: ImageStack) -> bool:
    """Whether the project in this folder was made for this image."""
    try:
        project = load_project(folder)
    except EmsegError:
        return False
    wanted = ImageReference.to(image, folder)
    return wanted.uri in project.image.candidates(folder) and wanted.shape == project.image.shape


def refusal(folder: Path) -> EmsegError | None:
    """Why the project in this folder cannot be read; None if it can, or if there is no trace of one."""
    try:
        load_project(folder)
    except EmsegError as error:
        return error if has_traces(folder) else None
    return None
