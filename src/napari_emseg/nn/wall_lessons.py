"""What a judge of walls learns from: a network's own predictions of sections whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_emseg.algorithms.specks import fill_specks
from napari_emseg.core.learning import IGNORE
from napari_emseg.core.progress import Silent
from napari_emseg.nn.held_out import shifted
from napari_emseg.nn.judge import MEMBRANE, Lesson, fresh, lesson_of, log_loss
from napari_emseg.nn.sections import probabilities
from napari_emseg.nn.watched import unheard
from napari_emseg.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.core.progress import Progress
    from napari_emseg.nn.held_out import Question
    from napari_emseg.nn.judge import Judge
    from napari_emseg.nn.watched import Look

    Maps = dict[str, NDArray[np.float32]]

_ROUNDS = 10
_SHIFT = 0.7  # of the log-odds: other tissue is drawn more or less boldly
_FEWEST = 200  # walls, of which both kinds: less says nothing
_MORE_ROUNDS, _MORE_RATE, _MORE_FEWEST = (5, 10, 20), 1e-3, 100  # for a judge that is taught further
_PARTS = 4  # each is judged by one that has heard the others
_MOST_TRIED = 4000  # walls by which it is found out how much helps


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
    others. Volumes with a share below 1, which only show the network more of the world, teach a judge only where there
    are no others: with phantoms it was worse on real tissue.

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
    teaching = [volume for volume in teaching if volume.share >= 1] or teaching
    total, done = sum(len(volume.train) for volume in teaching), 0
    for volume in teaching:
        image = volume.normalised()
        for z in volume.train:
            progress.report(done / total, f"walls of section {done + 1} of {total}")
            done += 1
            for maps in predictions(network, card, image, z, volume.pixel_size_nm, device):
                lesson, names = section_lesson(maps, others, volume, z, weight_each=min(2.0, volume.share))
                parts.append(lesson)
    whole = Lesson.joined(parts) if parts else None
    if whole is None or whole.true.sum() < _FEWEST or (~whole.true).sum() < _FEWEST:
        return None
    return fresh(whole, names, others, seed).learn(whole, rounds=_ROUNDS, seed=seed)


def taught_on(
    judge: Judge, maps: Iterable[tuple[Question, Maps]], *, seed: int, look: Look = unheard
) -> Judge:
    """A judge that was taught further on what a network says about tissue whose truth is known; or itself, if that does not help.

    What `look` raises in between ends it.
    """
    lessons: list[Lesson] = []
    for question, found in maps:
        look()
        nm = question.volume.pixel_size_nm
        lessons.append(lesson_of(found, judge.others, question.cells, nm, known=question.known)[0])
    if sum(len(lesson.true) for lesson in lessons) < _MORE_FEWEST:
        return judge
    return taught_as_far_as_helps(judge, Lesson.joined(lessons), seed=seed, look=look)


def taught_as_far_as_helps(judge: Judge, lesson: Lesson, *, seed: int, look: Look = unheard) -> Judge:
    """A judge that has heard a lesson as often as makes it surer of walls that it has not heard of; itself if nothing does.

    Parameters
    ----------
    judge : Judge
    lesson : Lesson
        Walls that lie together follow each other: neighbours tell too much about each other.
    seed : int
    look : callable
        Called in between; what it raises ends it.
    """
    tried = lesson.some(_MOST_TRIED)
    part = np.arange(len(tried.true)) * _PARTS // len(tried.true)
    best, most = log_loss(judge.chance(tried.features), tried.true), 0
    for rounds in _MORE_ROUNDS:
        chance = np.empty(len(part), np.float32)
        for n in range(_PARTS):
            one = judge.learn(tried.where(part != n), rounds=rounds, seed=seed, rate=_MORE_RATE, look=look)
            chance[part == n] = one.chance(tried.features[part == n])
        if (loss := log_loss(chance, tried.true)) < best:
            best, most = loss, rounds
    return judge.learn(lesson, rounds=most, seed=seed, rate=_MORE_RATE, look=look) if most else judge


def section_lesson(
    maps: Maps,
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
) -> Iterator[Maps]:
    """Maps of a section by target: as each of four mirror images shows it, their mean, and that drawn bolder and fainter.

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
    mean = np.mean(views, 0, dtype=np.float32)
    for found, shift in (*((view, 0.0) for view in views), (mean, 0.0), (mean, _SHIFT), (mean, -_SHIFT)):
        maps = dict(zip(card.targets, np.ascontiguousarray(found), strict=True))
        maps[MEMBRANE] = fill_specks(shifted(maps[MEMBRANE], shift), smallest_px)
        yield maps
