"""Surface area of shapes of known area on voxels of several shapes, against a mesh of marching cubes.

Claim: on balls and tubes, however they lie, the error is below 5 % and smaller than that of the mesh of the voxels on average.
Plates and boxes come out too small, the thinner the more, and are printed to be known: see docs/measuring.md.

    python benchmarks/surfaces.py
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from skimage.measure import marching_cubes, mesh_surface_area

from napari_emseg.core.edit import Region
from napari_emseg.measure.blocks import block_at
from napari_emseg.measure.surfaces import SurfaceTally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

Shape = tuple["NDArray[np.bool_]", float]
GRIDS: tuple[Spacing, ...] = ((50.0, 4.6, 4.6), (30.0, 4.0, 4.0), (16.0, 16.0, 16.0))
ROOM_NM = 120.0  # around every shape: no step of the measurement may leave the volume


def places(spacing_nm: Spacing, half_nm: tuple[float, float, float]) -> list[NDArray[np.float64]]:
    """Coordinates (z, y, x) of voxel middles, the middle of the shape at 0."""
    counts = [int(np.ceil(2 * (h + ROOM_NM) / s)) | 1 for h, s in zip(half_nm, spacing_nm, strict=True)]
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(counts, spacing_nm, strict=True)]
    return list(np.meshgrid(*axes, indexing="ij"))


def ball(spacing_nm: Spacing, radius: float) -> Shape:
    z, y, x = places(spacing_nm, (radius,) * 3)
    return z * z + y * y + x * x <= radius**2, 4 * np.pi * radius**2


def tube(spacing_nm: Spacing, tilt: float, radius: float = 150.0, length: float = 800.0) -> Shape:
    z, y, x = places(spacing_nm, (length / 2, radius, length / 2))
    a = np.radians(tilt)
    along, across = z * np.cos(a) + x * np.sin(a), x * np.cos(a) - z * np.sin(a)
    return (abs(along) <= length / 2) & (across**2 + y**2 <= radius**2), 2 * np.pi * radius * (
        length + radius
    )


def sheet(
    spacing_nm: Spacing, tilt: float, thick: float = 40.0, length: float = 600.0, width: float = 400.0
) -> Shape:
    z, y, x = places(spacing_nm, (length / 2, width / 2, length / 2))
    a = np.radians(tilt)
    along, across = z * np.cos(a) + x * np.sin(a), x * np.cos(a) - z * np.sin(a)
    inside = (abs(along) <= length / 2) & (abs(across) <= thick / 2) & (abs(y) <= width / 2)
    return inside, 2 * (length * width + length * thick + width * thick)


def box(spacing_nm: Spacing, size_nm: tuple[float, float, float]) -> Shape:
    """Of whole voxels, so that its area is known exactly."""
    count = [max(1, round(n / s)) for n, s in zip(size_nm, spacing_nm, strict=True)]
    room = [int(np.ceil(ROOM_NM / s)) for s in spacing_nm]
    inside = np.zeros([n + 2 * r for n, r in zip(count, room, strict=True)], bool)
    inside[tuple(slice(r, r + n) for n, r in zip(count, room, strict=True))] = True
    z, y, x = (n * s for n, s in zip(count, spacing_nm, strict=True))
    return inside, 2 * (z * y + y * x + x * z)


def ours(inside: NDArray[np.bool_], spacing_nm: Spacing) -> float:
    tally = SurfaceTally(spacing_nm)
    tally.add(block_at(inside.astype(np.uint8), Region.full(inside.shape), tally.margin))
    return float(tally.areas_um2(np.array([1]))[0]) * 1e6


def mesh(inside: NDArray[np.bool_], spacing_nm: Spacing) -> float:
    points, faces, *_ = marching_cubes(inside.astype(np.float32), 0.5, spacing=spacing_nm)
    return float(mesh_surface_area(points, faces))


def main() -> None:
    rows: dict[str, dict[str, list[float]]] = {}
    smooth: list[list[float]] = []
    for grid in GRIDS:
        shapes = {f"ball of {2 * r:g}": ball(grid, r) for r in (150.0, 300.0)}
        shapes |= {f"tube of 300 at {tilt}": tube(grid, tilt) for tilt in (0, 30, 60, 75, 90)}
        n_smooth = len(shapes)
        shapes |= {f"sheet of 40 at {tilt}": sheet(grid, tilt) for tilt in (0, 20, 45, 70, 90)}
        for size in ((300, 300, 300), (300, 300, 50), (300, 300, 23), (50, 300, 300), (100, 100, 20)):
            shapes[f"box of {' x '.join(map(str, size))}"] = box(grid, size)
        table = rows.setdefault(" x ".join(f"{s:g}" for s in grid), {})
        for n, (name, (inside, area)) in enumerate(shapes.items()):
            errors = [100 * (way(inside, grid) / area - 1) for way in (ours, mesh)]
            table[name] = [round(e, 1) for e in errors]
            if n < n_smooth:
                smooth.append(errors)
    mean_ours, mean_mesh = np.abs(smooth).mean(0)
    worst = float(np.abs(smooth).max(0)[0])
    report = {
        "percent_of_error_ours_and_mesh": rows,
        "balls_and_tubes": {
            "ours": round(float(mean_ours), 1),
            "mesh": round(float(mean_mesh), 1),
            "worst": round(worst, 1),
        },
        "passed": bool(worst < 5 and mean_ours < mean_mesh),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
