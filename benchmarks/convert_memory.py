"""Peak memory of converting a stack larger than what may be held, against reading it whole with tifffile and zarr.

    python benchmarks/convert_memory.py --gigabytes 3 --to .zarr .h5

Each conversion runs in a process of its own; the figure is its largest resident memory, without pages of
memory-mapped files that the system may drop at any time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import tifffile

SIDE = 2048
SPACING = "40,4,4"
PEER = """
import sys, tifffile, zarr
zarr.save(sys.argv[2], tifffile.imread(sys.argv[1]))
"""


def make(path: Path, gigabytes: float) -> None:
    """An ImageJ-like TIFF of grey noise on a gradient, section by section."""
    n = max(2, round(gigabytes * 1e9 / SIDE**2))
    rng = np.random.default_rng(0)
    base = rng.integers(0, 60, (SIDE, SIDE), np.uint8)

    def sections() -> object:
        for z in range(n):
            yield base + np.uint8(z % 180)

    tifffile.imwrite(
        path, sections(), shape=(n, SIDE, SIDE), dtype=np.uint8, bigtiff=True, photometric="minisblack"
    )


def peak(command: list[str]) -> tuple[float, float]:
    """Largest anonymous memory of a command in GB, and its seconds."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    largest = 0

    def watch() -> None:
        nonlocal largest
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                return
            rows = [line.split() for line in status.splitlines() if line.startswith("RssAnon")]
            largest = max([largest, *(int(row[1]) for row in rows)])
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    if process.wait():
        raise SystemExit(f"{' '.join(command)} failed")
    thread.join()
    return largest * 1024 / 1e9, time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--to", nargs="+", default=[".zarr", ".h5", ".precomputed"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder / "a.tif", args.gigabytes)
        size = (folder / "a.tif").stat().st_size / 1e9
        whole, seconds = peak([sys.executable, "-c", PEER, str(folder / "a.tif"), str(folder / "peer.zarr")])
        print(f"tifffile + zarr, read whole: {size:.2f} GB at a peak of {whole:.2f} GB in {seconds:.0f} s")
        for suffix in args.to:
            out = folder / f"out{suffix}"
            command = [sys.executable, "-m", "napari_emseg.cli", "convert", str(folder / "a.tif"), str(out)]
            found, seconds = peak([*command, "--pixel-size", SPACING])
            print(
                f"napari-emseg convert to {suffix}: peak {found:.2f} GB in {seconds:.0f} s, "
                f"{whole / found:.1f} times less memory"
            )


if __name__ == "__main__":
    main()
