"""Cracked sections: labels there and back, and the filled band against linear interpolation in z (the peer).

A crack is opened in real sections (``NAPARI_EMSEG_DATA``), else in phantoms. Dice is that of discs outside the crack after
they went to the mended section and back. PSNR is that of the band, filled, against what the section showed there before.

Run: ``python benchmarks/crack.py [--cracks 4]``
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_emseg.io import open_array
from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.injuries import crack, draw_displacement
from napari_emseg.preprocess.cracks import locate
from napari_emseg.preprocess.mending import fill_gap, mend_labels, unmend


def discs(keep_out: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.uint32]:
    """Discs of 8 to 25 px that do not touch the crack or each other."""
    labels = np.zeros(keep_out.shape, np.uint32)
    y, x = np.indices(keep_out.shape)
    for n in range(1, 80):
        centre, radius = rng.uniform(30, np.array(keep_out.shape) - 30), rng.uniform(8, 25)
        disc = np.hypot(y - centre[0], x - centre[1]) < radius
        if not (keep_out[disc].any() or labels[disc].any()):
            labels[disc] = n
    return labels


def psnr(image: NDArray[Any], truth: NDArray[Any], where: NDArray[np.bool_]) -> float:
    return float(10 * np.log10(255**2 / np.square(image[where].astype(float) - truth[where]).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cracks", type=int, default=4, help="in each stack")
    given = parser.parse_args()
    folder = os.environ.get("NAPARI_EMSEG_DATA")
    if folder:
        stacks = {
            n: open_array(Path(folder) / p)[0]
            for n, p in (("VNC", "vnc/stack1/raw"), ("ISBI", "isbi2012/train/image"))
        }
    else:
        print("NAPARI_EMSEG_DATA is unset: phantom only")
        stacks = {"phantom": make_phantom((12, 384, 384), seed=1).image}
    gains, dices = [], []
    for name, stack in stacks.items():
        for seed in range(given.cracks):
            rng = np.random.default_rng(seed)
            z = 1 + (3 * seed) % (stack.shape[0] - 2)
            before, section, after = (np.asarray(stack[n])[:512, :512] for n in (z - 1, z, z + 1))
            where = draw_displacement(rng, section.shape, rng.uniform(16, 36), -1)
            started = time.perf_counter()
            found = locate(crack(rng, section, where), z, [before, after])
            seconds = time.perf_counter() - started
            if found is None:
                print(f"{name} section {z}: no crack found")
                dices.append(0.0)
                continue
            labels = discs(found.crack, rng)
            back = unmend(mend_labels(labels, found), found, labels=True)
            dices.append(
                2 * ((back == labels) & (labels > 0)).sum() / ((labels > 0).sum() + (back > 0).sum())
            )
            hidden = np.where(where.band, 236.0, section)
            filled = fill_gap(hidden, ~where.band, before, after)
            ours, linear = (
                psnr(filled, section, where.band),
                psnr((before.astype(float) + after) / 2, section, where.band),
            )
            gains.append(ours - linear)
            print(
                f"{name} section {z}: Dice {dices[-1]:.4f}; band {ours:.2f} dB, linear in z {linear:.2f} dB; "
                f"found and aligned in {seconds:.1f} s"
            )
    print(f"all: lowest Dice {min(dices):.4f}; band above linear by {min(gains):.2f} to {max(gains):.2f} dB")


if __name__ == "__main__":
    main()
