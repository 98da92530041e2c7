"""Synthetic neuropil of tubes in all directions, for fitting and judging links between sections.

The phantom of the package is made of fibres that mostly cross the sections, as in a nerve cord. Cortex is another
matter: dendrites with spines, thin beaded axons that may move by more than their diameter from one section to the next, and
astrocytes that fill what is left. Here all of them are strings of balls; a pixel belongs to the ball with the least power.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_emseg.phantom.identity import label_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARGIN_NM = 400.0  # tubes start and end this far outside
GAP_NM = 150.0  # a ball claims pixels up to this far from its surface
ROUGH_NM = 90.0  # extent of the bumps of a border

# Tubes per cubic micrometre, from the look of published cortex volumes.
DENDRITES, AXONS, ASTROCYTES = 0.30, 9.0, 0.12


@dataclass
class Tubes:
    """Balls of all cells: places (z, y, x) and radii in nm, and whose they are."""

    rng: np.random.Generator
    size: NDArray[np.float64]
    places: list[NDArray[np.float64]] = field(default_factory=list)
    radii: list[float] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    n_cells: int = 0

    def ball(self, place: NDArray[np.float64], radius: float) -> None:
        """One ball of the cell that is being drawn."""
        self.places.append(place)
        self.radii.append(radius)
        self.owners.append(self.n_cells)

    def walk(
        self,
        start: NDArray[np.float64],
        way: NDArray[np.float64],
        radius: float,
        length: float,
        wiggle: float,
        beads: float = 0.0,
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """A tube that wanders; the places it went through and the ways it went there."""
        step = max(0.5 * radius, 12.0)
        place, way = start.copy(), way / np.linalg.norm(way)
        phase, period = self.rng.uniform(0, 6), self.rng.uniform(500, 1200)
        path = []
        for k in range(max(3, int(length / step))):
            way = way + self.rng.normal(0, wiggle * np.sqrt(step / 100), 3)
            way /= np.linalg.norm(way)
            place = place + way * step
            bead = max(0.0, np.sin(2 * np.pi * k * step / period + phase)) ** 3
            self.ball(place, radius * (1 + beads * bead))
            path.append((place, way))
        return path

    def somewhere(self) -> NDArray[np.float64]:
        """A random place of the box and its margin."""
        return np.asarray(self.rng.uniform(0, 1, 3) * self.size - MARGIN_NM)

    def dendrite(self) -> None:
        """A thick tube with spines."""
        start, way, length = self.somewhere(), self.rng.normal(size=3), 1.5 * self.size.max()
        radius = self.rng.uniform(150, 400)
        for place, there in [k for w in (way, -way) for k in self.walk(start, w, radius, length, 0.08)]:
            if self.rng.random() < 0.0018 * radius:
                out = np.cross(there, self.rng.normal(size=3))
                out /= np.linalg.norm(out)
                neck = self.walk(
                    place + 0.9 * radius * out, out, self.rng.uniform(25, 50), self.rng.uniform(150, 600), 0.3
                )
                self.ball(neck[-1][0], self.rng.uniform(90, 220))
        self.n_cells += 1

    def axon(self) -> None:
        """A thin tube with beads; every third has a branch."""
        rng, length = self.rng, 1.5 * self.size.max()
        start, way = self.somewhere(), rng.normal(size=3)
        radius = float(np.clip(rng.lognormal(np.log(75), 0.4), 35, 220))
        path = self.walk(start, way, radius, rng.uniform(0.4, 1) * length, 0.2, rng.uniform(0.3, 2))
        path += self.walk(start, -way, radius, rng.uniform(0.2, 1) * length, 0.2, rng.uniform(0.3, 2))
        if rng.random() < 0.35:
            place, there = path[rng.integers(len(path))]
            side = np.cross(there, rng.normal(size=3)) + 0.5 * there
            self.walk(place, side, 0.8 * radius, rng.uniform(400, 2500), 0.25)
        self.n_cells += 1

    def astrocyte(self) -> None:
        """A bush."""
        rng = self.rng
        nodes = [(self.somewhere(), rng.normal(size=3))]
        for _ in range(40):
            place, there = nodes[rng.integers(len(nodes))]
            way = there + rng.normal(0, 0.9, 3)
            path = self.walk(place, way, rng.uniform(30, 90), rng.uniform(300, 1000), 0.4)
            nodes += [path[len(path) // 2], path[-1]]
        self.n_cells += 1


def neuropil(
    shape: tuple[int, int, int],
    spacing_nm: tuple[float, float, float],
    seed: int,
    *,
    density: float = 1.0,
    roughness_nm: float = 8.0,
    drift_px: float = 0.0,
) -> NDArray[np.uint32]:
    """Draw cells that fill a box.

    Parameters
    ----------
    shape : (z, y, x)
    spacing_nm : (z, y, x)
    seed : int
    density : float
        Of dendrites and axons, 1 is usual.
    roughness_nm : float
        Standard deviation of the bumps of borders, which differ from section to section.
    drift_px : float
        How far the picture wanders from section to section; now and then it jumps by five times that.

    Returns
    -------
    ndarray of uint32 (z, y, x)
        Every id is one connected object; no pixel is 0.
    """
    rng = np.random.default_rng(seed)
    margin = int(10 * drift_px)
    full = (shape[0], shape[1] + 2 * margin, shape[2] + 2 * margin)
    extent = np.array(full) * spacing_nm
    tubes = Tubes(rng, extent + 2 * MARGIN_NM)
    volume_um3 = tubes.size.prod() / 1e9
    for draw, per_um3 in (
        (tubes.dendrite, DENDRITES * density),
        (tubes.axon, AXONS * density),
        (tubes.astrocyte, ASTROCYTES),
    ):
        for _ in range(int(rng.poisson(per_um3 * volume_um3)) + 1):
            draw()
    owner = _cut(tubes, full, spacing_nm)
    for section in owner:
        section[:] = _roughened(section, spacing_nm[1:], roughness_nm, rng)
    return wander(label_cells(owner)[0], drift_px, rng)


def wander(labels: NDArray[np.uint32], drift_px: float, rng: np.random.Generator) -> NDArray[np.uint32]:
    """Move every section, and cut off the margin of ten drifts on every side."""
    margin = int(10 * drift_px)
    if not margin:
        return labels
    path = np.cumsum(rng.normal(0, 0.5 * drift_px, (len(labels), 2)), 0)
    path += rng.normal(0, 0.5 * drift_px, path.shape)
    for k in np.flatnonzero(rng.random(len(labels)) < 0.08):
        path[k:] += rng.normal(0, 5 * drift_px, 2)
    moves = np.clip(np.rint(path), -margin, margin).astype(int) + margin
    rows, columns = (n - 2 * margin for n in labels.shape[1:])
    return np.stack([s[dy : dy + rows, dx : dx + columns] for s, (dy, dx) in zip(labels, moves, strict=True)])


def _cut(
    tubes: Tubes, shape: tuple[int, int, int], spacing_nm: tuple[float, float, float]
) -> NDArray[np.int32]:
    """The ball with the least power at every pixel (a power diagram, Aurenhammer 1987)."""
    places, radii, owners = np.array(tubes.places), np.array(tubes.radii), np.array(tubes.owners)
    owner = np.full(shape, -1, np.int32)
    _, dy, dx = spacing_nm
    for z, section in enumerate(owner):
        away = (z + 0.5) * spacing_nm[0] - places[:, 0]
        reach2 = (radii + GAP_NM) ** 2 - away**2
        least = np.full(section.shape, np.inf, np.float32)
        for k in np.flatnonzero(reach2 > 0).tolist():
            reach, (_, y, x) = np.sqrt(reach2[k]), places[k]
            top, bottom = max(0, int((y - reach) / dy)), min(shape[1], int((y + reach) / dy) + 1)
            left, right = max(0, int((x - reach) / dx)), min(shape[2], int((x + reach) / dx) + 1)
            if top >= bottom or left >= right:
                continue
            across = ((np.arange(top, bottom, dtype=np.float32) + 0.5) * dy - y) ** 2
            along = ((np.arange(left, right, dtype=np.float32) + 0.5) * dx - x) ** 2
            power = across[:, None] + (along + (away[k] ** 2 - radii[k] ** 2))
            window = (slice(top, bottom), slice(left, right))
            nearer = power < least[window]
            np.copyto(least[window], power, where=nearer, casting="unsafe")
            section[window][nearer] = owners[k]
        if (section < 0).any():
            nearest = ndi.distance_transform_edt(section < 0, return_distances=False, return_indices=True)
            section[:] = section[tuple(nearest)]
    return owner


def _roughened(
    section: NDArray[np.int32],
    pixel_nm: tuple[float, ...],
    roughness_nm: float,
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """Bumps of borders."""
    grid = np.indices(section.shape).astype(np.float64)
    for axis, pixel in enumerate(pixel_nm):
        coarse = rng.normal(
            size=[int(n * p / ROUGH_NM) + 4 for n, p in zip(section.shape, pixel_nm, strict=True)]
        )
        bumps = ndi.zoom(coarse, [n / m for n, m in zip(section.shape, coarse.shape, strict=True)], order=3)
        grid[axis] += bumps * roughness_nm / pixel
    index = [np.clip(np.rint(g), 0, n - 1).astype(np.intp) for g, n in zip(grid, section.shape, strict=True)]
    moved: NDArray[np.int32] = section[tuple(index)]
    return moved
