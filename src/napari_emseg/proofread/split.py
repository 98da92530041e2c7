"""An object is divided between seeds, in one section or through several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi
from skimage.segmentation import watershed

from napari_emseg.algorithms.dividing import narrowness
from napari_emseg.algorithms.dividing_large import divide_large
from napari_emseg.core.edit import Edit, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.patching import section_patches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.stack import ArrayLike3D
    from napari_emseg.core.volume import LabelVolume

Point = tuple[int, int, int]

_LIKELY = 0.5
"""Probability from which on a pixel is rather membrane; of 0.02 to 0.5 the best (`benchmarks/dividing_clicks.py`)."""


def split(
    volume: LabelVolume,
    seeds: Sequence[Sequence[Point]],
    sections: Iterable[int] | None = None,
    boundary: ArrayLike3D | None = None,
) -> Edit:
    """Divide one object between groups of seeds.

    Where the probability of membranes is known at the seeds, the object is divided along the membrane between them: by a
    watershed if it is closed, which is exact then, else along the faintest membrane (`algorithms.dividing`). Where nothing is
    known it is divided at its narrowest places: narrow places count as faint membrane does (`algorithms.dividing.narrowness`).

    Parameters
    ----------
    volume : LabelVolume
        Read only; its free ids are used for the new objects.
    seeds : sequence of groups of (z, y, x)
        One group per resulting object; the first group keeps the id. All of them lie in one object.
    sections : iterable of int, optional
        The sections to divide; by default those from the first seed to the last.
    boundary : array-like (z, y, x), optional
        Probability that a voxel is membrane, of the volume's shape: floats in [0, 1], NaN where nobody knows; only the
        object's box is read. It is not used if it is not known at every seed.

    Returns
    -------
    Edit
        By a human, one patch per changed section. Parts that no seed reaches keep the id.

    Raises
    ------
    EmsegError
        If there are fewer than two groups, or a seed lies outside the object.
    """
    groups = [[(int(z), int(y), int(x)) for z, y, x in group] for group in seeds if len(group)]
    points = [point for group in groups for point in group]
    if len(groups) < 2:
        raise EmsegError("one seed cannot divide an object", "", "place a seed in each part")
    object_id = _common_object(volume, points)
    if sections is None:
        depths = [z for z, _, _ in points]
        sections = range(min(depths), max(depths) + 1)
    region = _around(volume, object_id, sections, points)
    before = volume.read(region)
    mask = before == object_id
    markers = np.zeros(region.shape, np.uint32)
    for n, group in enumerate(groups, 1):
        for point in group:
            markers[tuple(p - s for p, s in zip(point, region.start, strict=True))] = n
    walls = None if boundary is None else _walls(boundary, region, mask, markers)
    pieces = _at_necks(volume, mask, markers) if walls is None else _along(volume, walls, mask, markers)
    first = volume.next_ids(len(groups) - 1)
    after = before.copy()
    for n in range(2, len(groups) + 1):
        after[pieces == n] = first + n - 2
    return Edit(f"split object {object_id} in {len(groups)}", "human", section_patches(region, before, after))


def _common_object(volume: LabelVolume, points: Sequence[Point]) -> int:
    if len(set(points)) < len(points):
        raise EmsegError("two seeds lie on the same pixel", "", "place them apart")
    for point in points:
        if not all(0 <= p < n for p, n in zip(point, volume.shape, strict=True)):
            raise EmsegError("a seed lies outside the labels", str(point), "place it in the object")
    ids = [int(volume[point]) for point in points]
    if len(set(ids)) > 1 or ids[0] == 0:
        raise EmsegError(
            "the seeds do not lie in one object",
            f"they lie in {sorted(set(ids))}",
            "place all seeds in the same object",
        )
    return ids[0]


def _around(volume: LabelVolume, object_id: int, sections: Iterable[int], points: Sequence[Point]) -> Region:
    """The object's box in these sections, and in those of the seeds."""
    wanted = sorted(set(sections) | {z for z, _, _ in points})
    boxes = volume.find([object_id], range(wanted[0], wanted[-1] + 1))
    start = np.min([box.start for box in boxes.values()], axis=0)
    stop = np.max([box.stop for box in boxes.values()], axis=0)
    return Region((int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2])))


def _walls(
    boundary: ArrayLike3D, region: Region, mask: NDArray[np.bool_], markers: NDArray[np.uint32]
) -> NDArray[np.float32] | None:
    """Membrane probability in a box; None if it is not known at every seed.

    Where it is not known beside them, no way is shorter or longer than through the rest of the object.
    """
    found = np.array(boundary[region.slices], np.float32)
    known = np.isfinite(found)
    if not known[markers > 0].all():
        return None
    if not known.all():
        found[~known] = found[known & mask].mean()
    return found


def _along(
    volume: LabelVolume, walls: NDArray[np.float32], mask: NDArray[np.bool_], markers: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Pieces divided along membranes."""
    if mask.shape[0] == 1:
        walls, mask, markers = walls[0], mask[0], markers[0]
    if _is_closed(walls, mask, markers):
        pieces = np.asarray(watershed(walls, markers.astype(np.int32), mask=mask))
    else:
        pieces = divide_large(walls, markers, mask, volume.spacing_nm)
    return pieces.reshape(-1, *pieces.shape[-2:])


def _is_closed(walls: NDArray[np.float32], mask: NDArray[np.bool_], markers: NDArray[np.uint32]) -> bool:
    """Whether likely membrane stands between all seeds of different objects."""
    at = markers > 0
    free = mask & ((walls < _LIKELY) | at)  # people click on mitochondria, too
    cells, _ = ndi.label(free, ndi.generate_binary_structure(mask.ndim, mask.ndim))
    pairs = np.unique(np.c_[cells[at], markers[at]], axis=0)
    return bool(np.unique(pairs[:, 0]).size == len(pairs))


def _at_necks(
    volume: LabelVolume, mask: NDArray[np.bool_], markers: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Pieces divided where the object is narrow."""
    if mask.shape[0] == 1:
        mask, markers = mask[0], markers[0]
    pieces = divide_large(narrowness(mask, volume.spacing_nm), markers, mask, volume.spacing_nm)
    return pieces.reshape(-1, *pieces.shape[-2:])
