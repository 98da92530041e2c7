"""What a network says about a whole section, at the pixel size that it was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from napari_emseg.nn.dataset import neighbours
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
    zoom = card.zoom((pixel_size_nm, pixel_size_nm, pixel_size_nm))
    if zoom == 1 or card.depth:
        return predict_sections(network, image, [z], card.context_sections, device)[:, 0]
    network.eval()
    window = torch.from_numpy(image[neighbours(z, len(image), card.context_sections)])[None].to(device)
    size = window.shape[-2:]
    divisor = int(getattr(network, "divisor", 1))
    target = [max(divisor, round(n * zoom)) for n in size]
    window = functional.interpolate(window, target, mode="bilinear", antialias=zoom < 1, align_corners=False)
    found = torch.sigmoid(network(window.contiguous(memory_format=torch.channels_last)))
    found = functional.interpolate(found, size, mode="bilinear", antialias=zoom > 1, align_corners=False)
    return np.asarray(found[0].float().cpu().numpy(), np.float32)
