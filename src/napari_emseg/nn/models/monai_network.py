"""Networks of MONAI, where that is installed: U-Nets, SegResNet, Swin UNETR and others, in 2D and 3D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.models.sizes import cut, padded

if TYPE_CHECKING:
    from torch import Tensor

NETWORKS = ("AttentionUnet", "BasicUNet", "FlexibleUNet", "SegResNet", "SwinUNETR", "UNet", "VNet")


class MonaiNetwork(nn.Module):
    """A network of ``monai.networks.nets``.

    Parameters
    ----------
    sections, targets : int
    network : str
        Name of the class, such as "SegResNet".
    dims : {2, 3}
    divisor : int
        The extent is padded to a multiple of this.
    options : mapping
        Further arguments of the class.

    Raises
    ------
    EmsegError
        If MONAI is not installed, or has no such network.
    """

    def __init__(
        self,
        sections: int = 1,
        targets: int = 1,
        network: str = "BasicUNet",
        dims: int = 2,
        divisor: int = 32,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        try:
            from monai.networks import nets
        except ImportError as error:
            raise EmsegError(
                "this network needs MONAI", network, 'install it: pip install "napari-emseg[monai]"'
            ) from error
        if network not in NETWORKS:
            raise EmsegError("unknown MONAI network", network, f"choose one of: {', '.join(NETWORKS)}")
        self.dims = dims
        self._divisors = (divisor,) * dims
        self.divisor = divisor if dims == 2 else self._divisors
        made = getattr(nets, network)
        self.body: nn.Module = made(
            spatial_dims=dims, in_channels=sections, out_channels=targets, **(options or {})
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x), or (batch, 1, z, y, x), to logits of the same extent, any size."""
        return cut(self.body(padded(x, self._divisors)), x.shape[2:])
