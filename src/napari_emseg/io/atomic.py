"""Outputs that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import errno
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.atomic import may_write, patiently, write_atomic
from napari_emseg.core.errors import FULL_DISK, NO_WRITING, EmsegError
from napari_emseg.core.leftovers import beside as name_beside
from napari_emseg.core.leftovers import clear, remove

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = ("zarr.json", "stack.json", ".zgroup", "datasource-properties.json", "measurement.json")
_OURS_BY_SUFFIX = {".n5": "attributes.json", ".precomputed": "info"}


@contextmanager
def atomic_output(path: Path) -> Iterator[Path]:
    """Give a place to write to, and rename it to ``path`` when all went well.

    A folder that this program did not write is never replaced.

    Parameters
    ----------
    path : Path
        Where the output is to appear. Missing parent folders are made.

    Yields
    ------
    Path
        A name in the same folder at which nothing exists. Write a file or make a folder there.

    Raises
    ------
    EmsegError
        If the place cannot be written, the disk is full, or something else is in the way.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link and replace its target
    _refuse_foreign_folder(path)
    clear(path)
    beside = name_beside(path, "part", path.suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        _replace(beside, path)
    except OSError as error:
        raise explained(error, path) from error
    finally:
        remove(beside)


def write_text(path: str | Path, text: str) -> None:
    """Write a small file as a whole or not at all.

    Raises
    ------
    EmsegError
        If the place cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a small file as a whole or not at all.

    Raises
    ------
    EmsegError
        If the place cannot be written.
    """
    try:
        write_atomic(Path(path), content, after_killed=True)
    except OSError as error:
        raise explained(error, Path(path)) from error


def check_place(path: Path) -> None:
    """Refuse a place at which `atomic_output` could not write: before hours of work, not after.

    Raises
    ------
    EmsegError
        If something else is in the way, or the folder cannot be written.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - as above
    if not path.name:
        raise EmsegError("an output has a name", str(path), "choose one")
    _refuse_foreign_folder(path)
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir():
        raise explained(NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)), path)
    if not may_write(folder):
        raise explained(PermissionError(errno.EACCES, os.strerror(errno.EACCES)), path)


def _refuse_foreign_folder(path: Path) -> None:
    marks = (*_OURS, *(name for suffix, name in _OURS_BY_SUFFIX.items() if path.suffix == suffix))
    if path.is_dir() and any(path.iterdir()) and not any((path / name).exists() for name in marks):
        raise EmsegError("a folder with other things in it is in the way", str(path), "choose another name")


def _replace(beside: Path, path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # A folder cannot be renamed over another: the old one steps aside for an instant.
        old = name_beside(path, "old")
        patiently(path.rename, old)
        try:
            patiently(beside.rename, path)
        except OSError:
            old.rename(path)
            raise
        remove(old)
    else:
        patiently(beside.replace, path)


def explained(error: OSError, path: Path) -> EmsegError:
    """What a failed write means to a person."""
    text = str(error)
    number = error.errno or _errno_in(text)
    # numpy tells of a full disk without an error number.
    told = ("requested and" in text and "written" in text) or "Not enough free space" in text
    if number in FULL_DISK or told:
        return EmsegError("the disk is full", str(path.parent), "free some space or choose another disk")
    if number in NO_WRITING and error.filename2 is not None:  # only its name was refused
        return EmsegError(
            "what is there cannot be replaced", str(path),
            "close it in the program that has it open, or choose another name",
        )  # fmt: skip
    if number in NO_WRITING:
        return EmsegError("the folder cannot be written", str(path.parent), "choose another folder")
    if number == errno.ENOTDIR and path.is_file():
        return EmsegError("a file of this name is in the way", str(path), "choose another name")
    reason = os.strerror(number).lower() if number else error.strerror or text
    return EmsegError(f"it cannot be written ({reason})", str(path), "choose another place")


def _errno_in(text: str) -> int:
    """HDF5 tells the error number in the midst of its own report; 0 where there is none."""
    found = re.search(r"errno = (\d+)", text)
    return int(found.group(1)) if found else 0
