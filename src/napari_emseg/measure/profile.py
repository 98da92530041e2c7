"""The calibre along an object: cross-sections at equal steps, each across the local axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.measure.centreline import centreline
from napari_emseg.measure.cross_section import CrossSection, cross_section

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.measure.centreline import Branch, Centreline
    from napari_emseg.measure.crop import ObjectCrop

_ROUNDS = (
    2  # the middle of a cross-section is a better point of the axis, and that gives a better cross-section
)
_COARSE = 40  # points across the window while only the middle is wanted
_WINDOW = 2.5  # how far a cross-section is looked for at first, in radii
_STRAY = 1.0  # radii by which a middle may move: more is another branch
_SAME = 3.0  # radii along a branch within which its axis may come back into the plane without being elsewhere
_AT_FORK = 2.5  # radii around a fork in which a middle may be that of another branch
_NEAR_FORK = 1.5  # radii around a fork in which a plane cuts more than one branch


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Cross-sections along all branches of an object.

    Attributes
    ----------
    place_nm : ndarray of float64 (n, 3)
        Middles (z, y, x) in the volume.
    along_nm : ndarray of float64 (n,)
        Way from the beginning of the branch.
    branch : ndarray of int64 (n,)
        0 is the main one.
    diameter_nm, minor_nm, feret_nm : ndarray of float64 (n,)
        Of the circle with the same area, the minor axis, the minimum Feret diameter. NaN where the cross-section says
        nothing: cut off by the edge of the volume, at a fork, or in the rounding of an end.
    length_nm : tuple of float
        Of every branch, to the surface of its ends.
    parts : int
        Parts of the object that do not touch.
    """

    place_nm: NDArray[np.float64]
    along_nm: NDArray[np.float64]
    branch: NDArray[np.int64]
    diameter_nm: NDArray[np.float64]
    minor_nm: NDArray[np.float64]
    feret_nm: NDArray[np.float64]
    length_nm: tuple[float, ...]
    parts: int

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Places where there is a calibre."""
        return np.isfinite(self.diameter_nm)


NOTHING = Profile(
    np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0), (), 0
)
"""Of an object that is too small to have an axis."""


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """Points of one branch at equal steps with their directions, and how far the object goes on beyond both ends."""

    points: NDArray[np.float64]
    tangents: NDArray[np.float64]
    radii: NDArray[np.float64]
    beyond: tuple[float, float]

    @property
    def along(self) -> NDArray[np.float64]:
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        return self.beyond[0] + np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def length(self) -> float:
        return float(self.along[-1] + self.beyond[1])


def profile(crop: ObjectCrop, step_nm: float = 0.0) -> Profile:
    """Cut an object across its axis.

    Parameters
    ----------
    crop : ObjectCrop
        At least one voxel.
    step_nm : float
        Way between two cross-sections; 0 takes half a radius, and never less than a voxel.
    """
    line = centreline(crop)
    step = step_nm or max(line.radius_nm / 2, *crop.spacing_nm)
    axes = [_axis_of(crop, line, branch, step) for branch in line.branches]
    everywhere = _Everywhere(axes, step)
    rows: list[tuple[int, float, NDArray[np.float64], CrossSection | None]] = []
    for number, axis in enumerate(axes):
        for at, point, tangent, radius in zip(
            axis.along, axis.points, axis.tangents, axis.radii, strict=True
        ):
            cut = None
            if line.to_fork_nm(point) > _NEAR_FORK * line.radius_nm:
                others = everywhere.in_plane(
                    number, float(at), point, tangent, _SAME * max(radius, line.radius_nm)
                )
                cut = cross_section(crop, point, tangent, _WINDOW * radius, elsewhere=others)
            rows.append((number, float(at), point, cut if cut is not None and cut.is_whole else None))
    numbers = [
        [np.nan] * 3 if cut is None else [cut.diameter_nm, cut.minor_nm, cut.feret_nm] for *_, cut in rows
    ]
    table = np.asarray(numbers, np.float64).reshape(-1, 3)
    return Profile(
        place_nm=np.asarray([row[2] for row in rows]) + crop.origin_nm,
        along_nm=np.asarray([row[1] for row in rows]),
        branch=np.asarray([row[0] for row in rows], np.int64),
        diameter_nm=table[:, 0],
        minor_nm=table[:, 1],
        feret_nm=table[:, 2],
        length_nm=tuple(axis.length for axis in axes),
        parts=line.parts,
    )


class _Everywhere:
    """The points of all axes, to see where a plane meets another branch or the same one again."""

    def __init__(self, axes: list[_Axis], step: float) -> None:
        self._points = np.concatenate([axis.points for axis in axes])
        self._along = np.concatenate([axis.along for axis in axes])
        self._branch = np.repeat(np.arange(len(axes)), [len(axis.points) for axis in axes])
        self._step = step

    def in_plane(
        self, branch: int, along: float, point: NDArray[np.float64], normal: NDArray[np.float64], same: float
    ) -> NDArray[np.float64]:
        """Points in the plane at a point of a branch, but for those of the same branch less than ``same`` along it."""
        near = np.abs((self._points - point) @ normal) <= self._step / 2
        near &= (self._branch != branch) | (np.abs(self._along - along) > same)
        return self._points[near]


def _axis_of(crop: ObjectCrop, line: Centreline, branch: Branch, step: float) -> _Axis:
    """The axis of a branch: its middles, moved to those of cross-sections, without the rounding of free ends."""
    radius, direction = line.radius_nm, line.direction
    points = _even(branch.points_nm, step)
    radii = np.full(len(points), radius)
    for _ in range(_ROUNDS):
        tangents = _tangents(_smooth(points, radius / step), direction, radius / step)
        points, radii = _centred(crop, line, points, tangents, radii, is_rough=True)
    points, radii = _trimmed(
        crop, points, radii, _tangents(points, direction, radius / step), branch.free_ends
    )
    points = _even(points, step) if len(points) > 1 else points
    radii = np.interp(np.linspace(0, 1, len(points)), np.linspace(0, 1, len(radii)), radii)
    tangents = _tangents(_smooth(points, radius / step), direction, radius / step)
    points, radii = _centred(crop, line, points, tangents, radii)
    tangents = _tangents(_smooth(points, radius / step), direction, radius / step)
    ends = (
        way_out(crop, points[0], -tangents[0]) if not _at_fork(branch) else 0.0,
        way_out(crop, points[-1], tangents[-1]),
    )
    return _Axis(points, tangents, radii, ends)


def _at_fork(branch: Branch) -> bool:
    return not branch.is_main


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
        cut = cross_section(crop, point, tangent, _WINDOW * radii[k], samples=_COARSE, is_rough=is_rough)
        if cut is None or not cut.is_whole:
            continue
        if np.linalg.norm(cut.centre_nm - point) < _STRAY * max(radii[k], line.radius_nm):
            moved[k], sizes[k] = cut.centre_nm, cut.diameter_nm / 2
    return moved, sizes


def _trimmed(
    crop: ObjectCrop,
    points: NDArray[np.float64],
    radii: NDArray[np.float64],
    tangents: NDArray[np.float64],
    free: tuple[bool, bool],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Without the points that lie less than a radius from a free end; the middle one always stays."""
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
    return points[keep], radii[keep]


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
