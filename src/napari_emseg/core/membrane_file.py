"""Membranes that a cluster or another program has found, and that a project takes in place of a model's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_emseg.core.places import absolute, candidates, relative_to

_MARK = "file: "


@dataclass(frozen=True, slots=True)
class MembraneFile:
    """Where a map of membranes lies, and how it is read.

    Parameters
    ----------
    uri : str
        Where it was when it was chosen: an absolute path with optional ``::internal/path``.
    relative : str
        The same relative to the project folder; empty on another drive.
    shows_cells : bool
        Whether its values are high in cells and low on membranes.
    is_used : bool
        Whether membranes come from it now; otherwise from the model, and it can be taken up again.
    """

    uri: str
    relative: str = ""
    shows_cells: bool = False
    is_used: bool = True

    @property
    def name(self) -> str:
        """Its file name, with what names the array inside of it."""
        path, colons, internal = self.uri.partition("::")
        return Path(path).name + colons + internal

    @property
    def record(self) -> str:
        """What the journal writes where it writes a model's name."""
        return f"{_MARK}{self.name}"

    def place(self, folder: Path) -> str:
        """The path where it lies now, for a project in this folder; where it was, if it is nowhere."""
        places = candidates(self.uri, self.relative, folder)
        return next((one for one in places if Path(one.partition("::")[0]).exists()), self.uri)

    def seen_from(self, before: Path, folder: Path) -> MembraneFile:
        """The same file for a copy of the project in another folder."""
        uri = self.place(before)
        return replace(self, uri=uri, relative=relative_to(uri, folder))

    @classmethod
    def to(cls, path: str | Path, folder: Path, *, shows_cells: bool = False) -> MembraneFile:
        """A reference from a project folder to a file."""
        uri = absolute(str(path))
        return cls(uri, relative_to(uri, folder), shows_cells)

    @classmethod
    def understood(cls, content: Any) -> MembraneFile | None:
        """What ``project.json`` says; TypeError or KeyError where it is of another kind."""
        if content is None:
            return None
        words, marks = ("uri", "relative"), ("shows_cells", "is_used")
        if not all(isinstance(content[key], str) for key in words) or not all(
            isinstance(content[key], bool) for key in marks
        ):
            raise TypeError(content)
        return cls(**{key: content[key] for key in (*words, *marks)})


def file_of_record(name: str) -> str:
    """The file's name where an entry of the journal names one in place of a model; else empty."""
    return name.removeprefix(_MARK) if name.startswith(_MARK) else ""
