"""What the numbers of a stack are: probabilities, a mask, object ids or grey values. Read section by section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.metrics.patches import PatchSizes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_SPECK_VOXELS = 8  # an object of which this is all would not be an object
_GREY_BYTES = 2  # grey values have no more


@dataclass(frozen=True, slots=True)
class Values:
    """What all values of a stack have in common.

    Attributes
    ----------
    low, high : float
        Smallest and largest, 0 included.
    are_whole, are_finite : bool
    n_ids : int
        Different values besides 0; of types that need more than two bytes, 2 stands for any number above 1.
    are_grey : bool
        Whole numbers of one or two bytes most of whose patches are specks: grey values, and no ids.
    """

    low: float
    high: float
    are_whole: bool
    are_finite: bool
    n_ids: int
    are_grey: bool


def sections_of(array: Any) -> Iterator[NDArray[Any]]:
    """The sections of a stack (z, y, x), or the one that an array of another shape is."""
    if len(array.shape) != 3:
        yield np.asarray(array)
        return
    for z in range(int(array.shape[0])):
        yield np.asarray(array[z])


def look_through(array: Any, *, for_grey: bool = True) -> Values:
    """Read a stack once.

    Parameters
    ----------
    array : array-like
        Read section by section.
    for_grey : bool
        Also tell grey values from ids.
    """
    kind, size = np.dtype(array.dtype).kind, np.dtype(array.dtype).itemsize
    is_narrow = kind in "ui" and size <= _GREY_BYTES
    patches = PatchSizes() if for_grey and is_narrow and len(array.shape) in (2, 3) else None
    low = high = 0.0
    whole = finite = True
    ids: set[int | float] = set()
    for section in sections_of(array):
        if not section.size:
            continue
        finite = finite and (kind != "f" or bool(np.isfinite(section).all()))
        if not finite:
            continue
        low, high = min(low, float(section.min())), max(high, float(section.max()))
        whole = whole and (kind != "f" or not (section != np.rint(section)).any())
        if is_narrow or len(ids) < 2:
            ids |= set(np.unique(section[section != 0]).tolist()[: None if is_narrow else 2])
        if patches is not None:
            patches.add(section)
    median = None if patches is None else patches.median()
    return Values(
        low, high, whole, finite, len(ids) if is_narrow else min(len(ids), 2),
        median is not None and median <= _SPECK_VOXELS,
    )  # fmt: skip
