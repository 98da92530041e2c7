"""What is made beside an output until it is complete, and what a killed program has left of that.

Such files and folders are hidden and named ``.OUTPUT.OWNER.KIND``. The owner is a process: a mark of the machine (and
of the container) on which it runs, its number, and a random part. A process that makes the same output again
removes what belongs to processes of this machine that are no longer alive. What runs elsewhere, on a shared disk, cannot
be asked about and stays.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import tempfile
import time
import uuid
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_emseg.core.errors import EmsegError, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["part", "old", "blocks", "frozen"]
"""New content; content that steps aside for it; scratch space; a state that is being copied."""


_STRAGGLERS_S = 2.0


def beside(path: Path, kind: Kind, suffix: str = "") -> Path:
    """A new name beside an output, at which nothing exists.

    Parameters
    ----------
    path : Path
        The output.
    kind : str
        What it is for.
    suffix : str
        Appended, for writers that go by it.
    """
    owner = f"{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    return path.with_name(f".{path.name}.{owner}.{kind}{suffix}")


def clear(path: Path) -> None:
    """Remove what dead processes of this machine have left beside an output; never an error.

    An older output that one of them had put aside, and not yet replaced, gets its name back.
    """
    pattern = re.compile(
        rf"\.{re.escape(path.name)}\.([0-9a-f]{{6}})-(\d+)-[0-9a-f]{{6}}\.(part|old|blocks|frozen)"
        rf"({re.escape(path.suffix)})?"
    )
    with suppress(OSError):
        for name in os.listdir(path.parent):  # noqa: PTH208 - a folder of sections may hold very many
            found = pattern.fullmatch(name)
            if found is None or found[1] != _machine() or _is_alive(int(found[2])):
                continue
            left = path.with_name(name)
            if found[3] == "old" and not os.path.lexists(path):
                left.rename(path)
            else:
                remove(left)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it; never an error, and nothing is done where nothing is."""
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):  # what could not be written need not be removed
            path.unlink(missing_ok=True)
        return
    deadline = time.monotonic() + _STRAGGLERS_S
    while path.exists() and time.monotonic() < deadline:
        shutil.rmtree(path, ignore_errors=True)
        time.sleep(0.05)  # a store's threads may still be writing, and would make the folder anew


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """A new folder on the disk for temporary files; gone afterwards, and what killed processes have left of its name, too.

    Raises
    ------
    EmsegError
        If there is no room for it, or the place cannot be written.
    """
    path = Path(tempfile.gettempdir()) / name
    try:
        folder = _made(path)
    except OSError as error:
        what = f"a folder for temporary files cannot be made ({reason_of(error)})"
        raise EmsegError(
            what, str(path.parent), "make room there, or name another place in TMPDIR"
        ) from error
    with _gone_afterwards(folder):
        yield folder


@contextmanager
def private_folder(path: Path) -> Iterator[Path]:
    """A new hidden folder beside this name, which only its owner may enter; gone afterwards, as a `temporary_folder` is.

    Raises
    ------
    OSError
        If the place cannot be written.
    """
    folder = _made(path)
    with _gone_afterwards(folder):
        yield folder


def _made(path: Path) -> Path:
    clear(path)
    folder = beside(path, "blocks")
    folder.mkdir(mode=0o700)
    return folder


@contextmanager
def _gone_afterwards(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_small(folder: Path) -> None:
    """Remove the halves of small files (see `core.atomic`) that killed programs have left in a folder of a project.

    The caller holds the project's lock: nobody else writes there.
    """
    pattern = re.compile(r"\.\w[\w.]*\.(\d+)-\d+\.part")
    with suppress(OSError):
        for left in list(folder.iterdir()):
            found = pattern.fullmatch(left.name)
            if found is not None and int(found[1]) != os.getpid() and left.is_file():
                left.unlink()


@cache
def _machine() -> str:
    """A mark of the machine; of the container too, because its process numbers are its own."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path
    return hashlib.blake2s(f"{socket.gethostname()} {space}".encode(), digest_size=3).hexdigest()


def _is_alive(process: int) -> bool:
    import psutil  # only where something was left

    return bool(psutil.pid_exists(process))
