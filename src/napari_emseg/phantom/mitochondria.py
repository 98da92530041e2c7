"""Mitochondria: bent capsules that keep clear of the cell border, with cristae."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.phantom.scene import Scene

_CLEARANCE_NM = 20.0  # cytoplasm between a mitochondrion and the middle of the cell's membrane
_SMALLEST_NM, _LARGEST_NM = 55.0, 190.0  # radius
_SMALLEST_VOXELS = 60
_DEPTHS = (-0.36, 0.0, 0.36)  # where, in section thicknesses, a section is sampled


@dataclass(frozen=True, eq=False)
class Mitochondria:
    """Instances (uint32), and how they look: opacity and grey level, each (z, y, x)."""

    ids: NDArray[np.uint32]
    opacity: NDArray[np.float32]
    grey: NDArray[np.float32]


def draw_mitochondria(rng: np.random.Generator, scene: Scene, per_um3: float) -> Mitochondria:
    """Put mitochondria into cells that are wide enough.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    scene : Scene
        The cells.
    per_um3 : float
        How many are tried per cubic micrometre.
    """
    shape = scene.labels.shape
    out = Mitochondria(np.zeros(shape, np.uint32), np.zeros(shape, np.float32), np.zeros(shape, np.float32))
    count = int(rng.poisson(per_um3 * scene.volume_um3))
    where = scene.random_positions(rng, 60 * count)
    room = scene.border_nm[scene.voxel_of(where)] - _CLEARANCE_NM
    candidates = np.flatnonzero(
        (room > _SMALLEST_NM) & (room > rng.uniform(0.3, 1.6, len(room)) * _SMALLEST_NM)
    )
    made = 0
    for k in candidates:
        if made == count:
            break
        radius = float(min(room[k], np.exp(rng.uniform(np.log(80.0), np.log(_LARGEST_NM)))))
        made += _draw_one(rng, scene, out, where[k].astype(np.float64), radius, made + 1)
    return out


def _draw_one(
    rng: np.random.Generator,
    scene: Scene,
    out: Mitochondria,
    centre: NDArray[np.float64],
    radius: float,
    new_id: int,
) -> bool:
    """Draw one mitochondrion; False where another is in the way or too little of it fits."""
    axis = rng.normal(0, 1, 3) * (1.3, 1, 1)
    axis /= np.linalg.norm(axis)
    half_length = radius * rng.uniform(0.3, 3.2)
    spacing = np.array(scene.spacing_nm)
    reach = np.abs(axis) * half_length + radius * 1.15 + (0, 60, 60)
    low = np.maximum(np.floor((centre - reach) / spacing).astype(int), 0)
    high = np.minimum(np.ceil((centre + reach) / spacing).astype(int) + 1, scene.labels.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    here = tuple(int(v[0]) for v in scene.voxel_of(centre[None]))
    cell = scene.labels[here]
    free = (scene.labels[box] == cell) & (out.ids[box] == 0)
    if out.opacity[box][free].max(initial=0) > 0.9:
        return False
    z, y, x = (
        ((np.arange(a, b) + 0.5) * s - c).astype(np.float32)
        for a, b, s, c in zip(low, high, spacing, centre, strict=True)
    )
    drift = scene.centroid_px[low[0] : high[0], cell] - scene.centroid_px[here[0], cell]
    drift = np.clip(np.nan_to_num(drift) * 0.8, -16, 16).astype(np.float32) * np.float32(scene.spacing_nm[1])
    y3, x3 = y[None, :, None] - drift[:, 0, None, None], x[None, None, :] - drift[:, 1, None, None]
    bend, phase = rng.uniform(0.04, 0.16), rng.uniform(0, 6.28)
    depths = []
    for offset in _DEPTHS:
        z3 = z[:, None, None] + np.float32(offset * spacing[0])
        along = np.clip(z3 * axis[0] + y3 * axis[1] + x3 * axis[2], -half_length, half_length).astype(
            np.float32
        )
        rho = np.sqrt((z3 - along * axis[0]) ** 2 + (y3 - along * axis[1]) ** 2 + (x3 - along * axis[2]) ** 2)
        wave = (
            1
            + bend * np.sin(along / radius * 1.7 + phase)
            + 0.5 * bend * np.sin(y3 / radius * 2 + x3 / radius)
        )
        depth = (radius * wave - rho).astype(np.float32)
        depths.append(np.minimum(depth, scene.border_nm[box] - np.float32(_CLEARANCE_NM)))
    inside = (depths[1] > 0) & free
    import cc3d

    inside = np.asarray(cc3d.largest_k(inside, k=1, connectivity=26)) > 0
    if inside.sum() < _SMALLEST_VOXELS:
        return False
    near = free & (out.opacity[box] < 0.05)
    soft = np.float32(4.0)
    cover = np.asarray(sum(1 / (1 + np.exp(-np.clip(d / soft, -30, 30))) for d in depths)) / len(depths)
    grey = _inside_look(rng, depths[1], y3, x3)
    out.ids[box][inside] = new_id
    # beside another one, whose soft rim reaches in here
    drawn = (near & (cover > 0.02)) | (inside & (cover > out.opacity[box]))
    out.opacity[box][drawn] = cover[drawn]
    out.grey[box][drawn] = np.broadcast_to(grey, drawn.shape)[drawn]
    return True


def _inside_look(
    rng: np.random.Generator, depth: NDArray[np.float32], y: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Grey level of matrix, double membrane and cristae."""
    matrix = rng.uniform(0.30, 0.43)
    turn = rng.uniform(0, np.pi)
    u, v = y * np.sin(turn) + x * np.cos(turn), y * np.cos(turn) - x * np.sin(turn)
    period = rng.uniform(42, 70)
    a, b, c = rng.uniform(0, 6.28, 3)
    swerve = 22 * np.sin(v / 75 + a) + 10 * np.sin(v / 31 + b + u / 60)
    phase = (u + swerve) / period
    off = (phase - np.floor(phase) - 0.5) * period  # distance (nm) across the nearest crista
    extent = np.clip(0.7 + 1.2 * np.sin(v / 55 + np.floor(phase) * 2.3 + c), 0, 1) * np.clip(
        (depth - 12) / 8, 0, 1
    )
    width = rng.uniform(3.5, 8.0)
    lumen = np.exp(-((off / width) ** 2))
    walls = np.exp(-(((np.abs(off) - width - 5.5) / 4.5) ** 2))
    grey = matrix + extent * (rng.uniform(0.02, 0.34) * lumen - rng.uniform(0.12, 0.22) * walls)
    grey -= 0.30 * np.exp(-(((depth - 3) / 4.5) ** 2))  # outer membrane
    grey += 0.14 * np.exp(-(((depth - 11) / 3.5) ** 2))  # gap between the two
    return np.asarray(grey - 0.16 * np.exp(-(((depth - 18) / 4) ** 2)), dtype=np.float32)
