"""The cut of a plane of any direction through an object, on voxels of any shape, and its diameters.

A section shows the object at one depth. Between two sections it is taken to go on along its axis, and not straight down: a
slanting neurite is a tube then, and no staircase. On average over positions the cut through such bodies has the
area of the cut through the true shape, but its second moments are too large by those of a voxel (Sheppard's
correction), which matters where sections are thick and the axis lies in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.measure.feret import least_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.measure.crop import ObjectCrop

_TURN = 0.35  # radians: rows of samples along a straight side of an object would all miss it, or all hit it
_LEAN = 0.5  # of the window that is looked at first: somewhat more than the radius
_ROUNDING = 1e-9
_MOST_GROWTH = 8  # doublings of the window before a cut counts as endless

AT_EDGE = "cut off by the edge of the volume"
ELSEWHERE = "another branch"


@dataclass(frozen=True, slots=True)
class CrossSection:
    """One cut.

    Attributes
    ----------
    area_nm2 : float
        Of the part that hangs together with the middle; what it encloses is counted too.
    minor_nm, major_nm : float
        Axes of the ellipse with the same second moments.
    feret_nm : float
        Minimum Feret diameter: the narrowest slit through which the outline fits.
    centre_nm : (z, y, x)
        Centroid, from the corner of the crop.
    why_not : str
        Empty, or why it is no cross-section of the object there: `AT_EDGE`, `ELSEWHERE`.
    """

    area_nm2: float
    minor_nm: float
    major_nm: float
    feret_nm: float
    centre_nm: tuple[float, float, float]
    why_not: str

    @property
    def diameter_nm(self) -> float:
        """Diameter of the circle with the same area."""
        return math.sqrt(4 * self.area_nm2 / math.pi)


def cross_section(
    crop: ObjectCrop,
    centre_nm: NDArray[np.float64],
    normal: NDArray[np.float64],
    reach_nm: float,
    *,
    samples: int = 128,
    is_rough: bool = False,
    elsewhere: NDArray[np.float64] | None = None,
) -> CrossSection | None:
    """Cut an object.

    Parameters
    ----------
    crop : ObjectCrop
    centre_nm : ndarray (3,)
        Point of the plane (z, y, x), from the corner of the crop; the part of the cut around it is taken, or where it
        lies outside of the object the largest one near it.
    normal : ndarray (3,)
        Direction of the axis (z, y, x) in nanometres, of length 1.
    reach_nm : float
        How far from the centre to look at first; the window grows while the cut fills it.
    samples : int
        Points across the window on each axis.
    is_rough : bool
        The direction is not sure yet: objects go straight down between sections, and ``feret_nm`` stays 0.
    elsewhere : ndarray (n, 3), optional
        Points of this plane at which the object is another branch, or bends back: a cut that holds one of them says nothing.

    Returns
    -------
    CrossSection or None
        None where the plane meets nothing within reach.
    """
    first, second = plane_axes(normal)
    first_reach = reach_nm
    lean = np.asarray([1.0, 0.0, 0.0]) if is_rough else _lean(crop, normal, _LEAN * reach_nm)
    for _ in range(_MOST_GROWTH):
        inside, beyond, offsets = _sampled(crop, centre_nm, first, second, lean, reach_nm, samples)
        if not inside.any():
            return None
        part = _part_at_middle(inside, _LEAN * first_reach / float(offsets[1] - offsets[0]))
        if not _reaches_rim(part):
            break
        reach_nm *= 2
    why_not = AT_EDGE if (_grown(part) & beyond).any() else ""
    if not why_not and elsewhere is not None and len(elsewhere):
        step, away = float(offsets[1] - offsets[0]), elsewhere - centre_nm
        at = np.floor((np.stack([away @ first, away @ second]) - offsets[0]) / step + 0.5).astype(np.intp)
        at = at[:, ((at >= 0) & (at < samples)).all(0)]
        why_not = ELSEWHERE if part[at[0], at[1]].any() else ""
    return _described(crop, part, offsets, centre_nm, (first, second), lean, why_not, not is_rough)


def plane_axes(normal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two directions that span the plane across a direction, turned away from the axes of the volume."""
    least = np.zeros(3)
    least[int(np.argmin(np.abs(normal)))] = 1.0
    first = np.cross(normal, least)
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    cos, sin = math.cos(_TURN), math.sin(_TURN)
    return cos * first + sin * second, cos * second - sin * first


