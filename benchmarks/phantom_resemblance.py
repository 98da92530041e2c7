"""How much the phantom looks like real ssTEM: grey levels, power spectrum, membrane profile.

Each line gives the distance of the phantom from the real data beside the distance between the two real
data sets (VNC and ISBI 2012), measured in the same run: a ratio near or below one means that the phantom
differs from real data no more than real data sets differ from each other.

    NAPARI_EMSEG_DATA=... python benchmarks/phantom_resemblance.py [SEEDS]
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from scipy import ndimage as ndi

from napari_emseg.phantom import make_phantom

SIZE = 512
QUANTILES = np.linspace(0.01, 0.99, 50)


def histogram(image: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Grey levels at fixed quantiles, mean 0 and standard deviation 1: their mean distance is Wasserstein's."""
    return np.quantile((image - image.mean()) / image.std(), QUANTILES)


def spectrum(image: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Logarithm (base 10) of the power in rings of frequency, of the normalised image."""
    image = (image - image.mean()) / image.std()
    window = np.hanning(SIZE)[:, None] * np.hanning(SIZE)
    power = np.abs(np.fft.fft2(image * window)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE)))
    ring = np.digitize(frequency, np.geomspace(0.008, 0.5, 14))
    return np.array([np.log10(power[ring == k].mean()) for k in range(1, 14)])


def profile(image: np.ndarray, membrane: np.ndarray) -> np.ndarray:
    """Mean normalised grey level at 0 .. 11 pixels from the middle of membranes."""
    from skimage.morphology import skeletonize

    image = (image - image.mean()) / image.std()
    distance = ndi.distance_transform_edt(~skeletonize(membrane))
    return np.array([image[np.rint(distance) == k].mean() for k in range(12)])


def main() -> None:
    """Print one line per measure."""
    root = os.environ.get("NAPARI_EMSEG_DATA")
    if not root:
        sys.exit("NAPARI_EMSEG_DATA is unset: there are no real data to compare with")
    data = Path(root)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    cut = (slice(0, SIZE), slice(0, SIZE))
    vnc, isbi, phantoms = [], [], []
    for k in range(0, 12, 3):
        mask = iio.imread(data / f"vnc/stack1/membranes/{k:02d}.png")[cut] > 0
        vnc.append((iio.imread(data / f"vnc/stack1/raw/{k:02d}.tif")[cut].astype(float), mask))
        label = iio.imread(data / f"isbi2012/train/label/{k:02d}.png")[cut]
        isbi.append((iio.imread(data / f"isbi2012/train/image/{k:02d}.png")[cut].astype(float), label == 0))
    for seed in range(seeds):
        phantom = make_phantom((3, SIZE, SIZE), seed=seed)
        phantoms.append((phantom.image[1].astype(float), phantom.membranes[1]))
    for measure in (histogram, spectrum, profile):
        v, i, p = (np.mean([measure(*pair) for pair in group], axis=0) for group in (vnc, isbi, phantoms))
        real = np.abs(v - i).mean()
        mine = [np.abs(p - other).mean() for other in (v, i)]
        print(
            f"{measure.__name__:10} phantom-vnc {mine[0]:.3f}  phantom-isbi {mine[1]:.3f}  vnc-isbi {real:.3f}  "
            f"ratio {min(mine) / real:.2f}"
        )
    start, cpu = time.perf_counter(), time.process_time()
    make_phantom()
    print(
        f"20 x 512 x 512 in {time.perf_counter() - start:.1f} s of the clock, "
        f"{time.process_time() - cpu:.1f} s of processor"
    )


if __name__ == "__main__":
    main()
