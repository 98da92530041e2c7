"""Neurites as moving discs: axes that wander through z, branch, end, or run along the section."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MARGIN_NM = 700.0
"""Neurites are also made this far outside the volume, so that its border looks like its middle."""

_DEAD = -1e12  # weight of a disc that is not there at this depth


@dataclass(frozen=True)
class Discs:
    """Discs of a power diagram, each with a path through z. All arrays have one entry per disc.

    A disc's centre is ``y0 + vy (z - zmid) + ay sin(2 pi z / period + phase)`` and likewise for x,
    plus ``reach`` beyond its branch point. Its weight is ``radius^2`` less the squared distance in z
    from ``[z_low, z_high]``: a ball when the two coincide.
    """

    neurite: NDArray[np.intp]
    bundle: NDArray[np.intp]
    radius: Floats
    y0: Floats
    x0: Floats
    vy: Floats
    vx: Floats
    ay: Floats
    ax: Floats
    period: Floats
    phase: Floats
    z_low: Floats
    z_high: Floats
    branch_z: Floats
    branch_way: Floats
    branch_y: Floats
    branch_x: Floats

    def __len__(self) -> int:
        return len(self.neurite)

    def at(
        self, z_nm: Floats, z_mid: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Centres y, x (nm) and weights (nm^2), each float32 (depths, discs)."""
        z = np.asarray(z_nm, dtype=np.float64)[:, None]
        wave = np.sin(2 * np.pi * z / self.period + self.phase) - np.sin(
            2 * np.pi * z_mid / self.period + self.phase
        )
        beyond = np.maximum((z - self.branch_z) * self.branch_way, 0)
        y = self.y0 + self.vy * (z - z_mid) + self.ay * wave + self.branch_y * beyond
        x = self.x0 + self.vx * (z - z_mid) + self.ax * wave + self.branch_x * beyond
        outside = np.maximum(np.maximum(self.z_low - z, z - self.z_high), 0)
        weight = (
            self.radius**2 * (1 + 0.25 * np.sin(4 * np.pi * z / self.period + 2 * self.phase)) - outside**2
        )
        weight = np.where(outside > 0.93 * self.radius, _DEAD, weight)
        return y.astype(np.float32), x.astype(np.float32), weight.astype(np.float32)


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
    columns = _columns(rng, extent_nm, calibre_nm)
    chains = _chains(rng, extent_nm, calibre_nm, first=int(columns.neurite.max()) + 1)
    discs = _join([columns, *chains])
    return _bundled(rng, discs, extent_nm)


def _join(parts: list[Discs]) -> Discs:
    return Discs(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Discs)))


def _columns(rng: np.random.Generator, extent_nm: tuple[float, float, float], calibre_nm: float) -> Discs:
    """Discs packed from the largest to the smallest, with lobes, branches and ends."""
    depth, *lateral = extent_nm
    size = np.array(lateral) + 2 * MARGIN_NM
    area = size.prod()
    radii = np.clip(rng.lognormal(np.log(calibre_nm / 2), 0.72, int(4 * area / calibre_nm**2) + 8), 30, 600)
    radii = np.sort(radii[np.cumsum(np.pi * radii**2) < 0.92 * area])[::-1]
    # thin neurites fill what the large ones leave
    thin = np.clip(rng.lognormal(np.log(0.38 * calibre_nm), 0.35, max(3, int(area / calibre_nm**2))), 30, 110)
    radii = np.concatenate([radii, np.sort(thin)[::-1]])
    centres, kept, owner = _packed(rng, radii, size)
    n = len(kept)
    tilt = rng.normal(0, 0.28, (2, int(owner.max()) + 1))
    wobble = rng.normal(0, 12.0, (2, int(owner.max()) + 1))
    period = rng.uniform(500, 1500, int(owner.max()) + 1)
    phase = rng.uniform(0, 2 * np.pi, int(owner.max()) + 1)
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    ends = rng.random(int(owner.max()) + 1)
    where = rng.uniform(0.1, 0.9, int(owner.max()) + 1) * depth
    low = np.where(ends[owner] < 0.06, where[owner], low)
    high = np.where(ends[owner] > 0.94, where[owner], high)
    still = np.zeros(n)
    base = Discs(
        owner, still.astype(np.intp), kept, centres[:, 0], centres[:, 1],
        tilt[0][owner], tilt[1][owner], wobble[0][owner], wobble[1][owner], period[owner], phase[owner],
        low, high, still, still, still, still,
    )  # fmt: skip
    return _join([base, _branches(rng, base, depth)])


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


def _branches(rng: np.random.Generator, base: Discs, depth: float) -> Discs:
    """Daughters that leave some of the discs at a branch point."""
    chosen = np.flatnonzero(rng.random(len(base)) < 0.10)
    if not len(chosen):
        chosen = np.array([0])
    n = len(chosen)
    heading = rng.uniform(0, 2 * np.pi, n)
    slope = rng.uniform(0.5, 1.3, n)
    values = {f.name: getattr(base, f.name)[chosen] for f in fields(Discs)}
    values["radius"] = values["radius"] * rng.uniform(0.55, 0.85, n)
    values["branch_z"] = rng.uniform(0.0, 0.7, n) * depth
    values["branch_way"] = rng.choice([-1.0, 1.0], n)
    values["branch_z"] = np.where(values["branch_way"] > 0, values["branch_z"], depth - values["branch_z"])
    values["branch_y"], values["branch_x"] = np.sin(heading) * slope, np.cos(heading) * slope
    return Discs(**values)


def _chains(
    rng: np.random.Generator, extent_nm: tuple[float, float, float], calibre_nm: float, *, first: int
) -> list[Discs]:
    """Neurites that run along the sections, as strings of balls."""
    depth, *lateral = extent_nm
    size = np.array(lateral) + 2 * MARGIN_NM
    chains: list[Discs] = []
    count = max(1, round(size.prod() * (depth + 300) / 1e9 * 0.9))
    for neurite in range(first, first + count):
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
        still = np.zeros(n)
        chains.append(
            Discs(
                np.full(n, neurite),
                still.astype(np.intp),
                r,
                y,
                x,
                still,
                still,
                still,
                still,
                np.full(n, 1e9),
                still,
                z,
                z,
                still,
                still,
                still,
                still,
            )
        )
    return chains


def _bundled(rng: np.random.Generator, discs: Discs, extent_nm: tuple[float, float, float]) -> Discs:
    """Group neighbouring neurites into bundles; glia grow between bundles."""
    size = np.array(extent_nm[1:]) + 2 * MARGIN_NM
    count = max(2, round(size.prod() / 1100.0**2))
    middles = rng.uniform(0, 1, (count, 2)) * size - MARGIN_NM
    n = int(discs.neurite.max()) + 1
    first = np.full(n, -1)
    first[discs.neurite[::-1]] = np.arange(len(discs))[::-1]
    distance = np.hypot(discs.y0[first, None] - middles[:, 0], discs.x0[first, None] - middles[:, 1])
    bundle = distance.argmin(axis=1)
    values = {f.name: getattr(discs, f.name) for f in fields(Discs)}
    values["bundle"] = bundle[discs.neurite]
    return Discs(**values)
