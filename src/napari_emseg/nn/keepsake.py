"""What a model found before it learns something else: answers to hold on to.

Fine-tuning supervises membranes alone, and the outputs beside them would drift with the features that they share.
So the starting model's own answers about the other targets become truth on the sections that teach (learning without
forgetting, Li and Hoiem 2016).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.learning import IGNORE, LEVELS
from napari_emseg.nn.sections import probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray
    from torch import nn

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.core.model_card import ModelCard


def with_keepsakes(
    volumes: Sequence[TrainingVolume], network: nn.Module, card: ModelCard, device: torch.device
) -> tuple[list[TrainingVolume], tuple[str, ...]]:
    """Add the model's answers as graded truth, and say for which targets.

    Parameters
    ----------
    volumes : sequence of TrainingVolume
        What is to be learned. Where nothing of it is known, nothing is kept either.

    Returns
    -------
    volumes : list of TrainingVolume
    kept : tuple of str
        Targets of the model that no volume supervises.
    """
    learned = {target for volume in volumes for target in volume.truth}
    kept = tuple(target for target in card.targets if target not in learned)
    if not kept:
        return list(volumes), ()
    out = []
    for volume in volumes:
        known = np.any([values != IGNORE for values in volume.truth.values()], axis=0)
        truth: dict[str, NDArray[np.uint8]] = dict(volume.truth)
        truth |= {target: np.full(volume.image.shape, IGNORE, np.uint8) for target in kept}
        image = volume.normalised()
        for z in volume.train:
            found = probabilities(network, card, image, z, volume.pixel_size_nm, device)
            for target in kept:
                levels = np.rint(found[card.targets.index(target)] * LEVELS)
                truth[target][z] = np.where(known[z], levels, IGNORE)
        out.append(replace(volume, truth=truth))
    return out, kept
