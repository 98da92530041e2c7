"""What a person would have to do: objects found, merges and splits needed, per section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.contingency import Contingency, contingency

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_OBJECT_PX = 64
MIN_PIECE_PX = 16
MIN_SHARED_PX = 32
MIN_SHARED_PART = 0.1


@dataclass(frozen=True, slots=True)
class ObjectCounts:
    """Corrections that one section needs.

    Attributes
    ----------
    merges_needed : int
        Pieces beyond the first, summed over ground-truth objects.
    splits_needed : int
        Objects beyond the first, summed over predicted pieces.
    missed : int
        Objects with no piece.
    objects : int
        Ground-truth objects of at least 64 px.
    f1_50, f1_75 : float
        Objects matched one to one at an intersection over union of 0.5 and 0.75.
    """

    merges_needed: int
    splits_needed: int
    missed: int
    objects: int
    f1_50: float
    f1_75: float

    @property
    def edits(self) -> int:
        """All corrections together."""
        return self.merges_needed + self.splits_needed + self.missed


def count_objects(
    truth: NDArray[np.integer], pieces: NDArray[np.integer], *, with_f1: bool = True
) -> ObjectCounts:
    """Compare ground-truth objects with predicted pieces, on ground-truth foreground only.

    Parameters
    ----------
    truth : ndarray of int (n,)
        Object number of each ground-truth foreground pixel of one section, from 1.
    pieces : ndarray of int (n,)
        Predicted piece of the same pixels; 0 where the prediction has a border.
    with_f1 : bool
        Also solve the one-to-one assignment; otherwise both F1 are nan.

    Returns
    -------
    ObjectCounts

    Notes
    -----
    A piece belongs to an object if they share more than 32 px and more than 10 % of either.
    """
    return count_table(contingency(truth, pieces), with_f1=with_f1)


def count_table(table: Contingency, *, with_f1: bool = True) -> ObjectCounts:
    """As `count_objects`, from the overlaps of objects (``a``, from 1) with pieces (``b``, 0 is none)."""
    truth_ids, truth_size = table.sizes_a()
    large = truth_size >= MIN_OBJECT_PX
    truth_ids, truth_size = truth_ids[large], truth_size[large]
    table = table.where(np.isin(table.a, truth_ids) & (table.b > 0))
    piece_ids, piece_size = table.sizes_b()
    large = piece_size >= MIN_PIECE_PX
    piece_ids, piece_size = piece_ids[large], piece_size[large]
    table = table.where(np.isin(table.b, piece_ids))
    row, column = np.searchsorted(truth_ids, table.a), np.searchsorted(piece_ids, table.b)
    part = np.maximum(table.count / truth_size[row], table.count / piece_size[column])
    hit = (part > MIN_SHARED_PART) & (table.count > MIN_SHARED_PX)
    per_object = np.bincount(row[hit], minlength=truth_ids.size)
    per_piece = np.bincount(column[hit], minlength=piece_ids.size)
    f1 = (np.nan, np.nan)
    if with_f1:
        iou = table.count / (truth_size[row] + piece_size[column] - table.count)
        f1 = _f1(row, column, iou, truth_ids.size, piece_ids.size)
    return ObjectCounts(
        merges_needed=int(np.maximum(per_object - 1, 0).sum()),
        splits_needed=int(np.maximum(per_piece - 1, 0).sum()),
        missed=int((per_object == 0).sum()),
        objects=int(truth_ids.size),
        f1_50=f1[0],
        f1_75=f1[1],
    )


def _f1(
    row: NDArray[np.intp], column: NDArray[np.intp], iou: NDArray[np.float64], n_truth: int, n_pieces: int
) -> tuple[float, float]:
    """F1 at both overlaps from the assignment that maximises the summed overlap."""
    from scipy.optimize import linear_sum_assignment

    if n_truth + n_pieces == 0:
        return 1.0, 1.0
    dense = np.zeros((n_truth, n_pieces))
    dense[row, column] = iou
    best = dense[linear_sum_assignment(-dense)]
    at_50, at_75 = (2 * float((best >= k).sum()) / (n_truth + n_pieces) for k in (0.5, 0.75))
    return at_50, at_75
