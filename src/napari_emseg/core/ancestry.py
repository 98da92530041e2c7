"""What a model learned from before it was fine-tuned: a line for each of its ancestors, and not their whole records."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_emseg.core.model_card import ModelCard

ANCESTORS = "ancestors"
"""Key of a card's `training`."""

_NESTED = "finetuned_from"  # in cards of earlier versions: the whole record of the parent, with that of its parent inside
_MOST = 20
_DIGITS = 16


def ancestors_with(parent: ModelCard, weights: Path) -> list[dict[str, Any]]:
    """Ancestors of a model that is fine-tuned from this one.

    Parameters
    ----------
    parent : ModelCard
    weights : Path
        File that holds the parent's weights.

    Returns
    -------
    list of dict
        Oldest first, the parent last: ``name``, ``version``, ``weights`` (the first 16 digits of the SHA-256 of the file
        that holds them) and ``taught_by``, names of the volumes; what is not known is left out. Of more than 20 the first
        and the last are listed.
    """
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:_DIGITS]
    itself = {"name": parent.name, "version": parent.version, "weights": digest} | _taught_by(parent.training)
    found = [*_ancestors_of(parent), itself]
    return found if len(found) <= _MOST else [found[0], *found[1 - _MOST :]]


def _ancestors_of(card: ModelCard) -> list[dict[str, Any]]:
    listed = card.training.get(ANCESTORS)
    if isinstance(listed, list):
        return [one for one in listed if isinstance(one, dict)]
    found, name, record = list[dict[str, Any]](), card.parent, card.training.get(_NESTED)
    while isinstance(record, dict):  # they name the model before them only once
        found.insert(0, ({"name": name} if name else {}) | _taught_by(record))
        name, record = "", record.get(_NESTED)
    return found


def _taught_by(training: Mapping[str, Any]) -> dict[str, list[str]]:
    """Volumes of a training, or those whose sections fine-tuned it."""
    taught = training.get("volumes") or training.get("sections")
    return {"taught_by": [str(name) for name in taught]} if isinstance(taught, dict) else {}
