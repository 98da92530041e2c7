"""Claim: a target that no model knows is found from a handful of clicks, and further clicks make it better.

An oracle sits before a section of VNC, with a model that knows membranes alone. It clicks on three mitochondria (or clefts) and
beside them three times, half of these on something dark; then, again and again, into the largest thing that is wrongly found
and into the largest that is missed. Scored on sections that it never clicked on, by average precision and Dice at one half.
The peer, in the same run and with clicks of its own: every pixel belongs to the nearest click in the two finest levels of the
same network (prototypes, Snell, Swersky, Zemel 2017).

    NAPARI_EMSEG_DATA=... python benchmarks/few_shot.py --target mitochondria
    NAPARI_EMSEG_DATA=... python benchmarks/few_shot.py --target synapses
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage as ndi
from torch.nn import functional

from napari_emseg.algorithms.metrics.precision import average_precision
from napari_emseg.core.model_card import find_model
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_array, open_image
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.dataset import neighbours
from napari_emseg.nn.discriminant import Examples
from napari_emseg.nn.features import Features, features_of
from napari_emseg.nn.prototypes import nearest

NEAR_PX = 12  # of a click: not clicked again
RIM_PX = 6  # of a thing: no mistake
SMALLEST_PX = 160
Places = list[tuple[int, int]]
Answer = Callable[[Features], np.ndarray]


class Network:
    """Features of sections of a stack."""

    def __init__(self, stack: ImageStack, model: str) -> None:
        self.stack = stack
        self.network, self.card = load_model(find_model(model))

    def features(self, z: int) -> Features:
        """Features of a section."""
        found = []
        for n in neighbours(z, self.stack.shape[0], self.card.context_sections):
            mean, std = self.stack.statistics(n)
            found.append((np.asarray(self.stack.data[n], np.float32) - mean) / std)
        return features_of(self.network, torch.from_numpy(np.stack(found).astype(np.float32))[None])


def by_a_line(features: Features, on: Places, beside: Places) -> Answer:
    """What the program does."""
    examples = Examples()
    examples.add(features, np.array(on, float), np.array(beside, float))
    return examples.line().probability


def by_the_nearest(features: Features, on: Places, beside: Places) -> Answer:
    """The nearest click in the two finest levels of the network, each value scaled to a standard deviation of one."""

    def finest(section: Features) -> torch.Tensor:
        height, width = section.shape
        whole = [
            functional.interpolate(level[None], section.extent, mode="bilinear")[..., :height, :width]
            for level in section.levels[-3:-1]
        ]
        level = torch.cat(whole, 1)
        return level / level.std((2, 3), keepdim=True).clamp(min=1e-3)

    seen = finest(features)
    on_it, off_it = (
        torch.stack([seen[0, :, y - 1 : y + 2, x - 1 : x + 2].mean((1, 2)) for y, x in places])[None]
        for places in (on, beside)
    )

    def answer(section: Features) -> np.ndarray:
        rows = finest(section).split(64, 2)
        return torch.cat([nearest(part, on_it, off_it) for part in rows], 2)[0, 0].numpy()

    return answer


def first_clicks(truth: np.ndarray, image: np.ndarray, seed: int) -> tuple[Places, Places]:
    """Three clicks well inside of things, and three beside: on something dark, anywhere, on something dark."""
    rng = np.random.default_rng(seed)
    things, count = ndi.label(truth)
    inside = ndi.distance_transform_edt(truth)
    sizes = ndi.sum(truth, things, np.arange(count + 1))
    chosen = [k for k in rng.permutation(np.arange(1, count + 1)) if sizes[k] > SMALLEST_PX][:3]
    on = [any_of(rng, (things == k) & (inside >= inside[things == k].max() / 2)) for k in chosen]
    far = ndi.distance_transform_edt(~truth) > 4 * RIM_PX
    smooth = ndi.gaussian_filter(image.astype(np.float32), 8)
    dark = far & (smooth < np.quantile(smooth[far], 0.25))
    return on, [any_of(rng, where) for where in (dark, far, dark)]


def any_of(rng: np.random.Generator, mask: np.ndarray) -> tuple[int, int]:
    """A random pixel of a mask."""
    rows, columns = np.nonzero(mask[1:-1, 1:-1])
    n = rng.integers(len(rows))
    return int(rows[n]) + 1, int(columns[n]) + 1


def correct(found: np.ndarray, truth: np.ndarray, on: Places, beside: Places) -> None:
    """Click into the largest mistake of either kind; the rim of a thing is none."""
    false = found & (ndi.distance_transform_edt(~truth) > 2 * RIM_PX)
    missed = truth & ~found & (ndi.distance_transform_edt(truth) > RIM_PX)
    for mistakes, clicks in ((false, beside), (missed, on)):
        left = mistakes.copy()
        for y, x in clicks:
            left[max(0, y - NEAR_PX) : y + NEAR_PX + 1, max(0, x - NEAR_PX) : x + NEAR_PX + 1] = False
        left[[0, -1]] = left[:, [0, -1]] = False
        things, count = ndi.label(left)
        if count:
            largest = 1 + int(np.argmax(ndi.sum(left, things, np.arange(1, count + 1))))
            depth = ndi.distance_transform_edt(things == largest)
            y, x = np.unravel_index(int(depth.argmax()), depth.shape)
            clicks.append((int(y), int(x)))


def main() -> None:
    """Print average precision and Dice by the number of clicks, for both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="membrane-isbi")
    parser.add_argument("--target", default="mitochondria", choices=("mitochondria", "synapses"))
    parser.add_argument("--clicked", default="2,7", help="sections that are clicked in, one at a time")
    parser.add_argument("--score", default="12,14", help="sections that are scored")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    if "NAPARI_EMSEG_DATA" not in os.environ:
        raise SystemExit("set NAPARI_EMSEG_DATA to the folder of real data")
    root = Path(os.environ["NAPARI_EMSEG_DATA"]) / "vnc/stack1"
    stack = open_image(root / "raw", spacing_nm=(50, 4.6, 4.6))
    truth = np.asarray(open_array(root / args.target)[0][:]) > 127
    network = Network(stack, args.model)
    scored = [int(z) for z in args.score.split(",")]
    unseen = {z: network.features(z) for z in scored}
    rows: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for clicked in (int(z) for z in args.clicked.split(",")):
        seen = network.features(clicked)
        for method in (by_the_nearest, by_a_line):
            for seed in range(args.repeats):
                on, beside = first_clicks(truth[clicked], np.asarray(stack.data[clicked]), seed)
                for n in range(args.rounds):
                    answer = method(seen, on, beside)
                    if n in (0, args.rounds // 2 - 1, args.rounds - 1):
                        for z in scored:
                            found = answer(unseen[z])
                            yes = found > 0.5
                            dice = 2 * (yes & truth[z]).sum() / (yes.sum() + truth[z].sum())
                            score = average_precision(truth[z].ravel(), found.ravel()), float(dice)
                            rows.setdefault((method.__name__, n), []).append(score)
                    correct(answer(seen) > 0.5, truth[clicked], on, beside)
    for (name, n), scores in rows.items():
        precision, dice = np.mean(scores, 0)
        print(
            f"{name:15s} about {n + 3} + {n + 3} clicks: average precision {precision:.3f}, Dice {dice:.3f}"
        )


if __name__ == "__main__":
    main()
