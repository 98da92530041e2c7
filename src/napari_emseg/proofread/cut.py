"""An object is cut along a drawn line, in one section or in another plane of voxels."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.draw import line as draw_line

from napari_emseg.core.edit import Edit, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.patching import section_patches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.volume import LabelVolume

_SLIVER_PX = 10  # smaller crumbs beside the line join the piece next to them


def cut_along(
    volume: LabelVolume,
    line: Sequence[Sequence[float]],
    section: int,
    object_id: int | None = None,
    *,
    axis: int = 0,
) -> Edit:
    """Cut an object of one plane where a line crosses it.

    Parameters
    ----------
    volume : LabelVolume
        Read only; its free ids are used for the new pieces.
    line : sequence of (y, x)
        Corners of the drawn line in pixels; it may begin and end outside the object. With another `axis`, the
        two axes that are left, in their order.
    section : int
        Where it was drawn: a section, or the place on `axis`.
    object_id : int, optional
        The object that is meant; by default the one under most of the line.
    axis : int
        Across the plane of the line: 0 for a section, 1 or 2 where the view shows another plane. Only this plane is cut.

    Returns
    -------
    Edit
        The largest piece keeps the id, each other piece gets a new one.

    Raises
    ------
    EmsegError
        If the line meets no object, or does not divide it.
    """
    height, width = (n for a, n in enumerate(volume.shape) if a != axis)
    rows, columns = _pixels(line, (height, width))
    place: list[Any] = [rows, columns]
    place.insert(axis, np.full(rows.shape, section))
    under = volume[tuple(place)] if rows.size else np.zeros(0, volume.dtype)
    if object_id is None:
        found, counts = np.unique(under[under != 0], return_counts=True)
        if found.size == 0:
            raise EmsegError("the line meets no object", f"section {section}", "draw it across an object")
        object_id = int(found[np.argmax(counts)])
    region = _plane_of(volume, object_id, section, axis)
    if region is None:
        raise EmsegError(
            f"object {object_id} is not here", f"section {section}", "draw the line across an object"
        )
    before = volume.read(region)
    plane = np.take(before, 0, axis)
    start = tuple(n for a, n in enumerate(region.start) if a != axis)
    line_here = _line_mask(plane.shape, (start[0], start[1]), rows, columns)
    pieces = _pieces(plane == object_id, line_here)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    if np.count_nonzero(sizes) < 2:
        raise EmsegError(
            f"the line does not divide object {object_id}",
            f"section {section}",
            "draw it from one side of the object to the other",
        )
    largest = int(np.argmax(sizes))
    others = [n for n in np.flatnonzero(sizes).tolist() if n != largest]
    first = volume.next_ids(len(others))
    after = before.copy()
    for new_id, piece in enumerate(others, first):
        np.moveaxis(after, axis, 0)[0][pieces == piece] = new_id
    return Edit(f"cut object {object_id}", "human", section_patches(region, before, after))


def _pixels(line: Sequence[Sequence[float]], shape: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows and columns of the 8-connected pixels of a polyline, clipped to the section."""
    corners = np.rint(np.asarray(line, dtype=float)).astype(int)
    if corners.ndim != 2 or corners.shape[0] < 2 or corners.shape[1] != 2:
        raise EmsegError("a line has at least two corners (y, x)", f"{corners.shape}", "draw it again")
    parts = [draw_line(*a, *b) for a, b in pairwise(corners)]
    rows = np.concatenate([part[0] for part in parts])
    columns = np.concatenate([part[1] for part in parts])
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows[inside], columns[inside]


def _plane_of(volume: LabelVolume, object_id: int, place: int, axis: int) -> Region | None:
    """Box of an object in one plane; None where it is not."""
    if axis == 0:
        return volume.find([object_id], [place]).get(place)
    boxes = volume.find([object_id]).values()
    if not boxes:
        return None
    start = [min(box.start[a] for box in boxes) for a in range(3)]
    stop = [max(box.stop[a] for box in boxes) for a in range(3)]
    if not start[axis] <= place < stop[axis]:
        return None
    start[axis], stop[axis] = place, place + 1
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _line_mask(
    shape: tuple[int, ...], start: tuple[int, int], rows: NDArray[Any], columns: NDArray[Any]
) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    y, x = rows - start[0], columns - start[1]
    inside = (y >= 0) & (y < mask.shape[0]) & (x >= 0) & (x < mask.shape[1])
    mask[y[inside], x[inside]] = True
    return mask


def _pieces(mask: NDArray[np.bool_], line: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Pieces of the parts that the line crosses; what it does not cross is one piece of the kept object.

    Pieces are 4-connected, so that an 8-connected line divides them. Pixels of the line join the nearest.
    """
    parts, _ = ndimage.label(mask)
    crossed = np.isin(parts, np.setdiff1d(parts[line & mask], [0]))
    pieces, n = ndimage.label(crossed & ~line)
    sizes = np.bincount(pieces.ravel(), minlength=n + 1)
    if n > 2 or np.any(sizes[1:] < _SLIVER_PX):
        big = sizes >= _SLIVER_PX
        if np.count_nonzero(big[1:]) >= 2:
            pieces[~big[pieces]] = 0
    nearest = ndimage.distance_transform_edt(pieces == 0, return_distances=False, return_indices=True)
    return np.where(crossed, pieces[tuple(nearest)], 0)
