"""Any input size for networks that halve their input: padding up and cutting back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def padded(x: Tensor, divisor: Sequence[int]) -> Tensor:
    """Extend the last axes of a batch at their end to multiples, mirrored where the input is large enough.

    Parameters
    ----------
    x : Tensor (batch, channels, ...)
    divisor : sequence of int
        One number per axis of space.
    """
    missing = [-n % d for n, d in zip(x.shape[2:], divisor, strict=True)]
    if not any(missing):
        return x
    mirrored = all(m < n for m, n in zip(missing, x.shape[2:], strict=True))
    pads = [p for m in reversed(missing) for p in (0, m)]
    return functional.pad(x, pads, mode="reflect" if mirrored else "replicate")


def cut(x: Tensor, size: Sequence[int]) -> Tensor:
    """The first `size` pixels of the last axes."""
    for axis, n in enumerate(size, x.ndim - len(size)):
        x = x.narrow(axis, 0, n)
    return x


def centred(x: Tensor, size: Sequence[int]) -> Tensor:
    """The middle `size` pixels of the last axes, for skips of valid convolutions."""
    for axis, n in enumerate(size, x.ndim - len(size)):
        x = x.narrow(axis, (x.shape[axis] - n) // 2, n)
    return x


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """Linear interpolation to another size, pixel borders aligned."""
    mode = "trilinear" if x.ndim == 5 else "bilinear"
    return functional.interpolate(x, list(size), mode=mode, align_corners=False)
