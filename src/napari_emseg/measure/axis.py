"""The axis of one branch: its rough middles, moved into those of cross-sections, at equal steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.measure.cross_section import cross_section

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.measure.centreline import Branch, Centreline
    from napari_emseg.measure.crop import ObjectCrop

_ROUNDS = (
    2  # the middle of a cross-section is a better point of the axis, and that gives a better cross-section
)
_COARSE = 40  # points across the window while only the middle is wanted
WINDOW = 2.5
"""How far a cross-section is looked for at first, in radii."""
_STRAY = 1.0  # radii by which a middle may move: more is another branch
_AT_FORK = 2.5  # radii around a fork in which a middle may be that of another branch


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Points of one branch at equal steps.

    Attributes
    ----------
    points : ndarray of float64 (n, 3)
        (z, y, x) in nanometres from the corner of the crop.
    tangents : ndarray of float64 (n, 3)
        Directions, of length 1.
    radii : ndarray of float64 (n,)
        Rough ones.
    is_at_end : ndarray of bool (n,)
        In the rounding of a free end, where cross-sections are too small.
    beyond : (float, float)
        How far the object goes on beyond both ends.
    """

    points: NDArray[np.float64]
    tangents: NDArray[np.float64]
    radii: NDArray[np.float64]
    is_at_end: NDArray[np.bool_]
    beyond: tuple[float, float]

    @property
    def along(self) -> NDArray[np.float64]:
        """Way of every point from the beginning of the branch."""
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        return self.beyond[0] + np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def length(self) -> float:
        """Of the branch, to the surface of its ends."""
        return float(self.along[-1] + self.beyond[1])


def axis_of(crop: ObjectCrop, line: Centreline, branch: Branch, step: float) -> Axis:
    """The axis of a branch: its middles, moved to those of cross-sections, without the rounding of free ends."""
    radius, direction = line.radius_nm, line.direction
    points = _even(branch.points_nm, step)
    radii = np.full(len(points), radius)
    for _ in range(_ROUNDS):
        tangents = _tangents(_smooth(points, radius / step), direction, radius / step)
        points, radii = _centred(crop, line, points, tangents, radii, is_rough=True)
    away = _inner(crop, points, radii, _tangents(points, direction, radius / step), branch.free_ends)
    points, radii = points[away], radii[away]
    points = _even(points, step) if len(points) > 1 else points
    radii = np.interp(np.linspace(0, 1, len(points)), np.linspace(0, 1, len(radii)), radii)
    tangents = _tangents(_smooth(points, radius / step), direction, radius / step)
    points, radii = _centred(crop, line, points, tangents, radii)
    tangents = _tangents(_smooth(points, radius / step), direction, radius / step)
    # an end that turned towards an edge of the object's end says so only now
    inner = _inner(crop, points, radii, tangents, branch.free_ends)
    ends = (
        way_out(crop, points[0], -tangents[0]) if not branch.goes_on[0] else 0.0,
        way_out(crop, points[-1], tangents[-1]) if not branch.goes_on[1] else 0.0,
    )
    return Axis(points, tangents, radii, ~inner, ends)


def _even(points: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Points at equal steps along a line, with both of its ends."""
    if len(points) < 2:
        return points
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    n = max(2, round(along[-1] / step) + 1)
    at = np.linspace(0, along[-1], n)
    return np.stack([np.interp(at, along, points[:, k]) for k in range(3)], 1)


def _smooth(points: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """A line without its wiggles; its ends go on straight, so they are not drawn inwards."""
    from scipy import ndimage as ndi

    if len(points) < 3:
        return points
    pad = min(len(points) - 1, int(3 * sigma) + 1)
    before = 2 * points[0] - points[pad:0:-1]
    after = 2 * points[-1] - points[-2 : -pad - 2 : -1]
    smooth = ndi.gaussian_filter1d(np.concatenate([before, points, after]), sigma, axis=0, mode="nearest")
    return np.asarray(smooth[pad : pad + len(points)])


def _tangents(
    points: NDArray[np.float64], direction: NDArray[np.float64], reach: float
) -> NDArray[np.float64]:
    """Direction of a line at its points, from points up to ``reach`` steps away on both sides."""
    n, k = len(points), max(1, round(reach))
    index = np.arange(n)
    found = points[np.minimum(index + k, n - 1)] - points[np.maximum(index - k, 0)]
    size = np.linalg.norm(found, axis=1, keepdims=True)
    return np.where(size > 0, found / np.where(size > 0, size, 1.0), direction)


def _centred(
    crop: ObjectCrop,
    line: Centreline,
    points: NDArray[np.float64],
    tangents: NDArray[np.float64],
    radii: NDArray[np.float64],
    *,
    is_rough: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points moved into the middle of their cross-sections, and the radii there."""
    moved, sizes = points.copy(), radii.copy()
    for k, (point, tangent) in enumerate(zip(points, tangents, strict=True)):
        if line.to_fork_nm(point) < _AT_FORK * line.radius_nm:
            continue
        cut = cross_section(crop, point, tangent, WINDOW * radii[k], samples=_COARSE, is_rough=is_rough)
        if cut is None or cut.why_not:
            continue
        if np.linalg.norm(cut.centre_nm - point) < _STRAY * max(radii[k], line.radius_nm):
            moved[k], sizes[k] = cut.centre_nm, cut.diameter_nm / 2
    return moved, sizes


def _inner(
    crop: ObjectCrop,
    points: NDArray[np.float64],
    radii: NDArray[np.float64],
    tangents: NDArray[np.float64],
    free: tuple[bool, bool],
) -> NDArray[np.bool_]:
    """Points that lie at least a radius from the free ends; where there are none, the middle one."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    from_first = along + way_out(crop, points[0], -tangents[0])
    from_last = along[-1] - along + way_out(crop, points[-1], tangents[-1])
    keep = np.ones(len(points), bool)
    rounding = np.maximum(radii, np.median(radii))  # at the very end the cross-section may be a sliver
    if free[0]:
        keep &= from_first >= rounding
    if free[1]:
        keep &= from_last >= rounding
    if not keep.any():
        keep[int(np.argmin(np.abs(from_first - from_last)))] = True
    return keep


def way_out(crop: ObjectCrop, point: NDArray[np.float64], direction: NDArray[np.float64]) -> float:
    """How far a straight way stays inside an object, in nanometres."""
    spacing = np.asarray(crop.spacing_nm)
    step = float(spacing.min()) / 4
    most = float(np.linalg.norm(spacing * crop.mask.shape))
    at = np.arange(0.0, most + step, step)
    index = np.floor((point + at[:, None] * direction) / spacing).astype(np.intp)
    inside = ((index >= 0) & (index < crop.mask.shape)).all(1)
    inside[inside] = crop.mask[tuple(index[inside].T)]
    return float(at[int(np.argmin(inside))]) if not inside.all() else most
