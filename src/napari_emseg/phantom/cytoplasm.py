"""What fills the cytoplasm: microtubules, stray vesicles, tubules, dense-core vesicles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.phantom.marks import Marks, draw_marks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.phantom.scene import Scene

# kind: (per um^3, radius nm, spread of the radius, rim darkness, core darkness, persists over nm)
_KINDS = {
    "microtubule": (600.0, 8.5, 0.15, 0.20, 0.02, 260.0),
    "tubule": (500.0, 15.0, 0.35, 0.28, 0.05, 60.0),
    "vesicle": (700.0, 21.0, 0.18, 0.34, 0.06, 0.0),
    "granule": (260.0, 5.0, 0.4, 0.16, 0.16, 0.0),
    "dense core": (4.0, 33.0, 0.2, 0.30, 0.42, 0.0),
    "vacuole": (8.0, 44.0, 0.35, 0.36, -0.10, 100.0),
}


def draw_cytoplasm(
    rng: np.random.Generator,
    canvas: NDArray[np.float32],
    scene: Scene,
    occupied: NDArray[np.bool_],
) -> None:
    """Scatter organelles over a map of darkness, in place.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    canvas : ndarray (z, y, x) float32
        Darkness.
    scene : Scene
        The cells.
    occupied : ndarray (z, y, x) bool
        Where nothing is drawn (mitochondria).
    """
    n = int(scene.owner_of.max()) + 2
    for per_um3, radius, spread, rim, core, extent in _KINDS.values():
        density = rng.gamma(0.8, 1 / 0.8, n)  # neurites differ in what they hold
        count = int(rng.poisson(per_um3 * 2.2 * scene.volume_um3))
        seeds = scene.random_positions(rng, count)
        owner = scene.owner_of[scene.labels[scene.voxel_of(seeds)]]
        seeds = seeds[rng.random(count) < density[owner] / 2.2]
        size = (radius * rng.lognormal(0, spread, len(seeds))).astype(np.float32)
        ink = rng.uniform(0.5, 1.25, len(seeds)).astype(np.float32)
        steps = int(extent / scene.spacing_nm[0])
        tilt = rng.normal(0, 0.25, (len(seeds), 2)).astype(np.float32)
        home = scene.labels[scene.voxel_of(seeds)]
        for step in range(-(steps // 2), steps // 2 + 1):
            dz = np.float32(step * scene.spacing_nm[0])
            at = seeds + np.concatenate([np.full((len(seeds), 1), dz), tilt * dz], axis=1).astype(np.float32)
            voxel = scene.voxel_of(at)
            keep = (scene.labels[voxel] == home) & (scene.border_nm[voxel] > size + 12) & ~occupied[voxel]
            keep &= (at[:, 0] >= 0) & (at[:, 0] < scene.extent_nm[0])
            draw_marks(
                canvas,
                Marks(at[keep], size[keep], rim * ink[keep], np.float32(core) * ink[keep]),
                scene.spacing_nm,
            )
