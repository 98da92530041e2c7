"""Synapses of the fly: T-bars that face several postsynaptic cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.phantom.marks import Marks, draw_marks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.phantom.scene import Scene

_CLEFT_HALF_NM = 18.0  # a voxel is cleft within this distance of both sides
_LEAST_CALIBRE_NM = 75.0  # a presynaptic cell is at least this deep near its T-bar
_APART_NM = 420.0  # least distance of two T-bars
_LEAST_VOXELS = 25  # of contact with a postsynaptic cell


@dataclass(frozen=True)
class Partner:
    """One pre- and one postsynaptic side of a cleft; points (z, y, x) in nanometres lie in their cells."""

    cleft_id: int
    pre_id: int
    post_id: int
    pre_point_nm: tuple[float, float, float]
    post_point_nm: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Synapses:
    """Cleft instances (z, y, x) uint32, who talks to whom, and the vesicles (n, 3) in nanometres."""

    clefts: NDArray[np.uint32]
    partners: tuple[Partner, ...]
    vesicles_nm: NDArray[np.float32]


def draw_synapses(
    rng: np.random.Generator,
    canvas: NDArray[np.float32],
    scene: Scene,
    occupied: NDArray[np.bool_],
    per_um3: float,
) -> Synapses:
    """Put T-bars, clefts, postsynaptic densities and vesicles on cell borders.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    canvas : ndarray (z, y, x) float32
        Map of darkness, drawn into.
    scene : Scene
        The cells.
    occupied : ndarray (z, y, x) bool
        Where no vesicle may be (mitochondria).
    per_um3 : float
        How many synapses are tried per cubic micrometre.
    """
    clefts = np.zeros(scene.labels.shape, dtype=np.uint32)
    count = int(rng.poisson(per_um3 * scene.volume_um3))
    seeds = scene.random_positions(rng, 400 * count)
    near = scene.border_nm[scene.voxel_of(seeds)]
    seeds = seeds[(near < 12) & ~scene.is_glia[scene.labels[scene.voxel_of(seeds)]]]
    done: list[NDArray[np.float64]] = []
    partners: list[Partner] = []
    clouds: list[NDArray[np.float32]] = [np.empty((0, 3), dtype=np.float32)]
    for seed in seeds[: 12 * count].astype(np.float64):
        if len(done) == count:
            break
        if any(np.linalg.norm(seed - other) < _APART_NM for other in done):
            continue
        found = _draw_one(rng, canvas, scene, clefts, seed, len(done) + 1)
        if found:
            done.append(seed)
            partners.extend(found[0])
            clouds.append(_vesicles(rng, scene, occupied, seed, found[0][0].pre_id))
    vesicles = np.concatenate(clouds)
    n = len(vesicles)
    radius = rng.normal(19, 2.2, n).astype(np.float32)
    ink = rng.uniform(0.18, 0.34, n).astype(np.float32)
    draw_marks(canvas, Marks(vesicles, radius, ink, ink * np.float32(0.2)), scene.spacing_nm)
    return Synapses(clefts, tuple(partners), vesicles)


def _draw_one(
    rng: np.random.Generator,
    canvas: NDArray[np.float32],
    scene: Scene,
    clefts: NDArray[np.uint32],
    seed: NDArray[np.float64],
    cleft_id: int,
) -> tuple[list[Partner], ...]:
    """Draw one synapse; empty where the place does not suit."""
    import edt

    spacing = np.array(scene.spacing_nm)
    radius = rng.uniform(75, 150)
    reach = radius + 90.0
    low = np.maximum(np.floor((seed - reach) / spacing).astype(int), 0)
    high = np.minimum(np.ceil((seed + reach) / spacing).astype(int) + 1, scene.labels.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    labels = scene.labels[box]
    z, y, x = (
        ((np.arange(a, b) + 0.5) * s - c).astype(np.float32)[
            tuple(slice(None) if k == i else None for k in range(3))
        ]
        for i, (a, b, s, c) in enumerate(zip(low, high, spacing, seed, strict=True))
    )
    away = np.sqrt(z * z + y * y + x * x)
    pre = labels[tuple(int(v[0]) - a for v, a in zip(scene.voxel_of(seed[None]), low, strict=True))]
    if scene.border_nm[box][(labels == pre) & (away < reach)].max() < _LEAST_CALIBRE_NM:
        return ()
    to_pre = _distance(edt, labels == pre, spacing)
    posts = np.zeros(labels.shape, dtype=bool)
    members: list[int] = []
    at_border = (to_pre > 0) & (to_pre < 2 * _CLEFT_HALF_NM) & (away < radius)
    ids, sizes = np.unique(labels[at_border], return_counts=True)
    for k in np.argsort(-sizes)[:4]:
        other = ids[k]
        if (
            sizes[k] >= _LEAST_VOXELS
            and not scene.is_glia[other]
            and (scene.border_nm[box][labels == other] > 22).any()
        ):
            members.append(int(other))
            posts |= labels == other
    if not members:
        return ()
    to_post = _distance(edt, posts, spacing)
    sides = (labels == pre) | posts
    cleft = sides & (to_pre <= _CLEFT_HALF_NM) & (to_post <= _CLEFT_HALF_NM) & (away < radius)
    import cc3d

    cleft = np.asarray(cc3d.largest_k(cleft, k=1, connectivity=26)) > 0
    if cleft.sum() < 2 * _LEAST_VOXELS:
        return ()
    touched = [m for m in members if (cleft & (labels == m)).any()]
    if not touched or not (cleft & (labels == pre)).any():
        return ()
    clefts[box][cleft] = cleft_id
    _ink(rng, canvas[box], labels == pre, posts, to_pre, to_post, away, radius)
    partners = [
        Partner(
            cleft_id, int(pre), member,
            _inner_point(scene, box, low, (labels == pre) & (to_post < 110), away),
            _inner_point(scene, box, low, (labels == member) & (to_pre < 110), away),
        )
        for member in touched
    ]  # fmt: skip
    return (partners,)


def _distance(edt: object, mask: NDArray[np.bool_], spacing: NDArray[np.float64]) -> NDArray[np.float32]:
    """Distance (nm) to the mask, 0 inside."""
    return np.asarray(edt.edt(~mask, anisotropy=tuple(spacing)))  # type: ignore[attr-defined]


def _step(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Smooth step from 0 to 1."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))))


def _ink(
    rng: np.random.Generator,
    canvas: NDArray[np.float32],
    pre: NDArray[np.bool_],
    posts: NDArray[np.bool_],
    to_pre: NDArray[np.float32],
    to_post: NDArray[np.float32],
    away: NDArray[np.float32],
    radius: float,
) -> None:
    """Darken the active zone, the T-bar on it and the postsynaptic density."""
    zone = np.clip((radius - away) / 25, 0, 1)
    strength = rng.uniform(0.35, 0.65)
    depth = rng.uniform(20, 32)
    canvas += np.where(pre, strength * zone * _step((depth - to_post) / 5), 0).astype(np.float32)
    density = rng.uniform(0.15, 0.45) * zone * _step((19 - to_pre) / 4)
    canvas += np.where(posts, density, 0).astype(np.float32)
    haze = rng.uniform(0.05, 0.28) * np.exp(-((away / rng.uniform(45, 110)) ** 2))
    canvas += haze.astype(np.float32)
    aside = np.sqrt(np.maximum(away**2 - to_post**2, 0))
    height = rng.uniform(44, 66)
    pedestal = (aside < 20) & (to_post < height)
    table = (aside < rng.uniform(55, 95)) & (np.abs(to_post - height) < 12)
    canvas += np.where(pre & (pedestal | table), 0.7 * strength, 0).astype(np.float32)


def _inner_point(
    scene: Scene,
    box: tuple[slice, ...],
    low: NDArray[np.intp],
    mask: NDArray[np.bool_],
    away: NDArray[np.float32],
) -> tuple[float, float, float]:
    """Point inside a cell, near the cleft but clear of the membrane."""
    merit = np.where(mask, np.minimum(scene.border_nm[box], 40) - 0.25 * away, -np.inf)
    voxel = np.array(np.unravel_index(int(merit.argmax()), merit.shape)) + low
    z, y, x = (voxel + 0.5) * scene.spacing_nm
    return float(z), float(y), float(x)


def _vesicles(
    rng: np.random.Generator, scene: Scene, occupied: NDArray[np.bool_], seed: NDArray[np.float64], pre: int
) -> NDArray[np.float32]:
    """Vesicles of the presynaptic cell around its T-bar."""
    cloud = seed + rng.normal(0, 1, (700, 3)) * rng.uniform(90, 190)
    voxel = scene.voxel_of(cloud)
    inside = ((cloud >= 0) & (cloud < scene.extent_nm)).all(axis=1)
    keep = inside & (scene.labels[voxel] == pre) & (scene.border_nm[voxel] > 28) & ~occupied[voxel]
    kept: list[NDArray[np.float64]] = []
    for point in cloud[keep][: int(rng.integers(40, 160))]:  # vesicles do not overlap
        if not kept or np.linalg.norm(np.array(kept) - point, axis=1).min() > 40:
            kept.append(point)
    return np.array(kept, dtype=np.float32).reshape(-1, 3)
