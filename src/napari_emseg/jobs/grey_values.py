"""An image where labels or a probability map are wanted, and ids where an image is, are refused before hours of work."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.grey_values import grey_for_ids, grey_for_probability, ids_for_grey
from napari_emseg.core.errors import EmsegError
from napari_emseg.io.origin import read_origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PX = 1024  # of the middle of a section are looked at
_PARTS = (0.5, 0.25, 0.75)  # of the stack; the others only where the first is what is not wanted


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
    if not is_labels and _all_say(stack, grey_for_ids):
        raise EmsegError(
            "this is an image and no labels: neighbouring pixels hardly ever have one value", str(source),
            "give object ids, or segment it first",
        )  # fmt: skip


def refuse_ids_as_image(stack: Any, source: str | Path, *, remedy: str) -> None:
    """Refuse object ids of few bits, which no file tells from grey values, where values are mixed.

    Parameters
    ----------
    stack : array-like (z, y, x)
    source : str or Path
        Where it comes from.
    remedy : str
        How to say that they are one or the other.

    Raises
    ------
    EmsegError
        If nearly all neighbouring pixels have one value.
    """
    if np.dtype(stack.dtype).kind in "ui" and _all_say(stack, ids_for_grey):
        raise EmsegError(
            "these look like object ids, which would be mixed: nearly all neighbouring pixels have one value",
            str(source), remedy,
        )  # fmt: skip


def refuse_image_as_probability(
    stack: Any, source: str | Path, *, of: str = "membranes", model: str = "membrane"
) -> None:
    """Refuse grey values where the probability of something is wanted.

    Parameters
    ----------
    stack : array-like (z, y, x)
    source : str or Path
        Where it comes from.
    of, model : str
        What is probable, and which bundled model finds it.

    Raises
    ------
    EmsegError
        If eight bits lie between as those of images do, and no model of ours has made them. Floats from 0 to 1 are hardly
        ever an image, and may be a map that is never sure.
    """
    is_eight_bit = stack.dtype == np.uint8
    if is_eight_bit and _all_say(stack, grey_for_probability) and "model" not in read_origin(source):
        raise EmsegError(
            f"this is an image and no probability of {of}: nearly all values are neither high nor low", str(source),
            f"find {of} in it first: napari-emseg predict IN OUT --model {model}",
        )  # fmt: skip


def _all_say(stack: Any, tells: Callable[[Any], bool | None]) -> bool:
    """Whether all sections that are looked at and tell anything say so."""
    depth, found = int(stack.shape[0]), list[bool]()
    window = tuple(slice(max(0, (n - _PX) // 2), (n + _PX) // 2) for n in stack.shape[1:])
    for z in dict.fromkeys(int(part * depth) for part in _PARTS if depth):
        with suppress(EmsegError, OSError):  # what cannot be read is said by those who need it
            answer = tells(np.asarray(stack[(slice(z, z + 1), *window)])[0])
            if answer is False:
                return False
            found += [] if answer is None else [answer]
    return bool(found)
