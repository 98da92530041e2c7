"""Models as programs that run without this one: TorchScript and ONNX, giving probabilities.

Both take normalised sections whose extent is a multiple of the network's divisor.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.jit._trace import TracerWarning

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from napari_emseg.core.model_card import ModelCard

OPSET = 17
_SMALLEST = 64  # pixels: extent of the example with which a network is traced
_TOLERANCE = 1e-3


class Probabilities(nn.Module):
    """A network with its logistic function."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x), or (batch, 1, z, y, x), to probabilities."""
        return torch.sigmoid(self.network(x))


def steps(network: nn.Module) -> tuple[int, ...]:
    """Extents of an exported model are multiples of these, (y, x) or (z, y, x)."""
    divisor = getattr(network, "divisor", 1)
    if isinstance(divisor, tuple):
        return divisor
    return (int(divisor),) * getattr(network, "dims", 2)


def example(network: nn.Module, card: ModelCard, *, larger: int = 0, seed: int = 0) -> Tensor:
    """A normalised input of a legal extent, with `larger` steps more in the last axis."""
    extents = []
    for axis, step in enumerate(steps(network)):
        least = max(1, card.depth) if axis == 0 and card.depth else _SMALLEST
        extents.append(-(-least // step) * step)
    extents[-1] += larger * steps(network)[-1]
    channels = 1 if card.depth else int(card.arguments.get("sections", 1))
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, *extents, generator=generator)


def export_torchscript(network: nn.Module, card: ModelCard, path: Path) -> None:
    """Write a TorchScript program.

    Raises
    ------
    EmsegError
        If the program does not answer as the network does for another extent.
    """
    whole = Probabilities(network).eval()
    with _quiet(), torch.no_grad():
        traced: Any = torch.jit.trace(  # type: ignore[no-untyped-call]
            whole, example(network, card), check_trace=False
        )
        _compare(whole, traced, example(network, card, larger=1, seed=1), card)
        traced.save(str(path))


def export_onnx(network: nn.Module, card: ModelCard, path: Path) -> None:
    """Write an ONNX graph; batch, y and x (and z) are free.

    Raises
    ------
    EmsegError
        If the package ``onnx`` is not installed.
    """
    try:
        import onnx  # noqa: F401 - torch needs it
    except ImportError as error:
        raise EmsegError(
            "ONNX cannot be written without its package",
            "onnx",
            'install it: pip install "napari-emseg[interop]"',
        ) from error
    names = ("z", "y", "x")[-getattr(network, "dims", 2) :]
    free = {0: "batch"} | {n + 2: name for n, name in enumerate(names)}
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            Probabilities(network).eval(),
            (example(network, card),),
            str(path),
            dynamo=False,
            input_names=["raw"],
            output_names=["probability"],
            dynamic_axes={"raw": free, "probability": free},
            opset_version=OPSET,
        )


def _compare(one: nn.Module, other: nn.Module, x: Tensor, card: ModelCard) -> None:
    wanted, found = one(x), other(x)
    if found.shape != wanted.shape or float((found - wanted).abs().max()) > _TOLERANCE:
        raise EmsegError(
            "this network cannot be exported: what it does depends on the extent of its input",
            card.architecture,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Tracing warns about itself, and about decisions that legal extents make superfluous (`_compare` checks that)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", TracerWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield
