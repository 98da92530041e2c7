"""Who synapses onto whom: the pairs of cells of one synapse, their direction, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.synapses.likelihood import Evidence, forward, partner
from napari_emseg.algorithms.synapses.sites import own_sites, sites
from napari_emseg.algorithms.synapses.surroundings import Crop, Surroundings, survey_crop

if TYPE_CHECKING:
    from napari_emseg.settings import SynapseSettings

Point = tuple[float, float, float]

_DIRECTED = 0.75  # less sure than this of who is presynaptic is no direction
_OWN_SHARE = 0.9  # of the surroundings and of both sides, for a synapse of a cell with itself
_OWN_BALANCE = 0.25  # part of the smaller side in it


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cells of one synapse.

    Parameters
    ----------
    pre_id, post_id : int
        Ids of the cells; the same for a synapse of a cell with itself.
    is_directed : bool
        False where nothing tells which of the two is presynaptic; their order then means nothing.
    confidence : float
        Probability that this pair is there, with this direction if it has one.
    partner_probability, direction_probability : float
        Its two factors: that they are partners, and that the first is presynaptic if they are.
    pre_nm, post_nm : tuple of float
        A place (z, y, x) in each cell at the contact, from the beginning of the crop.
    """

    pre_id: int
    post_id: int
    is_directed: bool
    confidence: float
    partner_probability: float
    direction_probability: float
    pre_nm: Point
    post_nm: Point


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found at one synapse.

    Parameters
    ----------
    pairs : tuple of Pair
        The likeliest first.
    n_unsure : int
        Candidates that were not sure enough.
    reason : str
        Why there is no pair, else empty.
    """

    pairs: tuple[Pair, ...]
    n_unsure: int
    reason: str


def find_partners(crop: Crop, settings: SynapseSettings) -> Verdict:
    """Decide which cells around a synapse are partners, and in which direction.

    Candidates are all pairs of cells that come within ``settings.gap_nm`` of each other near the cleft. A pair is kept
    where its confidence reaches ``settings.confidence``. Ids of cells and their order change nothing.

    Parameters
    ----------
    crop : Crop
        With a map of sides, or else with an image, if the direction is to be told from that.
    settings : SynapseSettings
    """
    found = survey_crop(crop, settings)
    if not found.cells.size:
        return Verdict((), 0, "no cell is at it")
    evidence: Evidence = "map" if crop.signed is not None else "image" if crop.image is not None else "shape"
    kept, unsure = _likely(found, evidence, settings)
    if kept:
        pairs = _pairs(crop, found, kept, settings)
        if settings.partners == "one":
            unsure += len(pairs) - 1
            pairs = pairs[:1]
        return Verdict(tuple(pairs), unsure, "")
    own = _with_itself(crop, found, settings)
    if own is not None:
        return Verdict((own,), unsure, "")
    if found.cells.size == 1:
        return Verdict((), unsure, "only one cell is at it")
    return Verdict((), unsure, "no pair of cells is likely enough" if unsure else "no two cells meet at it")


def _pairs(crop: Crop, found: Surroundings, kept: list[Choice], settings: SynapseSettings) -> list[Pair]:
    """Pairs with their places, the likeliest first; of those that are as likely, by place and not by id."""
    cells = [(int(found.cells[a]), int(found.cells[b])) for a, b, *_ in kept]
    pairs = [
        Pair(crop.ids[a - 1], crop.ids[b - 1], directed, p * sure if directed else p, p, sure, *at)
        for (a, b), (_, _, directed, p, sure), at in zip(
            cells, kept, sites(crop, cells, settings), strict=True
        )
    ]
    return sorted(pairs, key=lambda pair: (-round(pair.confidence, 6), pair.pre_nm, pair.post_nm))


Choice = tuple[int, int, bool, float, float]


def _likely(found: Surroundings, evidence: Evidence, settings: SynapseSettings) -> tuple[list[Choice], int]:
    """Pairs that are sure enough, presynaptic cell first, and how many are not."""
    if not len(found.pairs):
        return [], 0
    chance = partner(found.pair_clues, evidence)
    ahead = forward(found.direction_clues, evidence)
    kept: list[Choice] = []
    for (a, b), p, f in zip(found.pairs.tolist(), chance.tolist(), ahead.tolist(), strict=True):
        sure = max(f, 1 - f)
        directed = sure >= _DIRECTED
        if (p * sure if directed else p) >= settings.confidence:
            kept.append((a, b, directed, p, sure) if f >= 0.5 else (b, a, directed, p, sure))
    return kept, len(chance) - len(kept)


def _with_itself(crop: Crop, found: Surroundings, settings: SynapseSettings) -> Pair | None:
    """A synapse of a cell with itself: it fills the surroundings, and both sides of the map lie in it."""
    k = int(np.argmax(found.share))
    up, down = float(found.pre_mass[k]), float(found.post_mass[k])
    there = found.pre_mass.sum(), found.post_mass.sum()
    if (
        crop.signed is None
        or found.share[k] < _OWN_SHARE
        or min(up, down) < _OWN_BALANCE * (up + down)
        or up + down <= 0
    ):
        return None
    if up < _OWN_SHARE * there[0] or down < _OWN_SHARE * there[1]:
        return None
    confidence = float(min(2 * min(up, down) / (up + down), 1.0)) * float(found.share[k])
    if confidence < settings.confidence:
        return None
    cell = int(found.cells[k])
    name = crop.ids[cell - 1]
    return Pair(name, name, True, confidence, confidence, 1.0, *own_sites(crop, cell, settings))
