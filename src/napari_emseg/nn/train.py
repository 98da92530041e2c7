"""Training: one loop that can be stopped and taken up again without a trace.

The state after step n depends on the recipe, the data and n alone: samples and dropout are drawn from
(seed, step), so a resumed run repeats the uninterrupted one.
"""

from __future__ import annotations

import json
import math
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from napari_emseg import __version__
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.model_card import ModelCard
from napari_emseg.nn.average import Average
from napari_emseg.nn.checkpoint import build, save_model, take_over
from napari_emseg.nn.dataset import Pool
from napari_emseg.nn.device import choose_device, to_device, use_all_cores
from napari_emseg.nn.emphasis import split_weights
from napari_emseg.nn.losses import load_loss
from napari_emseg.nn.prefetch import prefetched
from napari_emseg.nn.validate import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.core.progress import Progress
    from napari_emseg.nn.recipe import TrainRecipe

STATE = "last.ckpt"
METRICS = "metrics.jsonl"
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

    Returns
    -------
    Path
        `out_dir`.

    Raises
    ------
    EmsegError
        If there is nothing to learn from, or the loss is no longer a number.
    """
    use_all_cores()
    run = _Run(volumes, recipe, out_dir, choose_device(device))
    if resume:
        run.load()
    elif (out_dir / STATE).exists():
        raise EmsegError(
            "this folder holds an unfinished training", str(out_dir), "resume it or choose another"
        )
    started = time.monotonic()
    batches = prefetched(
        lambda step: run.pool.batch(step, recipe.seed, recipe.batch, run.size, recipe.augmentation)
    )
    with closing(run.log()) as log, closing(batches(run.step, recipe.steps)) as samples:
        try:
            for image, truth in samples:
                losses = run.learn(image, truth)
                if run.step % _LOG_EVERY == 0 or run.step == 1:
                    log.scalars(run.step, losses | {"learning_rate": run.rate()})
                progress.report(run.step / recipe.steps, f"step {run.step} of {recipe.steps}", **losses)
                late = time.monotonic() - started > max_seconds
                if run.step % recipe.validate_every == 0 or run.step == recipe.steps:
                    scores = run.score()
                    log.scalars(run.step, scores)
                    progress.report(run.step / recipe.steps, "scored on the validation sections", **scores)
                if run.step % recipe.save_every == 0 or run.step == recipe.steps or late:
                    run.save()
                if late:
                    break
        except (Cancelled, KeyboardInterrupt):
            run.save()
            raise
        if run.best is None:
            run.keep({})
    return out_dir


class _Run:
    """Everything that changes during a training."""

    def __init__(
        self, volumes: Sequence[TrainingVolume], recipe: TrainRecipe, out_dir: Path, device: torch.device
    ) -> None:
        self.volumes, self.recipe, self.out_dir, self.device = volumes, recipe, out_dir, device
        self.size = (recipe.size, recipe.size)
        self.card = _card(recipe, volumes)
        self.pool = Pool(
            volumes,
            recipe.targets,
            recipe.context_sections,
            recipe.pixel_size_nm,
            keep_size=recipe.pixel_size_range_nm,
            emphasis=recipe.emphasis if recipe.emphasis.matters else None,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.network: nn.Module = to_device(build(self.card), device)
        if recipe.start_from:
            take_over(self.network, Path(recipe.start_from))
        self.average = Average(self.network, recipe.average)
        self.optimiser = _optimiser(self.network, recipe)
        self.loss = load_loss(recipe.loss)
        self.weights = torch.tensor(
            [recipe.target_weights.get(t, 1.0) for t in recipe.targets], device=device
        )
        self.step = 0
        self.best: float | None = None

    def rate(self) -> float:
        """Learning rate of the next step: linear warm-up, then half a cosine down to a hundredth."""
        warm = min(1.0, (self.step + 1) / max(1, self.recipe.warm_up))
        return (
            self.recipe.learning_rate
            * warm
            * (0.01 + 0.99 * (1 + math.cos(math.pi * self.step / self.recipe.steps)) / 2)
        )

    def learn(self, image: NDArray[np.float32], truth: NDArray[np.uint8]) -> dict[str, float]:
        """One step; the components of its loss."""
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        x = torch.from_numpy(image).to(self.device, memory_format=torch.channels_last)
        known = torch.from_numpy(truth).to(self.device)
        target, weight = split_weights(known, len(self.recipe.targets))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)  # dropout, the same after a resume
            parts: dict[str, Tensor] = self.loss(self.network(x), target, weight)
        total = (parts.pop("per_target") * self.weights).sum() / self.weights.sum()
        if not math.isfinite(float(total.detach())):
            raise EmsegError(
                "the loss is no longer a number",
                f"step {self.step}",
                "lower learning_rate in the recipe and resume",
            )
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimiser.step()
        self.step += 1
        self.average.update(self.network, self.step)
        return {"loss": float(total.detach())} | {name: float(value) for name, value in parts.items()}

    def score(self) -> dict[str, float]:
        """Validate the averaged weights and keep them if they are the best so far."""
        with self.average.applied(self.network):
            scores = validate(self.network, self.volumes, self.recipe, self.device)
        merit = scores.get("merit")
        if merit is not None and (self.best is None or merit > self.best):
            self.best = merit
            self.keep(scores)
        return scores

    def keep(self, scores: dict[str, float]) -> None:
        """Write the averaged weights as the model of `out_dir`."""
        table: dict[str, dict[str, float]] = {}
        thresholds: dict[str, float] = {}
        for key, value in scores.items():
            data, _, name = key.partition("/")
            if name:
                table.setdefault(data, {})[name] = round(value, 5)
            elif data.startswith("threshold_"):
                thresholds[data.removeprefix("threshold_")] = value
        training = self.card.training | {"steps": self.step}
        card = self.card.model_copy(update={"scores": table, "thresholds": thresholds, "training": training})
        save_model(self.out_dir, self.average.state, card)

    def save(self) -> None:
        """Write the state from which the training can be taken up again."""
        self.out_dir.mkdir(parents=True, exist_ok=True)
        state = {
            "step": self.step,
            "best": self.best,
            "network": self.network.state_dict(),
            "average": self.average.state,
            "optimiser": self.optimiser.state_dict(),
            "recipe": self.recipe.model_dump_json(),
        }
        partial = self.out_dir / (STATE + ".partial")
        torch.save(state, partial)
        partial.replace(self.out_dir / STATE)

    def load(self) -> None:
        """Take up the state that `out_dir` holds."""
        path = self.out_dir / STATE
        if not path.is_file():
            raise EmsegError("there is no training to resume", str(self.out_dir), "start it without resume")
        state = torch.load(path, map_location=self.device, weights_only=True)
        if json.loads(state["recipe"]) != json.loads(self.recipe.model_dump_json()):
            raise EmsegError(
                "the recipe has changed since this training began", str(path), "start in another folder"
            )
        self.network.load_state_dict(state["network"])
        self.average.load(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.best = state["step"], state["best"]

    def log(self) -> Log:
        """Where losses and scores are written."""
        return Log(self.out_dir)


class Log:
    """Loss curve and scores as JSON lines and as TensorBoard scalars under fixed tags."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow import, needed only here

        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / METRICS).open("a", encoding="utf-8")
        self._board: Any = SummaryWriter(str(folder / "tensorboard"))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Record numbers of one step."""
        self._file.write(json.dumps({"step": step, "time": round(time.time(), 1)} | values) + "\n")
        self._file.flush()
        for tag, value in values.items():
            self._board.add_scalar(tag, value, step)

    def close(self) -> None:
        """Finish both files."""
        self._board.close()
        self._file.close()


def _card(recipe: TrainRecipe, volumes: Sequence[TrainingVolume]) -> ModelCard:
    arguments = recipe.arguments | {
        "sections": 2 * recipe.context_sections + 1,
        "targets": len(recipe.targets),
    }
    card = ModelCard(
        name=recipe.name,
        architecture=recipe.architecture,
        arguments=arguments,
        targets=recipe.targets,
        pixel_size_nm=recipe.pixel_size_nm,
        pixel_size_range_nm=recipe.pixel_size_range_nm,
        context_sections=recipe.context_sections,
        training={
            "program": f"napari-emseg {__version__}",
            "volumes": {v.name: {"train": list(v.train), "validate": list(v.validate)} for v in volumes},
            "recipe": recipe.model_dump(mode="json", exclude={"licence", "citation", "limits"}),
        },
        licence=recipe.licence,
        citation=recipe.citation,
        limits=recipe.limits,
    )
    return card.model_copy(update={"parameters": sum(p.numel() for p in build(card).parameters())})


def _optimiser(network: nn.Module, recipe: TrainRecipe) -> torch.optim.Optimizer:
    """Weight decay for convolution kernels only, not for biases and normalisation."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)
