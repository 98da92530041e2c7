"""Expected run length: how far one can follow a neurite before the segmentation errs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def expected_run_length(
    trees: Sequence[tuple[NDArray[np.float64], NDArray[np.intp]]], segments: Sequence[NDArray[np.int64]]
) -> dict[str, float | str | None]:
    """Expected length of the error-free piece around a random point of the skeletons.

    Parameters
    ----------
    trees : sequence of (points_nm (n, 3), edges (m, 2))
        True skeletons, one per neuron; edges are indices of points.
    segments : sequence of ndarray of int (n,)
        Segment of each node; negative or 0 for none.

    Returns
    -------
    dict
        ``expected_run_length_nm``; ``greatest_run_length_nm``, what a perfect segmentation would have;
        ``run_length_part``, their ratio; ``merged_segments`` that join several skeletons, whose runs count 0. None
        where the skeletons have no length, with a ``reason``.

    Notes
    -----
    An edge whose ends lie in different segments is split and belongs to no run, but counts for the total length.

    References
    ----------
    Januszewski et al. 2018, doi:10.1038/s41592-018-0049-4.
    """
    owners: dict[int, set[int]] = {}
    for t, ids in enumerate(segments):
        for segment in np.unique(ids[ids > 0]).tolist():
            owners.setdefault(int(segment), set()).add(t)
    merged = {s for s, who in owners.items() if len(who) > 1}
    total = squared = best = 0.0
    for (points, edges), ids in zip(trees, segments, strict=True):
        length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
        a, b = ids[edges[:, 0]], ids[edges[:, 1]]
        whole = float(length.sum())
        total += whole
        best += whole**2
        inside = (a == b) & (a > 0)
        runs, of = np.unique(a[inside], return_inverse=True)
        lengths = np.bincount(of, length[inside], runs.size)
        whole_runs = np.array([run not in merged for run in runs.tolist()], bool)
        squared += float((lengths[whole_runs] ** 2).sum())
    if total == 0:
        return {
            "expected_run_length_nm": None, "greatest_run_length_nm": None, "run_length_part": None,
            "merged_segments": len(merged), "reason": "the skeletons have no length",
        }  # fmt: skip
    return {
        "expected_run_length_nm": squared / total,
        "greatest_run_length_nm": best / total,
        "run_length_part": squared / best,
        "merged_segments": len(merged),
    }
