"""Paths that may carry an internal path: ``file.h5::/volumes/raw``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SEPARATOR = "::"
SAMPLE = "sample:"


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

    Examples
    --------
    >>> parse_path("store.zarr::/labels/neurons/").inner
    'labels/neurons'
    >>> parse_path("stack.tif").inner
    ''
    """
    outer, _, inner = os.fspath(path).partition(SEPARATOR)
    return DataPath(Path(outer).expanduser(), inner.strip("/"))
