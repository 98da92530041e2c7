"""The middle line of an object, with its branches, from the distance along the object to one of its ends.

Distances inside the object from one end cut it into slices; the middles of connected slices, joined to those before them,
are a tree (level-set diagrams: Verroust & Lazarus, *Extracting skeletal curves from 3D scattered data*, The Visual
Computer 2000). A tube gives one clean line however thick its sections are, without the side twigs that
thinning leaves, and the middles are those of cross-sections already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.measure.crop import ObjectCrop

_PER_RADIUS = 4.0  # voxels of the working grid in one radius: enough for a middle, and quick
_RADII_PER_MEAN_DEPTH = 3.0  # the mean distance to the surface inside a cylinder is a third of its radius
_SLICE = 1.5  # thickness of a slice in voxels of the working grid
_TWIG = 1.0  # branches that reach less far beyond the surface than this many radii are bumps


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One stretch of the tree.

    Attributes
    ----------
    points_nm : ndarray of float64 (n, 3)
        Middles (z, y, x) in nanometres from the corner of the crop, in order; at least one.
    is_main : bool
        The longest line from end to end; the others begin on another branch.
    free_ends : (bool, bool)
        Whether the object ends at the first and last point, and neither at the edge of the volume nor on a branch.
    goes_on : (bool, bool)
        Whether the first and last point lie on another branch: where this one begins, or where a loop closes.
    """

    points_nm: NDArray[np.float64]
    is_main: bool
    free_ends: tuple[bool, bool]
    goes_on: tuple[bool, bool]


@dataclass(frozen=True, slots=True, eq=False)
class Centreline:
    """The tree of one object.

    Attributes
    ----------
    branches : tuple of Branch
        The main one of every part first.
    forks_nm : ndarray of float64 (n, 3)
        Where branches begin.
    radius_nm : float
        Rough radius of the whole, to begin with.
    direction : ndarray of float64 (3,)
        Where a branch of one point has to be looked along: across the face of the volume at which the object is cut
        off, or along its longest axis.
    parts : int
        Parts that do not touch, not even at corners.
    ball_nm : float
        Diameter of the largest ball that fits into the object.
    """

    branches: tuple[Branch, ...]
    forks_nm: NDArray[np.float64]
    radius_nm: float
    direction: NDArray[np.float64]
    parts: int
    ball_nm: float

    def to_fork_nm(self, point: NDArray[np.float64]) -> float:
        """Way from a point to the nearest fork; infinite without forks."""
        if not len(self.forks_nm):
            return np.inf
        return float(np.linalg.norm(self.forks_nm - point, axis=1).min())


def centreline(crop: ObjectCrop, min_voxels: int = 1) -> Centreline:
    """Middle line of an object of at least one voxel.

    Parameters
    ----------
    crop : ObjectCrop
    min_voxels : int
        Parts with fewer voxels are counted and left out: specks would outvote the object. The largest one stays.
    """
    import cc3d

    mask, n = _without_specks(crop.mask, min_voxels)
    radius, ball = rough_radius(mask, crop.spacing_nm)
    small, spacing = _reduced(mask, crop.spacing_nm, radius / _PER_RADIUS)
    # cc3d 4.1 refuses some masks of truth values that are one voxel wide; of whole numbers it takes all.
    parts = cc3d.connected_components(small.astype(np.uint8), connectivity=26)
    boxes = cc3d.statistics(parts)["bounding_boxes"]
    branches: list[Branch] = []
    forks: list[NDArray[np.float64]] = []
    for k, box in enumerate(boxes[1:], start=1):
        edges = tuple(
            (a and side.start == 0, b and side.stop == size)
            for (a, b), side, size in zip(crop.edges, box, small.shape, strict=True)
        )
        corner = np.multiply([side.start for side in box], spacing)
        lines, at = _branches(_Slices(parts[box] == k, spacing, radius, edges), radius)
        branches += [replace(line, points_nm=line.points_nm + corner) for line in lines]
        forks += [fork + corner for fork in at]
    branches.sort(key=lambda b: (not b.is_main, -len(b.points_nm)))
    face = _largest_patch(small, spacing, crop.edges)
    direction = longest_axis(small, spacing) if face is None else np.eye(3)[face.axis]
    at_forks = np.asarray(forks, np.float64).reshape(-1, 3)
    return Centreline(tuple(branches), at_forks, radius, direction, n, ball)


def _without_specks(mask: NDArray[np.bool_], min_voxels: int) -> tuple[NDArray[np.bool_], int]:
    """The parts of at least so many voxels, or the largest one; and how many parts there are of any size."""
    import cc3d

    parts, n = cc3d.connected_components(mask.astype(np.uint8), connectivity=26, return_N=True)
    if n < 2:
        return mask, int(n)
    sizes = cc3d.statistics(parts)["voxel_counts"].astype(np.int64)
    sizes[0] = 0
    return (sizes >= min(min_voxels, int(sizes.max())))[parts], int(n)


