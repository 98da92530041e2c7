"""The loss of a training: terms chosen per target, added up, each logged on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.losses import load_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_emseg.nn.recipe import LossTerm, TrainRecipe

OF_VECTORS = frozenset({"direction", "discriminative"})
"""Losses that want instances or directions as truth: for scripts."""


class TrainingLoss:
    """Weighted mean over targets of what the recipe chose for each.

    Targets that share their terms are computed together, those of every group of exclusive classes on their own.

    Parameters
    ----------
    recipe : TrainRecipe
    """

    def __init__(self, recipe: TrainRecipe) -> None:
        self._targets = recipe.targets
        self._weights = [recipe.target_weights.get(t, 1.0) for t in recipe.targets]
        self._auxiliary = recipe.auxiliary
        together: dict[tuple[str, int], list[int]] = {}
        for c, target in enumerate(recipe.targets):
            classes = [n for n, group in enumerate(recipe.exclusive) if target in group]
            together.setdefault((repr(recipe.terms(target)), classes[0] if classes else -1), []).append(c)
        self._groups = [
            (recipe.terms(recipe.targets[channels[0]]), channels) for channels in together.values()
        ]
        for terms, _ in self._groups:
            for term in terms:
                load_loss(term.loss)  # an unknown name is refused before the training
                if term.loss in OF_VECTORS:
                    raise EmsegError(
                        "this loss is for vectors, which a recipe has no truth for",
                        term.loss,
                        "choose another",
                    )

    def __call__(
        self, outputs: Tensor | Sequence[Tensor], truth: Tensor, weight: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch.

        Parameters
        ----------
        outputs : Tensor (batch, targets, ...), or sequence of these
            Logits. Further ones, of lower resolution, are auxiliary: each counts ``auxiliary`` of the first, against
            truth that is reduced to its size.
        truth, weight : Tensor (batch, targets, ...)

        Returns
        -------
        total : Tensor ()
        parts : dict of str to Tensor ()
            Detached: ``loss/TARGET``, and ``COMPONENT/TARGET`` for targets that something supervises.
        """
        several = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
        total, parts = self._one(several[0], truth, weight)
        for n, logits in enumerate(several[1:], 1):
            small_truth, small_weight = reduce_truth(truth, weight, logits.shape[2:])
            more, _ = self._one(logits, small_truth, small_weight)
            total = total + self._auxiliary * more
            parts[f"auxiliary/{n}"] = more.detach()
        return total, parts

    def _one(self, logits: Tensor, truth: Tensor, weight: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        summed: list[Tensor] = []
        parts: dict[str, Tensor] = {}
        known = weight.detach().sum([0, *range(2, weight.ndim)]) > 0
        for terms, channels in self._groups:
            whole = len(channels) == len(self._targets)
            cut = [t if whole else t[:, channels] for t in (logits, truth, weight)]
            shares = torch.tensor([self._weights[c] for c in channels], device=logits.device)
            value = torch.zeros(len(channels), device=logits.device)
            for term in terms:
                found = _call(term, *cut)
                value = value + term.share * found.pop("per_target")
                for name, component in found.items():
                    for i, c in enumerate(channels):
                        parts[f"{name}/{self._targets[c]}"] = component.expand(len(channels))[i]
            for i, c in enumerate(channels):
                parts[f"loss/{self._targets[c]}"] = value[i].detach()
            summed.append((value * shares).sum())
        taught = {t for c, t in enumerate(self._targets) if known[c]}
        parts = {name: v for name, v in parts.items() if name.partition("/")[2] in taught}
        return torch.stack(summed).sum() / sum(self._weights), parts


def _call(term: LossTerm, logits: Tensor, truth: Tensor, weight: Tensor) -> dict[str, Tensor]:
    try:
        return dict(load_loss(term.loss)(logits, truth, weight, **term.arguments))
    except (TypeError, ValueError) as error:
        raise EmsegError("the loss does not take these arguments", term.loss, str(error)) from error


def reduce_truth(truth: Tensor, weight: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Truth and weight at a lower resolution: the truth by its mean over known pixels, which makes it soft.

    Parameters
    ----------
    truth, weight : Tensor (batch, targets, ...)
    size : sequence of int
        Extent wanted, (y, x) or (z, y, x).
    """
    if tuple(size) == tuple(truth.shape[2:]):
        return truth, weight
    pool = functional.adaptive_avg_pool3d if truth.ndim == 5 else functional.adaptive_avg_pool2d
    small = pool(weight, size)  # type: ignore[arg-type]
    return pool(truth * weight, size) / small.clamp(min=1e-6), small  # type: ignore[arg-type]
