"""Ways of neurites through z: each wanders, and those that touch make room for each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

STEP_NM = 40.0
"""Distance of the depths at which positions are known."""

_TILT = 0.32  # standard deviation of the slope of a neurite against z, in y and in x
_STRAIGHT_NM = 700.0  # over which a slope is forgotten
_STEEPEST = 0.7  # neurites make room no faster than this, in nm per nm of depth
_ROUNDS = 40  # of pushing, at every depth
_SETTLING = 10  # times as many in the middle, where discs have been put at random
_LARGE_NM = 150.0  # discs above are looked up one by one


@dataclass(frozen=True)
class Crowd:
    """Discs that move in bodies. All arrays but the last two have one entry per disc.

    Parameters
    ----------
    y, x, radius : ndarray float64
        Where discs are in the middle of the volume, and how large, in nm.
    period, phase : ndarray float64
        Of the swelling and thinning along z, in nm and radians.
    z_low, z_high : ndarray float64
        Where discs start and end, in nm.
    body : ndarray int
        Discs of one body move alike.
    parent : ndarray int
        The disc that a daughter leaves; -1 for those that were there from the start.
    branch_z, branch_way : ndarray float64
        Depth (nm) where a daughter leaves, and whether upwards (1) or downwards (-1).
    slope : ndarray (bodies, 2) float64
        Direction (y, x) into which daughters leave; 0 for the others.
    balls : ndarray (n, 4) float64
        What does not move: z, y, x and radius in nm.
    """

    y: Floats
    x: Floats
    radius: Floats
    period: Floats
    phase: Floats
    z_low: Floats
    z_high: Floats
    body: Ints
    parent: Ints
    branch_z: Floats
    branch_way: Floats
    slope: Floats
    balls: Floats

    def width(self, z: float) -> Floats:
        """Radius (nm) at a depth; 0 where a disc is not there."""
        swollen = self.radius * np.sqrt(swelling(z, self.period, self.phase))
        return np.where((z >= self.z_low) & (z <= self.z_high), swollen, 0)


def swelling(z: float | Floats, period: Floats, phase: Floats) -> Floats:
    """By how much the square of a radius differs at a depth."""
    return np.asarray(1 + 0.25 * np.sin(4 * np.pi * z / period + 2 * phase))


def grow(
    rng: np.random.Generator, crowd: Crowd, depth_nm: float, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Let a crowd wander up and down from the middle of the volume.

    Neurites of real tissue press against each other and never run through each other. Here, slopes are a random
    walk, and after each step discs that overlap are pushed apart, each by the share of the other's weight,
    as in position-based dynamics (Müller et al. 2007).

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    crowd : Crowd
        What moves.
    depth_nm : float
        Extent of the volume along z.
    low, high : ndarray (2,) float64
        No centre leaves this box (y, x), in nm.

    Returns
    -------
    knots : ndarray (k,) float64
        Depths in nm, ascending.
    places : ndarray (k, 2, n) float64
        Centres y and x (nm) of all discs there.
    """
    count = int(np.ceil((depth_nm / 2 + 2 * STEP_NM) / STEP_NM))
    middle = _settled(crowd, depth_nm / 2, low, high)
    steps = np.asarray(STEP_NM * np.arange(1, count + 1), np.float64)
    up = _sweep(rng, crowd, middle, depth_nm / 2 + steps, 1.0, low, high)
    down = _sweep(rng, crowd, middle, depth_nm / 2 - steps, -1.0, low, high)
    knots = np.concatenate([-steps[::-1], [0.0], steps]) + depth_nm / 2
    return knots, np.stack([*down[::-1], middle, *up])


def _settled(crowd: Crowd, z: float, low: Floats, high: Floats) -> Floats:
    """Places (2, n) at which discs hardly overlap, near those where they were put."""
    free = crowd.parent < 0
    here = np.stack([crowd.y, crowd.x])
    for _ in range(_SETTLING):
        here = np.clip(_apart(crowd, here, z, free), low[:, None], high[:, None])
        here[:, ~free] = here[:, crowd.parent[~free]]
    return here


def _sweep(
    rng: np.random.Generator,
    crowd: Crowd,
    start: Floats,
    depths: Floats,
    way: float,
    low: Floats,
    high: Floats,
) -> list[Floats]:
    """Places at the depths, one after the other, from the middle outwards."""
    keep = np.exp(-STEP_NM / _STRAIGHT_NM)
    tilt = rng.normal(0, _TILT, crowd.slope.shape)
    places, here, left = [], start, np.zeros(len(crowd.y), dtype=np.bool_)
    for z in depths:
        tilt = keep * tilt + np.sqrt(1 - keep**2) * rng.normal(0, _TILT, crowd.slope.shape)
        leaving = ~left & (crowd.branch_way == way) & ((z - crowd.branch_z) * way > 0)
        tilt[crowd.body[leaving]] = crowd.slope[crowd.body[leaving]]
        left |= leaving
        free = (crowd.parent < 0) | left
        there = np.clip(here + STEP_NM * tilt[crowd.body].T, low[:, None], high[:, None])
        moved = _apart(crowd, there, z, free) - here
        here = here + moved * np.minimum(1, _STEEPEST * STEP_NM / np.maximum(np.hypot(*moved), 1e-9))
        here[:, ~free] = here[:, crowd.parent[~free]]
        places.append(here)
    return places


