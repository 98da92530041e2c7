"""A stack that was moved, found from any of its files: dialogs for files cannot choose folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.opening import open_image
from napari_emseg.io.paths import SEPARATOR

if TYPE_CHECKING:
    from napari_emseg.core.stack import ImageStack

_LEVELS = 4  # a chunk of a zarr store lies that deep: STORE/0/c/0


def open_around(path: str | Path, shape: tuple[int, int, int] | None, inner: str = "") -> ImageStack:
    """Open the stack of a known extent that a file is, or is a part of.

    Parameters
    ----------
    path : str or Path
        The stack, or a file somewhere in its folder: a section, or a part of a store.
    shape : tuple of int or None
        Extent (z, y, x) in voxels that is looked for; None takes what ``path`` is.
    inner : str
        Path inside the file at which the stack was before.

    Returns
    -------
    ImageStack
        The first of the file and the folders around it that has the extent, else what ``path`` itself is.

    Raises
    ------
    EmsegError
        If neither the file nor a folder around it is a stack.
    """
    first: ImageStack | EmsegError | None = None
    place = Path(path)
    places = [str(path), *(str(parent) for parent in list(place.parents)[:_LEVELS])]
    inside = [one + SEPARATOR + inner for one in places] if inner else places
    for one in dict.fromkeys(name for pair in zip(inside, places, strict=True) for name in pair):
        try:
            stack = open_image(one)
        except EmsegError as error:
            first = first or error
            continue
        if shape is None or stack.shape == shape:
            return stack
        if first is None or isinstance(first, EmsegError):
            first = stack
    if isinstance(first, EmsegError):
        raise first
    assert first is not None  # the path itself was tried
    return first
