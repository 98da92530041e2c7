"""Scores of a membrane probability map: ISBI 2012 V_rand and V_info, and the edits that are needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import Contingency, contingency
from napari_emseg.algorithms.metrics.objects import ObjectCounts, count_objects
from napari_emseg.algorithms.metrics.thinning import components, thin, thin_roughly
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

RAND_THRESHOLDS: tuple[float, ...] = tuple(np.arange(0.05, 0.96, 0.05).tolist())
OBJECT_THRESHOLDS: tuple[float, ...] = tuple(np.arange(0.1, 0.91, 0.1).tolist())

# Quick thinning moves a line by one pixel at most. Thresholds whose quick score is further than this
# from the best are not thinned exactly; the margins widen by themselves when the quick score strays.
_RAND_MARGIN = 0.002
_EDITS_MARGIN = 1.5
_STRAY_FACTOR = 3.0


def boundary_scores(
    truth: NDArray[Any], probability: NDArray[Any], *, every_threshold: bool = False
) -> dict[str, float]:
    """Score membrane probabilities against ground truth, best over thresholds, mean over sections.

    Parameters
    ----------
    truth : ndarray (z, y, x) or (y, x)
        Non-zero is cell, zero is border. Objects are the 4-connected components of each section; border
        pixels are left out. Sections without any cell are skipped.
    probability : ndarray, same shape
        Probability that a pixel is membrane: floats in [0, 1] or uint8 in 0..255.
    every_threshold : bool
        Thin exactly at every threshold instead of only at those that can win. Same result, slower.

    Returns
    -------
    dict of str to float
        ``v_rand``, ``v_info`` and ``threshold`` (of 0.05, 0.10 .. 0.95, best V_rand);
        ``edits_per_100_objects``, ``merges_needed``, ``splits_needed``, ``missed``, ``objects`` (means per
        section), ``f1_50``, ``f1_75`` and ``object_threshold`` (of 0.1 .. 0.9, fewest edits).

    Raises
    ------
    EmsegError
        If the shapes differ, probabilities are not numbers, or there is no cell in the ground truth.

    References
    ----------
    Arganda-Carreras et al. 2015, doi:10.3389/fnana.2015.00142.
    """
    sections = _sections(truth, probability)
    keep_all = np.inf if every_threshold else 1.0
    quick = _Scorer(sections, thin_roughly)
    exact = _Scorer(sections, thin)
    rand_at = _best(
        RAND_THRESHOLDS,
        quick=(lambda t: -quick.voronoi(t)[0]),
        exact=(lambda t: -exact.voronoi(t)[0]),
        margin=_RAND_MARGIN * keep_all,
    )
    edits_at = _best(OBJECT_THRESHOLDS, quick=quick.edits, exact=exact.edits, margin=_EDITS_MARGIN * keep_all)
    v_rand, v_info = exact.voronoi(rand_at)
    rows = exact.objects(edits_at, with_f1=True)
    mean = {
        key: float(np.mean([getattr(row, key) for row in rows]))
        for key in ("f1_50", "f1_75", "merges_needed", "splits_needed", "missed", "objects")
    }
    return {
        "v_rand": v_rand,
        "v_info": v_info,
        "threshold": round(rand_at, 2),
        **mean,
        "edits_per_100_objects": exact.edits(edits_at),
        "object_threshold": round(edits_at, 2),
    }


def section_v_rand_v_info(truth: NDArray[np.integer], pieces: NDArray[np.integer]) -> tuple[float, float]:
    """Foreground-restricted V_rand and V_info of one labelling.

    Parameters
    ----------
    truth : ndarray of int (n,)
        Object number of each ground-truth foreground pixel, from 1.
    pieces : ndarray of int (n,)
        Predicted piece of the same pixels; pixels with 0 count as singletons.

    Returns
    -------
    v_rand, v_info : float
        Harmonic means of the merge and split scores, 1 is perfect.
    """
    return v_rand_v_info(contingency(truth, pieces))


def v_rand_v_info(table: Contingency) -> tuple[float, float]:
    """As `section_v_rand_v_info`, from the overlaps of objects (``a``) with pieces (``b``; 0 are singletons)."""
    n = table.total
    on_line = table.b == 0
    single = float(table.count[on_line].sum())
    joint = table.count[~on_line] / n
    a = table.sizes_a()[1] / n
    b = table.where(~on_line).sizes_b()[1] / n
    s = single / n / n
    both, merge, split = (joint**2).sum() + s, (b**2).sum() + s, (a**2).sum()
    precision, recall = both / merge, both / split
    singles = single / n * np.log(n)
    h_a, h_b, h_ab = _entropy(a), _entropy(b) + singles, _entropy(joint) + singles
    information = h_a + h_b - h_ab
    v_info = _harmonic(_ratio(information, h_b, h_a), _ratio(information, h_a, h_b))
    return _harmonic(precision, recall), v_info


@dataclass(eq=False)
class _Section:
    """Ground truth of one section, restricted to its foreground."""

    truth: NDArray[np.uint32]
    foreground: NDArray[np.bool_]
    probability: NDArray[np.float32]


@dataclass(eq=False)
class _Scorer:
    """Scores per threshold with one way of thinning, each section thinned once per distinct mask."""

    sections: Sequence[_Section]
    thinning: Callable[[NDArray[np.bool_]], NDArray[np.int32]]
    _pieces: dict[float, list[NDArray[np.int32]]] = field(default_factory=dict)

    def voronoi(self, threshold: float) -> tuple[float, float]:
        pieces = self.pieces(threshold)
        rows = [section_v_rand_v_info(s.truth, p) for s, p in zip(self.sections, pieces, strict=True)]
        v_rand, v_info = np.mean(rows, 0)
        return float(v_rand), float(v_info)

    def objects(self, threshold: float, *, with_f1: bool = False) -> list[ObjectCounts]:
        pieces = self.pieces(threshold)
        return [
            count_objects(s.truth, p, with_f1=with_f1) for s, p in zip(self.sections, pieces, strict=True)
        ]

    def edits(self, threshold: float) -> float:
        rows = self.objects(threshold)
        total = np.mean([row.merges_needed for row in rows])
        total = total + np.mean([row.splits_needed for row in rows]) + np.mean([row.missed for row in rows])
        objects = float(np.mean([row.objects for row in rows]))
        return 100 * float(total) / objects if objects else 0.0

    def pieces(self, threshold: float) -> list[NDArray[np.int32]]:
        # 0.3 and 0.30000000000000004 (the two lists are floating-point ranges) give the same mask unless a
        # probability lies between them, and so do all thresholds of a binary map.
        same = min(self._pieces, key=lambda t: abs(t - threshold), default=None)
        if same is None or not self._same_masks(same, threshold):
            masks = (
                (s.foreground, self.thinning(s.probability < np.float64(threshold))) for s in self.sections
            )
            self._pieces[threshold] = [lines[foreground] for foreground, lines in masks]
        elif same != threshold:
            self._pieces[threshold] = self._pieces[same]
        return self._pieces[threshold]

    def _same_masks(self, a: float, b: float) -> bool:
        low, high = np.float64(min(a, b)), np.float64(max(a, b))
        return low == high or not any(
            bool(((s.probability >= low) & (s.probability < high)).any()) for s in self.sections
        )


def _best(
    thresholds: Sequence[float],
    *,
    quick: Callable[[float], float],
    exact: Callable[[float], float],
    margin: float,
) -> float:
    """Find the first threshold of lowest exact cost; the quick cost tells which need not be tried."""
    if np.isinf(margin):
        return min(thresholds, key=exact)
    guess = {t: quick(t) for t in thresholds}
    found: dict[float, float] = {}
    for t in sorted(thresholds, key=lambda t: guess[t]):
        if found and guess[t] > min(found.values()) + margin:
            break
        found[t] = exact(t)
        margin = max(margin, _STRAY_FACTOR * abs(found[t] - guess[t]))
    return min(sorted(found), key=lambda t: found[t])


def _sections(truth: NDArray[Any], probability: NDArray[Any]) -> list[_Section]:
    truth, probability = np.asarray(truth), np.asarray(probability)
    if truth.ndim == 2:
        truth, probability = truth[None], probability[None] if probability.ndim == 2 else probability
    if truth.shape != probability.shape or truth.ndim != 3:
        raise EmsegError(
            "ground truth and prediction differ in shape",
            f"ground truth {truth.shape}, prediction {probability.shape}",
            "give two stacks (z, y, x) of the same sections",
        )
    scale = 255 if probability.dtype == np.uint8 else 1
    sections = []
    for cells, section in zip(truth != 0, probability, strict=True):
        values = section.astype(np.float32) / scale
        if not np.isfinite(values).all():
            raise EmsegError("the prediction holds values that are not numbers", "", "predict again")
        if cells.any():
            labels = components(cells)
            sections.append(_Section(labels[cells], cells, values))
    if not sections:
        raise EmsegError("the ground truth holds no cell", "", "non-zero is cell, zero is border")
    return sections


def _entropy(p: NDArray[np.float64]) -> float:
    return -float((p * np.log(p)).sum())


def _ratio(information: float, entropy: float, other: float) -> float:
    """Part of an entropy that is shared; a labelling without entropy is explained fully or not at all."""
    if entropy > 0:
        return information / entropy
    return 1.0 if other <= 0 else 0.0


def _harmonic(a: float, b: float) -> float:
    return float(2 * a * b / (a + b)) if a + b > 0 else 0.0
