"""Stacks with known objects that teach and judge how links between sections are found.

    python tools/link_stacks.py DIR [--cortex connectomics.npy.gz]      # about 25 minutes

DIR receives phantoms (`ph_*`), phantoms with their images (`im_*`), neuropil of tubes in all directions (`tu_*`, see
`tools/neuropil.py`), FIB-SEM ground truth cut along three axes (`fib_*`, only with NAPARI_EMSEG_DATA; its halves in x have
their image), and blocks of mouse cortex (`cx_*`). Stacks with a seed of `HELD_BACK` and more, and the far half of the FIB-SEM
volume, are for judging only.

The cortex is a block of 512 x 512 x 512 voxels of an automatic segmentation of mouse visual cortex (Pinky40, 2018), which
nobody has proofread: it has mistakes of its own, but they are the same in all sections. Its authors use it as test data for
their software (the README of kimimaro tells what it is): `pip download zmesh==1.1.0 --no-deps --no-binary :all:`,
then unpack `connectomics.npy.gz`. One half in x teaches, the other one judges; 16 voxels between them are left out.
Voxels are taken as 16 x 16 x 40 nm, as in the authors' examples; one sentence of theirs says 32, but objects are as long across
sections as along them at 14 to 15 nm.
"""

from __future__ import annotations

import argparse
import gzip
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cc3d
import fastremap
import numpy as np
from neuropil import neuropil, wander
from scipy import ndimage as ndi
from skimage.filters.rank import modal
from skimage.morphology import disk

from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.cells import draw_tissue
from napari_emseg.phantom.fields import pixel_centres
from napari_emseg.phantom.identity import label_cells
from napari_emseg.phantom.settings import DefectSettings, PhantomSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

HELD_BACK = 300
CORTEX_NM = (40.0, 16.0, 16.0)
CORTEX_HALVES = (slice(None, 248), slice(264, None))
SEEDS = {"ph": 18, "tu": 8, "im": 12, "cx": 40}
JUDGES = {"ph": 8, "tu": 8, "im": 8, "cx": 40}


