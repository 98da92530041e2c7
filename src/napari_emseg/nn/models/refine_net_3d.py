"""A small network without pooling that prunes or refines a prediction (453,121 weights for 32 input channels)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from napari_emseg.nn.models.blocks3d import CUBE, FLAT
from napari_emseg.nn.models.residual_unet_3d import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class RefineNet3D(nn.Module):
    """Residual stages at full resolution: two within the section, one cubic.

    Parameters
    ----------
    sections : int
        Input channels, such as an image with the predictions about it, or an embedding.
    targets : int
        Output channels (logits).
    """

    dims = 3
    divisor = (1, 1, 1)

    def __init__(self, sections: int = 1, targets: int = 1, widths: Sequence[int] = (32, 64, 64)) -> None:
        super().__init__()
        kernels = [FLAT] * (len(widths) - 1) + [CUBE]
        self.stages = nn.Sequential(
            *(
                Stage(a, b, kernel, "relu")
                for a, b, kernel in zip((sections, *widths[:-1]), widths, kernels, strict=True)
            )
        )
        self.out = nn.Conv3d(widths[-1], targets, FLAT, padding=(0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, z, y, x) to logits (batch, targets, z, y, x)."""
        logits: Tensor = self.out(self.stages(x))
        return logits
