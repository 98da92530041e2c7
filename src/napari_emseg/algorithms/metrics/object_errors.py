"""What is wrong with each true object: into how many pieces it fell, and what it was merged with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.algorithms.contingency import Contingency, contingency
from napari_emseg.algorithms.metrics.overlaps import real_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

ErrorKind = Literal["right", "split", "merged", "split and merged", "missed", "not in the truth"]
Place = tuple[int, int, int]

MOST_NAMED = 20
"""Objects that are named in a row. Where everything is one segment, naming all in every row would be a square."""


_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


@dataclass(frozen=True, slots=True)
class ObjectErrors:
    """Errors of one true object.

    Parameters
    ----------
    object_id : int
    voxels : int
    pieces : int
        Predicted segments that hold more than a hundredth of it, and not only along its border: 1 is right, 0 means
        that it was missed.
    main_segment : int
        The segment that holds most of it.
    main_part : float
        How much of it that is, in [0, 1].
    iou : float
        Intersection over union with that segment.
    merged_with : tuple of int
        Other true objects of which that segment holds as much, largest first, `MOST_NAMED` of them at most.
    voi_split, voi_merge : float
        Bits that this object adds to the variation of information of the whole volume.
    error : str
        What is wrong, in words. "not in the truth": a segment, and no true object, which then is 0.
    place : (z, y, x) or None
        A voxel where that can be seen; None until somebody has looked for it.
    other_place : (z, y, x) or None
        The same for the lesser of two errors.
    n_merged : int
        How many objects `merged_with` would name in full.
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
    error: ErrorKind = "right"
    place: Place | None = None
    other_place: Place | None = None
    n_merged: int = 0


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
    return errors_of_table(contingency(truth[inside], prediction[inside]))


def errors_of_table(table: Contingency, real: NDArray[np.bool_] | None = None) -> list[ObjectErrors]:
    """As `object_errors`, from the overlaps of true objects (``a``, without 0) with segments (``b``).

    Parameters
    ----------
    table : Contingency
    real : ndarray of bool (n,), optional
        Which overlaps count, by default all of more than a hundredth of the object; see
        `napari_emseg.algorithms.metrics.overlaps.real_pairs`.
    """
    if not len(table):
        return []
    ids, sizes = table.sizes_a()
    segments, segment_sizes = table.sizes_b()
    of_id = np.searchsorted(ids, table.a)
    of_segment = np.searchsorted(segments, table.b)
    in_object = table.count / sizes[of_id]
    in_segment = table.count / segment_sizes[of_segment]
    real = real_pairs(table) if real is None else real
    n = table.total
    split = np.bincount(of_id, -table.count / n * np.log2(in_object), ids.size)
    merge = np.bincount(of_id, -table.count / n * np.log2(in_segment), ids.size)
    counted = np.flatnonzero(real)
    by_segment = counted[np.lexsort((-table.count[counted], table.b[counted]))]
    first, last = (np.searchsorted(table.b[by_segment], segments, side) for side in _SIDES)
    out = []
    for k, rows in enumerate(np.split(np.arange(len(table)), np.searchsorted(table.a, ids[1:]))):
        rows = rows[table.b[rows] != 0]
        if not rows.size:
            cost = float(split[k]), float(merge[k])
            out.append(ObjectErrors(int(ids[k]), int(sizes[k]), 0, 0, 0.0, 0.0, (), *cost, "missed"))
            continue
        main = rows[np.argmax(table.count[rows])]
        s = of_segment[main]
        largest = by_segment[first[s] : min(last[s], first[s] + MOST_NAMED + 1)]
        largest = largest[table.a[largest] != ids[k]][:MOST_NAMED]
        n_merged = int(last[s] - first[s]) - int(real[main])
        pieces = int(real[rows].sum())
        out.append(
            ObjectErrors(
                object_id=int(ids[k]),
                voxels=int(sizes[k]),
                pieces=pieces,
                main_segment=int(table.b[main]),
                main_part=float(in_object[main]),
                iou=float(table.count[main] / (sizes[k] + segment_sizes[s] - table.count[main])),
                merged_with=tuple(int(v) for v in table.a[largest]),
                voi_split=float(split[k]),
                voi_merge=float(merge[k]),
                error=_in_words(pieces, n_merged),
                n_merged=n_merged,
            )
        )
    return sorted(out, key=lambda e: -(e.voi_split + e.voi_merge))


def _in_words(pieces: int, n_merged: int) -> ErrorKind:
    """What is wrong with an object; one of which only crumbs are covered was missed."""
    if pieces == 0:
        return "missed"
    if pieces > 1:
        return "split and merged" if n_merged else "split"
    return "merged" if n_merged else "right"
