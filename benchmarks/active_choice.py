"""Whether regions that the program proposes teach more than regions that are drawn at random.

An oracle proofreads windows of the fly nerve cord from ground truth, two, four, then eight; each time the starting model
is fine-tuned on all of them, limited by steps and not by seconds, and scored on parts of sections 12-15. The next windows
are chosen with the model as it is then. Windows come from sections 0-11. The peer, in the same run, is random choice.

    NAPARI_EMSEG_DATA=... python benchmarks/active_choice.py --model membrane-phantom

Wanted are 30 % fewer corrected pixels for the same score. Single fine-tunings from the phantom model scatter (costs of 12
to 40 with the same number of windows), so there are many repeats, and medians and quartiles are printed. Everything
that was learned is kept in ``--cache``: an interrupted run goes on, more ``--repeats`` add to those that are there, and
sets of windows that come up twice are learned from once. With 150 steps one fine-tuning takes about half a minute on two
quiet cores, the default run two hours.

Two prices are counted: the area that is proofread, and the pixels that the oracle corrects in it (patches at least
three pixels wide that the model, as it is when it chooses, calls wrongly). Cost is edits per 100 objects plus what V_rand
and V_info lack of 1, in per cent: edits alone are too few to tell curves apart.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage as ndi

from napari_emseg.algorithms.appearance import appearance
from napari_emseg.algorithms.queries import two_stream, worth_asking
from napari_emseg.augment.recipe import load_recipe
from napari_emseg.core.learning import IGNORE, TrainingVolume
from napari_emseg.core.model_card import find_model
from napari_emseg.io import open_array, open_image
from napari_emseg.nn.checkpoint import load_model, save_model
from napari_emseg.nn.dataset import Pool
from napari_emseg.nn.device import to_device
from napari_emseg.nn.embeddings import look_at
from napari_emseg.nn.held_out import Question, answers, best_shift, cost
from napari_emseg.nn.lesson import EMPHASIS, RATE, Budget, Plan, teach
from napari_emseg.nn.predict import Predictor

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def views_of(
    stack: Stack, windows: Sequence[int]
) -> tuple[list[NDArray[np.float32]], list[tuple[int, int, int, int]]]:
    """Windows with margin and neighbours, normalised, and their margins."""
    views, margins = [], []
    for n in windows:
        z, _, ys, xs, around = stack.seen(n)
        at = [min(max(i, 0), len(stack.image) - 1) for i in (z - 1, z, z + 1)]
        mean, std = (stack.statistics[at, i, None, None] for i in (0, 1))
        views.append(((stack.image[at, ys, xs] - mean) / std).astype(np.float32))
        margins.append(around)
    return views, margins


def look(model: Path, stack: Stack) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """How unsure the model is about every window, what it sees there, and what they look like."""
    predictor = Predictor(model)
    views, margins = views_of(stack, range(len(stack.windows)))
    looks = []
    for view, (top, bottom, left, right) in zip(views, margins, strict=True):
        inner = view[1]
        looks.append(appearance(inner[top : inner.shape[0] - bottom, left : inner.shape[1] - right]))
    found = list(look_at(predictor, views, margins, predictor.zoom((50, PIXEL_NM, PIXEL_NM))))
    unsure = np.array([unsure_mean(maps[0]) for maps, _ in found])
    return unsure, np.array([features for _, features in found]), np.array(looks)


def unsure_mean(probability: NDArray[np.floating]) -> float:
    """How much of a map (y, x) is undecided, 0 to 1: much where there is much membrane and the model is unsure about it."""
    p = np.asarray(probability, np.float64)
    return float(4 * (p * (1 - p)).mean())


def corrected_px(model: Path, stack: Stack, windows: Sequence[int]) -> int:
    """Pixels that a person would change in what the model says about these windows."""
    predictor = Predictor(model)
    views, margins = views_of(stack, windows)
    total = 0
    answers_there = look_at(predictor, views, margins, predictor.zoom((50, PIXEL_NM, PIXEL_NM)))
    for n, (maps, _) in zip(windows, answers_there, strict=True):
        z, y, x = stack.windows[n]
        wrong = (maps[0] > 0.5) != (stack.truth[z, y : y + WINDOW, x : x + WINDOW] > 0)
        total += int(ndi.binary_opening(wrong, np.ones((3, 3))).sum())
    return total


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


@dataclass(frozen=True)
class Point:
    """What some windows cost and what they brought.

    Parameters
    ----------
    area_px, corrected_px : float
        Proofread, and changed in it.
    cost : float
        On the sections that score.
    """

    area_px: float
    corrected_px: float
    cost: float


class Course:
    """Fine-tunings that are made once and kept."""

    def __init__(self, start: Path, stack: Stack, steps: int, size: int, cache: Path) -> None:
        self.start, self.stack, self.steps, self.cache = start, stack, steps, cache
        self.asked, self.size = stack.questions(size), size

    def scored(self, model: Path) -> dict[str, float]:
        """Scores on the sections that nobody proofreads."""
        return best_shift(answers(*load_model(model), self.asked, torch.device("cpu")))[1]

    def taught(self, known: list[int], seed: int) -> tuple[Path, dict[str, float]]:
        """The model that has learned from these windows, and its scores."""
        windows = sorted(known)
        places = [self.stack.windows[n] for n in windows]
        what = json.dumps([self.start.name, self.steps, self.size, seed, places])
        folder = self.cache / hashlib.sha256(what.encode()).hexdigest()[:16]
        kept = folder / "scores.json"
        if not kept.is_file():
            learn(self.start, [self.stack.lesson(n) for n in windows], self.steps, seed, folder)
            kept.write_text(json.dumps(self.scored(folder), default=float))
        return folder, json.loads(kept.read_text())

    def curve(self, how: str, budgets: list[int], repeat: int) -> list[Point]:
        """Proofread, learn, choose again."""
        model, known, changed, points = self.start, [], 0, []
        for budget in budgets:
            more = choose(how, model, self.stack, known, budget - len(known), 100 * repeat + budget)
            changed += corrected_px(model, self.stack, more)
            known += more
            model, found = self.taught(known, repeat)
            points.append(Point(len(known) * WINDOW**2, changed, cost(found)))
            print(
                f"{how:11s} {repeat:2d} {budget:2d} windows, {changed:7d} px corrected: cost {points[-1].cost:6.2f}, "
                f"edits {found['edits_per_100_objects']:6.2f}, V_rand {found['v_rand']:.4f}",
                flush=True,
            )
        return points


def main() -> None:
    """Print the curves, and what random choice needs for what the proposed windows reach."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="membrane-phantom", help="starting model")
    parser.add_argument("--budgets", default="2,4,8", help="windows")
    parser.add_argument("--steps", type=int, default=150, help="of each fine-tuning")
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--pool", type=int, default=64, help="windows to choose from")
    parser.add_argument("--size", type=int, default=512, help="extent of what is scored in each section")
    parser.add_argument("--how", default="random,two-stream,worth")
    parser.add_argument("--cache", type=Path, default=Path("runs/active-choice"), help="what was learned")
    args = parser.parse_args()
    if "NAPARI_EMSEG_DATA" not in os.environ:
        raise SystemExit("set NAPARI_EMSEG_DATA to the folder of real data")
    stack = Stack(Path(os.environ["NAPARI_EMSEG_DATA"]) / "vnc" / "stack1", args.pool)
    course = Course(find_model(args.model), stack, args.steps, args.size, args.cache)
    budgets = [int(n) for n in args.budgets.split(",")]
    before = course.scored(course.start)
    print(f"start: cost {cost(before):.2f}, edits {before['edits_per_100_objects']:.2f}", flush=True)
    curves: dict[str, list[list[Point]]] = {how: [] for how in args.how.split(",")}
    for repeat in range(args.repeats):
        for how, rows in curves.items():
            rows.append(course.curve(how, budgets, repeat))
    report(cost(before), budgets, curves)


