"""Whether regions that the program proposes teach more than regions that are drawn at random.

An oracle proofreads windows of the fly nerve cord from ground truth, two, four, then eight; each time the starting model
is fine-tuned on all of them, limited by steps and not by seconds, and scored on parts of sections 12-15. The next windows
are chosen with the model as it is then. Windows come from sections 0-11. The peer, in the same run, is random choice.

    NAPARI_EMSEG_DATA=... python benchmarks/active_choice.py --model runs/membrane-phantom

Wanted are 30 % less area for the same score; that has not been shown yet. With 40 steps from the phantom model, single
fine-tunings on one to four windows scatter by more than what the choice of windows could bring (costs of 12 to 55): take
more steps (150) and repeats (5) on a quiet computer.

What is counted is the area that is proofread. Cost is edits per 100 objects plus what V_rand and V_info lack of 1, in
per cent: edits alone are too few to tell curves apart.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_emseg.algorithms.appearance import appearance
from napari_emseg.algorithms.queries import two_stream, worth_asking
from napari_emseg.augment.recipe import load_recipe
from napari_emseg.core.learning import IGNORE, TrainingVolume
from napari_emseg.core.model_card import find_model
from napari_emseg.io import open_array, open_image
from napari_emseg.jobs.suggest import unsure_mean
from napari_emseg.nn.checkpoint import load_model, save_model
from napari_emseg.nn.dataset import Pool
from napari_emseg.nn.device import to_device
from napari_emseg.nn.embeddings import look_at
from napari_emseg.nn.held_out import Question, answers, best_shift, cost
from napari_emseg.nn.lesson import EMPHASIS, RATE, Budget, Plan, teach
from napari_emseg.nn.predict import Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXEL_NM = 4.6
WINDOW, MARGIN = 256, 32
POOL_SECTIONS, TEST_SECTIONS = range(12), (12, 13, 14, 15)


class Stack:
    """The nerve cord with its truth, and its windows."""

    def __init__(self, folder: Path, pool: int) -> None:
        image = open_image(folder / "raw", spacing_nm=(50, PIXEL_NM, PIXEL_NM))
        self.image = np.asarray(image.data[:])
        self.statistics = np.array([image.statistics(z) for z in range(len(self.image))])
        self.truth = np.asarray(np.asarray(open_array(folder / "membranes")[0][:]) > 0, np.uint8)
        extent = self.image.shape[1:]
        every = [
            (z, y, x)
            for z in POOL_SECTIONS
            for y in range(0, extent[0], WINDOW)
            for x in range(0, extent[1], WINDOW)
        ]
        self.windows = [every[i] for i in np.random.default_rng(0).permutation(len(every))[:pool]]

    def seen(self, n: int) -> tuple[int, slice, slice, slice, tuple[int, int, int, int]]:
        """Section, box with margin and neighbours, and the margins, of a window."""
        z, y, x = self.windows[n]
        spans, margins = [], []
        for start, extent in zip((y, x), self.image.shape[1:], strict=True):
            first, last = max(0, start - MARGIN), min(extent, start + WINDOW + MARGIN)
            spans.append(slice(first, last))
            margins += [start - first, last - start - WINDOW]
        return z, slice(max(0, z - 1), z + 2), spans[0], spans[1], tuple(margins)

    def lesson(self, n: int) -> TrainingVolume:
        """A window as a person has proofread it; nothing is known around it."""
        z, zs, ys, xs, (top, bottom, left, right) = self.seen(n)
        truth = self.truth[zs, ys, xs].copy()
        here = z - zs.start
        known = np.zeros(truth.shape, bool)
        known[here, top : truth.shape[1] - bottom, left : truth.shape[2] - right] = True
        truth[~known] = IGNORE
        return TrainingVolume(
            f"window {n}", self.image[zs, ys, xs], PIXEL_NM, {"membrane": truth}, (here,),
            statistics=self.statistics[zs],
        )  # fmt: skip

    def questions(self, size: int) -> list[Question]:
        """Parts of the sections that are scored: another quarter of each."""
        whole = TrainingVolume(
            "test", self.image, PIXEL_NM, {"membrane": self.truth}, (), statistics=self.statistics
        )
        places = ((0, 0), (0, 512), (512, 0), (512, 512))
        return [
            Question(whole, z, (slice(y, y + size), slice(x, x + size)))
            for z, (y, x) in zip(TEST_SECTIONS, places, strict=True)
        ]


def look(model: Path, stack: Stack) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """How unsure the model is about every window, what it sees there, and what they look like."""
    predictor = Predictor(model)
    views, margins, looks = [], [], []
    for n in range(len(stack.windows)):
        z, _, ys, xs, around = stack.seen(n)
        at = [min(max(i, 0), len(stack.image) - 1) for i in (z - 1, z, z + 1)]
        mean, std = (stack.statistics[at, i, None, None] for i in (0, 1))
        views.append(((stack.image[at, ys, xs] - mean) / std).astype(np.float32))
        margins.append(around)
        top, bottom, left, right = around
        inner = views[-1][1]
        looks.append(appearance(inner[top : inner.shape[0] - bottom, left : inner.shape[1] - right]))
    found = list(look_at(predictor, views, margins, predictor.zoom((50, PIXEL_NM, PIXEL_NM))))
    unsure = np.array([unsure_mean(maps[0]) for maps, _ in found])
    return unsure, np.array([features for _, features in found]), np.array(looks)


def choose(how: str, model: Path, stack: Stack, known: list[int], more: int, seed: int) -> list[int]:
    """Windows to proofread next."""
    free = [n for n in range(len(stack.windows)) if n not in known]
    rng = np.random.default_rng(seed)
    if how == "random":
        return [int(n) for n in rng.choice(free, more, replace=False)]
    unsure, seen, looks = look(model, stack)
    answered = np.isin(np.arange(len(stack.windows)), known)
    if how == "two-stream":
        return [int(n) for n in two_stream(seen, looks, more, groups=4, known=answered, rng=rng)]
    return [int(n) for n in worth_asking(unsure, seen, more, known=answered)]


def learn(start: Path, lessons: list[TrainingVolume], steps: int, seed: int, out: Path) -> None:
    """Fine-tune as the program does, without its check: the test sections score."""
    network, card = load_model(start)
    pool = Pool(
        lessons, card.targets, card.context_sections, card.pixel_size_nm,
        keep_size=card.pixel_size_range_nm, emphasis=EMPHASIS,
    )  # fmt: skip
    device = torch.device("cpu")
    to_device(network, device)
    plan = Plan(card.targets, tuple(card.graded), (), load_recipe("gentle"), "full", RATE, device)
    taught = teach(network, pool, plan, Budget(7200, steps), lambda *_: None, seed=seed, adapt=True)
    save_model(out, taught.state, card)


def main() -> None:
    """Print the curves, and the area that random choice needs for what the proposed windows reach."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="membrane-phantom", help="starting model")
    parser.add_argument("--budgets", default="2,4,8", help="windows")
    parser.add_argument("--steps", type=int, default=150, help="of each fine-tuning")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pool", type=int, default=64, help="windows to choose from")
    parser.add_argument("--size", type=int, default=512, help="extent of what is scored in each section")
    parser.add_argument("--how", default="random,two-stream,worth")
    args = parser.parse_args()
    if "NAPARI_EMSEG_DATA" not in os.environ:
        raise SystemExit("set NAPARI_EMSEG_DATA to the folder of real data")
    stack = Stack(Path(os.environ["NAPARI_EMSEG_DATA"]) / "vnc" / "stack1", args.pool)
    asked = stack.questions(args.size)
    start = find_model(args.model)
    budgets = [int(n) for n in args.budgets.split(",")]
    device = torch.device("cpu")

    def scored(model: Path) -> dict[str, float]:
        return best_shift(answers(*load_model(model), asked, device))[1]

    before = scored(start)
    print(f"start: cost {cost(before):.2f}, edits {before['edits_per_100_objects']:.2f}", flush=True)
    curves: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(args.repeats):
            for how in args.how.split(","):
                model, known, costs = start, [], []
                for budget in budgets:
                    known += choose(how, model, stack, known, budget - len(known), 100 * repeat + budget)
                    model = Path(folder) / f"{how}-{repeat}-{budget}"
                    learn(start, [stack.lesson(n) for n in known], args.steps, repeat, model)
                    found = scored(model)
                    costs.append(cost(found))
                    print(
                        f"{how:11s} {repeat} {budget:2d} windows: cost {costs[-1]:6.2f}, "
                        f"edits {found['edits_per_100_objects']:6.2f}, V_rand {found['v_rand']:.4f}",
                        flush=True,
                    )
                curves.setdefault(how, []).append(costs)
    report(budgets, curves)


