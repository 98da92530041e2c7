"""What the starting model says about the sections that are to teach it, before it learns: one prediction of each.

It decides how thick membranes are where labels touch (`nn.flanks`), and is held on to where nobody teaches (`nn.keepsake`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_emseg.nn.flanks import is_open, thickened
from napari_emseg.nn.held_out import TARGET
from napari_emseg.nn.keepsake import levels, nothing_known
from napari_emseg.nn.sections import probabilities
from napari_emseg.nn.watched import watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.core.progress import Progress


def sections_to_see(
    volumes: Sequence[TrainingVolume], card: ModelCard, kept: Sequence[str]
) -> list[tuple[int, int]]:
    """Which sections `first_look` predicts: (number of the volume, section)."""
    return [
        (n, z)
        for n, volume in enumerate(volumes)
        for z in volume.train
        if kept or is_open(volume, z, card.targets)
    ]


def first_look(
    volumes: Sequence[TrainingVolume],
    network: nn.Module,
    card: ModelCard,
    device: torch.device,
    progress: Progress,
    *,
    kept: Sequence[str],
) -> list[TrainingVolume]:
    """Complete the truth of sections that teach with what the model sees there.

    Beside the lines between touching objects, what is seen as membrane becomes membrane; the rest of these flanks
    stays as it is. Targets of `kept` get the answers as graded truth where anything else is known.

    Parameters
    ----------
    volumes : sequence of TrainingVolume
        They are not changed; those to which nothing is added are returned as they are.
    network : nn.Module
        As it is before it is taught.
    progress : Progress
        Told before every section, and within large ones; raising `Cancelled` there ends it.
    kept : sequence of str
        See `nn.keepsake.kept_targets`.

    Returns
    -------
    list of TrainingVolume
    """
    out = list(volumes)
    seen = sections_to_see(volumes, card, kept)
    for number in sorted({n for n, _ in seen} | (set(range(len(out))) if kept else set())):
        volume = volumes[number]
        truth: dict[str, NDArray[np.uint8]] = dict(volume.truth)
        truth |= nothing_known(volume, kept)
        image = volume.normalised()
        for place, (n, z) in enumerate(seen):
            if n != number:
                continue
            where = (
                place / len(seen),
                f"looking at section {place + 1} of {len(seen)} as the model sees it now",
            )
            progress.report(*where)
            with watched(network, lambda where=where: progress.report(*where)):  # type: ignore[misc]
                found = probabilities(network, card, image, z, volume.pixel_size_nm, device)
            if volume.flanks is not None and is_open(volume, z, card.targets):
                if truth[TARGET] is volume.truth[TARGET]:
                    truth[TARGET] = truth[TARGET].copy()
                membrane = found[card.targets.index(TARGET)]
                truth[TARGET][z] = thickened(truth[TARGET][z], volume.flanks[z], membrane)
            known = [truth[target][z] for target in volume.truth]
            for target in kept:
                truth[target][z] = levels(found[card.targets.index(target)], known)
        out[number] = replace(volume, truth=truth)
    return out
