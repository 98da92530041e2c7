"""Peak memory of segmenting a volume in three dimensions, in blocks and at once; the labels must be the same.

    OMP_NUM_THREADS=1 python benchmarks/segment_memory.py --shape 128,512,512 --block 32,128,128

Each run is a process of its own; the figure is its largest resident memory, without pages of memory-mapped files.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from convert_memory import peak
from scipy import ndimage as ndi

from napari_emseg.io import open_array, write_array


def cells(shape: tuple[int, int, int]) -> np.ndarray:
    """A map of wavy walls about 24 voxels apart, section by section."""
    rng = np.random.default_rng(0)
    wave = [ndi.zoom(rng.normal(0, 6, (6, 6)), (shape[1] / 6, shape[2] / 6), order=3) for _ in range(2)]
    y, x = np.indices(shape[1:])
    y, x = y + wave[0][: shape[1], : shape[2]], x + wave[1][: shape[1], : shape[2]]
    stack = np.empty(shape, np.uint8)
    for z in range(shape[0]):
        near = np.minimum(np.abs((y + 0.2 * z) % 24 - 12), np.abs((x - 0.1 * z) % 28 - 14))
        stack[z] = np.clip(250 * np.exp(-((near / 2) ** 2)) + rng.normal(0, 5, near.shape), 0, 255)
    return stack


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", default="128,512,512")
    parser.add_argument("--block", default="32,128,128")
    args = parser.parse_args()
    shape = tuple(int(n) for n in args.shape.split(","))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_array(folder / "map.zarr", cells(shape), spacing_nm=(10, 10, 10))
        row: dict[str, object] = {"shape": shape, "block": args.block}
        for what, block in (("blocks", args.block), ("at once", args.shape)):
            command = [sys.executable, "-m", "napari_emseg.cli", "segment", str(folder / "map.zarr")]
            gigabytes, seconds = peak(
                [*command, str(folder / f"{what}.zarr"), "--dims", "3", "--block", block]
            )
            row |= {f"{what}, GB": round(gigabytes, 3), f"{what}, s": round(seconds)}
        one, two = (open_array(folder / f"{what}.zarr")[0] for what in ("blocks", "at once"))
        row["same labels"] = all(np.array_equal(one[z], two[z]) for z in range(shape[0]))
    print(json.dumps(row))


if __name__ == "__main__":
    main()
