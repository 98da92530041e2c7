"""Agglomeration with one default setting against the multicut of elf at its best, on the same maps in the same run.

Claim: on the FIB-SEM train volume the adapted Rand error is no higher than that of the best multicut of `elf` over its
beta, with and without weights of border sizes. Thresholded components with watershed, at their best
threshold, are shown too, and what remains of all three on blurred, gappy, noisy and pale maps and on phantoms.

    python -m venv PEER && PEER/bin/pip install python-elf
    OMP_NUM_THREADS=1 python benchmarks/agglomeration.py --peer PEER/bin/python [--maps fib]

The FIB-SEM rows need NAPARI_EMSEG_DATA. `--maps` takes the beginning of names; `--list` shows them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_emseg.algorithms.metrics.segmentation import segmentation_scores
from napari_emseg.algorithms.watershed import segment_volume
from napari_emseg.phantom import make_phantom
from napari_emseg.settings import SeedSettings, SegmentSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Case = tuple["NDArray[np.float32]", "NDArray[np.uint32]", tuple[float, float, float] | None]

ELF = """
import sys, json, numpy as np
import elf.segmentation.features as feats, elf.segmentation.multicut as mc, elf.segmentation.watershed as ws
from skimage.metrics import adapted_rand_error as error
from skimage.measure import label
from skimage.segmentation import watershed
p, truth = (np.load(sys.argv[1])[k] for k in ("boundary", "truth"))
pieces = ws.distance_transform_watershed(p, threshold=0.25, sigma_seeds=2.0)[0]
rag = feats.compute_rag(pieces)
borders = feats.compute_boundary_mean_and_length(rag, pieces, p)
found = {}
for beta in (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
    for weighted in (True, False):
        sizes = borders[:, 1] if weighted else None
        costs = mc.transform_probabilities_to_costs(borders[:, 0].copy(), beta=beta, edge_sizes=sizes)
        nodes = mc.multicut_kernighan_lin(rag, costs)
        labels = feats.project_node_labels_to_pixels(rag, pieces, nodes)
        found[f"{beta} {'weighted' if weighted else 'plain'}"] = error(truth, labels)[0]
parts = {}
for t in np.arange(0.05, 1, 0.05):
    seeds = label(p < t, connectivity=1)
    size = np.bincount(seeds.ravel())
    seeds[(size < 50)[seeds]] = 0
    parts[f"{t:.2f}"] = error(truth, watershed(p, seeds))[0]
print(json.dumps({"elf": found, "components": parts}))
"""


def fib() -> Case:
    """The map and the truth that are given."""
    import h5py

    folder = Path(os.environ["NAPARI_EMSEG_DATA"]) / "fib"
    with h5py.File(folder / "train-p1.lzf.h5") as p, h5py.File(folder / "train-gt.lzf.h5") as truth:
        return p["stack"][:].astype(np.float32), truth["stack"][:].astype(np.uint32), None


def field(shape: tuple[int, ...], sigma: float, seed: int) -> NDArray[np.float64]:
    """Smooth noise of standard deviation 1."""
    noise = ndi.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return noise / noise.std()


WORSE: dict[str, Callable[[NDArray[np.float32]], NDArray]] = {
    "blurred by 1": lambda p: ndi.gaussian_filter(p, 1),
    "blurred by 2": lambda p: ndi.gaussian_filter(p, 2),
    "pale": lambda p: 0.5 * p + 0.1,
    "squared": lambda p: p**2,
    "square root": np.sqrt,
    "with holes": lambda p: p * np.clip(1.1 + 0.5 * field(p.shape, 2.5, 1), 0, 1),
    "with noise": lambda p: p + 0.25 * field(p.shape, 1, 2),
    "with false walls": lambda p: p + np.maximum(0, 0.25 - np.abs(field(p.shape, 3, 3))) * 3,
}


def worse(name: str) -> Case:
    """The FIB-SEM map made worse."""
    p, truth, spacing = fib()
    return np.clip(WORSE[name](p), 0, 1).astype(np.float32), truth, spacing


def phantom(seed: int, gaps: float, is_isotropic: bool) -> Case:
    """A map drawn from the membranes of a phantom: soft, with weak stretches and texture."""
    shape, spacing = ((64, 160, 160), (10.0,) * 3) if is_isotropic else ((16, 256, 256), (40.0, 8.0, 8.0))
    made = make_phantom(shape, spacing, seed=seed)
    across = 0.8 if is_isotropic else 0.3
    weak = np.clip(0.9 + gaps * field(shape, 4, seed), 0, 1)
    soft = ndi.gaussian_filter((made.membranes > 0) * weak, (across, 1.2, 1.2))
    noisy = soft + gaps / 3 * field(shape, 1.2, seed + 100)
    return np.clip(noisy, 0, 1).astype(np.float32), made.labels * (made.membranes == 0), spacing


def cases() -> dict[str, Callable[[], Case]]:
    """Name to maker."""
    found: dict[str, Callable[[], Case]] = {}
    if os.environ.get("NAPARI_EMSEG_DATA"):
        found["fib"] = fib
        found |= {f"fib, {name}": lambda name=name: worse(name) for name in WORSE}
    for seed in (3, 4, 5):
        for gaps in (0.15, 0.3, 0.45):
            for kind in ("isotropic", "40 nm sections"):
                found[f"phantom {seed}, {kind}, gaps {gaps}"] = lambda s=seed, g=gaps, k=kind: phantom(
                    s, g, k == "isotropic"
                )
    return found


def peer(python: str, boundary: NDArray, truth: NDArray) -> dict[str, dict[str, float]]:
    """What elf and components reach at every setting."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "map.npz"
        np.savez(file, boundary=boundary, truth=truth)
        out = subprocess.run([python, "-c", ELF, str(file)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", help="python of an environment with python-elf")
    parser.add_argument(
        "--maps", default="", help="only maps whose name begins so; 'fib' alone means just that"
    )
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    chosen = {
        k: v for k, v in cases().items() if k == args.maps or (args.maps != "fib" and k.startswith(args.maps))
    }
    for name, make in chosen.items():
        if args.list:
            print(name)
            continue
        boundary, truth, spacing = make()
        labels = segment_volume(boundary, SeedSettings(dims=3), SegmentSettings(), spacing)
        row: dict[str, object] = {"map": name}
        row["ours"] = round(segmentation_scores(truth, labels)["adapted_rand_error"], 4)
        if args.peer:
            found = peer(args.peer, boundary, truth)
            for key, scores in found.items():
                best = min(scores, key=scores.__getitem__)
                row |= {key: round(scores[best], 4), f"{key} at": best}
            row["no worse than elf"] = bool(row["ours"] <= row["elf"])
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
