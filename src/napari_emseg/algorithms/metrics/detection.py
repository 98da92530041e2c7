"""Scores of instances: which objects were found, one to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import Contingency
from napari_emseg.algorithms.metrics.meaning import look_through, sections_of
from napari_emseg.algorithms.metrics.patches import PartNumbers
from napari_emseg.algorithms.metrics.tally import Tally, added_up
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress

THRESHOLDS: tuple[float, ...] = tuple(np.arange(50, 100, 5) / 100)
"""Overlaps over which the mean is taken: 0.5, 0.55 ... 0.95 (COCO)."""

_HALF = 0.5


def detection_scores(
    truth: Any, prediction: Any, *, iou: float = 0.5, min_voxels: int = 0, progress: Progress | None = None
) -> dict[str, float | str | None]:
    """Compare instances.

    Parameters
    ----------
    truth, prediction : array-like of int, same shape, or Instances
        Object ids; 0 is background. Read section by section.
    iou : float
        Intersection over union from which an object counts as found, for ``f1``, ``precision`` and ``recall``.
    min_voxels : int
        Smaller objects, true or predicted, are left out.
    progress : Progress, optional

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
    if tuple(truth.shape) != tuple(prediction.shape):
        raise EmsegError(
            "ground truth and prediction differ in shape",
            f"ground truth {tuple(truth.shape)}, prediction {tuple(prediction.shape)}",
        )
    if truth.dtype.kind not in "bui" or prediction.dtype.kind not in "bui":
        raise EmsegError("instances are object ids, in whole numbers", "", "threshold and label them first")
    overlaps = _Overlaps(_table(truth, prediction, progress or Silent()), min_voxels)
    n_truth, n_predicted = overlaps.n_truth, overlaps.n_predicted
    at = {t: overlaps.matched(t) for t in {*THRESHOLDS, iou}}
    matched = at[iou]
    found: dict[str, float | str | None] = {
        "f1": _ratio(2 * matched, n_truth + n_predicted),
        "precision": _ratio(matched, n_predicted),
        "recall": _ratio(matched, n_truth),
    }
    for name, total in (("f1", n_truth + n_predicted), ("precision", n_predicted), ("recall", n_truth)):
        factor = 2 if name == "f1" else 1
        found[f"{name}_mean"] = _ratio(factor * float(np.mean([at[t] for t in THRESHOLDS])), total)
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


class Instances:
    """Object ids of whatever a person gives: ids, a mask, or probabilities.

    Parameters
    ----------
    values : array-like (z, y, x) or (y, x)
        Probabilities (floats up to 1; foreground is above 0.5) and masks (one value besides 0) are split into their
        26-connected components, or 8-connected in a single section; ids stay as they are, also where floats hold them.
        Looked through once, then read section by section.
    above : float
        If positive, foreground is above this: for grey masks with soft edges.

    Raises
    ------
    EmsegError
        If they look like grey values: most patches of one value are specks; or if floats are neither in [0, 1] nor ids.
    """

    dtype = np.dtype(np.int64)

    def __init__(self, values: Any, above: float = 0.0) -> None:
        self.shape = tuple(values.shape)
        self._values, self._parts = values, PartNumbers()
        kind = np.dtype(values.dtype).kind
        self._line: float | None = above if above > 0 else None
        if above > 0:
            return
        found, where = look_through(values), str(getattr(values, "source", ""))
        if kind == "f" and found.high > 1:
            if found.low < 0 or not found.are_whole or found.high > _EXACT:
                raise EmsegError(
                    f"values from {found.low:g} to {found.high:g} are neither probabilities nor object ids", where,
                    "give floats in [0, 1], or say above which value objects are: --above for TRUTH, "
                    "--prediction-above for PREDICTION",
                )  # fmt: skip
            self._line = 0.0 if found.n_ids == 1 else None
        elif kind == "f":
            self._line = 0.5
        elif kind == "b" or found.n_ids == 1:
            self._line = 0.0
        elif found.n_ids > _MASK_VALUES and found.are_grey:
            raise EmsegError(
                f"these are {found.n_ids} grey values and no object ids", where,
                "say above which value objects are: --above for TRUTH, --prediction-above for PREDICTION",
            )  # fmt: skip

    def __len__(self) -> int:
        return int(self.shape[0])

    def sections(self) -> Iterator[NDArray[np.integer]]:
        """Numbers of all sections, for the first and only time; `final` names them."""
        for section in sections_of(self._values):
            if self._line is not None:
                yield self._parts.add(section > self._line)
            else:
                yield section.astype(np.int64) if section.dtype.kind == "f" else section

    def final(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ids of what `sections` numbered."""
        return numbers if self._line is None else self._parts.final()[numbers]


def instances(values: NDArray[Any], above: float = 0.0) -> NDArray[np.integer]:
    """The ids of `Instances` as one array of the same shape."""
    found = Instances(values, above)
    return found.final(np.stack(list(found.sections())).astype(np.int64)).reshape(values.shape)


_MASK_VALUES = 2  # a mask and a second value
_EXACT = 2.0**53  # beyond this, floats leave whole numbers out


def _table(truth: Any, prediction: Any, progress: Progress) -> Contingency:
    """Overlaps of all ids, with 0 of both."""
    tally = Tally()
    ways = [x.sections() if isinstance(x, Instances) else sections_of(x) for x in (truth, prediction)]
    for z, (a, b) in enumerate(zip(*ways, strict=True)):
        tally.add(a, b)
        progress.report(min((z + 1) / len(truth), 1.0), f"section {z + 1}")
    table = tally.table()
    a, b = (
        x.final(ids) if isinstance(x, Instances) else ids
        for x, ids in ((truth, table.a), (prediction, table.b))
    )
    return added_up(a, b, table.count)


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

    def matched(self, threshold: float) -> int:
        """How many pairs can be matched one to one at this threshold."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import maximum_bipartite_matching

        near = self._iou >= threshold
        if not near.any():
            return 0
        row, column = self._row[near], self._column[near]
        graph = coo_array((np.ones(row.size, bool), (row, column))).tocsr()
        return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
