"""Training: one loop that can be stopped and taken up again without a trace.

The state after step n depends on the recipe, the data and n alone: samples and dropout are drawn from
(seed, step), so a resumed run repeats the uninterrupted one.
"""

from __future__ import annotations

import math
import time
from contextlib import closing
from typing import TYPE_CHECKING

import torch

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.model_card import CARD
from napari_emseg.nn.checkpoint import load_model, save_model
from napari_emseg.nn.curves import METRICS, Curves
from napari_emseg.nn.device import choose_device, to_device, use_all_cores
from napari_emseg.nn.prefetch import prefetched
from napari_emseg.nn.run import STATE, Run
from napari_emseg.nn.wall_lessons import train_judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.core.progress import Progress
    from napari_emseg.nn.recipe import TrainRecipe

__all__ = ["METRICS", "STATE", "train"]

_LOG_EVERY = 10  # steps between two points of the loss curve


def train(
    volumes: Sequence[TrainingVolume],
    recipe: TrainRecipe,
    out_dir: Path,
    progress: Progress,
    *,
    resume: bool = False,
    max_seconds: float = math.inf,
    device: str = "auto",
    start_from: Path | None = None,
) -> Path:
    """Train a network and keep the weights that validate best.

    Parameters
    ----------
    volumes : sequence of TrainingVolume
    recipe : TrainRecipe
    out_dir : Path
        Becomes a model folder; also holds ``last.ckpt``, ``metrics.jsonl`` and TensorBoard events.
    progress : Progress
        Told the loss at every step and the scores at every validation.
    resume : bool
        Take up the training that `out_dir` holds.
    max_seconds : float
        Stop, in a state that can be resumed, after this time.
    start_from : Path, optional
        Where the model that ``recipe.start_from`` names lies. Default: there.

    Returns
    -------
    Path
        `out_dir`.

    Raises
    ------
    EmsegError
        If there is nothing to learn from, the loss is no longer a number, or `out_dir` holds something else already.
    """
    use_all_cores()
    if not resume:
        _refuse_used(out_dir)
    run = Run(volumes, recipe, out_dir, choose_device(device), None if resume else start_from)
    if resume:
        run.load()
    started = time.monotonic()
    batches = prefetched(
        lambda step: run.pool.batch(step, recipe.seed, recipe.batch, run.size, recipe.augmentation)
    )
    until = run.step if run.is_over else recipe.steps
    with closing(Curves(out_dir, run.step)) as log, closing(batches(run.step, until)) as samples:
        try:
            if run.must_score:  # it was stopped between a step and its validation
                _score(run, log, progress)
                run.save()
            for image, truth in () if run.is_over else samples:
                _step(run, image, truth, log, progress)
                must_end = run.is_over or time.monotonic() - started > max_seconds
                if must_end or run.step % recipe.save_every == 0:
                    run.save()
                if must_end:
                    break
        except (Cancelled, KeyboardInterrupt):
            run.save()
            raise
        if run.best is None:
            run.keep({})
    if recipe.walls and run.is_over:
        add_judge(out_dir, volumes, run.device, seed=recipe.seed, progress=progress)
    return out_dir


def is_over(folder: Path) -> bool:
    """Whether the training in a folder has come to its end, and was not stopped before."""
    return bool(torch.load(folder / STATE, map_location="cpu", weights_only=True).get("is_over", True))


def _refuse_used(folder: Path) -> None:
    """Refuse a folder that holds something already."""
    if (folder / STATE).exists():
        raise EmsegError("this folder holds a training already", str(folder), "resume it or choose another")
    if (folder / CARD).exists():
        raise EmsegError("this folder holds a model already", str(folder), "choose another")


def _step(
    run: Run, image: NDArray[np.float32], truth: NDArray[np.uint8], log: Curves, progress: Progress
) -> None:
    """Learn from one batch, write down what came of it, and validate where it is time."""
    recipe, is_first = run.recipe, run.step == 0
    losses = run.learn(image, truth)
    if is_first or run.step % _LOG_EVERY == 0:
        log.scalars(run.step, losses | {"learning_rate": run.schedule.rate(run.step)})
    progress.report(run.step / recipe.steps, f"step {run.step} of {recipe.steps}", **losses)
    if is_first or run.step % recipe.validate_every == 0:
        log.samples(run.step, image, truth, recipe.targets)
    if run.must_score:
        _score(run, log, progress)


def _score(run: Run, log: Curves, progress: Progress) -> None:
    """Validate, and show what came of it."""
    scores = run.score()
    log.scalars(run.step, scores)
    for tag, picture in run.pictures():
        log.picture(run.step, tag, picture)
    progress.report(run.step / run.recipe.steps, "scored on the validation sections", **scores)


def add_judge(
    folder: Path, volumes: Sequence[TrainingVolume], device: torch.device, *, seed: int, progress: Progress
) -> bool:
    """Teach the judge of walls of a model that is trained; whether there was enough to learn from."""
    network, card = load_model(folder)
    judge = train_judge(to_device(network, device), card, volumes, device, seed=seed, progress=progress)
    if judge is None:
        return False
    made = card.model_copy(update={"walls": judge.entry})
    save_model(folder, network.state_dict() | judge.tensors(), made)
    return True
