"""Neurites as moving discs: axes that wander through z, branch, end, or run along the section."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.phantom.paths import Crowd, grow, swelling

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

MARGIN_NM = 700.0
"""Neurites are also made this far outside the volume, so that its border looks like its middle."""

_THINNEST_NM = 46.0  # least radius, with the membrane
_DEAD = -1e12  # weight of a disc that is not there at this depth


@dataclass(frozen=True)
class Discs:
    """Discs of a power diagram, each with a path through z. All arrays but ``knots`` and ``places`` have one entry per disc.

    A disc's centre is read off ``places`` (knots, 2, discs; y and x in nm) at the depths ``knots`` (nm), by straight
    lines between them. Its weight is ``radius^2``, swelling and thinning, less the squared distance in z
    from ``[z_low, z_high]``: a ball when the two coincide.
    """

    neurite: NDArray[np.intp]
    bundle: NDArray[np.intp]
    radius: Floats
    period: Floats
    phase: Floats
    z_low: Floats
    z_high: Floats
    knots: Floats
    places: Floats

    def __len__(self) -> int:
        return len(self.neurite)

    def at(self, z_nm: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Centres y, x (nm) and weights (nm^2), each float32 (depths, discs)."""
        z = np.asarray(z_nm, dtype=np.float64)
        place = np.clip(np.interp(z, self.knots, np.arange(len(self.knots))), 0, len(self.knots) - 1)
        below = np.minimum(place.astype(np.intp), max(0, len(self.knots) - 2))
        part = (place - below)[:, None, None]
        above = np.minimum(below + 1, len(self.knots) - 1)
        centre = ((1 - part) * self.places[below] + part * self.places[above]).astype(np.float32)
        z = z[:, None]
        outside = np.maximum(np.maximum(self.z_low - z, z - self.z_high), 0)
        weight = self.radius**2 * swelling(z, self.period, self.phase) - outside**2
        weight = np.where(outside > 0.93 * self.radius, _DEAD, weight)
        return centre[:, 0], centre[:, 1], weight.astype(np.float32)


def draw_neurites(
    rng: np.random.Generator, extent_nm: tuple[float, float, float], calibre_nm: float
) -> Discs:
    """Fill a box with neurites.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    extent_nm : tuple of float
        Size of the volume (z, y, x).
    calibre_nm : float
        Median diameter.

    Returns
    -------
    Discs
        Columns (neurites that cross the sections), their lobes and branches, and chains of balls
        (neurites that run along the sections).
    """
    balls, chain = _chains(rng, extent_nm, calibre_nm)
    crowd, neurite = _columns(rng, extent_nm, calibre_nm, balls)
    low = np.full(2, -MARGIN_NM)
    knots, places = grow(rng, crowd, extent_nm[0], low, np.array(extent_nm[1:]) + MARGIN_NM)
    n = len(balls)
    still = np.broadcast_to(balls[:, 1:3].T, (len(knots), 2, n))
    discs = Discs(
        neurite=np.concatenate([neurite, chain + neurite.max() + 1]),
        bundle=np.zeros(len(neurite) + n, np.intp),
        radius=np.concatenate([crowd.radius, balls[:, 3]]),
        period=np.concatenate([crowd.period, np.full(n, 1e9)]),
        phase=np.concatenate([crowd.phase, np.zeros(n)]),
        z_low=np.concatenate([crowd.z_low, balls[:, 0]]),
        z_high=np.concatenate([crowd.z_high, balls[:, 0]]),
        knots=knots,
        places=np.concatenate([places, still], axis=2),
    )
    return replace(discs, bundle=_bundles(rng, discs, extent_nm))


def _columns(
    rng: np.random.Generator, extent_nm: tuple[float, float, float], calibre_nm: float, balls: Floats
) -> tuple[Crowd, Ints]:
    """Discs packed from the largest to the smallest, with lobes, branches and ends; and whose they are."""
    depth, *lateral = extent_nm
    size = np.array(lateral) + 2 * MARGIN_NM
    area = size.prod()
    radii = np.clip(
        rng.lognormal(np.log(calibre_nm / 2), 0.72, int(4 * area / calibre_nm**2) + 8), _THINNEST_NM, 600
    )
    radii = np.sort(radii[np.cumsum(np.pi * radii**2) < 0.92 * area])[::-1]
    # thin neurites fill what the large ones leave
    thin = np.clip(
        rng.lognormal(np.log(0.38 * calibre_nm), 0.35, max(3, int(area / calibre_nm**2))), _THINNEST_NM, 110
    )
    radii = np.concatenate([radii, np.sort(thin)[::-1]])
    centres, kept, owner = _packed(rng, radii, size)
    n = int(owner.max()) + 1
    # neurites end, and leave others, on the way out from the middle, where they are packed
    ends, where = rng.random(n), rng.uniform(0.0, 0.4, n) * depth
    low = np.where(ends < 0.06, where, -np.inf)[owner]
    high = np.where(ends > 0.94, depth - where, np.inf)[owner]
    chosen = np.flatnonzero(rng.random(len(kept)) < 0.10)
    if not len(chosen):
        chosen = np.array([0])
    m = len(chosen)
    heading, slope = rng.uniform(0, 2 * np.pi, m), rng.uniform(0.5, 1.3, m)
    way = rng.choice([-1.0, 1.0], m)
    every = np.concatenate([np.arange(len(kept)), chosen])
    thinner = np.concatenate([np.ones(len(kept)), rng.uniform(0.55, 0.85, m)])
    none = np.zeros(len(kept))
    crowd = Crowd(
        y=centres[every, 0],
        x=centres[every, 1],
        radius=kept[every] * thinner,
        period=rng.uniform(500, 1500, n)[owner[every]],
        phase=rng.uniform(0, 2 * np.pi, n)[owner[every]],
        z_low=low[every],
        z_high=high[every],
        body=np.concatenate([owner, n + np.arange(m)]),
        parent=np.concatenate([np.full(len(kept), -1), chosen]),
        branch_z=np.concatenate([none, depth / 2 + way * rng.uniform(0, 0.45, m) * depth]),
        branch_way=np.concatenate([none, way]),
        slope=np.concatenate(
            [np.zeros((n, 2)), np.stack([np.sin(heading), np.cos(heading)], 1) * slope[:, None]]
        ),
        balls=balls,
    )
    return crowd, owner[every]


