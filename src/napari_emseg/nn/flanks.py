"""How thick membranes are where labels touch: the labels do not say it, but the model that is taught has seen many.

Objects that a program has grown touch, and the line between them has no thickness. Drawn everywhere as thick, it calls
much of what is membrane the inside of cells, and thin processes membrane: a model that was right there unlearns it. So
what the starting model sees beside the line, joined to it, stays membrane. What is farther from every line is what the
labels say: inside.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_emseg.nn.held_out import TARGET
from napari_emseg.nn.sections import probabilities

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from numpy.typing import NDArray
    from torch import nn

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.core.model_card import ModelCard

_SEEN = 0.5  # probability from which on there is a membrane


def with_seen_flanks(
    volumes: Iterable[TrainingVolume], network: nn.Module, card: ModelCard, device: torch.device
) -> list[TrainingVolume]:
    """Make membrane of what the model sees as such beside the lines between touching objects.

    Parameters
    ----------
    volumes : iterable of TrainingVolume
        Those without ``flanks`` stay as they are.
    network : nn.Module
        As it is before it is taught.

    Returns
    -------
    list of TrainingVolume
        The rest of the flanks stays as it is: next to the line unknown, then inside.
    """
    return [_with_seen(volume, network, card, device) for volume in volumes]


def _with_seen(
    volume: TrainingVolume, network: nn.Module, card: ModelCard, device: torch.device
) -> TrainingVolume:
    if volume.flanks is None or TARGET not in volume.truth or TARGET not in card.targets:
        return volume
    truth, image = volume.truth[TARGET].copy(), volume.normalised()
    for z in volume.train:
        if volume.flanks[z].any():
            found = probabilities(network, card, image, z, volume.pixel_size_nm, device)
            truth[z] = thickened(truth[z], volume.flanks[z], found[card.targets.index(TARGET)])
    return replace(volume, truth={**volume.truth, TARGET: truth})


def thickened(
    truth: NDArray[np.uint8], flanks: NDArray[np.bool_], probability: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Membrane truth of a section, with what is seen beside its lines.

    Parameters
    ----------
    truth : ndarray (y, x)
        1 membrane; other values are not looked at.
    flanks : ndarray (y, x) of bool
        Beside the lines between touching objects.
    probability : ndarray (y, x)
        Of membranes, as the model sees them.
    """
    lines = truth == 1
    seen = flanks & (probability >= _SEEN)
    out = truth.copy()
    out[ndi.binary_propagation(lines, mask=seen | lines)] = 1
    return out
