"""An object is divided between seeds, in one section or through several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import edt
import numpy as np
from skimage.segmentation import watershed

from napari_emseg.core.edit import Edit, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.patching import section_patches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.stack import ArrayLike3D
    from napari_emseg.core.volume import LabelVolume

Point = tuple[int, int, int]


def split(
    volume: LabelVolume,
    seeds: Sequence[Sequence[Point]],
    sections: Iterable[int] | None = None,
    boundary: ArrayLike3D | None = None,
) -> Edit:
    """Divide one object between groups of seeds by a watershed.

    The watershed floods the boundary probability where one is given, else the distance to the object's
    border, so that cuts fall on its narrowest places.

    Parameters
    ----------
    volume : LabelVolume
        Read only; its free ids are used for the new objects.
    seeds : sequence of groups of (z, y, x)
        One group per resulting object; the first group keeps the id. All of them lie in one object.
    sections : iterable of int, optional
        The sections to divide; by default those from the first seed to the last.
    boundary : array-like (z, y, x), optional
        Probability that a voxel is membrane, of the volume's shape; only the object's box is read.

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
    markers = np.zeros(region.shape, np.int32)
    for n, group in enumerate(groups, 1):
        for point in group:
            markers[tuple(p - s for p, s in zip(point, region.start, strict=True))] = n
    pieces = watershed(_landscape(volume, region, mask, boundary), markers, mask=mask)
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


def _landscape(
    volume: LabelVolume, region: Region, mask: NDArray[np.bool_], boundary: ArrayLike3D | None
) -> NDArray[Any]:
    """What the watershed floods: high where a cut should be."""
    if boundary is not None:
        return np.asarray(boundary[region.slices], dtype=np.float32)
    spacing = volume.spacing_nm or (1.0, 1.0, 1.0)
    if mask.shape[0] == 1:
        return -np.asarray(edt.edt(mask[0], anisotropy=spacing[1:]))[None]
    return -np.asarray(edt.edt(mask, anisotropy=spacing))