def rough_radius(mask: NDArray[np.bool_], spacing_nm: Spacing) -> tuple[float, float]:
    """Radius of the cylinder with the same mean distance to the surface, and diameter of the largest ball inside."""
    import edt

    depth = edt.edt(np.ascontiguousarray(mask), anisotropy=spacing_nm, black_border=True, parallel=1)
    deepest = np.unravel_index(int(np.argmax(depth)), mask.shape)
    return _RADII_PER_MEAN_DEPTH * float(depth[mask].mean()), _ball(
        mask, spacing_nm, deepest, float(depth.max())
    )


def _ball(mask: NDArray[np.bool_], spacing: Spacing, middle: tuple[Any, ...], depth: float) -> float:
    """Diameter of the ball around the middle of a voxel that touches the nearest voxel outside, but not its middle."""
    sides, at = [], []
    for m, s, n in zip(middle, spacing, mask.shape, strict=True):
        reach = int(depth / s) + 1
        sides.append((max(m - reach, -1), min(m + reach, n) + 1))
        at.append(int(m))
    inside = np.zeros([b - a for a, b in sides], bool)
    to = tuple(slice(max(a, 0) - a, min(b, n) - a) for (a, b), n in zip(sides, mask.shape, strict=True))
    inside[to] = mask[tuple(slice(max(a, 0), min(b, n)) for (a, b), n in zip(sides, mask.shape, strict=True))]
    away = np.zeros((1, 1, 1))
    for axis, ((a, b), m, s) in enumerate(zip(sides, at, spacing, strict=True)):
        free = np.maximum(np.abs(np.arange(a, b) - m) - 0.5, 0.0) * s
        away = away + np.square(free).reshape([-1 if k == axis else 1 for k in range(3)])
    return 2 * math.sqrt(float(away[~inside].min()))