def report(before: float, budgets: list[int], curves: dict[str, list[list[Point]]]) -> None:
    """Medians and quartiles, and what each way pays for what random choice reaches with its largest budget."""
    for how, rows in curves.items():
        costs = np.array([[point.cost for point in row] for row in rows])
        spread = zip(budgets, *np.percentile(costs, [25, 50, 75], axis=0), strict=True)
        print(f"{how:11s} " + "  ".join(f"{n}: {m:.2f} ({a:.2f} to {b:.2f})" for n, a, m, b in spread))
    if "random" not in curves:
        return
    reached = np.minimum.accumulate(np.median([[p.cost for p in row] for row in curves["random"]], axis=0))
    for budget, wanted in zip(budgets, reached.tolist(), strict=True):
        if wanted >= before:
            print(f"{budget} random windows teach nothing: there is nothing to compare with")
            continue
        for price in ("area_px", "corrected_px"):
            paid = {how: median_price(before, rows, price, wanted) for how, rows in curves.items()}
            for how in curves.keys() - {"random"}:
                saved = (
                    f"{1 - paid[how] / paid['random']:.0%} less"
                    if np.isfinite(paid[how])
                    else "never reached, by"
                )
                print(
                    f"{how}: {saved} {price} than random choice for what {budget} random windows reach, {wanted:.2f}"
                )


def median_price(before: float, rows: list[list[Point]], price: str, wanted: float) -> float:
    """What the median curve pays until it reaches a cost, by straight lines; infinite where it never does."""
    paid = [0.0, *np.median([[getattr(point, price) for point in row] for row in rows], 0)]
    costs = np.minimum.accumulate([before, *np.median([[point.cost for point in row] for row in rows], 0)])
    for n in range(1, len(costs)):
        if costs[n] <= wanted < costs[n - 1]:
            part = (costs[n - 1] - wanted) / (costs[n - 1] - costs[n])
            return float(paid[n - 1] + part * (paid[n] - paid[n - 1]))
    return float("inf")


if __name__ == "__main__":
    main()
