"""Membranes from a file: what a cluster or another program has found, read where a model would look."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.core.progress import Progress
    from napari_emseg.session import Session

_TARGET = "membrane"
_MOSTLY = 0.5
"""Where more of a section than this is membrane, the map may show cells instead."""


@dataclass(frozen=True, slots=True)
class GivenRequest:
    """Membranes that are wanted.

    Attributes
    ----------
    path : str
        File or folder, with optional ``::internal/path``.
    name : str
        For people.
    shape : (z, y, x)
        Of the stack that they belong to.
    shows_cells : bool
        Whether values are high in cells.
    region : Region
        Voxels wanted.
    """

    path: str
    name: str
    shape: tuple[int, int, int]
    shows_cells: bool
    region: Region


def prepare(session: Session, region: Region) -> GivenRequest:
    """What to read for a box of the session's stack.

    Raises
    ------
    EmsegError
        If the membranes of this project come from a model.
    """
    file = session.membranes
    if file is None:
        raise EmsegError("no file of membranes is in use", "this project", "choose one in Predict")
    return GivenRequest(session.membranes_path, file.name, session.image.shape, file.shows_cells, region)


def run(request: GivenRequest, progress: Progress | None = None) -> list[NDArray[np.float32]]:
    """Read them.

    Returns
    -------
    list of (y, x) float32
        Probability that a pixel is membrane, 0 to 1, of each section of the region.

    Raises
    ------
    EmsegError
        If the file cannot be read, has another shape, holds no probabilities, or holds nothing there.
    """
    progress = progress or Silent()
    array = fitting(request.path, request.shape)
    first, last = request.region.start[0], request.region.stop[0]
    found = []
    for z in range(first, last):
        values = np.asarray(array[(slice(z, z + 1), *request.region.slices[1:])])[0]
        if values.size and _is_even(values) and _is_even(np.asarray(array[z : z + 1])):
            raise EmsegError(
                f"it has one value, {values.flat[0]:g}, all over section {z}", request.name,
                "choose a model here, or a file that goes so far", action="stage:predict",
            )  # fmt: skip
        found.append(_probability(values, shows_cells=request.shows_cells))
        progress.report((z + 1 - first) / (last - first), f"section {z}")
    return found


def fitting(path: str, shape: tuple[int, ...]) -> Any:
    """The map of a file, if it is one of a stack of this shape; nothing of it is read, but where eight bits may be a mask.

    Raises
    ------
    EmsegError
        If it cannot be read, has several channels or another shape.
    """
    from napari_emseg.jobs.map_file import CheckedMap
    from napari_emseg.jobs.stack_file import open_stack

    array = open_stack(path).stack
    if tuple(array.shape) != tuple(shape):
        theirs, ours = (" x ".join(str(int(n)) for n in size) for size in (array.shape, shape))
        raise EmsegError(
            f"it has {theirs} voxels (z, y, x), and the stack {ours}", path, "choose a map of the whole stack"
        )
    return CheckedMap(array, path, _is_mask(path, Path(path.partition("::")[0]).stat().st_mtime_ns))


@lru_cache(maxsize=64)
def _is_mask(path: str, changed_ns: int) -> bool:  # noqa: ARG001 - part of the key
    """Whether it is a mask; eight bits may have to be read from end to end to know."""
    from napari_emseg.jobs.map_file import CheckedMap
    from napari_emseg.jobs.stack_file import open_stack

    return CheckedMap(open_stack(path).stack, path).is_mask


def looked_at(session: Session, path: str) -> tuple[str, float]:
    """The array that is meant, and which part of its middle section is membrane if its values are high on membranes.

    Returns
    -------
    path : str
        With the only array of the stack's shape, where the file holds several; of channels that have names, the membranes'.
    share : float
        0 to 1.

    Raises
    ------
    SeveralArrays
        If several arrays of the file could be meant, or none of several.
    EmsegError
        As `fitting`, and if the section holds no probabilities.
    """
    from napari_emseg.io.choice import SeveralArrays

    shape = session.image.shape
    try:
        array = fitting(path, shape)
    except SeveralArrays as error:
        named = [name for name, target in error.names.items() if target == _TARGET]
        alike = named or [name for name, size in error.arrays.items() if size == shape]
        if len(alike) != 1:
            raise
        path = f"{error.path}::{alike[0]}"
        array = fitting(path, shape)
    z = shape[0] // 2
    share = (_probability(np.asarray(array[z : z + 1])[0], shows_cells=False) >= _MOSTLY).mean()
    return path, float(share)


def seems_to_show_cells(share: float) -> bool:
    """Whether a map of which this part is membrane probably shows cells: membranes fill a fifth to a third of tissue."""
    return share > _MOSTLY


def _is_even(values: NDArray[Any]) -> bool:
    """Whether nothing is told apart; in the midst of a large cell that is so, in a whole section it is not."""
    return bool(values.min() == values.max())


def _probability(values: NDArray[Any], *, shows_cells: bool) -> NDArray[np.float32]:
    scaled = values.astype(np.float32)
    if values.dtype == np.uint8:
        scaled /= 255
    return np.subtract(1, scaled, dtype=np.float32) if shows_cells else scaled
