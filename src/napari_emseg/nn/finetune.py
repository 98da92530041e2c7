"""Teach a model from a few proofread sections, in about a minute on two cores.

Several things keep it careful. Normalisation statistics are adapted to the new stack (AdaBN, Li et al. 2016)
only where that lowers the loss: it bridges a foreign contrast, and spoils a familiar one. Weights are drawn
back to where they came from (L2-SP, Li et al. 2018), so that what the model knew is not forgotten. Lines along
the middle of membranes weigh more than their flanks, because a gap merges two cells, and the gaps and false
lines that merge or tear cells at this moment weigh most. The averaged weights are
kept, not the last ones, and of a model that was good already only part of the way is gone (WiSE-FT, Wortsman et
al. 2022). The output of one that was poor is shifted to where membranes are cut best.
"""

from __future__ import annotations

import math
import time
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from napari_emseg.algorithms.specks import fill_specks
from napari_emseg.augment.recipe import load_recipe
from napari_emseg.core.learning import FinetuneRequest, FinetuneResult, TrainingVolume
from napari_emseg.nn.average import Average
from napari_emseg.nn.checkpoint import load_model, save_model
from napari_emseg.nn.comparison import most_changed
from napari_emseg.nn.dataset import Pool, stack_truth
from napari_emseg.nn.device import choose_device, to_device, use_all_cores
from napari_emseg.nn.emphasis import Emphasis, split_weights
from napari_emseg.nn.losses import load_loss
from napari_emseg.nn.prefetch import prefetched
from napari_emseg.nn.strategies import weights_to_learn
from napari_emseg.nn.validate import predict_sections
from napari_emseg.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.core.progress import Progress
    from napari_emseg.nn.losses import Loss
    from napari_emseg.settings import FinetuneSettings

_BATCH = 2  # small ones, and more of them: 9.9 edits per 100 objects instead of 10.2 with 4, from the phantom to VNC
_SIZE = 256  # pixels: extent of a sample, less on smaller sections
_RATE = 3e-3
_ANCHOR = 1e-3  # strength of the pull back to the starting weights
_AVERAGE = 0.98  # decay of the running average of the weights
_ADAPT = 8  # batches from which the normalisation statistics are re-estimated
_EMPHASIS = Emphasis(inside=1.0, centreline=3.0, leak=8.0, tear=4.0)
_NEVER = 10_000_000  # steps: the clock ends a fine-tuning, not a count
_GOOD, _POOR = 3.0, 13.0  # edits per 100 objects before: little of what is learned is kept, or all of it
_LEAST = 0.2
_SHIFTS = (0.0, 1.0, 2.0, 3.0)  # of the membrane's log-odds
HOLD_OUT_FROM = 3  # proofread sections: below this, all of them teach


def finetune(request: FinetuneRequest, progress: Progress) -> FinetuneResult:
    """Train a copy of a model on proofread sections and score both.

    Parameters
    ----------
    request : FinetuneRequest
    progress : Progress
        Told loss and seconds left at every step; raising `Cancelled` there ends it and leaves nothing.

    Returns
    -------
    FinetuneResult
        The new model's folder, its loss curve, and scores before and after on the sections named by
        ``scored_on``.

    Raises
    ------
    EmsegError
        If there is nothing to learn from.
    """
    use_all_cores()
    network, card = load_model(request.model)
    device = choose_device("auto")
    to_device(network, device)
    volumes, scored_on = hold_out(request.volumes)
    pool = Pool(
        volumes,
        card.targets,
        card.context_sections,
        card.pixel_size_nm,
        keep_size=card.pixel_size_range_nm,
        emphasis=_EMPHASIS,
    )
    scored = [v for v in volumes if v.validate] or _score_training(volumes)
    before = score(network, card, scored, device, request.target)
    old = _first_map(network, card, scored, device, request.target)
    start = {k: v.detach().clone() for k, v in network.state_dict().items()}
    share = how_far(before)
    steps, seconds, losses = learn(network, pool, request.settings, device, progress, share=share)
    keep_share(network, start, share)
    if share == 1:  # a model that was good already knows where to cut, and one section may mislead it
        _shift_output(network, card, _score_training(volumes), device, request.target)
    after = score(network, card, scored, device, request.target)
    new = _first_map(network, card, scored, device, request.target)
    pictures = most_changed(old[0], old[1], new[1]) if old and new else ()
    sections = {v.name: list(v.train) for v in request.volumes}
    made = card.model_copy(
        update={
            "name": request.name,
            "parent": card.name,
            "scores": {},
            "thresholds": card.thresholds | ({request.target: after["threshold"]} if after else {}),
            "training": {
                "finetuned_from": card.training,
                "sections": sections,
                "steps": steps,
                "seconds": round(seconds, 1),
                "settings": request.settings.model_dump(),
                "before": before,
                "after": after,
                "scored_on": scored_on,
            },
        }
    )
    save_model(request.out_dir, network.state_dict(), made)
    return FinetuneResult(request.out_dir, steps, seconds, tuple(losses), before, after, scored_on, pictures)


