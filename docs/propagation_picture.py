"""Make the picture of docs/propagation.md: what the bundled model finds in the fly nerve cord, carried on.

    NAPARI_EMSEG_DATA=FOLDER python docs/propagation_picture.py

The stack is one that nobody has labelled and no model has seen. Only predicted objects are drawn, no pixel of the image.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from scipy import ndimage as ndi

from napari_emseg.algorithms.propagation import rename, track
from napari_emseg.io import open_array
from napari_emseg.settings import PropagateSettings

OUTPUT = Path(__file__).resolve().parent / "images" / "propagation.png"
SHOWN = (0, 3, 6, 9)
SIZE = 420
SPACING_NM = (50.0, 4.6, 4.6)


def main() -> None:
    settings = PropagateSettings()
    cut = segments(Path(os.environ["NAPARI_EMSEG_DATA"]) / "vnc/stack2/raw")
    tracks = track(cut, settings, SPACING_NM)
    rng = np.random.default_rng(5)
    ids = max(name for names in tracks.names for name in names.values()) + 1
    colours = rng.integers(50, 235, (ids, 3)).astype(np.uint8)
    first = set(tracks.names[0].values())
    colours[[k for k in range(ids) if k not in first]] = 90  # what the first section does not have
    colours[0] = 0
    doubtful = {
        (k.section_b, k.b) for k in tracks.links if k.a and k.b and k.confidence < settings.doubt_below
    }
    panels = []
    for z in SHOWN:
        panel = colours[rename(cut[z], tracks.names[z])][:SIZE, :SIZE]
        for section, name in doubtful:
            if section == z:
                inside = cut[z][:SIZE, :SIZE] == name
                panel[inside & ~ndi.binary_erosion(inside, iterations=3)] = 255
        panels.append(np.pad(panel, ((0, 0), (0, 8), (0, 0)), constant_values=255))
    iio.imwrite(OUTPUT, np.concatenate(panels, axis=1))
    print(OUTPUT)


def segments(image: Path) -> np.ndarray:
    """Objects (z, y, x) of every section by itself, found as on the command line."""
    with tempfile.TemporaryDirectory() as folder:
        boundaries, found = Path(folder) / "boundaries.h5", Path(folder) / "segments.h5"
        size = ",".join(str(nm) for nm in SPACING_NM)
        region = f"0:{SHOWN[-1] + 1},0:{2 * SIZE},0:{2 * SIZE}"
        command(
            "predict", image, boundaries, "--model", "membrane", "--targets", "membrane",
            "--region", region, "--pixel-size", size,
        )  # fmt: skip
        command("segment", boundaries, found, "--membrane-lines", "--pixel-size", size)
        return np.asarray(open_array(found)[0][:])


def command(*args: object) -> None:
    subprocess.run([sys.executable, "-m", "napari_emseg.cli", *(str(a) for a in args)], check=True)


if __name__ == "__main__":
    main()
