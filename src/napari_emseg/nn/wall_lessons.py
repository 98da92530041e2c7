"""What a judge of walls learns from: a network's own predictions of sections whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_emseg.algorithms.specks import fill_specks
from napari_emseg.core.learning import IGNORE
from napari_emseg.core.progress import Silent
from napari_emseg.nn.judge import MEMBRANE, Lesson, fresh, lesson_of
from napari_emseg.nn.sections import probabilities
from napari_emseg.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.core.progress import Progress
    from napari_emseg.nn.judge import Judge

_ROUNDS = 15
_FEWEST = 200  # walls, of which both kinds: less says nothing


def can_judge(card: ModelCard) -> bool:
    """Whether a model draws membranes section by section."""
    return MEMBRANE in card.targets and not card.depth


def train_judge(
    network: nn.Module,
    card: ModelCard,
    volumes: Sequence[TrainingVolume],
    device: torch.device,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Judge | None:
    """Learn which walls are true from the sections that taught the network.

    The network must not know these sections by heart: what it says about them has to look like what it says about
    others. Each is predicted as it is and as the mean over its mirror images, because both are used.

    Parameters
    ----------
    network : nn.Module
    card : ModelCard
        Says what its outputs are.
    volumes : sequence of TrainingVolume
        Sections of ``train`` with membranes.
    device : torch.device
    seed : int
    progress : Progress, optional

    Returns
    -------
    Judge, or None
        None where there are too few walls, or only true or only false ones.
    """
    if not can_judge(card):
        return None
    others = tuple(target for target in card.targets if target != MEMBRANE)
    parts: list[Lesson] = []
    names: tuple[str, ...] = ()
    progress = progress or Silent()
    teaching = [volume for volume in volumes if MEMBRANE in volume.truth and volume.train]
    total = sum(len(volume.train) for volume in teaching)
    for volume in teaching:
        image = volume.normalised()
        for z in volume.train:
            progress.report(len(parts) / (2 * total), f"walls of section {len(parts) // 2 + 1} of {total}")
            for maps in predictions(network, card, image, z, volume.pixel_size_nm, device):
                lesson, names = section_lesson(maps, others, volume, z, weight_each=min(2.0, volume.share))
                parts.append(lesson)
    whole = Lesson.joined(parts) if parts else None
    if whole is None or whole.true.sum() < _FEWEST or (~whole.true).sum() < _FEWEST:
        return None
    return fresh(whole, names, others, seed).learn(whole, rounds=_ROUNDS, seed=seed)


def section_lesson(
    maps: dict[str, NDArray[np.float32]],
    others: Sequence[str],
    volume: TrainingVolume,
    z: int,
    *,
    weight_each: float = 1.0,
) -> tuple[Lesson, tuple[str, ...]]:
    """What one section of a volume teaches about walls, and the names of the features."""
    truth = volume.truth[MEMBRANE][z]
    return lesson_of(
        maps, others, truth == 0, volume.pixel_size_nm, known=truth != IGNORE, weight_each=weight_each
    )


def predictions(
    network: nn.Module,
    card: ModelCard,
    image: NDArray[np.float32],
    z: int,
    pixel_nm: float,
    device: torch.device,
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Maps of a section by target, once as they are and once as the mean over four mirror images.

    Parameters
    ----------
    image : ndarray (z, y, x) float32
        Normalised stack.
    z : int
    pixel_nm : float
    """
    smallest_px = PredictSettings().smallest_cell_nm2 / pixel_nm**2
    first = max(0, z - card.context_sections)
    window = image[first : z + card.context_sections + 1]

    def look(rows: int, columns: int) -> NDArray[np.float32]:
        seen = np.ascontiguousarray(window[:, ::rows, ::columns])
        return probabilities(network, card, seen, z - first, pixel_nm, device)[:, ::rows, ::columns]

    views = [look(rows, columns) for rows in (1, -1) for columns in (1, -1)]
    for found in (views[0], np.mean(views, 0, dtype=np.float32)):
        maps = dict(zip(card.targets, np.ascontiguousarray(found), strict=True))
        maps[MEMBRANE] = fill_specks(maps[MEMBRANE], smallest_px)
        yield maps