def hold_out(volumes: Sequence[TrainingVolume]) -> tuple[list[TrainingVolume], str]:
    """Keep one proofread section back for scoring when there are enough, and say what the score means."""
    volumes = list(volumes)
    if any(v.validate for v in volumes):
        return volumes, "the validation sections"
    taught = [(i, z) for i, v in enumerate(volumes) for z in v.train]
    if len(taught) < HOLD_OUT_FROM:
        return volumes, "the sections that it learned from (proofread three for an independent score)"
    index, section = taught[len(taught) // 2]
    old = volumes[index]
    volumes[index] = TrainingVolume(
        old.name,
        old.image,
        old.pixel_size_nm,
        old.truth,
        tuple(z for z in old.train if z != section),
        (section,),
        old.share,
        old.statistics,
    )
    return volumes, f"one proofread section held back ({old.name})"


def how_far(before: Mapping[str, float]) -> float:
    """How much of the learned change to keep, from how well the starting model did: a fifth to all of it."""
    edits = before.get("edits_per_100_objects", _POOR)
    return min(1.0, max(_LEAST, (edits - _GOOD) / (_POOR - _GOOD)))


@torch.no_grad()
def keep_share(network: nn.Module, start: Mapping[str, Tensor], share: float) -> None:
    """Move the weights to `share` of the way from their start to where they are."""
    state = network.state_dict()
    mixed = {k: torch.lerp(start[k], v, share) if v.is_floating_point() else v for k, v in state.items()}
    network.load_state_dict(mixed)


@torch.no_grad()
def _shift_output(
    network: nn.Module, card: ModelCard, volumes: Sequence[TrainingVolume], device: torch.device, target: str
) -> None:
    """Raise the bias of the output as far as that saves edits on the sections that taught."""
    bias = dict(network.named_parameters()).get("out.bias")
    if bias is None or target not in card.targets:
        return
    channel = card.targets.index(target)
    old = float(bias[channel])
    edits: dict[float, float] = {}
    for shift in _SHIFTS:
        bias[channel] = old + shift
        edits[shift] = score(network, card, volumes, device, target).get("edits_per_100_objects", 0.0)
    bias[channel] = old + min(_SHIFTS, key=lambda shift: (edits[shift], shift))


def _score_training(volumes: Iterable[TrainingVolume]) -> list[TrainingVolume]:
    return [
        TrainingVolume(v.name, v.image, v.pixel_size_nm, v.truth, (), v.train, v.share, v.statistics)
        for v in volumes
        if v.train
    ]


def _first_map(
    network: nn.Module, card: ModelCard, volumes: Sequence[TrainingVolume], device: torch.device, target: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """The first section that is scored, normalised, and its probabilities, (y, x) both."""
    volume = next((v for v in volumes if v.validate), None)
    if volume is None or target not in card.targets:
        return None
    image, z = volume.normalised(), volume.validate[0]
    maps = predict_sections(network, image, [z], card.context_sections, device)
    return image[z], maps[card.targets.index(target), 0]


def score(
    network: nn.Module, card: ModelCard, volumes: Sequence[TrainingVolume], device: torch.device, target: str
) -> dict[str, float]:
    """Boundary scores on the validation sections of these volumes; empty when they have no membranes."""
    from napari_emseg.algorithms.metrics.boundary import boundary_scores

    if target != "membrane" or target not in card.targets:
        return {}
    rows: list[Mapping[str, float]] = []
    channel = card.targets.index(target)
    for volume in volumes:
        zs = list(volume.validate)
        truth = stack_truth(volume, (target,))[0, zs]
        if not (truth == 0).any():
            continue
        found = predict_sections(network, volume.normalised(), zs, card.context_sections, device)[channel]
        smallest_px = PredictSettings().smallest_cell_nm2 / volume.pixel_size_nm**2
        found = np.stack([fill_specks(section, smallest_px) for section in found])
        rows.append(boundary_scores(truth == 0, found))
    keys = ("v_rand", "v_info", "edits_per_100_objects", "threshold")
    return {k: float(np.mean([r[k] for r in rows])) for k in keys} if rows else {}


def learn(
    network: nn.Module,
    pool: Pool,
    settings: FinetuneSettings,
    device: torch.device,
    progress: Progress,
    *,
    share: float = 1.0,
) -> tuple[int, float, list[float]]:
    """Change a network in place; steps, seconds and the loss curve.

    Parameters
    ----------
    share : float
        How much there is to learn, see `how_far`: less of it takes smaller steps.
    """
    started = time.monotonic()
    size = pool.sample_size(_SIZE)
    recipe = load_recipe(settings.augmentation)
    samples = prefetched(lambda step: pool.batch(step, settings.seed, _BATCH, size, recipe))
    losses: list[float] = []
    with closing(samples(0, _NEVER)) as batches:
        loss = load_loss("bce_dice")
        _adapt_if_better(network, [next(batches) for _ in range(_ADAPT)], loss, device)
        network.eval()  # statistics stay; dropout is off: both cost more than they give in a minute
        strategy = "full" if settings.strategy == "auto" else settings.strategy
        with weights_to_learn(network, strategy) as taught:
            anchor = [p.detach().clone() for p in taught]
            optimiser = torch.optim.AdamW(taught, lr=_RATE, weight_decay=0.0)
            average = Average(network, _AVERAGE)
            rate = settings.learning_rate or _RATE * share**2
            for image, truth in batches:
                spent = (time.monotonic() - started) / settings.max_seconds
                if spent >= 1 or (settings.max_steps and len(losses) >= settings.max_steps):
                    break
                warm = min(1.0, (len(losses) + 1) / 8)
                for group in optimiser.param_groups:
                    group["lr"] = rate * warm * (0.02 + 0.98 * (1 + math.cos(math.pi * spent)) / 2)
                value = _step(network, image, truth, loss, optimiser, taught, anchor, device)
                losses.append(value)
                average.update(network, len(losses))
                left = settings.max_seconds * (1 - spent)
                progress.report(min(spent, 1.0), f"step {len(losses)}", loss=value, seconds_left=left)
            network.load_state_dict(average.state)
    return len(losses), time.monotonic() - started, losses


def _step(
    network: nn.Module,
    image: NDArray[np.float32],
    truth: NDArray[np.uint8],
    loss: Loss,
    optimiser: torch.optim.Optimizer,
    taught: Sequence[Tensor],
    anchor: Sequence[Tensor],
    device: torch.device,
) -> float:
    total = _total(network, image, truth, loss, device)
    optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    clip_grad_norm_(taught, 1.0)
    optimiser.step()
    with torch.no_grad():
        pull = _ANCHOR * optimiser.param_groups[0]["lr"] / _RATE
        for weight, start in zip(taught, anchor, strict=True):
            weight.lerp_(start, pull)
    return float(total.detach())


def _total(
    network: nn.Module, image: NDArray[np.float32], truth: NDArray[np.uint8], loss: Loss, device: torch.device
) -> Tensor:
    x = torch.from_numpy(image).to(device, memory_format=torch.channels_last)
    logits = network(x)
    target, weight = split_weights(torch.from_numpy(truth).to(device), logits.shape[1])
    weight = _EMPHASIS.by_errors(logits, target, weight)
    return loss(logits, target, weight)["per_target"].sum()


@torch.no_grad()
def _adapt_if_better(
    network: nn.Module,
    batches: Sequence[tuple[NDArray[np.float32], NDArray[np.uint8]]],
    loss: Loss,
    device: torch.device,
) -> bool:
    """Adapt the normalisation statistics to the new stack, and take that back if it raises the loss."""

    def mean_loss() -> float:
        network.eval()
        return float(np.mean([float(_total(network, *batch, loss, device)) for batch in batches]))

    old = {k: v.clone() for k, v in network.state_dict().items()}
    before = mean_loss()
    _adapt_statistics(network, [image for image, _ in batches], device)
    if mean_loss() < before:
        return True
    network.load_state_dict(old)
    return False


@torch.no_grad()
def _adapt_statistics(
    network: nn.Module, images: Sequence[NDArray[np.float32]], device: torch.device
) -> None:
    """Move the normalisation statistics half-way to those of the new stack."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    old = [(m.momentum, m.running_mean.clone(), m.running_var.clone()) for m in norms]  # type: ignore[union-attr]
    network.train()
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # cumulative mean
    for image in images:
        network(torch.from_numpy(image).to(device, memory_format=torch.channels_last))
    for m, (momentum, mean, var) in zip(norms, old, strict=True):
        m.momentum = momentum
        m.running_mean.lerp_(mean, 0.5)  # type: ignore[union-attr]
        m.running_var.lerp_(var, 0.5)  # type: ignore[union-attr]
