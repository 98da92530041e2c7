"""Which class each object belongs to, and labels from which classes are taken out."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import some_of
from napari_emseg.io.lazy import LazyStack
from napari_emseg.io.textfiles import read_text
from napari_emseg.io.vast_table import looks_like_vast_table, read_vast_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region

_NAMED = 12  # in an error


_MOST_DIGITS = 20
"""Of an id; more do not fit into 64 bits."""


def ids_of_class(path: Path, name: str) -> frozenset[int]:
    """Ids that belong to a class.

    Parameters
    ----------
    path : Path
        A VAST segment table, where a class is a branch of the tree, or a table of two columns, id and class.
    name : str
        The class; case does not matter.

    Raises
    ------
    EmsegError
        If the table cannot be read or has no such class; the classes are listed.
    """
    if looks_like_vast_table(path):
        return read_vast_table(path).ids_below(name)
    classes = read_classes(path)
    found = frozenset(i for i, c in classes.items() if c.casefold() == name.casefold())
    if not found:
        listed = some_of(sorted(set(classes.values())), _NAMED)
        raise EmsegError(f"no object is of class {name!r}", str(path), f"there are {listed}")
    return found


class KeptLabels(LazyStack):
    """Labels in which some ids are 0 and all others unchanged.

    Parameters
    ----------
    labels : array-like (z, y, x) of integers
    ids : iterable of int
    keep : bool
        Whether `ids` stay and all others go, or the other way round.
    """

    def __init__(self, labels: Any, ids: Iterable[int], *, keep: bool) -> None:
        super().__init__(
            labels.shape, labels.dtype, getattr(labels, "chunks", None), getattr(labels, "where", "")
        )
        limits = np.iinfo(self.dtype)
        self._ids = [i for i in ids if limits.min <= i <= limits.max]
        self._labels, self._keep = labels, keep

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box and blank it out."""
        import fastremap

        values = np.ascontiguousarray(self._labels[region.slices])
        change = fastremap.mask_except if self._keep else fastremap.mask
        return np.asarray(change(values, self._ids, in_place=False))


def read_classes(path: Path) -> Mapping[int, str]:
    """Class of each object from a table of two columns: id and class, with or without a heading.

    Raises
    ------
    EmsegError
        If a line is something else, or an id has two classes.
    """
    found: dict[int, str] = {}
    text = read_text(path, "class table")
    dialect = "excel-tab" if "\t" in text.partition("\n")[0] else "excel"
    try:
        rows = list(csv.reader(io.StringIO(text, newline=None), dialect))
    except csv.Error as error:
        raise EmsegError("it is no table", str(path), "write lines like 17,axon") from error
    for n, row in enumerate(rows, 1):
        cells = [c.strip() for c in row]
        if not any(cells):
            continue
        is_id = cells[0].isdecimal() and len(cells[0]) <= _MOST_DIGITS
        if n == 1 and not is_id:
            continue
        if len(cells) < 2 or not is_id:
            raise EmsegError(f"line {n} is no id and class", str(path), "write lines like 17,axon")
        if found.get(int(cells[0]), cells[1]) != cells[1]:
            raise EmsegError(f"object {cells[0]} has two classes (line {n})", str(path), "keep one")
        found[int(cells[0])] = cells[1]
    if not found:
        raise EmsegError("the class table names no object", str(path), "write lines like 17,axon")
    return found