def phantom_stack(seed: int) -> tuple[str, NDArray[np.uint32], tuple[float, float, float], int]:
    """Name, objects, voxel size and width of the borders of a phantom."""
    i = seed % 100
    thickness, pixel = (30.0, 40.0, 50.0, 50.0, 75.0, 100.0)[i % 6], (4.6, 6.0, 8.0)[i % 3]
    drift, n, side = (0.0, 0.0, 3.0)[(i // 2) % 3], (24, 40, 60)[i % 3], (512, 384, 256)[(i // 3) % 3]
    rng = np.random.default_rng(seed)
    full = (n, side + 2 * int(10 * drift), side + 2 * int(10 * drift))
    spacing = (thickness, pixel, pixel)
    extent = (full[0] * thickness, full[1] * pixel, full[2] * pixel)
    tissue = draw_tissue(rng, extent, (180.0, 140.0, 240.0)[(i // 6) % 3], (1.0, 1.0, 2.0, 0.0)[i % 4])
    z, y, x = (pixel_centres(k, s) for k, s in zip(full, spacing, strict=True))
    owner = np.concatenate([tissue.cut(z[k : k + 1], y, x).owner for k in range(n)])
    return f"ph_{seed}", wander(label_cells(owner)[0], drift, rng), spacing, i % 3


def seen_stack(seed: int) -> tuple[Any, ...]:
    """The same of a phantom with its image, and pieces between drawn membranes."""
    i, rng = seed % 100, np.random.default_rng(seed)
    pixel, thickness = (8.0, 6.0, 4.6)[i % 3], (40.0, 50.0, 30.0, 50.0, 60.0, 75.0, 40.0)[i % 7]
    n, side = {8.0: (44, 256), 6.0: (40, 288), 4.6: (32, 352)}[pixel]
    settings = PhantomSettings(
        flicker=float(rng.uniform(0, 2)),
        glia=(1.0, 1.0, 2.0, 0.0)[(i // 2) % 4],
        calibre_nm=(180.0, 140.0, 240.0, 180.0)[(i // 3) % 4],
        noise=float(rng.uniform(0.6, 1.6)),
        defects=DefectSettings(max_shift_nm=(40.0, 0.0, 20.0, 60.0)[i % 4]),
    )
    phantom = make_phantom((n, side, side), (thickness, pixel, pixel), seed=seed, settings=settings)
    labels = np.where(phantom.membranes > 0, 0, phantom.labels).astype(np.uint32)
    if i % 2:
        labels[n // 2] = 0
    return f"im_{seed}", labels, phantom.spacing_nm, 0, phantom.image


def tube_stack(seed: int) -> tuple[str, NDArray[np.uint32], tuple[float, float, float], int]:
    """Name, objects, voxel size and width of the borders of neuropil."""
    i = seed % 8
    thickness = (40.0, 30.0, 50.0, 40.0, 30.0, 40.0, 50.0, 35.0)[i]
    pixel, drift = (8.0, 6.0, 8.0, 8.0, 6.0, 4.6, 8.0, 6.0)[i], (0.0, 2.0, 0.0, 3.0, 0.0, 2.0, 3.0, 0.0)[i]
    n, side = (40, 40, 30, 40, 50, 30, 40, 60)[i], (448, 448, 512, 384, 512, 448, 448, 384)[i]
    spacing = (thickness, pixel, pixel)
    labels = neuropil(
        (n, side, side), spacing, seed,
        density=(1.0, 0.7, 1.5)[seed % 3], roughness_nm=(4.0, 8.0, 14.0)[(seed // 2) % 3], drift_px=drift,
    )  # fmt: skip
    return f"tu_{seed}", labels, spacing, (1, 0, 2)[seed % 3]


def fib_stacks() -> Iterator[tuple[Any, ...]]:
    """The FIB-SEM volume, seen along every axis in sections of 10 to 60 nm: all of it, and halves with their image."""
    folder = os.environ.get("NAPARI_EMSEG_DATA")
    if not folder:
        return
    import h5py

    with h5py.File(Path(folder) / "fib/train-gt.lzf.h5") as file:
        truth = file["stack"][:].astype(np.uint32)
    with h5py.File(Path(folder) / "fib/train-image.h5") as file:
        image = file["stack"][:]
    for axis, name in enumerate("zyx"):
        along = np.ascontiguousarray(np.moveaxis(truth, axis, 0))
        for step in (1, 2, 3, 4, 5):
            yield f"fib_{name}{step}", along[::step], (10.0 * step, 10.0, 10.0), 0
        for part, half in (("near", np.s_[..., :100]), ("far", np.s_[..., 100:])):
            one, seen = (np.moveaxis(k[half], axis, 0) for k in (truth, image))
            for step in range(1, 7):
                spacing = (10.0 * step, 10.0, 10.0)
                yield f"im{part}_{name}{step}", np.ascontiguousarray(one[::step]), spacing, 0, seen[::step]


def read_cortex(path: Path) -> NDArray[np.uint32]:
    """Objects (z, y, x) of the block of cortex."""
    with gzip.open(path) as file:
        return np.ascontiguousarray(np.load(file).T)


def cortex_stack(volume: NDArray[np.uint32], seed: int) -> tuple[Any, ...]:
    """Objects of a block of cortex (z, y, x), as they are or drawn twice as finely, often with drift."""
    rng, i = np.random.default_rng(seed), seed % 100
    thick, fine = (2 if i % 4 == 3 else 1), i % 3 == 1
    n = 36 if fine else 50
    while True:
        z, y = int(rng.integers(0, len(volume) - n * thick + 1)), int(rng.integers(0, 257))
        half = CORTEX_HALVES[is_held_back(f"cx_{seed}")]
        block = volume[z : z + n * thick : thick, y : y + 256, half]
        # Where a cell body fills the block there is nothing to decide.
        if fastremap.unique(block, return_counts=True)[1].max() < block.size / 2:
            break
    labels = cc3d.connected_components(np.ascontiguousarray(block), connectivity=26).astype(np.uint32)
    labels *= block > 0
    drift, pixel = (0.0, 1.0, 0.0, 2.0, 0.5)[i % 5], CORTEX_NM[1]
    if fine:
        labels, drift, pixel = np.stack([finer(k) for k in labels]), 2 * drift, pixel / 2
    border = (1, 2)[i % 2] if fine else (1, 0, 1, 1)[i % 4]
    return f"cx_{seed}", wander(labels, drift, rng), (CORTEX_NM[0] * thick, pixel, pixel), border


def finer(section: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """A section with twice the pixels in y and x and smooth borders."""
    small, names = fastremap.renumber(section.repeat(2, 0).repeat(2, 1), preserve_zero=True)
    for _ in range(2):
        small = modal(small.astype(np.uint16), disk(2))
    return fastremap.remap(small.astype(np.uint32), {new: old for old, new in names.items()})


def cut(labels: NDArray[np.uint32], border_px: int) -> NDArray[np.uint32]:
    """Objects of every section by themselves, with or without borders between them."""
    pieces = np.zeros(labels.shape, np.uint32)
    for section, out in zip(labels, pieces, strict=True):
        shown = section.copy()
        if border_px:
            edge = ndi.maximum_filter(section, 3) != ndi.minimum_filter(section, 3)
            shown[ndi.binary_dilation(edge, iterations=border_px - 1) if border_px > 1 else edge] = 0
        out[:] = cc3d.connected_components(shown, connectivity=4)
    return pieces


def save(folder: Path, stack: tuple[Any, ...]) -> None:
    """Write one stack, and its image if there is one."""
    name, labels, spacing, border_px, *seen = stack
    pieces = cut(labels.astype(np.uint32), border_px)
    arrays = {"image": seen[0]} if seen else {}
    np.savez_compressed(
        folder / name, truth=labels * (pieces > 0), cut=pieces, spacing=np.array(spacing), **arrays
    )
    print(name, labels.shape, flush=True)


def draw(folder: Path, cortex: Path | None) -> None:
    """Make all stacks that are not there yet."""
    for stack in fib_stacks():
        save(folder, stack)
    makers = {"ph": phantom_stack, "tu": tube_stack, "im": seen_stack}
    if cortex is not None:
        makers["cx"] = partial(cortex_stack, read_cortex(cortex))
    for kind, make in makers.items():
        first = {"tu": 200}.get(kind, 100)
        for seed in (*range(first, first + SEEDS[kind]), *range(HELD_BACK, HELD_BACK + JUDGES[kind])):
            if not (folder / f"{kind}_{seed}.npz").exists():
                save(folder, make(seed))


def is_held_back(name: str) -> bool:
    """Whether a stack is kept for judging."""
    if name.startswith(("fib", "imnear", "imfar")):
        return name.startswith("imfar")
    return int(name.split("_")[1]) >= HELD_BACK


def main() -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cortex", type=Path, help="connectomics.npy.gz; without it there is no cortex")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    draw(args.folder, args.cortex)


if __name__ == "__main__":
    main()
