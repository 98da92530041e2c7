"""Losses for what a pixel is told by its vector: to which instance it belongs, or which way something lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

_TINY = 1e-8


def discriminative(
    embedding: Tensor,
    instances: Tensor,
    weight: Tensor,
    *,
    pull: float = 0.5,
    push: float = 1.5,
    size_share: float = 0.001,
) -> dict[str, Tensor]:
    """Discriminative loss over any number of instances (De Brabandere, Neven, Van Gool 2017).

    Pixels are pulled within `pull` of the mean of their instance, means are pushed `2 push` apart, and kept from
    running away by a term of share `size_share`.

    Parameters
    ----------
    embedding : Tensor (batch, length, ...)
    instances : Tensor (batch, 1, ...)
        Whole numbers; 0 is no instance.
    weight : Tensor (batch, 1, ...)
        0 where nothing is known.

    Returns
    -------
    dict of str to Tensor
        ``per_target`` (1,) and the detached components ``pull``, ``push`` and ``size``: means over the samples that have
        an instance; 0 where none has.
    """
    terms = []
    for vectors, ids, known in zip(embedding, instances[:, 0], weight[:, 0], strict=True):
        there = (ids > 0) & (known > 0)
        if there.any():
            terms.append(_one_sample(vectors[:, there], ids[there], pull, push))
    if not terms:
        zero = embedding.sum() * 0
        nothing = zero.detach()
        return {"per_target": zero[None], "pull": nothing, "push": nothing, "size": nothing}
    together = torch.stack(terms).mean(0)
    total = together[0] + together[1] + size_share * together[2]
    found = together.detach()
    return {"per_target": total[None], "pull": found[0], "push": found[1], "size": found[2]}


def _one_sample(vectors: Tensor, ids: Tensor, pull: float, push: float) -> Tensor:
    """The three terms of (length, n) vectors of n pixels."""
    _, index = torch.unique(ids, return_inverse=True)
    count = int(index.max()) + 1
    sizes = torch.zeros(count, dtype=vectors.dtype, device=vectors.device).index_add_(
        0, index, torch.ones_like(vectors[0])
    )
    means = torch.zeros(vectors.shape[0], count, dtype=vectors.dtype, device=vectors.device)
    means = means.index_add(1, index, vectors) / sizes
    away = (_norm(vectors - means[:, index]) - pull).clamp(min=0).square()
    pulled = (torch.zeros_like(sizes).index_add(0, index, away) / sizes).mean()
    size = _norm(means).mean()
    if count < 2:
        return torch.stack((pulled, pulled * 0, size))
    first, second = torch.triu_indices(count, count, 1, device=vectors.device)
    close = (2 * push - _norm(means[:, first] - means[:, second])).clamp(min=0).square()
    return torch.stack((pulled, close.mean(), size))


def _norm(vectors: Tensor) -> Tensor:
    # a root has no slope at 0
    return (vectors.square().sum(0) + _TINY**2).sqrt()


def direction(found: Tensor, truth: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """One minus the cosine between two fields of vectors, where the true one is not zero.

    Parameters
    ----------
    found, truth : Tensor (batch, axes, ...)
        Components of the vectors; lengths do not matter.
    weight : Tensor (batch, axes, ...)
        A pixel is known if all its components are.

    Returns
    -------
    dict of str to Tensor
        ``per_target`` (1,) and the detached component ``direction``.
    """
    length = truth.square().sum(1).sqrt()
    known = weight.amin(1) * (length > _TINY)
    product = (found * truth).sum(1)
    cosine = product / ((found.square().sum(1) + _TINY).sqrt() * length.clamp(min=_TINY))
    value = ((1 - cosine) * known).sum() / known.sum().clamp(min=1)
    return {"per_target": value[None], "direction": value.detach()[None]}
