"""What a network says about a whole section, at the pixel size that it was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_emseg.nn.validate import predict_sections

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from napari_emseg.core.model_card import ModelCard


@torch.inference_mode()
def probabilities(
    network: nn.Module,
    card: ModelCard,
    image: NDArray[np.float32],
    z: int,
    pixel_size_nm: float,
    device: torch.device,
) -> NDArray[np.float32]:
    """Probabilities of one section in one piece, resampled as `Predictor` does.

    Parameters
    ----------
    image : ndarray (z, y, x) float32
        Normalised stack, or a crop of it.
    z : int
        The section.

    Returns
    -------
    ndarray (targets, y, x) float32
    """
    zoom = card.usable_zoom((pixel_size_nm, pixel_size_nm, pixel_size_nm))
    return predict_sections(network, image, [z], card.context_sections, device, zoom)[:, 0]
