"""Scores of a network on the validation sections, by the measures that matter to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_emseg.algorithms.metrics.boundary import boundary_scores
from napari_emseg.core.learning import IGNORE
from napari_emseg.nn.dataset import neighbours, stack_truth

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
    out = []
    for z in sections:
        window = torch.from_numpy(image[neighbours(z, len(image), context)])[None]
        logits = network(window.to(device, memory_format=torch.channels_last))
        out.append(torch.sigmoid(logits)[0].float().cpu().numpy())
    return np.stack(out, 1)


def validate(
    network: nn.Module, volumes: Sequence[TrainingVolume], recipe: TrainRecipe, device: torch.device
) -> dict[str, float]:
    """Scores per volume and target, as ``volume/score``, and their summary ``merit`` (higher is better).

    Membranes are scored by V_rand, V_info and edits per 100 objects, other targets by Dice at one half.
    """
    scores: dict[str, float] = {}
    merits: list[float] = []
    thresholds: list[float] = []
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
            if target == "membrane":
                found = boundary_scores(truth[c] == 0, probability[c])
                for key in ("v_rand", "v_info", "edits_per_100_objects"):
                    scores[f"{volume.name}/{key}"] = float(found[key])
                merits.append(float(found["v_rand"]) - float(found["edits_per_100_objects"]) / 1000)
                thresholds.append(float(found["threshold"]))
            else:
                dice = dice_at_half(probability[c][known], truth[c][known])
                scores[f"{volume.name}/dice_{target}"] = dice
    if merits:
        scores["merit"] = float(np.mean(merits))
        scores["threshold_membrane"] = float(np.mean(thresholds))
    return scores


def dice_at_half(probability: NDArray[np.float32], truth: NDArray[np.uint8]) -> float:
    """Dice of a probability thresholded at 0.5; 1 if both are empty."""
    found, there = probability > 0.5, truth == 1
    size = int(found.sum() + there.sum())
    return 2 * int((found & there).sum()) / size if size else 1.0
