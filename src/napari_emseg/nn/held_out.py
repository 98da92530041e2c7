"""Score learning on tissue that it has not seen: copies learn from a part and are scored on the rest.

Every proofread section is asked about by a copy that learned from the others (leave one out; in groups when there are
many). Of a single section one half is asked about by a copy that learned from the other half, and the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.metrics.boundary import boundary_scores
from napari_emseg.algorithms.specks import fill_specks
from napari_emseg.core.learning import IGNORE, TrainingVolume
from napari_emseg.nn.sections import probabilities
from napari_emseg.nn.watched import Looking, unheard, watched
from napari_emseg.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import torch
    from numpy.typing import NDArray
    from torch import nn

    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.nn.judge import Judge
    from napari_emseg.nn.watched import Look

TARGET = "membrane"
KEYS = ("v_rand", "v_info", "edits_per_100_objects", "threshold", "object_threshold")
_GAP_PX = 8  # between the half that teaches and the half that is asked about
_MARGIN_PX = 64  # seen around what is asked about
_SHIFTS = (1.0, 2.0, 3.0)  # of the membrane's log-odds
_LOW_CUT = 0.2
_MOST_PX = 4_000_000  # asked about altogether; two megapixels take a second or two on two cores


@dataclass(frozen=True, eq=False)
class Question:
    """A part of a section whose truth is kept from the copy that answers.

    Parameters
    ----------
    volume : TrainingVolume
    z : int
    box : (slice, slice)
        In y and x.
    """

    volume: TrainingVolume
    z: int
    box: tuple[slice, slice]

    @property
    def cells(self) -> NDArray[np.bool_]:
        """True inside cells, (y, x)."""
        return np.asarray(self.volume.truth[TARGET][self.z][self.box] == 0)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where it is known what is cell and what is membrane, (y, x)."""
        return np.asarray(self.volume.truth[TARGET][self.z][self.box] != IGNORE)