def _packed(rng: np.random.Generator, radii: Floats, size: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Centres (n, 2), radii (n,) and owners (n,) of discs that hardly overlap; large ones have lobes."""
    centres = np.empty((4 * len(radii), 2))
    kept, owner = np.empty(4 * len(radii)), np.empty(4 * len(radii), dtype=np.intp)
    n = n_owners = 0
    largest = _regions(rng)
    for radius in radii:
        tries = rng.uniform(0, 1, (24, 2)) * size - MARGIN_NM
        tries = tries[largest(tries) >= radius]
        if not len(tries):
            continue
        gap = np.hypot(*(tries[:, None] - centres[None, :n]).transpose(2, 0, 1)) - kept[:n]
        room = gap.min(axis=1) if n else np.full(len(tries), np.inf)
        best = int(np.argmax(room > 0.92 * radius)) if (room > 0.92 * radius).any() else int(room.argmax())
        if room[best] < 0.6 * radius:
            continue
        centres[n], kept[n], owner[n] = tries[best], radius, n_owners
        main = n
        n += 1
        heading = rng.uniform(0, 2 * np.pi)
        for _ in range(min(int(rng.geometric(0.45)) - 1, 3)):  # lobes make the outline longer than a circle
            heading += rng.normal(0, 0.5) + np.pi * (rng.random() < 0.35)
            lobe = radius * rng.uniform(0.55, 0.95)
            reach = radius * rng.uniform(0.7, 1.2)
            centres[n] = centres[main] + reach * np.array([np.sin(heading), np.cos(heading)])
            kept[n], owner[n] = lobe, n_owners
            main = n
            n += 1
        n_owners += 1
    return centres[:n], kept[:n], owner[:n]


def _regions(rng: np.random.Generator) -> Callable[[Floats], Floats]:
    """Largest radius allowed at a point: thin neurites run together, and so do large ones."""
    angle, wavelength = rng.uniform(0, 2 * np.pi, 6), rng.uniform(1200, 3500, 6)
    waves = np.stack([np.sin(angle), np.cos(angle)]) * (2 * np.pi / wavelength)
    phase = rng.uniform(0, 2 * np.pi, 6)

    def largest(points: Floats) -> Floats:
        level = np.cos(points @ waves + phase).sum(axis=1) / np.sqrt(3)
        return np.asarray(85 + 560 / (1 + np.exp(-3.0 * (level + 0.35))))

    return largest


def _chains(
    rng: np.random.Generator, extent_nm: tuple[float, float, float], calibre_nm: float
) -> tuple[Floats, Ints]:
    """Neurites that run along the sections, as strings of balls (n, 4: z, y, x, radius in nm), and whose they are."""
    depth, *lateral = extent_nm
    size = np.array(lateral) + 2 * MARGIN_NM
    chains: list[Floats] = []
    for _ in range(max(1, round(size.prod() * (depth + 300) / 1e9 * 0.9))):
        radius = float(np.clip(rng.lognormal(np.log(calibre_nm * 0.36), 0.5), 32, 350))
        length = rng.uniform(800, 3000)
        n = max(4, int(length / (0.45 * radius)))
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.16, n))
        climb = rng.normal(0, 0.25) + np.cumsum(rng.normal(0, 0.05, n))
        step = 0.45 * radius
        y = rng.uniform(0, size[0]) - MARGIN_NM + np.cumsum(np.sin(heading)) * step
        x = rng.uniform(0, size[1]) - MARGIN_NM + np.cumsum(np.cos(heading)) * step
        z = rng.uniform(-100, depth + 100) + np.cumsum(np.clip(climb, -1.5, 1.5)) * step
        r = radius * np.exp(0.35 * np.sin(np.arange(n) * 0.6 * rng.uniform(0.2, 0.7) + rng.uniform(0, 6)))
        chains.append(np.stack([z, y, x, r], axis=1))
    return np.concatenate(chains), np.repeat(np.arange(len(chains)), [len(c) for c in chains])


def _bundles(rng: np.random.Generator, discs: Discs, extent_nm: tuple[float, float, float]) -> Ints:
    """Bundle of each disc, by where its neurite is in the middle; glia grow between bundles."""
    size = np.array(extent_nm[1:]) + 2 * MARGIN_NM
    count = max(2, round(size.prod() / 1100.0**2))
    middles = rng.uniform(0, 1, (count, 2)) * size - MARGIN_NM
    n = int(discs.neurite.max()) + 1
    first = np.full(n, -1)
    first[discs.neurite[::-1]] = np.arange(len(discs))[::-1]
    y, x = discs.places[len(discs.knots) // 2][:, first]
    distance = np.hypot(y[:, None] - middles[:, 0], x[:, None] - middles[:, 1])
    return np.asarray(distance.argmin(axis=1)[discs.neurite])
