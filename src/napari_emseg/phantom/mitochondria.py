"""Mitochondria: bent capsules that keep clear of the cell border and of each other, with cristae."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.phantom.capsule import Form

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.phantom.scene import Scene

_CLEARANCE_NM = 20.0  # cytoplasm between a mitochondrion and the middle of the cell's membrane
_SMALLEST_NM, _LARGEST_NM = 55.0, 190.0  # radius
_SMALLEST_VOXELS = 60
_DEPTHS = (-0.36, 0.0, 0.36)  # where, in section thicknesses, a section is sampled
_SOFT_NM = np.float32(4.0)  # how fast it gets opaque at its rim
_FAINT = 0.02  # opacity that is not drawn any more
_RIM_NM = 16.0  # beyond its outline, where it gets that faint
_ROUNDING_NM = np.float32(40.0)  # of corners where it is pressed against something
_APART_NM = 14.0  # cytoplasm between two of them
_MOST_LOST = 0.1  # of its voxels, to others that were there before; with more, it is not drawn
_WITH_CELL, _MOST_DRIFT_PX = 0.8, 16  # how much it goes with its cell's centroid from section to section


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
    form = Form.draw(rng, radius)
    place = _place(scene, form, centre)
    box, cell = place.box, place.cell
    free = (scene.labels[box] == cell) & (out.ids[box] == 0)
    limit = scene.border_nm[box] - np.float32(_CLEARANCE_NM)
    depths = []
    for offset in _DEPTHS:
        z = place.z + np.float32(offset * scene.spacing_nm[0])
        depths.append(_smaller(form.depth(z, place.y, place.x), limit))
    alone = (depths[1] > 0) & (scene.labels[box] == cell)
    others = (out.ids[box] > 0) & (scene.labels[box] == cell)
    if others.any():
        room = _distance(others, scene.spacing_nm) - np.float32(_APART_NM)
        if (alone & (room <= 0)).sum() > _MOST_LOST * alone.sum():
            return False
        depths = [_smaller(depth, room) for depth in depths]
    import cc3d

    inside = np.asarray(cc3d.largest_k((depths[1] > 0) & free, k=1, connectivity=26)) > 0
    if inside.sum() < _SMALLEST_VOXELS:
        return False
    near = free & (out.opacity[box] < 0.05)
    cover = np.asarray(sum(1 / (1 + np.exp(-np.clip(d / _SOFT_NM, -30, 30))) for d in depths)) / len(depths)
    out.ids[box][inside] = new_id
    # beside another one, whose soft rim reaches in here
    drawn = (near & (cover > _FAINT)) | (inside & (cover > out.opacity[box]))
    out.opacity[box][drawn] = cover[drawn]
    y, x = (np.broadcast_to(k, drawn.shape)[drawn] for k in (place.y, place.x))
    out.grey[box][drawn] = _inside_look(rng, depths[1][drawn], y, x)
    return True


@dataclass(frozen=True, eq=False)
class _Place:
    """The box that a mitochondrion needs, its cell, and the way (nm) of its voxels from its middle."""

    box: tuple[slice, ...]
    cell: int
    z: NDArray[np.float32]
    y: NDArray[np.float32]
    x: NDArray[np.float32]


def _place(scene: Scene, form: Form, centre: NDArray[np.float64]) -> _Place:
    """A box that holds all of a mitochondrion that is moved in each section as its cell is."""
    spacing, shape = np.array(scene.spacing_nm), np.array(scene.labels.shape)
    reach = form.reach_nm + _RIM_NM
    here = tuple(int(v[0]) for v in scene.voxel_of(centre[None]))
    cell = int(scene.labels[here])
    # sections are drawn from slices a little above and below their middle
    depth = reach[0] + max(_DEPTHS) * spacing[0]
    first = max(0, int(np.floor((centre[0] - depth) / spacing[0])))
    last = min(int(shape[0]), int(np.ceil((centre[0] + depth) / spacing[0])) + 1)
    drift = scene.centroid_px[first:last, cell] - scene.centroid_px[here[0], cell]
    drift = np.clip(np.nan_to_num(drift) * _WITH_CELL, -_MOST_DRIFT_PX, _MOST_DRIFT_PX) * spacing[1]
    low = np.floor((centre[1:] + drift.min(axis=0) - reach[1:]) / spacing[1:]).astype(int)
    high = np.ceil((centre[1:] + drift.max(axis=0) + reach[1:]) / spacing[1:]).astype(int) + 1
    bounds = [(first, last), *zip(np.maximum(low, 0), np.minimum(high, shape[1:]), strict=True)]
    z, y, x = (
        ((np.arange(a, b) + 0.5) * s - c).astype(np.float32)
        for (a, b), s, c in zip(bounds, spacing, centre, strict=True)
    )
    drift = drift.astype(np.float32)
    return _Place(
        tuple(slice(int(a), int(b)) for a, b in bounds),
        cell,
        z[:, None, None],
        y[None, :, None] - drift[:, 0, None, None],
        x[None, None, :] - drift[:, 1, None, None],
    )


def _smaller(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """The smaller of two depths, rounded off where they meet (polynomial smooth minimum, Quilez 2013)."""
    near = np.maximum(_ROUNDING_NM - np.abs(a - b), 0)
    return np.asarray(np.minimum(a, b) - near * near / (4 * _ROUNDING_NM), dtype=np.float32)


def _distance(mask: NDArray[np.bool_], spacing_nm: tuple[float, float, float]) -> NDArray[np.float32]:
    """Distance (nm) within the section to the mask, 0 inside; far where a section holds none of it."""
    import edt

    far = np.float32(1e4)
    return np.stack(
        [
            edt.edt(~section, anisotropy=spacing_nm[1:]) if section.any() else np.full(section.shape, far)
            for section in mask
        ]
    ).astype(np.float32)


def _inside_look(
    rng: np.random.Generator, depth: NDArray[np.float32], y: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Grey level of matrix, double membrane and cristae at points (n,) that lie so deep in it."""
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
