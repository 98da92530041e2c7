"""A tireless person: corrects a section from ground truth, with the actions that people have.

Used by the demo and by benchmarks of learning; it works through the session like anybody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.objects import count_objects
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.session import Session

_SHARED_PX = 32  # a piece belongs to an object if they share more than this, and more than a tenth of either
_SHARED_PART = 0.1


@dataclass(frozen=True)
class Corrections:
    """What it took to make a section right."""

    merges: int
    splits: int
    painted_px: int


def components(membranes: NDArray[Any]) -> NDArray[np.int32]:
    """Objects of one section: 4-connected parts that no membrane divides, from 1; membranes are 0."""
    objects, _ = ndimage.label(np.asarray(membranes) == 0)
    return np.asarray(objects, dtype=np.int32)


def edits_needed(labels: NDArray[Any], membranes: NDArray[Any]) -> dict[str, float]:
    """Corrections that labels of one section need, counted as the scores count them.

    Returns
    -------
    dict
        ``objects``, ``merges_needed``, ``splits_needed``, ``missed``, ``edits_per_100_objects``.
    """
    objects = components(membranes)
    cell = objects > 0
    found = count_objects(objects[cell], labels[cell], with_f1=False)
    edits = found.merges_needed + found.splits_needed + found.missed
    return {
        "objects": found.objects,
        "merges_needed": found.merges_needed,
        "splits_needed": found.splits_needed,
        "missed": found.missed,
        "edits_per_100_objects": 100 * edits / max(found.objects, 1),
    }


def correct(session: Session, section: int, membranes: NDArray[Any]) -> Corrections:
    """Make a section right and mark it proofread: merge, split, then paint what is left.

    Parameters
    ----------
    session : Session
    section : int
    membranes : ndarray (y, x)
        Truth: non-zero is membrane.
    """
    from napari_emseg.proofread.merge import merge
    from napari_emseg.proofread.split import split

    objects = components(membranes)
    merges = splits = 0
    for ids in _belonging(objects, _labels(session, section)).values():
        present = [i for i in ids if (_labels(session, section) == i).any()]
        if len(present) > 1:
            session.commit(merge(session.volume, present, [section]))
            merges += len(present) - 1
    for piece, owners in _belonging(_labels(session, section), objects).items():
        labels = _labels(session, section)
        places = (_middle(section, (objects == owner) & (labels == piece)) for owner in owners)
        seeds = [place for place in places if place is not None]
        if len(seeds) < 2:
            continue
        try:
            session.commit(split(session.volume, [[seed] for seed in seeds], [section]))
            splits += len(seeds) - 1
        except EmsegError:
            continue  # the brush does it
    painted = _paint(session, section, objects)
    session.mark(section, Status.PROOFREAD)
    return Corrections(merges, splits, painted)


def _labels(session: Session, section: int) -> NDArray[Any]:
    return np.asarray(session.volume[section])


def _belonging(wholes: NDArray[Any], parts: NDArray[Any]) -> dict[int, list[int]]:
    """For each whole with several parts, its parts, largest first."""
    both = (wholes > 0) & (parts > 0)
    table = contingency(wholes[both], parts[both])
    whole_ids, whole_size = table.sizes_a()
    part_ids, part_size = table.sizes_b()
    share = np.maximum(
        table.count / whole_size[np.searchsorted(whole_ids, table.a)],
        table.count / part_size[np.searchsorted(part_ids, table.b)],
    )
    hit = (table.count > _SHARED_PX) & (share > _SHARED_PART)
    found: dict[int, list[tuple[int, int]]] = {}
    for a, b, n in zip(table.a[hit], table.b[hit], table.count[hit], strict=True):
        found.setdefault(int(a), []).append((int(n), int(b)))
    return {a: [b for _, b in sorted(rows, reverse=True)] for a, rows in found.items() if len(rows) > 1}


def _middle(section: int, mask: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    """The point of a shape that is furthest from its border."""
    if not mask.any():
        return None
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), mask.shape)
    return section, int(y), int(x)


def _paint(session: Session, section: int, objects: NDArray[np.int32]) -> int:
    """Give every object one id of its own, with the brush; returns the number of pixels painted."""
    labels = _labels(session, section)
    inside = (objects > 0) & (labels > 0)
    table = contingency(objects[inside], labels[inside])
    wanted: dict[int, int] = {}
    taken: set[int] = set()
    for i in np.argsort(-table.count, kind="stable"):
        owner, piece = int(table.a[i]), int(table.b[i])
        if owner not in wanted and piece not in taken:
            wanted[owner] = piece
            taken.add(piece)
    n_objects = int(objects.max())
    names = np.zeros(n_objects + 1, np.int64)
    lacking = [owner for owner in range(1, n_objects + 1) if owner not in wanted]
    if lacking:
        first = session.volume.next_ids(len(lacking))
        names[lacking] = np.arange(first, first + len(lacking))
    for owner, piece in wanted.items():
        names[owner] = piece
    right = names[objects]
    wrong = (objects > 0) & (labels != right)
    rows, columns = np.nonzero(wrong)
    if rows.size:
        session.volume[np.full_like(rows, section), rows, columns] = right[rows, columns]
        session.commit_stroke()
    return int(rows.size)
