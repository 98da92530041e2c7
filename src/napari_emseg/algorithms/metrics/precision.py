"""Average precision of scores that do not fit into memory, exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.metrics.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

_LEVELS = 1 << 21
"""Different scores that are kept at once: about 0.2 GB."""
_BITS = {4: (np.uint32, 11), 8: (np.uint64, 40)}
"""Per bytes of a float: its bits as a whole number, and how many of the lowest a bucket leaves out."""


def average_precision(real: NDArray[np.bool_], score: NDArray[Any]) -> float:
    """Sum of precision times the gain in recall over all thresholds, without interpolation.

    Parameters
    ----------
    real : ndarray of bool (n,)
        Foreground; at least one pixel.
    score : ndarray (n,)
        Higher means foreground.

    Returns
    -------
    float
    """
    levels, level = np.unique(score, return_inverse=True)
    hits = np.bincount(level[real], minlength=levels.size)[::-1]
    said = np.bincount(level, minlength=levels.size)[::-1]
    return _average([(hits, said)], int(real.sum()))


def average_precision_of_sections(
    sections: Callable[[], Iterable[tuple[NDArray[np.bool_], NDArray[np.floating]]]], *, most: int = _LEVELS
) -> float:
    """The same, to the last digit, of scores that are read section by section.

    Parameters
    ----------
    sections : callable
        Goes through the sections anew each time that it is called: foreground and score, both of one shape;
        scores are floats of 32 or 64 bits from 0 upwards. Somewhere there is foreground.
    most : int
        Different scores that are kept at once. Where there are more, the sections are read several times.
    """
    width = _width(sections)
    buckets = np.zeros(0, np.int64)
    n_real = 0
    for real, score in sections():
        n_real += int(real.sum())
        count = np.bincount((_bits(score) >> np.array(width, _bits(score).dtype)).ravel().astype(np.int64))
        size = max(count.size, buckets.size)
        buckets = np.pad(buckets, (0, size - buckets.size)) + np.pad(count, (0, size - count.size))

    def tables() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        for low, high in _ranges(np.minimum(buckets, 1 << width), most):
            tally = Tally(most)
            for real, score in sections():
                bits = _bits(score).ravel().astype(np.int64)
                inside = (bits >> width >= low) & (bits >> width < high)
                tally.add(bits[inside], real.ravel()[inside].view(np.uint8))
            table = tally.table()
            _, said = table.sizes_a()
            levels, level = np.unique(table.a, return_inverse=True)
            hits = np.zeros(levels.size, np.int64)
            hits[level[table.b == 1]] = table.count[table.b == 1]
            yield hits[::-1], said[::-1]

    return _average(tables(), n_real)


def _average(parts: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]], n_real: int) -> float:
    """From foreground and all pixels of every score, highest first; parts may end anywhere."""

    def terms() -> Iterator[float]:
        hits_before = said_before = 0
        for hits, said in parts:
            all_hits, all_said = hits_before + np.cumsum(hits), said_before + np.cumsum(said)
            yield from (all_hits / all_said * hits).tolist()
            hits_before, said_before = int(all_hits[-1]), int(all_said[-1])

    return math.fsum(terms()) / n_real  # exact, so that parts change no digit


def _ranges(levels: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Stretches of buckets, highest first, that hold at most so many levels; a bucket stays whole."""
    filled = np.flatnonzero(levels)[::-1]
    at = 0
    while at < filled.size:
        n = int(np.searchsorted(np.cumsum(levels[filled[at:]]), most, side="right"))
        last = min(at + max(n, 1), filled.size) - 1
        yield int(filled[last]), int(filled[at]) + 1
        at = last + 1


def _bits(score: NDArray[np.floating]) -> NDArray[np.unsignedinteger[Any]]:
    """Whole numbers in the same order as the scores."""
    kind, _ = _BITS[score.dtype.itemsize]
    return np.ascontiguousarray(score + score.dtype.type(0)).view(kind)  # -0 is 0


def _width(sections: Callable[[], Iterable[tuple[Any, NDArray[np.floating]]]]) -> int:
    for _, score in sections():
        return _BITS[score.dtype.itemsize][1]
    return 0