@dataclass(frozen=True)
class _Contacts:
    """Pairs of discs (indices) that may overlap; ``b`` counts on with the balls that lie at this depth.

    Parameters
    ----------
    a, b : ndarray int
        The discs.
    distance : ndarray float64
        Of centres that just touch, in nm.
    share : ndarray float64
        Of the way apart that ``a`` goes; ``b`` goes the rest.
    """

    a: Ints
    b: Ints
    distance: Floats
    share: Floats


def _apart(crowd: Crowd, here: Floats, z: float, free: NDArray[np.bool_]) -> Floats:
    """Push discs apart that overlap at a depth; bodies stay as they are."""
    z_ball, y_ball, x_ball, r_ball = crowd.balls.T
    height = r_ball**2 - (z - z_ball) ** 2
    cut = height > 0
    every = np.concatenate([here, np.stack([y_ball[cut], x_ball[cut]])], axis=1)
    width = np.concatenate([np.where(free, crowd.width(z), 0), np.sqrt(height[cut])])
    touch = _contacts(crowd, every, width)
    n, bodies = here.shape[1], len(crowd.slope)
    moves = touch.b < n
    first, second = crowd.body[touch.a], crowd.body[touch.b[moves]]
    for _ in range(_ROUNDS):
        apart = every[:, touch.a] - every[:, touch.b]
        far = np.maximum(np.hypot(*apart), 1e-3)
        short = np.maximum(touch.distance - far, 0)
        push = apart / far * short
        hits = np.bincount(first[short > 0], minlength=bodies)
        hits += np.bincount(second[short[moves] > 0], minlength=bodies)
        total = np.stack([np.bincount(first, k * touch.share, minlength=bodies) for k in push])
        back = (push * (1 - touch.share))[:, moves]
        total -= np.stack([np.bincount(second, k, minlength=bodies) for k in back])
        every[:, :n] += (total / np.maximum(1, 0.5 * hits))[:, crowd.body]
    return every[:, :n]


def _contacts(crowd: Crowd, every: Floats, width: Floats) -> _Contacts:
    """Contacts of discs at ``every`` (2, n) of a ``width`` (n,) in nm, 0 for those that are not there."""
    n = len(crowd.body)
    body = np.concatenate([crowd.body, np.full(len(width) - n, -1)])
    mother = np.full(len(body), -2)
    mother[:n] = np.where(crowd.parent >= 0, crowd.body[crowd.parent], -2)
    there = np.flatnonzero(width > 0)
    a, b = np.sort(there[np.stack(_pairs(every[:, there].T, width[there]))], axis=0)
    other = (a < n) & (body[a] != body[b]) & (mother[a] != body[b]) & (mother[b] != body[a])
    # a thin process goes around a chain of balls; a large one is left where it is
    other &= (b < n) | (width[a] < 1.5 * width[b])
    a, b = a[other], b[other]
    # large bodies give way to small ones, too, or those between two of them are crushed
    weight = np.bincount(crowd.body, np.sqrt(width[:n]), minlength=len(crowd.slope))
    one, two = weight[body[a]], weight[body[b]]
    return _Contacts(a, b, width[a] + width[b], np.where(b < n, two / (one + two), 1.0))


def _pairs(points: Floats, width: Floats) -> tuple[Ints, Ints]:
    """Pairs of discs (indices) that may overlap, each once."""
    from scipy.spatial import cKDTree

    large = np.flatnonzero(width > _LARGE_NM)
    small = np.flatnonzero(width <= _LARGE_NM)
    found = [small[cKDTree(points[small]).query_pairs(2 * _LARGE_NM, output_type="ndarray")].T]
    if len(large):
        lists = cKDTree(points).query_ball_point(points[large], width[large] + width.max() + _LARGE_NM)
        first = np.repeat(large, [len(k) for k in lists])
        second = np.concatenate([np.asarray(k, np.intp) for k in lists])
        once = (width[second] <= _LARGE_NM) | (first < second)
        found.append(np.stack([first[once], second[once]]))
    a, b = np.concatenate(found, axis=1)
    gap = np.hypot(*(points[a] - points[b]).T) - width[a] - width[b]
    close = gap < _LARGE_NM
    return a[close], b[close]
