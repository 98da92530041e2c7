"""Alignment: identity of align and unalign, and the error of estimated shifts on phantoms whose shifts are known.

Tissue itself wanders from section to section, and no method can tell that from a shift. The error is therefore that against the
estimate on the same tissue without shifts; the error against the drawn shifts alone is printed too. The peer is
``skimage.registration.phase_cross_correlation`` between neighbours, added up.

Run: ``python benchmarks/alignment.py [--seeds 3]``
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from numpy.typing import NDArray
from skimage.registration import phase_cross_correlation

from napari_emseg.phantom import DefectSettings, PhantomSettings, make_phantom
from napari_emseg.preprocess.registration import estimate_alignment
from napari_emseg.preprocess.shift_table import ShiftTable, align, align_points, unalign, unalign_points

SHIFT_NM = 100.0


def peer(stack: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Neighbour by neighbour, added up."""
    steps = [phase_cross_correlation(b, a, upsample_factor=10)[0] for a, b in itertools.pairwise(stack)]
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def median_error(positions: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    difference = positions - truth
    return float(np.median(np.hypot(*(difference - np.median(difference, axis=0)).T)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--side", type=int, default=384)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    wrong, most = 0, 0.0
    for _ in range(200):
        table = ShiftTable.of(rng.integers(-300, 301, (6, 2)))
        labels = rng.integers(0, 2**32, (6, 40, 50), dtype=np.uint32)
        wrong += not np.array_equal(unalign(align(labels, table), table), labels)
        points = rng.uniform(-100, 1000, (10_000, 3))
        most = max(most, float(np.abs(unalign_points(align_points(points, table), table) - points).max()))
    print(
        f"200 random tables: {wrong} stacks of labels differ after align and unalign; points off by at most {most:.1e} px"
    )
    side = given.side
    for seed in range(1, given.seeds + 1):
        settings = PhantomSettings(defects=DefectSettings(max_shift_nm=SHIFT_NM))
        shifted = make_phantom((20, side, side), seed=seed, settings=settings)
        margin = int(np.ceil(SHIFT_NM / shifted.spacing_nm[1]))
        still = make_phantom((20, side + 2 * margin, side + 2 * margin), seed=seed).image
        still = still[:, margin:-margin, margin:-margin]
        truth = shifted.shifts.astype(float)
        ours, own = (estimate_alignment(s).positions for s in (shifted.image, still))
        theirs, theirs_own = peer(shifted.image), peer(still)
        fair = median_error(ours, truth + own), median_error(theirs, truth + theirs_own)
        raw = median_error(ours, truth), median_error(theirs, truth)
        print(f"phantom {seed}: median error {fair[0]:.2f} px (peer {fair[1]:.2f})")
        print(f"  with the wander of the tissue counted as error: {raw[0]:.1f} px (peer {raw[1]:.1f})")
    one = make_phantom((1, side + 60, side + 60), seed=9).image[0].astype(float)
    shifts = rng.integers(-25, 26, (20, 2))
    stack = [np.roll(one, s, (0, 1))[30:-30, 30:-30] + rng.normal(0, 15, (side, side)) for s in shifts]
    grainy = np.clip(stack, 0, 255).astype(np.uint8)
    print(
        f"one section 20 times with new grain: median error {median_error(estimate_alignment(grainy).positions, shifts):.2f} px "
        f"(peer {median_error(peer(grainy), shifts):.2f})"
    )


if __name__ == "__main__":
    main()
