"""Weight maps: which pixels of a target matter most.

A membrane that is open in one place merges two cells, however well the rest of it is drawn, so the line
along its middle counts more than its flanks (the idea of the U-Net's weight map, Ronneberger et al. 2015, and
of skeleton recall, Kirchhoff et al. 2024). Most of all count the pixels through which objects leak into each
other right now, and those that cut one into pieces: these are what a person would have to mend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import Field
from scipy import ndimage as ndi
from skimage.morphology import skeletonize

from napari_emseg.algorithms.leaks import leaks_and_tears
from napari_emseg.core.learning import IGNORE
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

WEIGHT_UNIT = 16
"""Weights travel with the truth as integers: this many stand for one."""


_LEAST = 1e-4  # of a pixel's weight is left however far it lies from the middle


class Emphasis(Settings):
    """Additional weight, beside the 1 that every pixel has, of the first target (the membrane); and of all, by their place."""

    inside: float = Field(0.0, ge=0, le=7, description="of pixels of the target")
    centreline: float = Field(0.0, ge=0, le=7, description="of pixels on its centreline and beside it")

    leak: float = Field(0.0, ge=0, description="of pixels through which the prediction merges objects")
    tear: float = Field(0.0, ge=0, description="of pixels where the prediction cuts an object")
    centre: float = Field(
        0.0, ge=0, le=10,
        description="all targets: pixels count by a Gaussian about the middle of their sample, of this many halves of its "
        "extent (0.9 for polarity of synapses); 0: all alike",
    )  # fmt: skip

    @property
    def matters(self) -> bool:
        """Whether any pixel weighs more than another."""
        return self.inside > 0 or self.centreline > 0

    def by_errors(self, logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """Weights of a batch, raised where the prediction merges or tears objects.

        Parameters
        ----------
        logits, truth, weight : Tensor (batch, targets, y, x)
            As the loss takes them. Only the first target gains weight, and only where it has some.

        Returns
        -------
        Tensor (batch, targets, y, x)
            `weight` itself when neither leaks nor tears matter, or the samples are volumes.
        """
        if not (self.leak or self.tear) or logits.ndim != 4:
            return weight
        probability = torch.sigmoid(logits[:, 0].detach().float()).cpu().numpy()
        member, known = truth[:, 0].cpu().numpy() > 0, weight[:, 0].cpu().numpy() > 0
        more = np.zeros(probability.shape, np.float32)
        for b in range(len(more)):
            leaks, tears = leaks_and_tears(probability[b], member[b], known[b])
            more[b] = self.leak * leaks + self.tear * tears
        weight = weight.clone()
        weight[:, 0] += torch.from_numpy(more).to(weight.device)
        return weight

    def by_place(self, weight: Tensor) -> Tensor:
        """Weights of a batch (batch, targets, [z,] y, x), lower towards the faces of the samples where `centre` is given."""
        if not self.centre:
            return weight
        factor = torch.ones((), device=weight.device)
        for axis, extent in enumerate(weight.shape[2:]):
            at = (2 * torch.arange(extent, device=weight.device) + 1) / extent - 1
            bell = torch.exp(-0.5 * (at / self.centre) ** 2)
            factor = factor * bell.reshape(-1, *(1,) * (weight.ndim - 3 - axis))
        return weight * (factor + _LEAST)

    def of(self, truth: NDArray[np.uint8], sections: Sequence[int]) -> NDArray[np.uint8]:
        """Weights in units of `WEIGHT_UNIT`, of the shape of the truth (targets, z, y, x).

        Only the listed sections are computed; nobody learns from the others.
        """
        out = np.full(truth.shape, WEIGHT_UNIT, np.uint8)
        for z in sections:
            target = truth[0, z] == 1
            line = ndi.binary_dilation(skeletonize(target)) & target
            weight = 1 + self.inside * target + self.centreline * line
            out[0, z] = np.minimum(np.rint(weight * WEIGHT_UNIT), IGNORE)
        return out


def split_weights(drawn: Tensor, targets: int) -> tuple[Tensor, Tensor]:
    """Truth and weights of a batch (batch, targets or twice as many, y, x); the weight is 0 where unknown."""
    truth = drawn[:, :targets]
    weight = (truth != IGNORE).float()
    if drawn.shape[1] > targets:
        weight = weight * drawn[:, targets:].float() / WEIGHT_UNIT
    return (truth == 1).float(), weight