def _lean(crop: ObjectCrop, normal: NDArray[np.float64], most_nm: float) -> NDArray[np.float64]:
    """Way (z, y, x) that the object goes from one depth to the next, per nanometre: (1, 0, 0) is straight down.

    An axis that lies in the section leans endlessly and says nothing about the next one: where half a section leads farther
    than ``most_nm``, the lean fades again.
    """
    if abs(normal[0]) < _ROUNDING:
        return np.asarray([1.0, 0.0, 0.0])
    lean = normal / normal[0]
    away = float(np.linalg.norm(lean[1:])) * crop.spacing_nm[0] / 2
    lean[1:] *= min(1.0, (most_nm / max(away, _ROUNDING)) ** 2)
    return np.asarray(lean)


def _sampled(
    crop: ObjectCrop,
    centre: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    lean: NDArray[np.float64],
    reach: float,
    samples: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """Whether each point of the plane is in the object, or beyond the volume."""
    offsets = np.asarray((np.arange(samples) + 0.5) * (2 * reach / samples) - reach, np.float64)
    inside = np.ones((samples, samples), bool)
    beyond = np.zeros((samples, samples), bool)
    index: list[NDArray[np.intp]] = []
    below: float | NDArray[np.float64] = 0.0
    for axis in range(3):
        place = centre[axis] + offsets[:, None] * first[axis] + offsets[None] * second[axis]
        beyond |= (place < crop.low_nm[axis]) | (place >= crop.high_nm[axis])
        k = np.floor((place + below * lean[axis]) / crop.spacing_nm[axis]).astype(np.intp)
        if axis == 0:  # on the other axes the object is looked up where it is at the depth of the section
            below = (k + 0.5) * crop.spacing_nm[0] - place
        inside &= (k >= 0) & (k < crop.mask.shape[axis])
        index.append(np.clip(k, 0, crop.mask.shape[axis] - 1))
    inside &= crop.body[tuple(index)]
    return inside, beyond, offsets


def _part_at_middle(inside: NDArray[np.bool_], near: float) -> NDArray[np.bool_]:
    """The part in the middle of the window, or the largest one near it, with its holes filled."""
    from scipy import ndimage as ndi

    labels, _ = ndi.label(inside, np.ones((3, 3), bool))
    middle = inside.shape[0] // 2
    here = labels[middle, middle]
    if here == 0:
        y, x = np.nonzero(inside)
        away = (y - middle) ** 2 + (x - middle) ** 2
        close = away <= max(near**2, float(away.min()))
        sizes = np.bincount(labels.ravel())
        candidates = np.unique(labels[y[close], x[close]])
        here = candidates[int(np.argmax(sizes[candidates]))]
    return np.asarray(ndi.binary_fill_holes(labels == here), bool)


def _reaches_rim(part: NDArray[np.bool_]) -> bool:
    return bool(part[0].any() or part[-1].any() or part[:, 0].any() or part[:, -1].any())


def _grown(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
    grown = part.copy()
    grown[1:] |= part[:-1]
    grown[:-1] |= part[1:]
    grown[:, 1:] |= part[:, :-1]
    grown[:, :-1] |= part[:, 1:]
    return grown


def _described(
    crop: ObjectCrop,
    part: NDArray[np.bool_],
    offsets: NDArray[np.float64],
    centre: NDArray[np.float64],
    plane: tuple[NDArray[np.float64], NDArray[np.float64]],
    lean: NDArray[np.float64],
    why_not: str,
    with_feret: bool,
) -> CrossSection:
    step = float(offsets[1] - offsets[0])
    i, j = np.nonzero(part)
    u, v = offsets[i], offsets[j]
    mu, mv = float(u.mean()), float(v.mean())
    axes = np.stack(plane)
    spread = np.cov(np.stack([u, v]), bias=True) if u.size > 1 else np.zeros((2, 2))
    depth, *pixel = np.square(crop.spacing_nm) / 12.0
    voxel = axes @ (depth * np.outer(lean, lean) + np.diag([0.0, *pixel])) @ axes.T
    eigen = np.linalg.eigvalsh(spread + np.eye(2) * step**2 / 12 - voxel)
    minor, major = (4 * math.sqrt(max(float(e), 0.0)) for e in eigen)
    middle = centre + mu * plane[0] + mv * plane[1]
    return CrossSection(
        area_nm2=float(i.size) * step**2,
        minor_nm=minor,
        major_nm=major,
        feret_nm=least_width(part) * step if with_feret else 0.0,
        centre_nm=(float(middle[0]), float(middle[1]), float(middle[2])),
        why_not=why_not,
    )
