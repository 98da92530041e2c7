"""Scores of instances: which objects were found, one to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import Contingency, contingency
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

THRESHOLDS: tuple[float, ...] = tuple(np.arange(50, 100, 5) / 100)
"""Overlaps over which the mean is taken: 0.5, 0.55 ... 0.95 (COCO)."""

_HALF = 0.5


def detection_scores(
    truth: NDArray[Any], prediction: NDArray[Any], *, iou: float = 0.5, min_voxels: int = 0
) -> dict[str, float | str | None]:
    """Compare instances.

    Parameters
    ----------
    truth, prediction : ndarray of int, same shape
        Object ids; 0 is background.
    iou : float
        Intersection over union from which an object counts as found, for ``f1``, ``precision`` and ``recall``.
    min_voxels : int
        Smaller objects, true or predicted, are left out.

    Returns
    -------
    dict
        ``f1``, ``precision``, ``recall`` at `iou`; ``f1_mean``, ``precision_mean``, ``recall_mean`` over 0.5 ..
        0.95; ``panoptic_quality`` (above 0.5), ``matched``, ``missed``, ``extra``. None where a score is not defined,
        with a ``reason``.

    Raises
    ------
    EmsegError
        If the shapes differ, or ids are no whole numbers.

    References
    ----------
    Kirillov et al. 2019 (panoptic quality), arXiv:1801.00868; Lin et al. 2014 (thresholds), arXiv:1405.0312.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape != prediction.shape:
        raise EmsegError(
            "ground truth and prediction differ in shape",
            f"ground truth {truth.shape}, prediction {prediction.shape}",
        )
    if truth.dtype.kind not in "bui" or prediction.dtype.kind not in "bui":
        raise EmsegError("instances are object ids, in whole numbers", "", "threshold and label them first")
    overlaps = _Overlaps(contingency(truth, prediction), min_voxels)
    n_truth, n_predicted = overlaps.n_truth, overlaps.n_predicted
    at = {t: overlaps.matched(t) for t in {*THRESHOLDS, iou}}
    matched = len(at[iou])
    found: dict[str, float | str | None] = {
        "f1": _ratio(2 * matched, n_truth + n_predicted),
        "precision": _ratio(matched, n_predicted),
        "recall": _ratio(matched, n_truth),
    }
    for name, total in (("f1", n_truth + n_predicted), ("precision", n_predicted), ("recall", n_truth)):
        factor = 2 if name == "f1" else 1
        found[f"{name}_mean"] = _ratio(factor * float(np.mean([len(at[t]) for t in THRESHOLDS])), total)
    found["panoptic_quality"] = _ratio(2 * overlaps.above_half(), n_truth + n_predicted)
    found |= {"matched": matched, "missed": n_truth - matched, "extra": n_predicted - matched}
    reasons = [
        text
        for n, text in (
            (n_truth, "no object in the ground truth"),
            (n_predicted, "no object in the prediction"),
        )
        if n == 0
    ]
    if reasons:
        found["reason"] = " and ".join(reasons)
    return found


def instances(values: NDArray[Any], above: float = 0.0) -> NDArray[np.integer]:
    """Object ids of whatever a person gives: ids, a mask, or probabilities.

    Parameters
    ----------
    values : ndarray
        Probabilities (floats up to 1; foreground is above 0.5) and masks (one value besides 0) are split into their
        26-connected components, or 8-connected in a single section; ids stay as they are, also where floats hold them.
    above : float
        If positive, foreground is above this: for grey masks with soft edges.

    Returns
    -------
    ndarray of int

    Raises
    ------
    EmsegError
        If they look like grey values: most patches of one value are specks; or if floats are neither in [0, 1] nor ids.
    """
    import cc3d

    if above <= 0 and values.dtype.kind == "f" and values.max(initial=0) > 1:
        values = _ids_of_floats(values)
    if above > 0:
        mask = values > above
    elif values.dtype.kind == "f":
        mask = values > 0.5
    elif values.dtype.kind == "b":
        mask = values
    else:
        ids = np.unique(values[values != 0])
        if ids.size != 1:
            _refuse_grey(values, ids.size)
            return values
        mask = values != 0
    shape = mask.shape
    flat = mask[0] if mask.ndim == 3 and shape[0] == 1 else mask
    labels = cc3d.connected_components(flat, connectivity=8 if flat.ndim == 2 else 26)
    return np.asarray(labels).reshape(shape)


