"""Slopes of kernels, computed in the memory order in which a CPU is quickest at them.

Networks answer quickest with channels last, and so they are kept. But the slope of a kernel with regard to the loss
takes two to three times as long in that order as with channels first where maps are large (torch 2.13 with oneDNN on AVX2;
32 to 32 channels, 128 x 128 pixels: 33 and 14 ms on a core), while the slope with regard to the map takes as long in both.
So that one is computed from copies: a step of the shipped network takes an eighth less time on one core and 4 to 8 % less on
two, and its numbers are the same.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

_LEAST_CHANNELS = 16  # with fewer, copies cost what they gain


class _Convolution(torch.autograd.Function):
    """A 2D convolution whose slopes come from maps in different orders."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor | None, where: tuple[Any, ...]) -> Tensor:
        """As `torch.nn.functional.conv2d`; `where` is stride, padding and dilation."""
        ctx.save_for_backward(x, kernel)
        ctx.where, ctx.bias = where, None if bias is None else [len(bias)]
        return nn.functional.conv2d(x, kernel, bias, *where)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        """Slopes with regard to the map, the kernel and the bias."""
        x, kernel = ctx.saved_tensors
        of_map, of_kernel, of_bias = ctx.needs_input_grad[:3]

        def slopes(slope: Tensor, x: Tensor, kernel: Tensor, wanted: list[bool]) -> tuple[Tensor | None, ...]:
            found: tuple[Tensor | None, ...] = torch.ops.aten.convolution_backward(
                slope, x, kernel, ctx.bias, *ctx.where, False, [0, 0], 1, wanted
            )
            return found

        back = slopes(slope, x, kernel, [of_map, False, False])[0] if of_map else None
        if not of_kernel and not of_bias:
            return back, None, None, None
        first = slope.contiguous(), x.contiguous(), kernel.contiguous()
        return back, *slopes(*first, [False, of_kernel, of_bias])[1:], None


@contextmanager
def quick_slopes(network: nn.Module, *, wanted: bool = True) -> Iterator[None]:
    """While this lasts, large 2D convolutions of a network that learns on a CPU compute their slopes the quick way.

    Parameters
    ----------
    network : nn.Module
        In full precision, on the CPU.
    wanted : bool
        False: nothing happens.
    """
    layers = [layer for layer in network.modules() if wanted and _gains(layer)]
    for layer in layers:
        layer.forward = _quick(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # that of its class is seen again


def _gains(layer: nn.Module) -> bool:
    return (
        isinstance(layer, nn.Conv2d)
        and max(layer.kernel_size) > 1
        and min(layer.in_channels, layer.out_channels) >= _LEAST_CHANNELS
        and layer.groups == 1
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
    )


def _quick(layer: Any) -> Callable[[Tensor], Tensor]:
    where = layer.stride, layer.padding, layer.dilation

    def forward(x: Tensor) -> Tensor:
        found: Tensor = _Convolution.apply(x, layer.weight, layer.bias, where)  # type: ignore[no-untyped-call]
        return found

    return forward
