"""Joining segments whose common border does not look like membrane."""

from __future__ import annotations

import heapq
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
    scale = 255.0 if boundary.dtype == np.uint8 else 1.0
    root = _agglomerate(contacts(labels, boundary), threshold * scale, min_faces, int(labels.max(initial=0)))
    joined: NDArray[np.uint32] = root[labels]
    return joined


def _agglomerate(pairs: Contacts, threshold: float, min_faces: int, top: int) -> NDArray[np.uint32]:
    """Smallest id of the group of every id."""
    borders: dict[int, dict[int, tuple[float, int]]] = {}
    totals = pairs.boundary * pairs.faces
    for a, b, total, faces in zip(
        pairs.a.tolist(), pairs.b.tolist(), totals.tolist(), pairs.faces.tolist(), strict=True
    ):
        borders.setdefault(a, {})[b] = borders.setdefault(b, {})[a] = (total, faces)
    queue = [
        (mean, a, b)
        for mean, a, b in zip(pairs.boundary.tolist(), pairs.a.tolist(), pairs.b.tolist(), strict=True)
        if mean < threshold
    ]
    heapq.heapify(queue)
    joined_to: dict[int, int] = {}
    while queue:
        mean, a, b = heapq.heappop(queue)
        border = borders.get(a, {}).get(b)
        if border is None or border[0] / border[1] != mean or border[1] < min_faces:
            continue
        keep, gone = min(a, b), max(a, b)
        joined_to[gone] = keep
        for other, (total, faces) in borders.pop(gone).items():
            del borders[other][gone]
            if other == keep:
                continue
            old_total, old_faces = borders[keep].get(other, (0.0, 0))
            new = (old_total + total, old_faces + faces)
            borders[keep][other] = borders[other][keep] = new
            if new[0] / new[1] < threshold:
                heapq.heappush(queue, (new[0] / new[1], min(keep, other), max(keep, other)))
    root = np.arange(top + 1, dtype=np.uint32)
    # Ids only ever join smaller ones, so going upwards meets final roots.
    for gone in sorted(joined_to):
        root[gone] = root[joined_to[gone]]
    return root
