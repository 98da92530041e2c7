"""Paths that may carry an internal path: ``file.h5::/volumes/raw``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

SEPARATOR = "::"
SAMPLE = "sample:"
CHANNEL = "#"
"""Before the number of a channel, at the end of an inner path: ``maps.h5::main#1``, ``maps.tif::#1``."""


@dataclass(frozen=True, slots=True)
class DataPath:
    """A file or folder, and what is meant inside it.

    Parameters
    ----------
    path : Path
        File or folder; ``~`` is expanded.
    inner : str
        Path inside the file without leading or trailing slash; empty where none was given.
    """

    path: Path
    inner: str = ""

    def __str__(self) -> str:
        return f"{self.path}{SEPARATOR}{self.inner}" if self.inner else str(self.path)

    @property
    def name(self) -> str:
        """Short name for people: the file's, without its suffixes, and the end of the inner path."""
        stem = self.path.name
        for suffix in (".ome.zarr", ".ome.tiff", ".ome.tif"):
            stem = stem.removesuffix(suffix)
        stem = Path(stem).stem or stem
        return f"{stem} {self.inner.rsplit('/', 1)[-1]}" if self.inner else stem


def parse_path(path: str | os.PathLike[str]) -> DataPath:
    """Split a path at ``::``.

    A file or folder that exists wins: names may hold ``::`` themselves.

    Examples
    --------
    >>> parse_path("store.zarr::/labels/neurons/").inner
    'labels/neurons'
    >>> parse_path("stack.tif").inner
    ''
    """
    text = os.fspath(path)
    parts = text.split(SEPARATOR)
    for n in range(len(parts), 1, -1):
        outer = Path(SEPARATOR.join(parts[:n])).expanduser()
        if _exists(outer):
            return DataPath(outer, _inner(parts[n:]))
    return DataPath(Path(parts[0]).expanduser(), _inner(parts[1:]))


def split_channel(where: DataPath) -> tuple[DataPath, int | None]:
    """What stands before ``#1`` at the end of an inner path, and the channel that this means; None where there is none.

    Examples
    --------
    >>> where, channel = split_channel(parse_path("maps.h5::main#1"))
    >>> str(where), channel
    ('maps.h5::main', 1)
    """
    inner, sign, number = where.inner.rpartition(CHANNEL)
    return (DataPath(where.path, inner), int(number)) if sign and number.isdecimal() else (where, None)


def with_channel(where: DataPath, channel: int) -> DataPath:
    """A channel of a file with several.

    Examples
    --------
    >>> str(with_channel(parse_path("maps.tif"), 1))
    'maps.tif::#1'
    """
    return DataPath(where.path, f"{where.inner}{CHANNEL}{channel}")


def parse_output(path: str | os.PathLike[str], suffixes: Collection[str]) -> DataPath:
    """Split the path of an output: at the first ``::`` that follows a suffix which names a format.

    Examples
    --------
    >>> parse_output("a.h5::volumes/raw", {".h5"}).inner
    'volumes/raw'
    >>> str(parse_output("a::b.h5", {".h5"}).path)
    'a::b.h5'
    """
    text = os.fspath(path)
    parts = text.split(SEPARATOR)
    for n in range(1, len(parts)):
        outer = SEPARATOR.join(parts[:n])
        if Path(outer).suffix.lower() in suffixes:
            return DataPath(Path(outer).expanduser(), _inner(parts[n:]))
    return DataPath(Path(text).expanduser())


def _inner(parts: list[str]) -> str:
    """The path inside a file; on Windows whatever makes a path of it turns its slashes."""
    return SEPARATOR.join(parts).replace(os.sep, "/").strip("/")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, or one with a zero byte
        return False
