"""Whether objects of the phantom go from section to section as those of real tissue do.

    NAPARI_EMSEG_DATA=... python benchmarks/phantom_tissue.py

The peer is the FIB-SEM ground truth (fly medulla, 10 nm, its three axes cut into sections of 40 and 50 nm), measured in the
same run. For every object that is in two sections one after the other: how often it does not overlap itself, how much of
the smaller outline and of both together it overlaps, and how many outlines are slivers.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from scipy import ndimage as ndi

from napari_emseg.phantom import make_phantom

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

SEEDS = (31, 41, 3, 4, 5, 6)
SLIVER_NM2 = 1500.0
STACKS = (
    ((40, 256, 256), (40.0, 8.0, 8.0)),
    ((20, 400, 400), (50.0, 4.6, 4.6)),
    ((100, 256, 256), (40.0, 8.0, 8.0)),
)


def steps(labels: NDArray[np.int64], pixel_nm: float) -> NDArray[np.float64]:
    """Area of the smaller outline (nm^2), overlap over both, and overlap over the smaller; one row an object and step."""
    rows, width = [], int(labels.max()) + 1
    for one, two in pairwise(labels):
        a, b, both = (np.bincount(k.ravel(), minlength=width) for k in (one, two, one[one == two]))
        ids = np.flatnonzero((a > 0) & (b > 0))[1:]
        a, b, both = a[ids], b[ids], both[ids]
        small = np.minimum(a, b)
        rows.append(np.stack([small * pixel_nm**2, both / (a + b - both), both / small], axis=1))
    return np.concatenate(rows)


def without_walls(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Objects of every section with a pixel taken off each side of a border."""
    walls = [ndi.grey_dilation(k, size=3) != ndi.grey_erosion(k, size=3) for k in labels]
    return np.where(walls, 0, labels)


def fib(every: int) -> Iterable[NDArray[np.float64]]:
    """Sections ``every`` voxels apart along the three axes."""
    with h5py.File(Path(os.environ["NAPARI_EMSEG_DATA"]) / "fib" / "train-gt.lzf.h5") as file:
        ids = np.unique(file["stack"][:], return_inverse=True)[1].reshape(file["stack"].shape)
    for axis in range(3):
        for first in range(every):
            yield steps(without_walls(np.moveaxis(ids, axis, 0)[first::every]), 10.0)


def phantoms(
    shape: tuple[int, int, int], spacing: tuple[float, float, float]
) -> Iterable[NDArray[np.float64]]:
    """Phantoms as they are made when nothing is said."""
    for seed in SEEDS:
        phantom = make_phantom(shape, spacing, seed=seed)
        yield steps(np.where(phantom.membranes, 0, phantom.labels).astype(np.int64), spacing[1])


def show(name: str, parts: Iterable[NDArray[np.float64]]) -> None:
    """One line."""
    area, joint, least = np.concatenate(list(parts)).T
    print(
        f"{name:28s} {area.size:6d} steps, {(joint == 0).mean():.2%} without overlap, {(area < SLIVER_NM2).mean():.1%} slivers; "
        f"overlap of the smaller, 2, 5, 10 %: {np.quantile(least, (0.02, 0.05, 0.1)).round(2)}; "
        f"of both, 5, 25, 50 %: {np.quantile(joint, (0.05, 0.25, 0.5)).round(2)}",
        flush=True,
    )


if __name__ == "__main__":
    if "NAPARI_EMSEG_DATA" not in os.environ:
        raise SystemExit("set NAPARI_EMSEG_DATA to the folder of real data")
    for every in (4, 5):
        show(f"FIB-SEM, {10 * every} nm", fib(every))
    for shape, spacing in STACKS:
        show(f"phantoms, {shape[0]} x {spacing[0]:g} nm", phantoms(shape, spacing))