@dataclass(frozen=True, eq=False)
class Fold:
    """What a copy learns from, and what it is asked then."""

    teach: tuple[TrainingVolume, ...]
    ask: tuple[Question, ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """A question with the image (normalised) and a probability of its pixels, (y, x) all.

    Parameters
    ----------
    others : mapping of str to ndarray (y, x) float32
        What else the network finds there.
    """

    question: Question
    image: NDArray[np.float32]
    probability: NDArray[np.float32]
    others: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def folds_of(volumes: Sequence[TrainingVolume], most: int) -> tuple[list[Fold], str]:
    """Split what is proofread into folds, at most so many, and say what a score of all of them means.

    Parameters
    ----------
    volumes : sequence of TrainingVolume
        Without sections that validate.
    most : int
        At least 2.

    Returns
    -------
    folds : list of Fold
        None when nothing of a membrane is known.
    said : str
        "held-back tissue: ..."
    """
    taught = [(v, z) for v, volume in enumerate(volumes) for z in volume.train if TARGET in volume.truth]
    if not taught:
        return [], ""
    if len(taught) == 1:
        v, z = taught[0]
        return _halves(volumes[v], z), "the half of its section that each of two copies had not seen"
    count = min(most, len(taught))
    groups = [[taught[i] for i in part] for part in np.array_split(np.arange(len(taught)), count)]
    folds = []
    for group in groups:
        teach = tuple(
            replace(
                volume,
                train=tuple(z for z in volume.train if (v, z) not in group),
            )
            for v, volume in enumerate(volumes)
        )
        folds.append(Fold(teach, questions((volumes[v], z) for v, z in group)))
    whole = f"all {len(taught)} sections, each by a copy that had not seen it"
    return _affordable(folds), whole


def questions(sections: Iterable[tuple[TrainingVolume, int]]) -> tuple[Question, ...]:
    """Whole sections as questions; those without cells are none."""
    every = (
        Question(volume, z, (slice(None), slice(None))) for volume, z in sections if TARGET in volume.truth
    )
    return tuple(question for question in every if question.cells.any())


def answers(
    network: nn.Module,
    card: ModelCard,
    asked: Iterable[Question],
    device: torch.device,
    look: Look = unheard,
) -> list[Answer]:
    """What a network says about each question; what `look` raises between two layers ends it."""
    out = []
    for question, image, found in _predicted(network, card, asked, device, look):
        others = dict(zip(card.targets, found, strict=True))
        out.append(Answer(question, image, others.pop(TARGET), others))
    return out


def everything(
    network: nn.Module,
    card: ModelCard,
    asked: Iterable[Question],
    device: torch.device,
    look: Look = unheard,
) -> Iterator[tuple[Question, dict[str, NDArray[np.float32]]]]:
    """The maps of all targets of a network for each question, specks filled."""
    for question, _, found in _predicted(network, card, asked, device, look):
        maps = dict(zip(card.targets, found, strict=True))
        smallest_px = PredictSettings().smallest_cell_nm2 / question.volume.pixel_size_nm**2
        yield question, maps | {TARGET: fill_specks(maps[TARGET], smallest_px)}


def _predicted(
    network: nn.Module, card: ModelCard, asked: Iterable[Question], device: torch.device, look: Look
) -> Iterator[tuple[Question, NDArray[np.float32], NDArray[np.float32]]]:
    """Every question with its normalised image (y, x) and the probabilities (targets, y, x)."""
    volume, image = None, np.empty(0, np.float32)
    for question in asked:
        if volume is not question.volume:  # questions of a volume follow each other
            volume = question.volume
            image = volume.normalised()
        seen, inner = _with_margin(question.box, volume.image.shape[1:])
        window = np.ascontiguousarray(image[(slice(None), *seen)])
        look()
        with watched(network, look):
            found = probabilities(network, card, window, question.z, volume.pixel_size_nm, device)
        yield question, window[question.z][inner], np.ascontiguousarray(found[(slice(None), *inner)])


def score(found: Sequence[Answer], *, shift: float = 0.0, look: Look = unheard) -> dict[str, float]:
    """Boundary scores of answers, weighted by their area, and the number of objects; empty without answers.

    Parameters
    ----------
    shift : float
        Added to the log-odds of every answer first.
    look : callable
        Called in between; what it raises ends it.
    """
    groups: dict[tuple[tuple[int, ...], float], list[Answer]] = {}
    for answer in found:
        key = (answer.probability.shape, answer.question.volume.pixel_size_nm)
        groups.setdefault(key, []).append(answer)
    rows, weights, objects = [], [], 0.0
    for (shape, pixel_nm), group in groups.items():
        smallest_px = PredictSettings().smallest_cell_nm2 / pixel_nm**2
        maps = np.empty((len(group), *shape), np.float32)
        for filled, answer in zip(maps, group, strict=True):
            look()
            filled[:] = fill_specks(shifted(answer.probability, shift), smallest_px)
        cells = np.stack([a.question.cells for a in group])
        rows.append(boundary_scores(cells, maps, progress=Looking(look)))
        objects += rows[-1]["objects"] * len(group)
        weights.append(len(group) * float(np.prod(shape)))
    if not rows:
        return {}
    mean = {k: float(np.average([row[k] for row in rows], weights=weights)) for k in KEYS}
    return mean | {"objects": objects}


def best_shift(found: Sequence[Answer], *, look: Look = unheard) -> tuple[float, dict[str, float]]:
    """How much to raise the log-odds of membranes so that fewest edits are left, and the scores with that.

    Where membranes are cut best at a low probability, more of them wait below it.
    """
    plain = score(found, look=look)
    if not plain or plain["object_threshold"] > _LOW_CUT:
        return 0.0, plain
    tried = {0.0: plain} | {shift: score(found, shift=shift, look=look) for shift in _SHIFTS}
    best = min(tried, key=lambda shift: (tried[shift]["edits_per_100_objects"], shift))
    return best, tried[best]


def mended(
    found: Iterable[Answer], judge: Judge | None, *, shift: float = 0.0, look: Look = unheard
) -> list[Answer]:
    """Answers as a person gets to see them: log-odds raised by `shift`, then walls judged (`nn.judge`)."""
    out = []
    for answer in found:
        look()
        pixel_nm = answer.question.volume.pixel_size_nm
        smallest_px = PredictSettings().smallest_cell_nm2 / pixel_nm**2
        membrane = fill_specks(shifted(answer.probability, shift), smallest_px)
        if judge is not None:
            membrane = judge.correct({**answer.others, TARGET: membrane}, pixel_nm)
        out.append(replace(answer, probability=membrane))
    return out


def cost(scores: Mapping[str, float]) -> float:
    """One number to choose by, less is better: edits, and because these are few, the finer scores beside them."""
    return scores["edits_per_100_objects"] + 100 * (2 - scores["v_rand"] - scores["v_info"])


def shifted(probability: NDArray[np.float32], shift: float) -> NDArray[np.float32]:
    """Probabilities whose log-odds are raised by so much."""
    if shift == 0:
        return probability
    factor = np.float32(np.exp(shift))
    return np.asarray(factor * probability / (1 + (factor - 1) * probability), np.float32)


def _halves(volume: TrainingVolume, z: int) -> list[Fold]:
    """Cut what is known of a section across its longer side, so that both parts hold as many known pixels."""
    known = volume.truth[TARGET][z] != IGNORE
    rows, columns = (np.flatnonzero(known.any(axis)) for axis in (1, 0))
    if not len(rows):
        return []
    box = [slice(int(n[0]), int(n[-1]) + 1) for n in (rows, columns)]
    axis = int(box[1].stop - box[1].start > box[0].stop - box[0].start)
    counts = known.sum(1 - axis).cumsum()
    cut = int(np.searchsorted(counts, counts[-1] / 2)) + 1
    reach = min(cut - box[axis].start, box[axis].stop - cut)
    if reach < 1:
        return []
    folds = []
    for asked in (slice(cut - reach, cut), slice(cut, cut + reach)):
        part = list(box)
        part[axis] = asked
        question = Question(volume, z, (part[0], part[1]))
        hidden = [slice(None), slice(None)]
        hidden[axis] = slice(0, cut + _GAP_PX) if asked.stop == cut else slice(max(0, cut - _GAP_PX), None)
        truth = {target: values.copy() for target, values in volume.truth.items()}
        for values in truth.values():
            values[z][tuple(hidden)] = IGNORE
        teach = replace(volume, truth=truth)
        if question.cells.any() and (truth[TARGET][z] != IGNORE).any():
            folds.append(Fold((teach,), (question,)))
    return folds if len(folds) == 2 else []


def _affordable(folds: list[Fold]) -> list[Fold]:
    """Ask about evenly spaced sections where all of them would take too long."""
    pixels = sum(question.cells.size for fold in folds for question in fold.ask)
    every = max(1, round(pixels / _MOST_PX))
    return [replace(fold, ask=fold.ask[(len(fold.ask) - 1) % every // 2 :: every]) for fold in folds]


def _with_margin(
    box: tuple[slice, slice], shape: Sequence[int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """What is looked at around a box, and where the box lies in it."""
    seen, inner = [], []
    for part, extent in zip(box, shape, strict=True):
        start, stop, _ = part.indices(extent)
        first = max(0, start - _MARGIN_PX)
        seen.append(slice(first, min(extent, stop + _MARGIN_PX)))
        inner.append(slice(start - first, stop - first))
    return (seen[0], seen[1]), (inner[0], inner[1])
