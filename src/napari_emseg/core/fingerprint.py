"""A few pixels of a stack tell whether it is still the one that a project was begun on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.core.stack import ArrayLike3D

_SIDE = 64  # pixels: most formats are stored in chunks that are not smaller
_PLACES = ((1, 1), (1, 3), (3, 1), (3, 3))  # quarters of the section: the middle of each of its quadrants
_DIGITS = 16


def fingerprint(data: ArrayLike3D) -> str:
    """What three sections of a stack look like: the first, the middle and the last.

    Parameters
    ----------
    data : array-like (z, y, x)
        Four boxes of 64 x 64 pixels are read in each of the sections.

    Returns
    -------
    str
        ``"0:digits 9:digits 19:digits"``, the same for the same grey values in any format and type. A section that
        cannot be read is left out.
    """
    depth = data.shape[0]
    found = []
    for z in sorted({0, depth // 2, depth - 1}):
        try:
            found.append(f"{z}:{_section(data, z)}")
        except (EmsegError, OSError):
            continue
    return " ".join(found)


def differing(before: str, now: str) -> tuple[int, ...]:
    """Sections in which two fingerprints differ; those that only one of them knows are left out."""
    then, here = _parsed(before), _parsed(now)
    return tuple(sorted(z for z in then.keys() & here.keys() if then[z] != here[z]))


def _section(data: ArrayLike3D, z: int) -> str:
    digest = hashlib.sha256()
    height, width = data.shape[1:]
    for row, column in _PLACES:
        y, x = max(0, height * row // 4 - _SIDE // 2), max(0, width * column // 4 - _SIDE // 2)
        box = np.asarray(data[z, y : y + _SIDE, x : x + _SIDE])
        digest.update(np.ascontiguousarray(box, dtype="<f8").tobytes())
    return digest.hexdigest()[:_DIGITS]


def _parsed(text: str) -> dict[int, str]:
    parts = (part.partition(":") for part in text.split())
    return {int(z): digits for z, _, digits in parts if z.isdecimal()}