def is_grey(values: NDArray[Any]) -> bool:
    """Whether whole numbers of 8 or 16 bits (y, x) or (z, y, x) look like grey values: most patches of one are specks."""
    import cc3d

    if values.dtype.itemsize > _GREY_BYTES or values.ndim not in (2, 3):
        return False
    flat = values[0] if values.ndim == 3 and values.shape[0] == 1 else values
    sizes = np.bincount(cc3d.connected_components(flat, connectivity=4 if flat.ndim == 2 else 6).ravel())[1:]
    return bool(sizes.size and np.median(sizes) <= _SPECK_VOXELS)


_MASK_VALUES = 2  # a mask and a second value
_SPECK_VOXELS = 8  # an object of which this is all would not be an object
_GREY_BYTES = 2  # grey values have no more


def _ids_of_floats(values: NDArray[Any]) -> NDArray[np.int64]:
    if values.min(initial=0) < 0 or (values != np.rint(values)).any() or values.max() > _EXACT:
        raise EmsegError(
            f"values from {values.min():g} to {values.max():g} are neither probabilities nor object ids", "",
            "give floats in [0, 1], or say above which value objects are: --above for TRUTH, --prediction-above for "
            "PREDICTION",
        )  # fmt: skip
    return values.astype(np.int64)


_EXACT = 2.0**53  # beyond this, floats leave whole numbers out


def _refuse_grey(values: NDArray[Any], n_ids: int) -> None:
    """Refuse values of 8 or 16 bits that are a mask with soft edges, or probabilities, and no ids."""
    if n_ids > _MASK_VALUES and is_grey(values):
        raise EmsegError(
            f"these are {n_ids} grey values and no object ids", "",
            "say above which value objects are: --above for TRUTH, --prediction-above for PREDICTION",
        )  # fmt: skip


class _Overlaps:
    """Pairs of objects that share voxels, and how much."""

    def __init__(self, table: Contingency, min_voxels: int) -> None:
        truth_ids, truth_sizes = table.sizes_a()
        predicted_ids, predicted_sizes = table.sizes_b()
        keep_truth = (truth_ids != 0) & (truth_sizes >= min_voxels)
        keep_predicted = (predicted_ids != 0) & (predicted_sizes >= min_voxels)
        self.n_truth, self.n_predicted = int(keep_truth.sum()), int(keep_predicted.sum())
        both = table.where(
            np.isin(table.a, truth_ids[keep_truth]) & np.isin(table.b, predicted_ids[keep_predicted])
        )
        self._row = np.searchsorted(truth_ids, both.a)
        self._column = np.searchsorted(predicted_ids, both.b)
        union = truth_sizes[self._row] + predicted_sizes[self._column] - both.count
        self._iou = both.count / union

    def above_half(self) -> float:
        """Summed overlaps of all pairs above one half: every object has one such partner at most."""
        return float(self._iou[self._iou > _HALF].sum())

    def matched(self, threshold: float) -> NDArray[np.float64]:
        """Overlaps of the matched pairs: as many as can be at this threshold, and of those the best."""
        near = self._iou >= threshold
        row, column, iou = self._row[near], self._column[near], self._iou[near]
        found = [
            best
            for group in _groups(row, column)
            for best in _assigned(row[group], column[group], iou[group])
        ]
        return np.asarray(found)


def _groups(row: NDArray[np.intp], column: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Pairs that compete with each other, group by group; most groups hold one pair."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not row.size:
        return
    n, m = int(row.max()) + 1, int(column.max()) + 1
    graph = coo_array((np.ones(row.size), (row, column + n)), shape=(n + m, n + m))
    _, group = connected_components(graph, directed=False)
    of_pair = group[row]
    order = np.argsort(of_pair, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(of_pair[order])) + 1)


def _assigned(
    row: NDArray[np.intp], column: NDArray[np.intp], iou: NDArray[np.float64]
) -> NDArray[np.float64]:
    from scipy.optimize import linear_sum_assignment

    if row.size == 1:
        return iou
    rows, r = np.unique(row, return_inverse=True)
    columns, c = np.unique(column, return_inverse=True)
    gain = np.zeros((rows.size, columns.size))
    # Another pair is worth more than any better overlap of the others.
    gain[r, c] = iou + min(rows.size, columns.size) + 1
    best = gain[linear_sum_assignment(-gain)]
    return np.asarray(best[best > 0] - min(rows.size, columns.size) - 1)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
