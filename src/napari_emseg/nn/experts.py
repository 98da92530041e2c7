"""A model that learned from pixels of another size keeps beside it what it was before, for the stacks that it knew.

Going all the way to FIB-SEM of 10 nm costs a model of ssTEM 1.4 times the edits on what it came from. Pixels of the two are
told apart by their size, so nothing has to be forgotten: weights are chosen by `ModelCard.serving` (Expert Gate, Aljundi et
al. 2017), and each lesson changes those that answer for its stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.model_card import read_card
from napari_emseg.nn.checkpoint import former_prefix, save_model, tensors_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from napari_emseg.core.model_card import ModelCard


def save_taught(
    folder: Path,
    source: Path,
    taught: ModelCard,
    tensors: Mapping[str, Tensor],
    *,
    former: int | None,
    keeps: bool,
) -> ModelCard:
    """Write what a model has become by a lesson, with what else it knows.

    Parameters
    ----------
    folder : Path
        To write.
    source : Path
        The model that was taught; it may be `folder` itself.
    taught : ModelCard
        Of what has learned: the model as it is, or one of its `formers`.
    tensors : mapping of str to Tensor
        All weights of that, with its judge.
    former : int or None
        Which of the `formers` has learned.
    keeps : bool
        Whether what it was before is kept beside it, for the pixels that it knew.

    Returns
    -------
    ModelCard
        Of the whole.

    Raises
    ------
    OSError
        If a file can be neither read nor written.
    """
    old = read_card(source)
    cards = [old, *old.formers]
    states = [tensors_of(source), *(tensors_of(source, n) for n in range(len(old.formers)))]
    place = 0 if former is None else former + 1
    if keeps:
        cards, states = [taught, *cards], [dict(tensors), *states]
    else:
        cards[place], states[place] = taught, dict(tensors)
    cards = [card.model_copy(update={"formers": ()}) for card in cards]
    version = {key: getattr(taught, key) for key in ("name", "version", "parent", "training", "scores")}
    whole = cards[0].model_copy(update=version | {"formers": tuple(cards[1:])})
    state = states[0]
    for n, one in enumerate(states[1:]):
        state |= {former_prefix(n) + name: tensor for name, tensor in one.items()}
    save_model(folder, state, whole)
    return whole
