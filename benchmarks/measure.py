"""Calibre, volume, surface and contacts: error on known shapes, processor time and memory, beside what people do otherwise.

    OMP_NUM_THREADS=1 python benchmarks/measure.py
    OMP_NUM_THREADS=1 python benchmarks/measure.py --peer kimimaro       (pip install kimimaro)

Peers, measured in the same run:

* scikit-image, the plain recipe: `regionprops` of every section, median of the minor axes; `regionprops` of the volume with its
  spacing for the volume, `marching_cubes` and `mesh_surface_area` for the surface.
* kimimaro: `skeletonize` and `cross_sectional_area`, the diameter of the circle with the median area.

Truth: cylinders of 300 nm, tilted by 0 to 90 degrees, sections of 50 nm and pixels of 4.6 nm. Time is processor time of one
process; memory the peak that Python and numpy have allocated (tracemalloc), without the volume itself.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from napari_emseg.measure.survey import survey
from napari_emseg.settings import MeasureSettings

SPACING = (50.0, 4.6, 4.6)
RADIUS, LENGTH = 150.0, 1500.0
ANGLES = (0, 15, 30, 45, 60, 75, 90)


def tilted(angle: float) -> np.ndarray:
    """A cylinder, tilted from z towards x, with room around it."""
    a = math.radians(angle)
    cos, sin = math.cos(a), math.sin(a)
    half = np.array([LENGTH / 2 * cos + RADIUS * sin, RADIUS, LENGTH / 2 * sin + RADIUS * cos]) + 120
    axes = [
        (np.arange(n) + 0.5) * s - n * s / 2
        for n, s in zip(np.ceil(2 * half / SPACING).astype(int), SPACING, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    inside = np.hypot(x * cos - z * sin, y) <= RADIUS
    return (inside & (abs(z * cos + x * sin) <= LENGTH / 2)).astype(np.uint32)


def ours(labels: np.ndarray) -> dict[int, tuple[float | None, float, float]]:
    """Id to calibre, volume, surface."""
    rows = survey(labels, SPACING, MeasureSettings(contact=False)).objects
    return {r["id"]: (r["calibre_median_nm"], r["volume_um3"], r["surface_area_um2"]) for r in rows}


def scikit_image(labels: np.ndarray) -> dict[int, tuple[float | None, float, float]]:
    """The plain recipe."""
    from skimage.measure import marching_cubes, mesh_surface_area, regionprops

    minor: dict[int, list[float]] = {}
    for section in labels:
        for part in regionprops(section, spacing=SPACING[1:]):
            minor.setdefault(part.label, []).append(part.axis_minor_length)
    found = {}
    for whole in regionprops(labels, spacing=SPACING):
        corners, faces, *_ = marching_cubes(np.pad(whole.image, 1).astype(np.float32), 0.5, spacing=SPACING)
        area = mesh_surface_area(corners, faces) * 1e-6
        found[whole.label] = (float(np.median(minor[whole.label])), float(whole.area) * 1e-9, float(area))
    return found


def kimimaro(labels: np.ndarray) -> dict[int, tuple[float | None, float, float]]:
    """Skeleton and exact cross-sections of the voxels."""
    import kimimaro as peer

    skeletons = peer.skeletonize(
        labels, teasar_params={"scale": 1.5, "const": 100}, anisotropy=SPACING, dust_threshold=100,
        progress=False, parallel=1,
    )  # fmt: skip
    peer.cross_sectional_area(labels, skeletons, anisotropy=SPACING, smoothing_window=5, progress=False)
    found = {}
    for object_id, skeleton in skeletons.items():
        area = skeleton.cross_sectional_area
        area = area[area > 0]
        calibre = math.sqrt(4 * float(np.median(area)) / math.pi) if area.size else None
        found[int(object_id)] = (calibre, math.nan, math.nan)
    return found


METHODS: dict[str, Callable[[np.ndarray], dict[int, tuple[float | None, float, float]]]] = {
    "ours": ours,
    "scikit-image": scikit_image,
    "kimimaro": kimimaro,
}


def errors(method: str) -> dict[str, Any]:
    """Deviation from the truth in percent, at every angle."""
    volume, surface = math.pi * RADIUS**2 * LENGTH * 1e-9, (2 * math.pi * RADIUS * (RADIUS + LENGTH)) * 1e-6
    table = {}
    for angle in ANGLES:
        calibre, found, area = METHODS[method](tilted(angle))[1]
        table[angle] = [
            None if value is None or math.isnan(value) else round(100 * (value / truth - 1), 1)
            for value, truth in ((calibre, 2 * RADIUS), (found, volume), (area, surface))
        ]
    return {"method": method, "error in percent of calibre, volume, surface at degrees": table}


def cost(method: str, labels: np.ndarray) -> dict[str, Any]:
    """Processor time and memory of many objects at once."""
    began = time.process_time()
    found = METHODS[method](labels)
    seconds = time.process_time() - began
    tracemalloc.start()
    METHODS[method](labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    n = max(len(found), 1)
    return {
        "method": method, "objects": n, "s": round(seconds, 2), "ms an object": round(1000 * seconds / n, 1),
        "peak MB": round(peak / 1e6, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", choices=("kimimaro",), action="append", default=[])
    parser.add_argument("--shape", default="20,256,256", help="of the phantom that time is measured on")
    args = parser.parse_args()
    methods = ["ours", "scikit-image", *args.peer]
    for method in methods:
        METHODS[method](tilted(0))  # libraries are loaded
    for method in methods:
        print(json.dumps(errors(method)), flush=True)
    from napari_emseg.phantom import make_phantom

    z, y, x = (int(n) for n in args.shape.split(","))
    labels = make_phantom((z, y, x), seed=1).labels
    for method in methods:
        print(json.dumps(cost(method, labels)), flush=True)


if __name__ == "__main__":
    main()
