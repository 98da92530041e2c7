"""Make the picture of docs/propagation.md: cells of the fly nerve cord, cut out by drawn membranes, carried on.

    NAPARI_EMSEG_DATA=FOLDER python docs/propagation_picture.py

Only objects are drawn, no pixel of the image.
"""

from __future__ import annotations

import os
from pathlib import Path

import cc3d
import imageio.v3 as iio
import numpy as np

from napari_emseg.algorithms.propagation import rename, track
from napari_emseg.settings import PropagateSettings

OUTPUT = Path(__file__).resolve().parent / "images" / "propagation.png"
SHOWN = (0, 3, 6, 9)
SIZE = 420


def main() -> None:
    folder = Path(os.environ["NAPARI_EMSEG_DATA"]) / "vnc/stack1/membranes"
    cells = np.stack([iio.imread(folder / f"{z:02}.png") == 0 for z in range(SHOWN[-1] + 1)])
    cut = np.stack([cc3d.connected_components(section, connectivity=4) for section in cells]).astype(
        np.uint32
    )
    settings = PropagateSettings()
    tracks = track(cut, settings, (50.0, 4.6, 4.6))
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
                rim = inside & ~_shrunk(inside)
                panel[rim] = 255
        panels.append(np.pad(panel, ((0, 0), (0, 8), (0, 0)), constant_values=255))
    iio.imwrite(OUTPUT, np.concatenate(panels, axis=1))
    print(OUTPUT)


def _shrunk(mask: np.ndarray) -> np.ndarray:
    from scipy import ndimage as ndi

    return ndi.binary_erosion(mask, iterations=3)


if __name__ == "__main__":
    main()
