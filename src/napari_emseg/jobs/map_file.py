"""Probability and masks of files, checked as they are read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.stack_file import open_stack

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def check_probability(values: NDArray[Any], source: object) -> NDArray[Any]:
    """The values, if they are probabilities.

    Raises
    ------
    EmsegError
        If values are not numbers, or outside [0, 1] and not eight bits.
    """
    if values.dtype == np.uint8:
        return values
    values = np.asarray(values, dtype=np.float32)
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if math.isnan(low):
        raise EmsegError("it holds values that are not numbers (NaN)", str(source), "predict again")
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise EmsegError(
            f"values from {low:g} to {high:g} are no probabilities",
            str(source),
            "give floats in [0, 1] or eight bits in 0..255",
        )
    return values


class CheckedMap:
    """Probability that is checked as it is read; eight bits that hold 0 and 1 only are a mask.

    Parameters
    ----------
    array : array-like (z, y, x)
    source : path
        Where it is from, for messages.
    is_mask : bool, optional
        Whether it is a mask, where that is known already; otherwise all of it may have to be read.
    """

    def __init__(self, array: Any, source: object, is_mask: bool | None = None) -> None:
        self.shape = array.shape
        self._array, self._source = array, source
        self.is_mask = array.dtype == np.uint8 and holds_mask(array) if is_mask is None else is_mask
        self.dtype = np.dtype(np.float32) if self.is_mask else array.dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, key: Any) -> NDArray[Any]:
        values = np.asarray(self._array[key])
        return check_probability(values.astype(np.float32) if self.is_mask else values, self._source)


class Inside:
    """Where a mask is not 0, read as it is asked for.

    Parameters
    ----------
    path : path
        Mask (z, y, x) of any numbers.
    shape : (z, y, x)
        Of the map that it belongs to.

    Raises
    ------
    EmsegError
        If it cannot be read or has another shape.
    """

    def __init__(self, path: str | Path, shape: tuple[int, ...]) -> None:
        self._array = open_stack(path).stack
        if tuple(self._array.shape) != tuple(shape):
            raise EmsegError(
                f"the mask is {tuple(self._array.shape)}, the map {tuple(shape)}",
                str(path),
                "give a mask of one shape",
            )

    def __getitem__(self, key: Any) -> NDArray[np.bool_]:
        return np.asarray(np.asarray(self._array[key]) != 0)


def holds_mask(array: Any) -> bool:
    """Whether eight bits (z, y, x) hold 0 and 1 only: membrane or none, and no probabilities in 0..255."""
    return not any(int(np.asarray(array[z]).max(initial=0)) > 1 for z in range(array.shape[0]))
