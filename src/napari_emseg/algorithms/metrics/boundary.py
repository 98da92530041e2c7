"""Scores of a membrane probability map: ISBI 2012 V_rand and V_info, and the edits that are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_emseg.algorithms.contingency import Contingency, contingency
from napari_emseg.algorithms.metrics.objects import ObjectCounts, count_table
from napari_emseg.algorithms.metrics.thinning import components, thin, thin_roughly
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Part, Silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_emseg.core.progress import Progress

RAND_THRESHOLDS: tuple[float, ...] = tuple(np.arange(0.05, 0.96, 0.05).tolist())
OBJECT_THRESHOLDS: tuple[float, ...] = tuple(np.arange(0.1, 0.91, 0.1).tolist())

# Quick thinning moves a line by one pixel at most. Thresholds whose quick score is further than this
# from the best are not thinned exactly; the margins widen by themselves when the quick score strays.
_RAND_MARGIN = 0.002
_EDITS_MARGIN = 1.5
_STRAY_FACTOR = 3.0


def boundary_scores(
    truth: Any, probability: Any, *, every_threshold: bool = False, progress: Progress | None = None
) -> dict[str, float]:
    """Score membrane probabilities against ground truth, best over thresholds, mean over sections.

    Parameters
    ----------
    truth : array-like (z, y, x), or ndarray (y, x)
        Non-zero is cell, zero is border. Objects are the 4-connected components of each section; border
        pixels are left out. Sections without any cell are skipped. Read section by section, once and once more
        for every threshold that can win.
    probability : array-like, same shape
        Probability that a pixel is membrane: floats in [0, 1] or uint8 in 0..255.
    every_threshold : bool
        Thin exactly at every threshold, about three times slower. Else quick thinning tells which thresholds
        are worth it: the same result for maps that are any good, while very noisy ones may be
        scored at a threshold that is second best.
    progress : Progress, optional

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
    progress = progress or Silent()
    sections = _Sections(truth, probability)
    keep_all = np.inf if every_threshold else 1.0
    share = 0.05 if every_threshold else 0.3
    quick = _Quick(sections, Part(progress, 0.0, share), rows=not every_threshold)
    exact = _Exact(sections, quick, Part(progress, share, 1.0))
    rand_at = _best(
        RAND_THRESHOLDS,
        quick=(lambda t: -_voronoi(quick.rows[t])[0]),
        exact=(lambda t: -_voronoi(exact.rows(t))[0]),
        margin=_RAND_MARGIN * keep_all,
    )
    edits_at = _best(
        OBJECT_THRESHOLDS,
        quick=(lambda t: _edits(quick.rows[t])),
        exact=(lambda t: _edits(exact.rows(t))),
        margin=_EDITS_MARGIN * keep_all,
    )
    v_rand, v_info = _voronoi(exact.rows(rand_at))
    counts = [row.counts for row in exact.rows(edits_at)]
    mean = {
        key: float(np.mean([getattr(row, key) for row in counts]))
        for key in ("f1_50", "f1_75", "merges_needed", "splits_needed", "missed", "objects")
    }
    return {
        "v_rand": v_rand,
        "v_info": v_info,
        "threshold": round(rand_at, 2),
        **mean,
        "edits_per_100_objects": _edits(exact.rows(edits_at)),
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

    def table(self, threshold: float, thinning: Thinning) -> Contingency:
        """How objects and pieces overlap at a threshold."""
        lines = thinning(self.probability < np.float64(threshold))
        return contingency(self.truth, lines[self.foreground])


class _Sections:
    """Sections that hold cells, read anew each time that they are gone through: memory holds one."""

    def __init__(self, truth: Any, probability: Any) -> None:
        if len(truth.shape) == 2:
            truth, probability = (
                truth[None],
                probability[None] if len(probability.shape) == 2 else probability,
            )
        if tuple(truth.shape) != tuple(probability.shape) or len(truth.shape) != 3:
            raise EmsegError(
                "ground truth and prediction differ in shape",
                f"ground truth {tuple(truth.shape)}, prediction {tuple(probability.shape)}",
                "give two stacks (z, y, x) of the same sections",
            )
        self._truth, self._probability = truth, probability
        self._scale = 255 if probability.dtype == np.uint8 else 1

    def __len__(self) -> int:
        return int(self._truth.shape[0])

    def __iter__(self) -> Iterator[_Section]:
        for z in range(len(self)):
            cells = np.asarray(self._truth[z]) != 0
            values = np.asarray(self._probability[z]).astype(np.float32) / np.float32(self._scale)
            if not np.isfinite(values).all():
                raise EmsegError("the prediction holds values that are not numbers", "", "predict again")
            if cells.any():
                yield _Section(components(cells)[cells], cells, values)


@dataclass(frozen=True, eq=False)
class _Row:
    """Scores of one section at one threshold."""

    voronoi: tuple[float, float]
    counts: ObjectCounts


_Rows = list[_Row]
Thinning = Callable[[NDArray[np.bool_]], NDArray[np.int32]]


def _row(table: Contingency, *, with_f1: bool) -> _Row:
    return _Row(v_rand_v_info(table), count_table(table, with_f1=with_f1))


class _Quick:
    """Scores at all thresholds after quick thinning, from going through the sections once.

    Without ``rows`` only which thresholds give the same masks.
    """

    def __init__(self, sections: _Sections, progress: Progress, *, rows: bool) -> None:
        self.thresholds = tuple(sorted({*RAND_THRESHOLDS, *OBJECT_THRESHOLDS}))
        self.rows: dict[float, _Rows] = {t: [] for t in self.thresholds}
        self.is_between = np.zeros(len(self.thresholds) + 1, bool)
        found = 0
        for section in sections:
            found += 1
            place = np.searchsorted(self.thresholds, section.probability.ravel(), side="right")
            between = np.bincount(place, minlength=len(self.thresholds) + 1) > 0
            self.is_between |= between
            row: _Row | None = None
            for k, t in enumerate(self.thresholds if rows else ()):
                if row is None or between[k]:  # else the mask is that of the threshold below
                    row = _row(section.table(t, thin_roughly), with_f1=False)
                self.rows[t].append(row)
            progress.report(min(found / len(sections), 1.0), f"section {found} of {len(sections)}, roughly")
        if not found:
            raise EmsegError(
                "there is no cell to compare with", "ground truth", "non-zero is cell, zero is border"
            )

    def first_alike(self, threshold: float) -> float:
        """The lowest threshold with the same masks in all sections."""
        # 0.3 and 0.30000000000000004 (the two lists are floating-point ranges) give the same mask unless a
        # probability lies between them, and so do all thresholds of a binary map.
        k = self.thresholds.index(threshold)
        while k and not self.is_between[k]:
            k -= 1
        return self.thresholds[k]


class _Exact:
    """Scores after exact thinning, each set of masks thinned once."""

    def __init__(self, sections: _Sections, quick: _Quick, progress: Progress) -> None:
        self._sections, self._quick, self._progress = sections, quick, progress
        self._found: dict[float, _Rows] = {}

    def rows(self, threshold: float) -> _Rows:
        at = self._quick.first_alike(threshold)
        if at not in self._found:
            rows: _Rows = []
            for n, section in enumerate(self._sections):
                rows.append(_row(section.table(at, thin), with_f1=True))
                passed = len(self._found) + n / len(self._sections)  # nobody knows how many there will be
                self._progress.report(1 - 1 / (1 + passed), f"section {n + 1} at threshold {threshold:.2f}")
            self._found[at] = rows
        return self._found[at]


def _voronoi(rows: _Rows) -> tuple[float, float]:
    v_rand, v_info = np.mean([row.voronoi for row in rows], 0)
    return float(v_rand), float(v_info)


def _edits(rows: _Rows) -> float:
    counts = [row.counts for row in rows]
    total = np.mean([row.merges_needed for row in counts])
    total = total + np.mean([row.splits_needed for row in counts]) + np.mean([row.missed for row in counts])
    objects = float(np.mean([row.objects for row in counts]))
    return 100 * float(total) / objects if objects else 0.0


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


def _entropy(p: NDArray[np.float64]) -> float:
    return -float((p * np.log(p)).sum())


def _ratio(information: float, entropy: float, other: float) -> float:
    """Part of an entropy that is shared; a labelling without entropy is explained fully or not at all."""
    if entropy > 0:
        return information / entropy
    return 1.0 if other <= 0 else 0.0


def _harmonic(a: float, b: float) -> float:
    return float(2 * a * b / (a + b)) if a + b > 0 else 0.0
