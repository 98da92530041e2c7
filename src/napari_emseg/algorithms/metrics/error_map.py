"""Where a segmentation is wrong: false splits, false mergers, missed objects, and segments of nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.metrics.closing import close_gaps
from napari_emseg.algorithms.metrics.overlaps import real_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.algorithms.contingency import Contingency

SPLIT, MERGE, MISSED, EXTRA = 1, 2, 3, 4
"""Values of the error map; 0 is right."""

MEANINGS: dict[int, str] = {
    SPLIT: "false split: one true object, two segments",
    MERGE: "false merger: part of a segment that is another true object",
    MISSED: "missed: a true object, no segment",
    EXTRA: "a segment where the truth has nothing (not scored)",
}

GAP_NM = 40.0
"""Lines of no id up to twice this wide are looked across: membranes with some room."""
GAP_PX = 8
"""The same where the voxel size is unknown."""

_REAL, _MINOR = 1, 2
_DENSE_CELLS = 1 << 26


@dataclass(frozen=True, eq=False)
class ErrorBook:
    """What is known of the whole volume before a section is drawn.

    Attributes
    ----------
    a, b : ndarray of int64 (n,)
        Pairs of a true object and a segment that share more than a ragged border.
    is_minor : ndarray of bool (n,)
        Whether the segment has more of another object.
    extra : ndarray of int64 (m,)
        Segments that lie where the truth has nothing, sorted.
    extra_voxels : ndarray of int64 (m,)
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    is_minor: NDArray[np.bool_]
    extra: NDArray[np.int64]
    extra_voxels: NDArray[np.int64]


def error_book(table: Contingency, real: NDArray[np.bool_] | None = None) -> ErrorBook:
    """Decide which overlaps are errors.

    Parameters
    ----------
    table : Contingency
        Overlaps of true objects (``a``) with segments (``b``), both with 0 for none.
    real : ndarray of bool, optional
        For the rows of true objects, in order, whether they count; see
        `napari_emseg.algorithms.metrics.overlaps.real_pairs`.
    """
    segments = table.where(table.b != 0)
    scored = table.where(table.a != 0)
    pairs = scored.where(real_pairs(scored) if real is None else real)
    order = np.lexsort((-pairs.count, pairs.b))
    b = pairs.b[order]
    is_minor = np.ones(len(pairs), bool)
    if b.size:
        is_minor[order[np.r_[True, b[1:] != b[:-1]]]] = False
    outside = segments.where(segments.a == 0)
    total_ids, total = segments.sizes_b()
    mostly = outside.count * 2 > total[np.searchsorted(total_ids, outside.b)]
    mostly &= ~np.isin(outside.b, pairs.b)
    return ErrorBook(pairs.a, pairs.b, is_minor, outside.b[mostly], outside.count[mostly])


@dataclass(eq=False)
class _Seen:
    """A section with its gaps closed."""

    truth: NDArray[Any]
    segments: NDArray[Any]
    real: NDArray[np.bool_]


class ErrorMapper:
    """Draws the error map section by section, in order.

    Parameters
    ----------
    book : ErrorBook
    gap_px : int
        See `GAP_NM`.
    """

    def __init__(self, book: ErrorBook, gap_px: int = GAP_PX) -> None:
        self._book = book
        self._gap_px = gap_px
        self._before: _Seen | None = None

    def section(
        self, truth: NDArray[Any], prediction: NDArray[Any]
    ) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Errors of the next section.

        Parameters
        ----------
        truth, prediction : ndarray of int (y, x)
            Ids; 0 is none.

        Returns
        -------
        errors : ndarray of uint8 (y, x)
            `SPLIT`, `MERGE`, `MISSED`, `EXTRA` or 0. Splits are lines of two pixels; where an id ends and another
            goes on from one section to the next, all pixels that both share.
        truth : ndarray of int (y, x)
            True objects with the gaps closed: whose error it is.
        """
        grown = close_gaps(truth, self._gap_px)
        segments = close_gaps(prediction, self._gap_px, within=grown)
        code = self._codes(grown, segments)
        here = _Seen(grown, segments, (code & _REAL) != 0)
        errors = np.zeros(truth.shape, np.uint8)
        errors[(truth != 0) & (segments == 0)] = MISSED
        errors[np.isin(prediction, self._book.extra) & (grown == 0)] = EXTRA
        errors[(code & _MINOR) != 0] = MERGE
        _draw_lines(errors, here)
        if self._before is not None:
            before = self._before
            changed = (before.truth == grown) & (before.segments != segments) & before.real & here.real
            errors[changed] = SPLIT
        self._before = here
        return errors, grown

    def _codes(self, truth: NDArray[Any], segments: NDArray[Any]) -> NDArray[np.uint8]:
        """Per pixel, what the book says of its pair."""
        import fastremap

        ids, dense_a = fastremap.unique(truth, return_inverse=True)
        names, dense_b = fastremap.unique(segments, return_inverse=True)
        ids, names = ids.astype(np.int64), names.astype(np.int64)
        book = self._book
        row = np.searchsorted(ids, book.a).clip(max=ids.size - 1)
        column = np.searchsorted(names, book.b).clip(max=names.size - 1)
        here = (ids[row] == book.a) & (names[column] == book.b)
        key = row[here] * names.size + column[here]
        value = (_REAL + _MINOR * book.is_minor[here]).astype(np.uint8)
        # fastremap's numbers have a sign or not, as the ids lie; the two together would become floats
        dense_a, dense_b = (d.astype(np.int64).reshape(truth.shape) for d in (dense_a, dense_b))
        pixel = dense_a * names.size + dense_b
        if ids.size * names.size <= _DENSE_CELLS:
            table = np.zeros(ids.size * names.size, np.uint8)
            table[key] = value
            return np.asarray(table[pixel])
        if not key.size:
            return np.zeros(truth.shape, np.uint8)
        order = np.argsort(key)
        at = np.searchsorted(key[order], pixel).clip(max=key.size - 1)
        return np.where(key[order][at] == pixel, value[order][at], 0).astype(np.uint8)


def _draw_lines(errors: NDArray[np.uint8], here: _Seen) -> None:
    """Both pixels beside every border between two segments inside one object."""
    for one, two in (
        ((slice(1, None),), (slice(None, -1),)),
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
    ):
        false = (here.truth[one] == here.truth[two]) & (here.segments[one] != here.segments[two])
        false &= here.real[one] & here.real[two]
        errors[one][false] = SPLIT
        errors[two][false] = SPLIT
