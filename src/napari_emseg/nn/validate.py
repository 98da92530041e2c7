"""Scores of a network on the validation sections, by the measures that matter to a person."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from napari_emseg.algorithms.metrics.boundary import boundary_scores
from napari_emseg.algorithms.metrics.precision import average_precision
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, LEVELS
from napari_emseg.nn.dataset import neighbours, stack_truth
from napari_emseg.nn.volumetric import AsSections, block_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.nn.recipe import TrainRecipe


@torch.inference_mode()
def predict_sections(
    network: nn.Module,
    image: NDArray[np.float32],
    sections: Sequence[int],
    context: int,
    device: torch.device,
    zoom: float = 1.0,
) -> NDArray[np.float32]:
    """Probabilities of whole sections in one piece.

    Parameters
    ----------
    image : ndarray (z, y, x) float32
        Normalised stack.
    zoom : float
        Model pixels per image pixel: where it is not 1 the image is resampled, and the answer back, as by `Predictor`.

    Returns
    -------
    ndarray (targets, len(sections), y, x) float32
    """
    network.eval()
    if depth := int(getattr(network, "depth", 0)):
        return _predict_blocks(network, image, sections, context, device, depth, zoom)
    out = []
    for z in sections:
        window = torch.from_numpy(image[neighbours(z, len(image), context)])[None].to(device)
        found = _resampled(network, window, lambda x: torch.sigmoid(network(x)), zoom)
        out.append(found[0].float().cpu().numpy())
    return np.stack(out, 1)


def _resampled(
    network: nn.Module, window: Tensor, forward: Callable[[Tensor], Tensor], zoom: float
) -> Tensor:
    """What a network says about a window (1, sections, y, x), at the pixel size that it was made for."""
    if zoom == 1:
        return forward(window.contiguous(memory_format=torch.channels_last))
    size = window.shape[-2:]
    target = [max(int(getattr(network, "divisor", 1)), round(n * zoom)) for n in size]
    window = functional.interpolate(window, target, mode="bilinear", antialias=zoom < 1, align_corners=False)
    found = forward(window.contiguous(memory_format=torch.channels_last))
    return functional.interpolate(found, size, mode="bilinear", antialias=zoom > 1, align_corners=False)


def _predict_blocks(
    network: nn.Module,
    image: NDArray[np.float32],
    sections: Sequence[int],
    context: int,
    device: torch.device,
    depth: int,
    zoom: float,
) -> NDArray[np.float32]:
    """The same for a 3D network, block by block on the grid of `predict_volume`."""
    forward = AsSections(network, depth)
    found: dict[int, NDArray[np.float32]] = {}
    for start in sorted({z // depth * depth for z in sections}):
        window = torch.from_numpy(image[block_sections(start, depth, len(image), context)])[None].to(device)
        maps = _resampled(network, window, lambda x: torch.sigmoid(forward(x)), zoom)[0].float().cpu().numpy()
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

    Raises
    ------
    EmsegError
        If the network answers with NaN or infinity.
    """
    scores: dict[str, float] = {}
    merits: dict[str, list[float]] = {}
    thresholds: dict[str, list[float]] = {}
    for volume in volumes:
        if not volume.validate:
            continue
        image = volume.normalised()
        zs = list(volume.validate)
        zoom = zoom_of(recipe, volume)
        probability = predict_sections(network, image, zs, recipe.context_sections, device, zoom)
        if not np.isfinite(probability).all():
            raise EmsegError(
                "the network answers with values that are not numbers",
                f"{volume.name}, when it was validated",
                "lower learning_rate in the recipe and begin anew",
            )
        truth = stack_truth(volume, recipe.targets)[:, zs]
        for c, target in enumerate(recipe.targets):
            if (truth[c] == IGNORE).all():
                continue
            own, merit, threshold = _of_target(
                target, probability[c], truth[c], is_graded=target in volume.graded
            )
            if threshold is not None:
                thresholds.setdefault(target, []).append(threshold)
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


def _of_target(
    target: str, probability: NDArray[np.float32], truth: NDArray[np.uint8], *, is_graded: bool
) -> tuple[dict[str, float], float, float | None]:
    """Scores of a target of some sections (z, y, x), how good that is (NaN where it cannot be said), and the best threshold."""
    known = truth != IGNORE
    if target == "membrane" and not is_graded:
        best = boundary_scores(truth == 0, probability)
        own = {key: float(best[key]) for key in ("v_rand", "v_info", "edits_per_100_objects")}
        return own, own["v_rand"] - own["edits_per_100_objects"] / 1000, float(best["threshold"])
    if is_graded:
        found = level_scores(probability[known], truth[known])
        merit = found["explained"]
    else:
        found = mask_scores(probability[known], truth[known])
        merit = found.get("average_precision", math.nan)
    threshold = found.pop("threshold", None)
    return {f"{key}_{target}": value for key, value in found.items()}, merit, threshold


def zoom_of(recipe: TrainRecipe, volume: TrainingVolume) -> float:
    """Model pixels per image pixel; 1 where the model serves the volume's pixel size as it is, see `ModelCard.zoom`."""
    low, high = recipe.pixel_size_range_nm
    same = low <= volume.pixel_size_nm <= high
    return 1.0 if same else volume.pixel_size_nm / recipe.pixel_size_nm


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
