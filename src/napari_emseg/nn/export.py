"""Models as programs that run without this one: TorchScript and ONNX, giving probabilities.

Both take normalised sections of any extent: the program itself mirrors them up to a multiple of the network's divisor,
and cuts its answer back.
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
    """A network with its logistic function, as a program of tensors alone.

    What is decided in Python is decided once, when the program is written, and so is the device of new tensors. So
    the extent of the input stays a tensor here, numbers of pixels come from a buffer that moves with the program, and
    padding is picking pixels by these numbers: the same pixels that `models.sizes.padded` takes.
    """

    one: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("one", torch.ones(1, dtype=torch.int64))
        self._steps = steps(network)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, sections, y, x), or (batch, 1, z, y, x), to probabilities."""
        extents = torch._shape_as_tensor(x)[2:]
        step = torch.tensor(self._steps)
        wanted = torch.div(extents + step - 1, step, rounding_mode="floor") * step
        mirrors = (wanted - extents < extents).all().to(torch.int64)
        for axis, divisor in enumerate(self._steps):
            if divisor > 1:
                last, places = extents[axis] - 1, self._numbers(wanted[axis])
                mirrored, repeated = last - (last - places).abs(), places.clamp(max=last)
                x = x.index_select(axis + 2, mirrors * mirrored + (1 - mirrors) * repeated)
        found = torch.sigmoid(self.network(x))
        for axis, divisor in enumerate(self._steps):
            if divisor > 1:
                found = found.index_select(axis + 2, self._numbers(extents[axis]))
        return found

    def _numbers(self, n: Tensor) -> Tensor:
        """0 to ``n`` - 1."""
        ones = self.one.expand(n)  # type: ignore[call-overload]  # a tensor stands for a number here
        return torch.cumsum(torch.ones_like(ones), 0) - 1


def steps(network: nn.Module) -> tuple[int, ...]:
    """Extents that a network works on are multiples of these, (y, x) or (z, y, x)."""
    divisor = getattr(network, "divisor", 1)
    if isinstance(divisor, tuple):
        return divisor
    return (int(divisor),) * getattr(network, "dims", 2)


def example(network: nn.Module, card: ModelCard, *, larger: int = 0, odd: int = 0, seed: int = 0) -> Tensor:
    """A normalised input of a multiple of the steps, with `larger` steps and `odd` pixels more in the last axis."""
    extents = []
    for axis, step in enumerate(steps(network)):
        least = max(1, card.depth) if axis == 0 and card.depth else _SMALLEST
        extents.append(-(-least // step) * step)
    extents[-1] += larger * steps(network)[-1] + odd
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
        for odd in (0, 1):
            _compare(whole, traced, example(network, card, larger=1, odd=odd, seed=1), card)
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