def _reduced(mask: NDArray[np.bool_], spacing: Spacing, wanted: float) -> tuple[NDArray[np.bool_], Spacing]:
    """A coarser grid on which nothing that touches comes apart: a voxel is in if any of its own was."""
    steps = [max(1, int(wanted / s)) for s in spacing]
    padded = np.pad(mask, [(0, -n % k) for n, k in zip(mask.shape, steps, strict=True)])
    z, y, x = (n // k for n, k in zip(padded.shape, steps, strict=True))
    blocks = padded.reshape(z, steps[0], y, steps[1], x, steps[2])
    sizes = [s * k for s, k in zip(spacing, steps, strict=True)]
    return np.asarray(blocks.any(axis=(1, 3, 5))), (sizes[0], sizes[1], sizes[2])


def longest_axis(mask: NDArray[np.bool_], spacing: Spacing) -> NDArray[np.float64]:
    """Direction (z, y, x) in which a shape is longest."""
    places = np.stack(np.nonzero(mask), 1) * np.asarray(spacing)
    spread = np.cov(places.T, bias=True) + np.diag(np.square(spacing) / 12.0)
    return np.asarray(np.linalg.eigh(spread)[1][:, -1])


@dataclass(frozen=True, slots=True, eq=False)
class _Patch:
    """Where a part is cut off by a face of the volume: voxels (n, 3), and the axis across the face."""

    voxels: NDArray[np.intp]
    axis: int


def _largest_patch(
    part: NDArray[np.bool_], spacing: Spacing, edges: tuple[tuple[bool, bool], ...]
) -> _Patch | None:
    """The largest face across which an object leaves the volume, if there is one.

    Where it goes through the volume from face to face, or reaches farther into it than the face is wide. What is cut off
    along its length leaves the volume at its side.
    """
    best, best_area = None, 0.0
    for axis, ends in enumerate(edges):
        faces = [
            np.asarray(part.take(k, axis)) if is_edge else None
            for k, is_edge in zip((0, -1), ends, strict=True)
        ]
        goes_through = all(face is not None and face.any() for face in faces)
        sizes = np.delete(np.asarray(spacing), axis)
        for k, face in zip((0, part.shape[axis] - 1), faces, strict=True):
            if face is None or not face.any():
                continue
            there = _largest_piece(face)
            wide = float((np.ptp(there, axis=0) * sizes).max())
            deep = float(np.ptp(np.flatnonzero(part.any(_others(axis)))) * spacing[axis])
            area = len(there) * float(sizes.prod())
            if area > best_area and (goes_through or deep >= wide):
                best, best_area = _Patch(np.insert(there, axis, k, axis=1), axis), area
    return best


def _others(axis: int) -> tuple[int, ...]:
    return tuple(k for k in range(3) if k != axis)


def _largest_piece(face: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Pixels (n, 2) of the largest piece of a face."""
    from scipy import ndimage as ndi

    labels, _ = ndi.label(face)
    return np.stack(np.nonzero(labels == int(np.bincount(labels.ravel())[1:].argmax()) + 1), 1)


class _Slices:
    """Slices of one part: their middles (nm), sizes, and the slice before each of them."""

    def __init__(
        self, part: NDArray[np.bool_], spacing: Spacing, radius: float, edges: tuple[tuple[bool, bool], ...]
    ) -> None:
        import cc3d

        patch = _largest_patch(part, spacing, edges)
        away = distance_inside(part, spacing, None if patch is None else patch.voxels)
        thickness = max(_SLICE * max(spacing), radius / 2)
        band = np.where(part, np.where(part, away, 0.0) // thickness + 1, 0).astype(np.uint32)
        pieces, n = cc3d.connected_components(band, connectivity=26, return_N=True)
        inside = np.nonzero(part)
        owner = pieces[inside].astype(np.intp) - 1
        self.size = np.bincount(owner, minlength=n)
        places = [(axis + 0.5) * s for axis, s in zip(inside, spacing, strict=True)]
        self.middle = np.stack([np.bincount(owner, p, minlength=n) for p in places], 1) / self.size[:, None]
        self.level = np.zeros(n, np.intp)
        self.level[owner] = band[inside].astype(np.intp) - 1
        self.before, self.closing = self._joined(pieces)
        self.is_cut = np.zeros(n, bool)
        for axis, ends in enumerate(edges):
            for k, is_edge in zip((0, part.shape[axis] - 1), ends, strict=True):
                if is_edge:
                    self.is_cut[owner[inside[axis] == k]] = True

    def _joined(self, pieces: NDArray[np.unsignedinteger]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The slice before each one, the largest where there are several, and the slice where a loop closes; -1 is none."""
        import cc3d

        before, closing = (np.full(self.size.size, -1, np.intp) for _ in range(2))
        for one, other in sorted(cc3d.region_graph(pieces, connectivity=26)):
            a, b = sorted((int(one) - 1, int(other) - 1), key=lambda k: self.level[k])
            if before[b] < 0:
                before[b] = a
            elif (self.size[a], -a) > (self.size[before[b]], -before[b]):
                closing[before[b]], before[b] = b, a
            else:
                closing[a] = b
        return before, closing


def distance_inside(
    part: NDArray[np.bool_], spacing: Spacing, start: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """Length of the shortest way inside a part, in nanometres; infinite outside of it.

    Parameters
    ----------
    part : ndarray of bool (z, y, x)
    spacing : (z, y, x)
    start : ndarray of int (n, 3), optional
        Voxels from which the way is measured; without it the one that is farthest from the middle.
    """
    from skimage.graph import MCP_Geometric

    if start is None:
        inside = np.stack(np.nonzero(part), 1)
        place = inside * np.asarray(spacing)
        start = inside[[int(np.argmax(((place - place.mean(0)) ** 2).sum(1)))]]
    ways = MCP_Geometric(np.where(part, 1.0, -1.0), sampling=spacing, fully_connected=True)
    return np.asarray(ways.find_costs([tuple(v) for v in start.tolist()])[0])


def _branches(slices: _Slices, radius: float) -> tuple[list[Branch], list[NDArray[np.float64]]]:
    """Lines from the far ends back to what was taken already, the longest first; bumps are left out."""
    along, tips = _ways(slices)
    taken = np.zeros(slices.size.size, bool)
    ways: list[tuple[list[int], int]] = []
    for tip in tips:
        way = [tip]
        while not taken[way[-1]] and slices.before[way[-1]] >= 0:
            way.append(int(slices.before[way[-1]]))
        fork = way[-1] if taken[way[-1]] else -1
        if fork >= 0 and along[tip] - along[fork] < (1 + _TWIG) * radius:
            continue
        taken[way] = True
        ways.append((way[::-1], fork))
    closed = {int(slices.closing[way[-1]]) for way, _ in ways} - {-1}
    # a loop that comes back to where everything begins leaves no end there
    begins_within = any(fork >= 0 and along[fork] <= 2 * radius for _, fork in ways) and bool(closed)
    branches: list[Branch] = []
    for way, fork in ways:
        first, tip = way[0], way[-1]
        points, closing = slices.middle[way], int(slices.closing[tip])
        if closing >= 0:
            points = np.concatenate([points, slices.middle[[closing]]])
        goes_on = (fork >= 0 or begins_within, closing >= 0 or tip in closed)
        free = (not (goes_on[0] or slices.is_cut[first]), not (goes_on[1] or slices.is_cut[tip]))
        branches.append(Branch(points, fork < 0, (bool(free[0]), bool(free[1])), goes_on))
    return branches, [slices.middle[fork] for _, fork in ways if fork >= 0]


def _ways(slices: _Slices) -> tuple[NDArray[np.float64], list[int]]:
    """Way of every slice from the first one, and the slices behind which there is no other, the farthest first."""
    n = slices.size.size
    along, is_tip = np.zeros(n), np.ones(n, bool)
    for k in np.argsort(slices.level, kind="stable").tolist():
        parent = slices.before[k]
        if parent >= 0:
            is_tip[parent] = False
            along[k] = along[parent] + np.linalg.norm(slices.middle[k] - slices.middle[parent])
    return along, sorted(np.flatnonzero(is_tip).tolist(), key=lambda k: (-along[k], k))