def report(budgets: list[int], curves: dict[str, list[list[float]]]) -> None:
    """Mean curves, and how much area each way needs for what random choice reaches with its largest budget."""
    means = {how: np.mean(rows, 0) for how, rows in curves.items()}
    for how, row in means.items():
        spread = np.std(curves[how], 0)
        print(
            f"{how:11s} "
            + "  ".join(f"{n}: {m:.2f} ± {s:.2f}" for n, m, s in zip(budgets, row, spread, strict=True))
        )
    if "random" in means:
        for how in means:
            if how != "random":
                wanted = float(means["random"][-1])
                needed = reaches(budgets, means[how], wanted)
                words = f"{needed:.1f} windows" if needed else f"not within {budgets[-1]} windows"
                print(f"{how}: {words} for what {budgets[-1]} random ones reach")
    print(json.dumps({how: [[round(c, 3) for c in row] for row in rows] for how, rows in curves.items()}))


def reaches(budgets: list[int], costs: NDArray[np.float64], wanted: float) -> float | None:
    """Windows after which a falling curve reaches a cost, between budgets by straight lines."""
    best = np.minimum.accumulate(costs)
    if best[0] <= wanted:
        return float(budgets[0])
    for n in range(1, len(budgets)):
        if best[n] <= wanted:
            part = (best[n - 1] - wanted) / (best[n - 1] - best[n])
            return float(budgets[n - 1] + part * (budgets[n] - budgets[n - 1]))
    return None


if __name__ == "__main__":
    main()
