"""Scores of synaptic partners as the CREMI challenge defines them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

MATCHING_NM = 400.0
"""Distance up to which sites can be the same (CREMI)."""

_SAME_VOXEL = 1e-6  # of a voxel: what rounding adds to a place that was computed from a voxel's number


@dataclass(frozen=True, eq=False)
class Pairs:
    """Synaptic pairs: positions (n, 3) in nanometres (z, y, x) in the world."""

    pre_nm: NDArray[np.float64]
    post_nm: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pre_nm)


def segments_at(
    points_nm: NDArray[np.float64],
    segmentation: Any,
    spacing_nm: Spacing,
    offset_nm: Spacing = (0.0, 0.0, 0.0),
) -> NDArray[np.int64]:
    """Segment in which each point lies.

    Parameters
    ----------
    points_nm : ndarray (n, 3)
        (z, y, x) in the world, in nanometres.
    segmentation : array-like (z, y, x) of int
        Ids; only the voxels that are asked for are read.
    spacing_nm, offset_nm : (z, y, x)
        Voxel size, and where the volume begins, in nanometres. As in CREMI, voxel i holds everything from i to i + 1 voxel sizes.

    Returns
    -------
    ndarray of int64 (n,)
        Numbers that are equal where the ids are, -1 for points outside.
    """
    voxels = np.floor((points_nm - np.asarray(offset_nm)) / np.asarray(spacing_nm) + _SAME_VOXEL).astype(
        np.int64
    )
    inside = ((voxels >= 0) & (voxels < np.asarray(segmentation.shape))).all(axis=1)
    ids = np.zeros(len(points_nm), np.uint64)
    for z in np.unique(voxels[inside, 0]):
        here = inside & (voxels[:, 0] == z)
        section = np.asarray(segmentation[int(z)])
        ids[here] = section[voxels[here, 1], voxels[here, 2]].astype(np.uint64)
    _, number = np.unique(ids, return_inverse=True)
    return np.where(inside, number, -1)


def partner_scores(
    truth: Pairs,
    prediction: Pairs,
    segmentation: Any,
    spacing_nm: Spacing,
    *,
    offset_nm: Spacing = (0.0, 0.0, 0.0),
    matching_nm: float = MATCHING_NM,
) -> dict[str, float | str | None]:
    """Match predicted pairs to true ones, one to one.

    Two pairs can be the same if their presynaptic sites lie in one segment and at most `matching_nm` apart, and so
    do their postsynaptic sites. The matching is the cheapest one, where a match costs the mean distance of its sites
    and a pair that is left out twice `matching_nm`. A second detection of a pair is therefore a false positive.

    Parameters
    ----------
    truth, prediction : Pairs
    segmentation : array-like (z, y, x) of int
        Ground-truth neurons.
    spacing_nm, offset_nm : (z, y, x)
        Of the segmentation, as in `segments_at`.
    matching_nm : float

    Returns
    -------
    dict
        ``f1``, ``precision``, ``recall``, ``matched``, ``false_positives``, ``false_negatives``,
        ``mean_distance_nm`` of the matched ones. None where a score is not defined, with a ``reason``.

    Raises
    ------
    EmsegError
        If a position is NaN or infinite.

    References
    ----------
    CREMI challenge, https://cremi.org/metrics.
    """
    every = np.concatenate([truth.pre_nm, truth.post_nm, prediction.pre_nm, prediction.post_nm]).reshape(
        -1, 3
    )
    if not np.isfinite(every).all():
        raise EmsegError("the position of a site is no number", "partners", "export them again")
    number = segments_at(every, segmentation, spacing_nm, offset_nm)
    n, m = len(truth), len(prediction)
    true_pre, true_post, pre, post = np.split(number, np.cumsum([n, n, m]))
    costs = _costs(truth, prediction, (true_pre, true_post), (pre, post), matching_nm)
    distances = _matched(*costs, matching_nm)
    matched = len(distances)
    found: dict[str, float | str | None] = {
        "f1": 2 * matched / (n + m) if n + m else None,
        "precision": matched / m if m else None,
        "recall": matched / n if n else None,
        "matched": matched,
        "false_positives": m - matched,
        "false_negatives": n - matched,
        "mean_distance_nm": float(np.mean(distances)) if matched else None,
    }
    reasons = [
        text
        for empty, text in (
            (n == 0, "no pair in the ground truth"),
            (m == 0, "no pair in the prediction"),
            (matched == 0 and n > 0 and m > 0, "no pair was matched"),
        )
        if empty
    ]
    if reasons:
        found["reason"] = " and ".join(reasons)
    return found


Matches = tuple["NDArray[np.intp]", "NDArray[np.intp]", "NDArray[np.float64]"]


def _costs(
    truth: Pairs,
    prediction: Pairs,
    true_segments: tuple[NDArray[np.int64], NDArray[np.int64]],
    segments: tuple[NDArray[np.int64], NDArray[np.int64]],
    matching_nm: float,
) -> Matches:
    """Pairs of pairs that may be the same, with the mean distance of their sites."""
    from scipy.spatial import cKDTree

    none = np.zeros(0, np.intp)
    if not len(truth) or not len(prediction):
        return none, none, np.zeros(0)
    near: Any = cKDTree(truth.pre_nm).query_ball_point(prediction.pre_nm, matching_nm * (1 + 1e-12))
    said = np.repeat(np.arange(len(prediction)), np.asarray([len(found) for found in near], np.intp))
    real = np.concatenate([np.asarray(found, np.intp) for found in near])
    pre_nm = np.linalg.norm(prediction.pre_nm[said] - truth.pre_nm[real], axis=1)
    post_nm = np.linalg.norm(prediction.post_nm[said] - truth.post_nm[real], axis=1)
    same = (pre_nm <= matching_nm) & (post_nm <= matching_nm)
    for ours, theirs in zip(segments, true_segments, strict=True):
        same &= (ours[said] == theirs[real]) & (ours[said] >= 0)
    return said[same], real[same], (pre_nm + post_nm)[same] / 2


def _matched(
    said: NDArray[np.intp], real: NDArray[np.intp], cost: NDArray[np.float64], matching_nm: float
) -> NDArray[np.float64]:
    """Costs of the best one-to-one matching; pairs that do not compete are solved apart."""
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not said.size:
        return np.zeros(0)
    n = int(said.max()) + 1
    size = n + int(real.max()) + 1
    graph = coo_array((np.ones(said.size), (said, real + n)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    group = label[said]
    order = np.argsort(group, kind="stable")
    out: list[float] = []
    for pairs in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        rows, r = np.unique(said[pairs], return_inverse=True)
        columns, c = np.unique(real[pairs], return_inverse=True)
        table = np.full((rows.size, columns.size), 2 * matching_nm)
        table[r, c] = cost[pairs]
        best = table[linear_sum_assignment(table)]
        out += best[best <= matching_nm].tolist()
    return np.asarray(out)
