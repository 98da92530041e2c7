"""Joining segments whose common border does not look like membrane."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contacts import Contacts, contacts

if TYPE_CHECKING:
    from numpy.typing import NDArray


def merge_by_boundary(
    labels: NDArray[np.uint32],
    boundary: NDArray[Any],
    threshold: float,
    *,
    min_faces: int = 1,
) -> NDArray[np.uint32]:
    """Join touching segments, weakest border first, until every border is as strong as the threshold.

    Parameters
    ----------
    labels : ndarray of uint32 (y, x) or (z, y, x)
        Segment ids; 0 belongs to nobody.
    boundary : ndarray, same shape
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    threshold : float
        Mean probability along the common border, in [0, 1]. Borders are averaged again as segments join.
    min_faces : int
        Borders of fewer pixel faces join nothing: two large cells that touch in a corner stay two.

    Returns
    -------
    ndarray of uint32
        Every joined group carries its smallest id.

    Notes
    -----
    Greedy agglomeration by mean affinity, as in Lee et al. 2017, arXiv:1706.00120.
    """
    joined: NDArray[np.uint32] = merge_tree(labels, boundary, below=threshold, min_faces=min_faces).at(
        threshold
    )[labels]
    return joined


@dataclass(frozen=True, slots=True, eq=False)
class MergeTree:
    """The order in which segments join; cutting it anywhere takes no time.

    Attributes
    ----------
    kept, gone : ndarray of int64 (n,)
        Ids that became one, in this order; the smaller one stays.
    height : ndarray of float64 (n,)
        The threshold above which it happens, never falling.
    top : int
        Largest id.
    """

    kept: NDArray[np.int64]
    gone: NDArray[np.int64]
    height: NDArray[np.float64]
    top: int

    def at(self, threshold: float) -> NDArray[np.uint32]:
        """Id of the group of every id, (top + 1,), as `merge_by_boundary` gives it at this threshold."""
        root = np.arange(self.top + 1, dtype=np.uint32)
        n = int(np.searchsorted(self.height, threshold))
        order = np.argsort(self.gone[:n], kind="stable")
        # Ids only ever join smaller ones, so going upwards meets final roots.
        for kept, gone in zip(self.kept[:n][order].tolist(), self.gone[:n][order].tolist(), strict=True):
            root[gone] = root[kept]
        return root


def merge_tree(
    labels: NDArray[np.uint32], boundary: NDArray[Any], *, below: float = np.inf, min_faces: int = 1
) -> MergeTree:
    """The whole history of `merge_by_boundary`, for a slider that is moved.

    Parameters
    ----------
    labels, boundary, min_faces
        As in `merge_by_boundary`.
    below : float
        Stop here: thresholds above this will not be asked for.

    Returns
    -------
    MergeTree
    """
    scale = 255.0 if boundary.dtype == np.uint8 else 1.0
    pairs = contacts(labels, boundary)
    pairs = Contacts(pairs.a, pairs.b, pairs.faces, pairs.boundary / scale)
    return merge_graph(pairs, int(labels.max(initial=0)), below=below, min_faces=min_faces)


def merge_graph(pairs: Contacts, top: int, *, below: float = np.inf, min_faces: int = 1) -> MergeTree:
    """The same from borders that are known already.

    Parameters
    ----------
    pairs : Contacts
        With means in [0, 1].
    top : int
        Largest id.
    below, min_faces
        As in `merge_tree`.
    """
    steps = merge_order(pairs, below, min_faces)
    kept, gone, height = (np.array([step[k] for step in steps]) for k in range(3))
    rising = np.maximum.accumulate(height.astype(float)) if steps else height.astype(float)
    return MergeTree(kept.astype(np.int64), gone.astype(np.int64), rising, top)


def merge_order(
    pairs: Contacts, threshold: float = np.inf, min_faces: int = 1
) -> list[tuple[int, int, float]]:
    """In which order touching segments join: always those whose common border is weakest on average.

    Returns
    -------
    list of (int, int, float)
        Id that stays, id that goes, mean border, of every joining.
    """
    borders: dict[int, dict[int, tuple[float, int]]] = {}
    totals = pairs.boundary * pairs.faces
    for a, b, total, faces in zip(
        pairs.a.tolist(), pairs.b.tolist(), totals.tolist(), pairs.faces.tolist(), strict=True
    ):
        borders.setdefault(a, {})[b] = borders.setdefault(b, {})[a] = (total, faces)
    # From the totals, as below: a mean times its number, divided again, need not be the same mean.
    queue = [
        (mean, a, b)
        for mean, a, b in zip(
            (totals / pairs.faces).tolist(), pairs.a.tolist(), pairs.b.tolist(), strict=True
        )
        if mean < threshold
    ]
    heapq.heapify(queue)
    steps: list[tuple[int, int, float]] = []
    while queue:
        mean, a, b = heapq.heappop(queue)
        border = borders.get(a, {}).get(b)
        if border is None or border[0] / border[1] != mean or border[1] < min_faces:
            continue
        keep, gone = min(a, b), max(a, b)
        steps.append((keep, gone, mean))
        for other, (total, faces) in borders.pop(gone).items():
            del borders[other][gone]
            if other == keep:
                continue
            old_total, old_faces = borders[keep].get(other, (0.0, 0))
            new = (old_total + total, old_faces + faces)
            borders[keep][other] = borders[other][keep] = new
            if new[0] / new[1] < threshold:
                heapq.heappush(queue, (new[0] / new[1], min(keep, other), max(keep, other)))
    return steps
