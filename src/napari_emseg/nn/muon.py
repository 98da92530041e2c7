"""Momentum whose steps are turned into orthogonal matrices (Muon, Jordan et al. 2024, https://kellerjordan.github.io/posts/muon).

All directions of a kernel move equally far. Steps are as long as AdamW's would be (Liu et al. 2025, arXiv:2502.16982), so the
same learning rates serve; what that brought in fine-tuning is told in `nn.lesson`. torch's own `Muon` takes matrices only, no
kernels of convolutions, and iterates in 16 bit on the kernel itself, which is slow on a CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

_MOMENTUM = 0.95
LENGTH = 0.2  # of a step, root mean square over the weights: that of AdamW (Liu et al. 2025)
_FEW = 8  # rows or columns: with fewer there is little to make orthogonal
_ROUNDS = 5
_FIRST, _THIRD, _FIFTH = 3.4445, -4.7750, 2.0315  # coefficients of the polynomial (Jordan et al. 2024)


class Muon(torch.optim.AdamW):
    """Orthogonal steps for kernels; biases, normalisation and kernels with few channels go by AdamW.

    Parameters
    ----------
    params : iterable of Tensor or of dict
        As of every optimiser of torch.
    lr : float
        Learning rate; one that suits AdamW.
    weight_decay : float
        Decoupled, as AdamW's.
    length : float
        Of a step of a kernel at learning rate 1, root mean square over its weights.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        weight_decay: float = 0.0,
        length: float = LENGTH,
    ) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay)
        self._length = length

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Change all weights that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        slopes: dict[Tensor, Tensor] = {}
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None and is_matrix(weight):
                    slopes[weight], weight.grad = weight.grad, None  # AdamW leaves alone what has none
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    turned = _turned(slopes[weight], self.state[weight])
                    weight.add_(turned, alpha=-group["lr"] * self._length)
        super().step()
        for weight, slope in slopes.items():
            weight.grad = slope
        return loss


def is_matrix(weight: Tensor) -> bool:
    """Whether a kernel (out, ...) is large enough for orthogonal steps."""
    return weight.ndim > 1 and min(weight.shape[0], weight[0].numel()) >= _FEW


def orthogonal(kernel: Tensor) -> Tensor:
    """The nearest matrix with orthogonal rows or columns, roughly (singular values of 0.7 to 1.2).

    A Newton-Schulz iteration on the smaller of its Gram matrices, which needs a fraction of the arithmetic of one on the kernel.

    Parameters
    ----------
    kernel : Tensor (out, ...)
        Worked on as a matrix (out, all others).

    Returns
    -------
    Tensor
        Of the same shape.
    """
    matrix = kernel.reshape(len(kernel), -1).float()
    is_tall = matrix.shape[0] > matrix.shape[1]
    if is_tall:
        matrix = matrix.T
    matrix = matrix / (matrix.norm() + 1e-7)
    gram = matrix @ matrix.T
    one = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    whole = _factor(gram, one)
    factor = whole
    for _ in range(_ROUNDS - 1):
        gram = factor @ gram @ factor
        factor = _factor(gram, one)
        whole = factor @ whole
    matrix = whole @ matrix
    turned: Tensor = (matrix.T if is_tall else matrix).reshape(kernel.shape)
    return turned.to(kernel.dtype)


def _factor(gram: Tensor, one: Tensor) -> Tensor:
    """What a round multiplies the matrix by."""
    return _FIRST * one + _THIRD * gram + _FIFTH * (gram @ gram)


def _turned(slope: Tensor, state: dict[str, Any]) -> Tensor:
    if "momentum" not in state:
        state["momentum"] = torch.zeros_like(slope)
        state["step"] = torch.zeros(())  # AdamW reads that of every state
    momentum: Tensor = state["momentum"]
    momentum.mul_(_MOMENTUM).add_(slope)
    longer = max(slope.shape[0], slope[0].numel())
    turned: Tensor = orthogonal(slope + _MOMENTUM * momentum) * longer**0.5
    return turned
