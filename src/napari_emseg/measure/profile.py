"""The calibre along an object: cross-sections at equal steps, each across the local axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.measure.axis import WINDOW, Axis, axis_of
from napari_emseg.measure.centreline import centreline
from napari_emseg.measure.cross_section import AT_EDGE, ELSEWHERE, CrossSection, cross_section

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.measure.centreline import Centreline
    from napari_emseg.measure.crop import ObjectCrop

AT_FORK = "fork"
AT_END = "rounding of an end"
BESIDE_EDGE = "tip at the edge of the volume"
NOWHERE = "outside"
WORDS = (AT_EDGE, BESIDE_EDGE, AT_FORK, ELSEWHERE, AT_END, NOWHERE)
"""Why a cross-section says nothing."""

_SAME = 3.0  # radii along a branch within which its axis may come back into the plane without being elsewhere
_NEAR_FORK = 2.0  # radii around a fork in which a plane cuts more than one branch
_SLIVER = 1.1  # a whole cross-section is too small beside one that is cut off, and shows this much more all the same
_TIP = 2.0  # radii of the object beside which a cross-section that is cut off says so


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
        nothing.
    why_not : tuple of str
        Why it does not, of every place; empty where it does: a value of `WORDS`.
    length_nm : tuple of float
        Of every branch, to the surface of its ends.
    parts : int
        Parts of the object that do not touch.
    ball_nm : float
        Diameter of the largest ball that fits into the object as far as it lies in the volume: somewhere it is at
        least as thick, also where the edge of the volume cuts everything off.
    """

    place_nm: NDArray[np.float64]
    along_nm: NDArray[np.float64]
    branch: NDArray[np.int64]
    diameter_nm: NDArray[np.float64]
    minor_nm: NDArray[np.float64]
    feret_nm: NDArray[np.float64]
    why_not: tuple[str, ...]
    length_nm: tuple[float, ...]
    parts: int
    ball_nm: float

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Places where there is a calibre."""
        return np.isfinite(self.diameter_nm)


NOTHING = Profile(
    np.zeros((0, 3)),
    np.zeros(0),
    np.zeros(0, np.int64),
    np.zeros(0),
    np.zeros(0),
    np.zeros(0),
    (),
    (),
    0,
    0.0,
)
"""Of an object that is too small to have an axis."""


def profile(crop: ObjectCrop, step_nm: float = 0.0, min_voxels: int = 1) -> Profile:
    """Cut an object across its axis.

    Parameters
    ----------
    crop : ObjectCrop
        At least one voxel.
    step_nm : float
        Way between two cross-sections; 0 takes half a radius, and never less than a voxel.
    min_voxels : int
        Parts with fewer voxels are counted and have no axis; the largest part always has one.
    """
    line = centreline(crop, min_voxels)
    step = step_nm or max(line.radius_nm / 2, *crop.spacing_nm)
    axes = [axis_of(crop, line, branch, step) for branch in line.branches]
    everywhere = _Everywhere(axes, step)
    cuts: list[CrossSection | None] = []
    why: list[str] = []
    for number, axis in enumerate(axes):
        found = [_cut(crop, line, everywhere, (number, k), axis) for k in range(len(axis.points))]
        cuts += [cut for cut, _ in found]
        why += _without_slivers(axis, line.radius_nm, found)
    numbers = [
        [cut.diameter_nm, cut.minor_nm, cut.feret_nm] if cut is not None and not reason else [np.nan] * 3
        for cut, reason in zip(cuts, why, strict=True)
    ]
    table = np.asarray(numbers, np.float64).reshape(-1, 3)
    return Profile(
        place_nm=np.concatenate([axis.points for axis in axes]) + crop.origin_nm,
        along_nm=np.concatenate([axis.along for axis in axes]),
        branch=np.repeat(np.arange(len(axes)), [len(axis.points) for axis in axes]),
        diameter_nm=table[:, 0],
        minor_nm=table[:, 1],
        feret_nm=table[:, 2],
        why_not=tuple(why),
        length_nm=tuple(axis.length for axis in axes),
        parts=line.parts,
        ball_nm=line.ball_nm,
    )


def _cut(
    crop: ObjectCrop, line: Centreline, everywhere: _Everywhere, place: tuple[int, int], axis: Axis
) -> tuple[CrossSection | None, str]:
    """The cross-section at a place, and why it is none of the object there."""
    number, k = place
    point, tangent, radius = axis.points[k], axis.tangents[k], float(axis.radii[k])
    if line.to_fork_nm(point) <= _NEAR_FORK * line.radius_nm:
        return None, AT_FORK
    if axis.is_at_end[k]:
        return None, AT_END
    others = everywhere.in_plane(
        number, float(axis.along[k]), point, tangent, _SAME * max(radius, line.radius_nm)
    )
    cut = cross_section(crop, point, tangent, WINDOW * radius, elsewhere=others)
    return cut, NOWHERE if cut is None else cut.why_not


def _without_slivers(axis: Axis, radius: float, found: list[tuple[CrossSection | None, str]]) -> list[str]:
    """Reasons; also for whole cross-sections at the tip of what the volume cuts off lengthwise.

    There the axis bends towards the edge, and planes across it cut a sliver off that looks whole. What is cut off a
    little farther on shows that the object is thicker.
    """
    reasons = [reason for _, reason in found]
    cut_off = [k for k, reason in enumerate(reasons) if reason == AT_EDGE]
    for k, (cut, reason) in enumerate(found):
        if cut is None or reason:
            continue
        for other in {
            max((n for n in cut_off if n < k), default=-1),
            min((n for n in cut_off if n > k), default=-1),
        }:
            seen = found[other][0] if other >= 0 else None
            if seen is None or seen.diameter_nm <= _SLIVER * cut.diameter_nm:
                continue
            away = abs(float(axis.along[k] - axis.along[other]))
            if away <= _TIP * max(radius, seen.diameter_nm / 2):
                reasons[k] = BESIDE_EDGE
    return reasons


class _Everywhere:
    """The points of all axes, to see where a plane meets another branch or the same one again."""

    def __init__(self, axes: list[Axis], step: float) -> None:
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
