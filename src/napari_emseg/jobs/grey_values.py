"""An image where labels or a probability map are wanted is refused before hours of work on it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.grey_values import grey_for_ids, grey_for_probability
from napari_emseg.core.errors import EmsegError
from napari_emseg.io.origin import read_origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_emseg.jobs.stack_file import StackFile

_PX = 1024  # of the middle of a section are looked at
_PARTS = (0.5, 0.25, 0.75)  # of the stack; the others only where the first is grey


def refuse_image_as_ids(stack: Any, source: str | Path, *, is_labels: bool | None) -> None:
    """Refuse grey values where object ids are wanted.

    Parameters
    ----------
    stack : array-like (z, y, x)
    source : str or Path
        Where it comes from.
    is_labels : bool or None
        What the file says; None if it says nothing.

    Raises
    ------
    EmsegError
        If neighbouring pixels hardly ever have one value, and the file does not say that these are ids.
    """
    if not is_labels and _is_image(stack, grey_for_ids):
        raise EmsegError(
            "this is an image and no labels: neighbouring pixels hardly ever have one value", str(source),
            "give object ids, or segment it first",
        )  # fmt: skip


def refuse_image_as_probability(opened: StackFile, source: str | Path) -> None:
    """Refuse grey values where the probability of membranes is wanted.

    Raises
    ------
    EmsegError
        If eight bits lie between as those of images do, and no model of ours has made them. Floats from 0 to 1 are hardly
        ever an image, and may be a map that is never sure.
    """
    is_eight_bit = opened.stack.dtype == np.uint8
    if is_eight_bit and _is_image(opened.stack, grey_for_probability) and "model" not in read_origin(source):
        raise EmsegError(
            "this is an image and no probability of membranes: nearly all values are neither high nor low", str(source),
            "find membranes in it first: napari-emseg predict IN OUT --model membrane",
        )  # fmt: skip


def _is_image(stack: Any, is_grey: Callable[[Any], bool | None]) -> bool:
    """Whether all sections that are looked at and tell anything say so."""
    depth, found = int(stack.shape[0]), list[bool]()
    window = tuple(slice(max(0, (n - _PX) // 2), (n + _PX) // 2) for n in stack.shape[1:])
    for z in dict.fromkeys(int(part * depth) for part in _PARTS if depth):
        with suppress(EmsegError, OSError):  # what cannot be read is said by those who need it
            answer = is_grey(np.asarray(stack[(slice(z, z + 1), *window)])[0])
            if answer is False:
                return False
            found += [] if answer is None else [answer]
    return bool(found)
