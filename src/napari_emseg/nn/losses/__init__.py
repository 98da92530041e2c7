"""One loss a file; `nn.LOSSES` lists them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn import LOSSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Loss = Callable[..., dict[str, Tensor]]  # (logits, truth, weight, **arguments)


def load_loss(name: str) -> Loss:
    """The loss of this name.

    Raises
    ------
    EmsegError
        If there is none.
    """
    if name not in LOSSES:
        raise EmsegError("unknown loss", name, f"choose one of: {', '.join(sorted(LOSSES))}")
    module, function = LOSSES[name].split(":")
    loss: Loss = getattr(import_module(module), function)
    return loss
