"""What is wrong with each true object: into how many pieces it fell, and what it was merged with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import contingency

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_PART = 0.01
"""Part of an object, true or predicted, from which an overlap is more than a ragged border."""


@dataclass(frozen=True, slots=True)
class ObjectErrors:
    """Errors of one true object.

    Parameters
    ----------
    object_id : int
    voxels : int
    pieces : int
        Predicted segments that hold more than a hundredth of it: 1 is right, 0 means that it was missed.
    main_segment : int
        The segment that holds most of it.
    main_part : float
        How much of it that is, in [0, 1].
    iou : float
        Intersection over union with that segment.
    merged_with : tuple of int
        Other true objects of which that segment holds more than a hundredth, largest first.
    voi_split, voi_merge : float
        Bits that this object adds to the variation of information of the whole volume.
    """

    object_id: int
    voxels: int
    pieces: int
    main_segment: int
    main_part: float
    iou: float
    merged_with: tuple[int, ...]
    voi_split: float
    voi_merge: float


def object_errors(truth: NDArray[Any], prediction: NDArray[Any]) -> list[ObjectErrors]:
    """Errors of all true objects, those that cost most first.

    Parameters
    ----------
    truth, prediction : ndarray of int, same shape
        Ids. Pixels with truth 0 are left out; prediction 0 is no segment.

    Returns
    -------
    list of ObjectErrors
        The sums of `voi_split` and `voi_merge` are those of the volume.
    """
    inside = truth != 0
    table = contingency(truth[inside], prediction[inside])
    if not len(table):
        return []
    ids, sizes = table.sizes_a()
    segments, segment_sizes = table.sizes_b()
    of_id = np.searchsorted(ids, table.a)
    of_segment = np.searchsorted(segments, table.b)
    in_object = table.count / sizes[of_id]
    in_segment = table.count / segment_sizes[of_segment]
    n = table.total
    split = np.bincount(of_id, -table.count / n * np.log2(in_object), ids.size)
    merge = np.bincount(of_id, -table.count / n * np.log2(in_segment), ids.size)
    by_segment = np.argsort(table.b, kind="stable")
    first = np.searchsorted(table.b[by_segment], segments)
    last = np.r_[first[1:], len(table)]
    out = []
    for k, rows in enumerate(np.split(np.arange(len(table)), np.searchsorted(table.a, ids[1:]))):
        rows = rows[table.b[rows] != 0]
        if not rows.size:
            out.append(
                ObjectErrors(int(ids[k]), int(sizes[k]), 0, 0, 0.0, 0.0, (), float(split[k]), float(merge[k]))
            )
            continue
        main = rows[np.argmax(table.count[rows])]
        s = of_segment[main]
        same = by_segment[first[s] : last[s]]
        same = same[(table.a[same] != ids[k]) & (in_object[same] > LEAST_PART)]
        same = same[np.argsort(-table.count[same], kind="stable")]
        out.append(
            ObjectErrors(
                object_id=int(ids[k]),
                voxels=int(sizes[k]),
                pieces=int((in_object[rows] > LEAST_PART).sum()),
                main_segment=int(table.b[main]),
                main_part=float(in_object[main]),
                iou=float(table.count[main] / (sizes[k] + segment_sizes[s] - table.count[main])),
                merged_with=tuple(int(v) for v in table.a[same]),
                voi_split=float(split[k]),
                voi_merge=float(merge[k]),
            )
        )
    return sorted(out, key=lambda e: -(e.voi_split + e.voi_merge))
