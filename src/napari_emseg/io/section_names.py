"""Which file is which section: the one number in the names that counts them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from pathlib import Path

_NUMBER = re.compile(r"(\d+)")


class MissingSections(EmsegError):  # noqa: N818 - reads as what happened
    """Numbers are missing from a series of sections.

    Parameters
    ----------
    numbered : mapping of int to Path
        In the order of the numbers.
    missing : list of int
    folder : Path
    """

    def __init__(self, numbered: dict[int, Path], missing: list[int], folder: Path) -> None:
        listed = ", ".join(map(str, missing[:5])) + (" ..." if len(missing) > 5 else "")
        super().__init__(
            f"section {listed} is missing" if len(missing) == 1 else f"sections {listed} are missing",
            str(folder),
            "add black images in their place, or number the files without gaps",
        )
        self._folder, self._missing, self._numbered = folder, missing, numbered

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._numbered, self._missing, self._folder)

    @property
    def joined(self) -> list[Path]:
        """The files that are there, one after the other."""
        return list(self._numbered.values())

    @property
    def filled(self) -> list[Path | None]:
        """The same with None where one is missing."""
        return [self._numbered.get(n) for n in sorted([*self._numbered, *self._missing])]


def order_sections(files: list[Path], folder: Path) -> list[Path]:
    """Files in the order of their section number.

    Names must be alike but for numbers. The first number that differs in every name counts the sections; it
    may go up in equal steps of more than one (0010, 0020, ...).

    Raises
    ------
    MissingSections
        If numbers are missing from the series.
    EmsegError
        If the names form no single series.
    """
    split = {f: _NUMBER.split(f.name) for f in files}
    first = min(files, key=lambda f: f.name)
    for file in sorted(files):
        if split[file][::2] != split[first][::2]:
            raise EmsegError(
                f"the names form no single series: {first.name}, {file.name}",
                str(folder),
                "keep only the sections of one stack in the folder",
            )
    if len(files) == 1:
        return files
    numbers = {f: [int(n) for n in parts[1::2]] for f, parts in split.items()}
    for i in range(len(numbers[first])):
        column = {f: n[i] for f, n in numbers.items()}
        if len(set(column.values())) == len(files):
            ordered = sorted(files, key=column.__getitem__)
            _refuse_gaps({column[f]: f for f in ordered}, folder)
            return ordered
    raise EmsegError(
        f"no number in the names counts the sections: {first.name}",
        str(folder),
        "name them 0000.png, 0001.png ...",
    )


def _refuse_gaps(numbered: dict[int, Path], folder: Path) -> None:
    numbers = list(numbered)
    steps = [b - a for a, b in pairwise(numbers)]
    step = min(steps)
    if all(s == step for s in steps):
        return
    missing = [n for a, b in pairwise(numbers) for n in range(a + step, b, step)]
    raise MissingSections(numbered, missing, folder)
