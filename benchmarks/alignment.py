"""Alignment: identity of align and unalign, and the error of estimated shifts on phantoms whose shifts are known.

Tissue itself wanders from section to section, and no method can tell that from a shift. The error is therefore that against the
estimate on the same tissue without shifts; the error against the drawn shifts alone is printed too. The peer is
``skimage.registration.phase_cross_correlation`` between neighbours, added up.

Elastic alignment is tried on phantoms whose sections are bent by known smooth fields. What counts is by how far neighbouring
sections are bent against each other, before and after; here too the same tissue unbent is aligned alike and its answer
taken off, because no method can tell bending from tissue that runs obliquely. How much of that is straightened away is printed.

Run: ``python benchmarks/alignment.py [--seeds 3]``
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from skimage.registration import phase_cross_correlation

from napari_emseg.phantom import DefectSettings, PhantomSettings, make_phantom
from napari_emseg.phantom.warps import draw_warps, warped
from napari_emseg.preprocess.elastic import Warp, unwarp_points, unwarp_section, warp_points, warp_section
from napari_emseg.preprocess.elastic_estimate import estimate_warp
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


def left(warp: Warp, fields: NDArray[np.float32]) -> NDArray[np.float64]:
    """What is left of known displacements (z, 2, y, x) after alignment, away from the rim."""
    grid = np.indices(fields.shape[2:], dtype=float)
    out = np.empty(fields.shape)
    for z, field in enumerate(fields):
        origin = warp.origin_of(z, grid)
        out[z] = origin - grid + [map_coordinates(f, origin, order=1, mode="nearest") for f in field]
    return out[:, :, 24:-24, 24:-24]


def between_neighbours(displacement: NDArray[Any]) -> float:
    """Median length in pixels by which sections are displaced against the one before."""
    return float(np.median(np.hypot(*np.diff(displacement, axis=0).transpose(1, 0, 2, 3))))


def elastic(seeds: int, side: int) -> None:
    """Known bending, found and taken away; labels and points there and back."""
    for seed in range(1, seeds + 1):
        made = make_phantom((16, side, side), seed=seed)
        fields = draw_warps(np.random.default_rng(seed), made.image.shape)
        bent = warped(made.image, fields)
        warp = estimate_warp(bent.__getitem__, len(bent))
        own = estimate_warp(made.image.__getitem__, len(bent))
        before = between_neighbours(fields[:, :, 24:-24, 24:-24])
        after, wander = left(warp, fields), left(own, np.zeros_like(fields))
        points = np.random.default_rng(seed).uniform(0, side, (10_000, 3)) * [16 / side, 1, 1]
        apart = np.abs(unwarp_points(warp_points(points, warp), warp) - points).max()
        same = [
            (unwarp_section(warp_section(s, z, warp, labels=True), z, warp, labels=True) == s)[
                24:-24, 24:-24
            ].mean()
            for z, s in enumerate(made.labels)
        ]
        print(
            f"bent phantom {seed}: neighbours differ by {before:.2f} px (median) before, "
            f"{between_neighbours(after - wander):.2f} px after; with what is taken of the tissue's own course "
            f"({between_neighbours(wander):.2f} px) counted as error {between_neighbours(after):.2f} px"
        )
        print(
            f"  points there and back: {apart:.1e} px at most; labels there and back: {np.mean(same):.2%} of pixels the same"
        )
    one = np.repeat(make_phantom((1, side, side), seed=9).image, 12, axis=0)
    fields = draw_warps(np.random.default_rng(9), one.shape)
    grain = np.random.default_rng(0).normal(0, 15, one.shape)
    bent = np.clip(warped(one, fields) + grain, 0, 255).astype(np.uint8)
    warp = estimate_warp(bent.__getitem__, len(bent))
    print(
        f"one section 12 times, bent, with new grain: {between_neighbours(fields[:, :, 24:-24, 24:-24]):.2f} px before, "
        f"{between_neighbours(left(warp, fields)):.2f} px after"
    )


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
    elastic(given.seeds, given.side)


if __name__ == "__main__":
    main()
