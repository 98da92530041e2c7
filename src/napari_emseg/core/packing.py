"""Pack a project into one file for a colleague, and unpack one without trusting it.

A pack is a zip file with ``manifest.json``, which names every other file with its size and SHA-256. Unpacking refuses
whatever the manifest does not name, names that leave the folder, links, programs in disguise (pickles), and files that
grow beyond what they say.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import stat
import time
import zipfile
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from napari_emseg.core.atomic import patiently
from napari_emseg.core.copying import (
    IMAGE,
    JOURNAL,
    files_of,
    freeze,
    image_files,
    inside,
    origin_of,
    wanted_image,
)
from napari_emseg.core.database import read_only_uri
from napari_emseg.core.errors import EmsegError, reason_of
from napari_emseg.core.leftovers import beside as name_beside
from napari_emseg.core.leftovers import clear, remove
from napari_emseg.core.progress import Silent
from napari_emseg.core.project import SUFFIX, load_project, move_into_place, new_folder
from napari_emseg.core.timestamp import timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from napari_emseg.core.progress import Progress

FORMAT = "napari-emseg pack"
VERSION = 1
MANIFEST = "manifest.json"

_LARGEST_MANIFEST = 256 * 2**20
_WORST_RATIO = 200  # label chunks and images are stored as they are; only text and tables shrink
_SMALL = 64 * 2**20  # below this nothing can do harm by its size
_PIECE = 2**20
_NEVER = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".py", ".pyc", ".so", ".dll", ".exe")
_SHRINKS = (".json", ".sqlite", ".csv", ".txt", ".tif", ".tiff", "")


def pack_project(
    folder: Path,
    pack: Path,
    *,
    source: Path | None = None,
    with_image: bool = True,
    replaces: bool = False,
    program: str = "",
    progress: Progress | None = None,
) -> Path:
    """Write a project into one file.

    Parameters
    ----------
    folder : Path
        The project; the caller holds its lock.
    pack : Path
        The zip file to write.
    source : Path, optional
        Frozen state of the project (see `core.copying.freeze`), where it is in use meanwhile.
    with_image : bool
        Whether the image goes with it.
    replaces : bool
        Whether a file of this name gives way, once the pack is complete: the person was asked. Else it must not exist.
    program : str
        Name and version of this program, for the manifest.
    progress : Progress, optional

    Returns
    -------
    Path
        The pack.

    Raises
    ------
    EmsegError
        If the name is taken, the image is gone, a file could not be unpacked, or the disk refuses; all is as it was then.
    """
    progress = progress or Silent()
    project = load_project(folder)
    image = wanted_image(project) if with_image else None
    if pack.is_dir() or (pack.exists() and not replaces):
        raise EmsegError("there is already something here", str(pack), "choose another name")
    clear(pack)
    beside = name_beside(pack, "part")
    state = name_beside(pack, "frozen")
    try:
        state.mkdir(parents=True)
        if source is None:
            freeze(folder, state)
        else:
            shutil.copytree(source, state, dirs_exist_ok=True, copy_function=_link)
        own = replace(load_project(state), origin=origin_of(state))
        name = project.image.name if image is None else image.name
        reference = inside(project.image, name)
        if image is None and not project.image.uri.startswith("sample:"):
            path, colons, internal = project.image.uri.partition("::")
            reference = replace(
                project.image,
                uri=Path(path).name + colons + internal,  # a colleague has no use for a path of ours
                relative=f"../{Path(path).name}{colons}{internal}",
            )
        elif image is None:
            reference = project.image
        (state / "project.json").unlink()
        replace(own, image=reference).saved()
        work = [(state / name, name) for name in (*files_of(state), Path(JOURNAL))]
        work += image_files(image) if image else []
        _refuse_what_nobody_could_unpack([name.as_posix() for _, name in work], pack)
        _write(beside, work, {"name": folder.stem, "program": program, "image": bool(image)}, progress)
        patiently(beside.replace, pack)
    except (OSError, sqlite3.Error) as error:
        raise EmsegError(
            f"the pack is not made: {reason_of(error)}", str(pack), "free space or choose another place"
        ) from error
    finally:
        remove(beside)
        remove(state)
    return pack


def unpack_project(pack: Path, target: Path | None = None, *, progress: Progress | None = None) -> Path:
    """Make a project folder of a pack; it appears complete and checked, or not at all.

    Parameters
    ----------
    pack : Path
        Written by `pack_project`, or by anybody: nothing in it is trusted.
    target : Path, optional
        Folder to make; default ``NAME.emseg`` beside the pack, after the pack's own name.
    progress : Progress, optional

    Returns
    -------
    Path
        The project folder.

    Raises
    ------
    EmsegError
        If the pack is damaged, hostile or of a newer version, the name is taken, or the disk is full.
    """
    progress = progress or Silent()
    if target is None:
        stem = pack.name.removesuffix(".zip").removesuffix(SUFFIX)
        target = pack.with_name(f"{stem or 'project'}{SUFFIX}")
    try:
        with zipfile.ZipFile(pack) as archive:
            files = _manifest(archive, pack)
            _refuse_bombs(files, archive, pack, target.parent)
            beside = new_folder(target)
            try:
                _extract(archive, files, beside, pack, progress)
                _check(beside, pack)
            except BaseException:
                shutil.rmtree(beside, ignore_errors=True)
                raise
    except FileNotFoundError as error:
        raise EmsegError("there is no such file", str(pack), "check the path") from error
    except OSError as error:
        raise EmsegError(
            f"the pack cannot be unpacked ({error.strerror or error})",
            str(target),
            "free space or choose another place",
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _bad(pack, "it is damaged, or no pack at all") from error
    move_into_place(beside, target)
    return target


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _write(place: Path, work: list[tuple[Path, Path]], about: dict[str, Any], progress: Progress) -> None:
    total = sum(path.stat().st_size for path, _ in work) or 1
    done = 0
    listed = []
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for path, name in work:
            entry = zipfile.ZipInfo(name.as_posix(), time.localtime()[:6])
            entry.external_attr = 0o644 << 16
            shrinks = path.suffix in _SHRINKS and "c" not in name.parts[:-1]
            entry.compress_type = zipfile.ZIP_DEFLATED if shrinks else zipfile.ZIP_STORED
            digest, size = hashlib.sha256(), 0
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as sink:
                for piece in _pieces(source):
                    digest.update(piece)
                    size += len(piece)
                    sink.write(piece)
                    done += len(piece)
                    progress.report(min(done / total, 1.0), f"packing {name.name}")
            listed.append({"path": name.as_posix(), "size": size, "sha256": digest.hexdigest()})
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "created": timestamp(),
            **about,
            "files": listed,
        }
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1), zipfile.ZIP_DEFLATED)
    with place.open("r+b") as written:  # Windows syncs only what may be written
        os.fsync(written.fileno())


def _pieces(stream: Any) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _bad(pack: Path, reason: str) -> EmsegError:
    return EmsegError(f"this pack is not unpacked: {reason}", str(pack), "ask for it again")


def _manifest(archive: zipfile.ZipFile, pack: Path) -> dict[str, tuple[int, str]]:
    """Files that the pack says it has: path to size and checksum; all names and entries are checked."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if MANIFEST not in names:
        raise _bad(pack, "it has no manifest")
    head = archive.getinfo(MANIFEST)
    if head.file_size > _LARGEST_MANIFEST:
        raise _bad(pack, "its manifest is too large")
    with archive.open(head) as stream:
        raw = stream.read(_LARGEST_MANIFEST + 1)
    try:
        manifest = json.loads(raw)
        if manifest["format"] != FORMAT:
            raise _bad(pack, "its manifest is not ours")
        if int(manifest["version"]) > VERSION:
            raise EmsegError(
                f"a newer napari-emseg wrote this pack (version {manifest['version']}, known are up to {VERSION})",
                str(pack),
                "update napari-emseg",
            )
        files = {str(f["path"]): (int(f["size"]), str(f["sha256"])) for f in manifest["files"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _bad(pack, "its manifest cannot be read") from error
    if len(set(names)) != len(names) or set(names) != {MANIFEST, *files}:
        raise _bad(pack, "it does not hold what its manifest says")
    if _differ_in_capitals(names):
        raise _bad(pack, "some of its names differ only in capitals")
    for entry in entries:
        _refuse_name(entry, pack)
    if not {"project.json", JOURNAL} <= set(files):
        raise _bad(pack, "there is no project in it")
    return files


def _refuse_name(entry: zipfile.ZipInfo, pack: Path) -> None:
    name = entry.filename
    if fault := _fault_of(name):
        raise _bad(pack, fault)
    kind = entry.external_attr >> 16
    if kind and stat.S_IFMT(kind) not in (0, stat.S_IFREG):
        raise _bad(pack, f"it holds something that is no file ({name[:60]!r})")


def _fault_of(name: str) -> str:
    """Why a file of this name is not unpacked; empty where it is."""
    path = PurePosixPath(name)
    leaves = path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name
    if leaves or not path.parts or str(path) != name:
        return f"a name in it leads elsewhere ({name[:60]!r})"
    if path.suffix.lower() in _NEVER and path.parts[0] != IMAGE:
        return f"it holds a file that could run programs ({name[:60]!r})"
    return ""


def _differ_in_capitals(names: Collection[str]) -> bool:
    """Whether some of these names are one name where capitals do not count."""
    return len({name.casefold() for name in names}) != len(names)


def _refuse_what_nobody_could_unpack(names: Collection[str], pack: Path) -> None:
    """Refuse on this side what `unpack_project` refuses on the other one."""
    fault = next(filter(None, map(_fault_of, names)), "")
    if not fault and _differ_in_capitals(names):
        fault = "some of its names differ only in capitals"
    if fault:
        raise EmsegError(
            f"the pack is not made, nobody could unpack it: {fault}",
            str(pack),
            "rename the file or take it out of the folder, or leave the image out",
        )


def _refuse_bombs(
    files: dict[str, tuple[int, str]], archive: zipfile.ZipFile, pack: Path, place: Path
) -> None:
    if any(size < 0 for size, _ in files.values()):
        raise _bad(pack, "its manifest cannot be read")
    total = sum(size for size, _ in files.values())
    if total > _SMALL and total > _WORST_RATIO * pack.stat().st_size:
        raise _bad(pack, f"it would grow to {total / 2**30:.3g} GB, which no project does")
    for name, (size, _) in files.items():
        if archive.getinfo(name).file_size != size:
            raise _bad(pack, "its files are not as large as it says")
    free = shutil.disk_usage(place if place.exists() else Path.cwd()).free
    if total > free:
        raise EmsegError(
            f"it needs {total / 2**30:.3g} GB and there are {free / 2**30:.3g} GB",
            str(place),
            "free some space",
        )


def _extract(
    archive: zipfile.ZipFile, files: dict[str, tuple[int, str]], beside: Path, pack: Path, progress: Progress
) -> None:
    total = sum(size for size, _ in files.values()) or 1
    done = 0
    for name, (size, wanted) in files.items():
        target = beside.joinpath(*PurePosixPath(name).parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, written = hashlib.sha256(), 0
        with archive.open(name) as source, target.open("xb") as sink:
            for piece in _pieces(source):
                written += len(piece)
                if written > size:
                    raise _bad(pack, "a file in it is larger than it says")
                digest.update(piece)
                sink.write(piece)
                done += len(piece)
                progress.report(done / total, f"unpacking {target.name}")
        if written != size or digest.hexdigest() != wanted:
            raise _bad(pack, f"{name} is damaged")


def _check(beside: Path, pack: Path) -> None:
    """Refuse a project that cannot be opened, or a journal that would do more than hold data."""
    load_project(beside)
    try:
        with closing(sqlite3.connect(read_only_uri(beside / JOURNAL), uri=True)) as db:
            if db.execute("SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view') LIMIT 1").fetchone():
                raise _bad(pack, "its journal holds more than data")
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise _bad(pack, "its journal is damaged")
    except sqlite3.Error as error:
        raise _bad(pack, "its journal is damaged") from error
    for leftover in beside.glob(f"{JOURNAL}-*"):
        leftover.unlink()
