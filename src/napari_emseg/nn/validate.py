"""Scores of a network on the validation sections, by the measures that matter to a person."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_emseg.algorithms.metrics.boundary import boundary_scores
from napari_emseg.algorithms.metrics.semantic import average_precision
from napari_emseg.core.learning import IGNORE, LEVELS
from napari_emseg.nn.dataset import neighbours, stack_truth
from napari_emseg.nn.volumetric import AsSections, block_sections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.nn.recipe import TrainRecipe


@torch.inference_mode()
def predict_sections(
    network: nn.Module,
    image: NDArray[np.float32],
    sections: Sequence[int],
    context: int,
    device: torch.device,
) -> NDArray[np.float32]:
    """Probabilities of whole sections in one piece.

    Parameters
    ----------
    image : ndarray (z, y, x) float32
        Normalised stack.

    Returns
    -------
    ndarray (targets, len(sections), y, x) float32
    """
    network.eval()
    if depth := int(getattr(network, "depth", 0)):
        return _predict_blocks(network, image, sections, context, device, depth)
    out = []
    for z in sections:
        window = torch.from_numpy(image[neighbours(z, len(image), context)])[None]
        logits = network(window.to(device, memory_format=torch.channels_last))
        out.append(torch.sigmoid(logits)[0].float().cpu().numpy())
    return np.stack(out, 1)


def _predict_blocks(
    network: nn.Module,
    image: NDArray[np.float32],
    sections: Sequence[int],
    context: int,
    device: torch.device,
    depth: int,
) -> NDArray[np.float32]:
    """The same for a 3D network, block by block on the grid of `predict_volume`."""
    forward = AsSections(network, depth)
    found: dict[int, NDArray[np.float32]] = {}
    for start in sorted({z // depth * depth for z in sections}):
        window = torch.from_numpy(image[block_sections(start, depth, len(image), context)])[None]
        maps = torch.sigmoid(forward(window.to(device)))[0].float().cpu().numpy()
        maps = maps.reshape(-1, depth, *maps.shape[1:])
        found |= {start + n: maps[:, n] for n in range(depth)}
    return np.stack([found[z] for z in sections], 1)


def validate(
    network: nn.Module, volumes: Sequence[TrainingVolume], recipe: TrainRecipe, device: torch.device
) -> dict[str, float]:
    """Scores per volume and target, as ``volume/score``, and their summary ``merit`` (higher is better).

    Membranes are scored by V_rand, V_info and edits per 100 objects, masks by Dice at one half and average
    precision, distances by the share of their variance that is explained. ``merit`` is the mean over volumes and
    the targets that count (``recipe.merit``); ``merit_TARGET`` is that of each.
    """
    scores: dict[str, float] = {}
    merits: dict[str, list[float]] = {}
    thresholds: dict[str, list[float]] = {}
    for volume in volumes:
        if not volume.validate:
            continue
        image = volume.normalised()
        zs = list(volume.validate)
        probability = predict_sections(network, image, zs, recipe.context_sections, device)
        truth = stack_truth(volume, recipe.targets)[:, zs]
        for c, target in enumerate(recipe.targets):
            known = truth[c] != IGNORE
            if not known.any():
                continue
            if target in volume.graded:
                found = level_scores(probability[c][known], truth[c][known])
                merit = found["explained"]
                own = {f"{key}_{target}": value for key, value in found.items()}
            elif target == "membrane":
                best = boundary_scores(truth[c] == 0, probability[c])
                own = {key: float(best[key]) for key in ("v_rand", "v_info", "edits_per_100_objects")}
                merit = own["v_rand"] - own["edits_per_100_objects"] / 1000
                thresholds.setdefault(target, []).append(float(best["threshold"]))
            else:
                found = mask_scores(probability[c][known], truth[c][known])
                if "threshold" in found:
                    thresholds.setdefault(target, []).append(found.pop("threshold"))
                own = {f"{key}_{target}": value for key, value in found.items()}
                merit = found.get("average_precision", math.nan)
            scores |= {f"{volume.name}/{key}": value for key, value in own.items()}
            if not math.isnan(merit):
                merits.setdefault(target, []).append(merit)
    scores |= {f"threshold_{target}": float(np.mean(values)) for target, values in thresholds.items()}
    scores |= {f"merit_{target}": float(np.mean(values)) for target, values in merits.items()}
    counts = recipe.merit or dict.fromkeys(["membrane"] if "membrane" in merits else merits, 1.0)
    if weight := sum(counts.get(target, 0.0) for target in merits):
        total = sum(counts.get(target, 0.0) * float(np.mean(values)) for target, values in merits.items())
        scores["merit"] = total / weight
    return scores


def mask_scores(probability: NDArray[np.float32], truth: NDArray[np.uint8]) -> dict[str, float]:
    """Dice at one half, and where there is something to find: average precision, best Dice and its threshold."""
    there = truth == 1
    scores = {"dice": dice_at_half(probability, truth)}
    if there.any():
        level = np.rint(probability * 1000).astype(np.int16)  # as fine as anybody cuts, and quick to sort
        scores["average_precision"] = average_precision(there, level)
        counts = np.bincount(level, minlength=1001)[::-1].cumsum()[::-1]
        hits = np.bincount(level[there], minlength=1001)[::-1].cumsum()[::-1]
        dice = 2 * hits / (counts + hits[0])
        scores["best_dice"] = float(dice.max())
        scores["threshold"] = float(np.clip(dice.argmax() / 1000, 0.05, 0.95))
    return scores


def level_scores(found: NDArray[np.float32], truth: NDArray[np.uint8]) -> dict[str, float]:
    """Mean absolute error of a graded target, as a share of its range, and the share of variance explained."""
    wanted = truth.astype(np.float32) / LEVELS
    error = found - wanted
    variance = float(wanted.var())
    explained = 1 - float((error**2).mean()) / variance if variance else 0.0
    return {"error": float(np.abs(error).mean()), "explained": explained}


def dice_at_half(probability: NDArray[np.float32], truth: NDArray[np.uint8]) -> float:
    """Dice of a probability thresholded at 0.5; 1 if both are empty."""
    found, there = probability > 0.5, truth == 1
    size = int(found.sum() + there.sum())
    return 2 * int((found & there).sum()) / size if size else 1.0
