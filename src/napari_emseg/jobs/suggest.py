"""What to proofread next: sections and regions, ranked, each with the reason.

Pieces of the stack are looked at by the current model. A section comes first when its membranes are unsure, or
when it looks unlike everything proofread so far; regions are chosen to differ from each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.tiling import Block, needed
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.core.sections import Status
from napari_emseg.core.words import counted
from napari_emseg.jobs.sections_read import read_sections, statistics_of
from napari_emseg.preprocess.void import void_mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.jobs.progress import JobProgress
    from napari_emseg.nn.predict import Predictor
    from napari_emseg.session import Session

PIECE_PX = 256
MARGIN_PX = 32
_PIECES = 96  # at most; about ten seconds on two cores
_GROUPS = 4  # of what the model sees; the rest of the budget spreads over what the pieces look like
_REGIONS = 8  # offered
_BLANK = 0.9  # of a piece; the rest may be dirt, or the margin of an aligned section
_STRIKING = 1.15  # times the median of the stack: worth a word


@dataclass(frozen=True, eq=False)
class Piece:
    """One piece of a section with its margin and neighbouring sections.

    Parameters
    ----------
    section, y, x : int
        Where its first pixel, without the margin, lies.
    block : ndarray (z, y, x)
        Grey values; `first` is the section of its first plane.
    margins : (top, bottom, left, right)
        Pixels around the piece; none beyond the border of the stack.
    """

    section: int
    y: int
    x: int
    block: NDArray[Any]
    first: int
    margins: tuple[int, int, int, int]

    @property
    def extent(self) -> tuple[int, int]:
        """Pixels without the margins, (y, x)."""
        top, bottom, left, right = self.margins
        height, width = self.block.shape[1:]
        return height - top - bottom, width - left - right

    @property
    def centre(self) -> tuple[int, int]:
        """Middle of the piece, (y, x)."""
        return self.y + self.extent[0] // 2, self.x + self.extent[1] // 2


@dataclass(frozen=True, eq=False)
class SuggestRequest:
    """Everything that a worker needs to rank.

    Parameters
    ----------
    known : frozenset of int
        Proofread sections; they are compared with and never suggested.
    skip : frozenset of int
        Excluded sections, which are no neighbours.
    shape : (z, y, x)
        Of the stack.
    device : str
        Where the model computes, see `nn.device.choose_device`.
    """

    pieces: tuple[Piece, ...]
    known: frozenset[int]
    skip: frozenset[int]
    shape: tuple[int, int, int]
    statistics: dict[int, tuple[float, float]]
    model: Path
    spacing_nm: tuple[float, float, float] | None
    seed: int
    device: str = "auto"


@dataclass(frozen=True)
class Suggestion:
    """Where to look next, and why.

    Parameters
    ----------
    section : int
    point : (y, x)
        Middle of the piece to look at.
    unsure : float
        Share of the membrane, in 0 to 1, about which the model cannot say much.
    unlike : float
        Distance from the nearest proofread piece in what the model sees, 0 when nothing is proofread.
    reason : str
        For people; empty when it does not stand out.
    """

    section: int
    point: tuple[int, int]
    unsure: float
    unlike: float
    reason: str


@dataclass(frozen=True)
class Suggestions:
    """Sections, best first, and regions that differ from each other, most unsure first."""

    sections: tuple[Suggestion, ...]
    regions: tuple[Suggestion, ...]


def prepare(session: Session, *, seed: int = 0, most: int = _PIECES) -> SuggestRequest:
    """Copy pieces spread over the stack, where it holds tissue.

    Parameters
    ----------
    seed : int
        Of the generator that places the pieces.
    most : int
        Pieces at most. All sections take part while there are fewer of them, else evenly spaced ones.

    Raises
    ------
    EmsegError
        If every section is proofread or excluded, or what is not holds no tissue.
    """
    states = session.sections
    open_ones = [z for z, s in enumerate(states) if s.status not in (Status.PROOFREAD, Status.EXCLUDED)]
    if not open_ones:
        raise EmsegError(
            "every section is proofread or left out", session.image.name, "there is nothing to suggest"
        )
    model = find_model(session.model, session.project.models)
    card = read_card(model)
    serving = card.as_it_was(card.serving(session.image.spacing_nm))
    rng = np.random.default_rng(seed)
    known = list(states.proofread)
    pieces: list[Piece] = []
    for listed, part in ((open_ones, most - most // 4 * bool(known)), (known, most // 4)):
        chosen = _evenly(listed, part)
        for z in chosen:
            places = _places(session.image.shape[1:], max(1, part // max(1, len(chosen))), rng)
            found = [_piece(session, z, y, x, serving) for y, x in places]
            pieces += [piece for piece in found if _holds_tissue(piece)]
    if not any(piece.section not in known for piece in pieces):
        raise EmsegError(
            "there is no tissue in what is neither proofread nor left out", session.image.name,
            "there is nothing to suggest",
        )  # fmt: skip
    left_out = states.with_status(Status.EXCLUDED)
    sections = {z for p in pieces for z in range(p.first, p.first + len(p.block))}
    return SuggestRequest(
        tuple(pieces), frozenset(known), frozenset(left_out), session.image.shape,
        {z: statistics_of(session.image, z, left_out) for z in sections}, model, session.image.spacing_nm, seed,
        session.device,
    )  # fmt: skip


def run(request: SuggestRequest, progress: JobProgress) -> Suggestions:
    """Look at every piece and rank, in the worker."""
    from napari_emseg.algorithms.appearance import appearance
    from napari_emseg.jobs.predict import MEMBRANE, loaded
    from napari_emseg.nn.embeddings import look_at

    predictor = loaded(request.model, request.device).serving(request.spacing_nm)
    channel = predictor.card.targets.index(MEMBRANE) if MEMBRANE in predictor.card.targets else 0
    unsure, seen, looks = [], [], []

    def windows() -> Iterator[NDArray[np.float32]]:
        for window, middle in _windows(request, predictor):
            looks.append(appearance(middle))
            yield window

    margins = [piece.margins for piece in request.pieces]
    found = look_at(predictor, windows(), margins, predictor.zoom(request.spacing_nm))
    depth = predictor.card.depth
    for n, (piece, (probability, features)) in enumerate(zip(request.pieces, found, strict=True), 1):
        at = channel * max(1, depth) + piece.section - _first_of_block(piece.section, depth)
        unsure.append(unsure_share(probability[at]))
        seen.append(features)
        progress.report(n / len(request.pieces), "looking at the stack")
    return rank(
        request.pieces, np.array(unsure), np.array(seen), np.array(looks), request.known, seed=request.seed
    )


def unsure_share(probability: NDArray[np.floating]) -> float:
    """Share of the membrane about which a map says neither yes nor no: 0 for a map of zeros and ones.

    Parameters
    ----------
    probability : ndarray (y, x)
    """
    p = np.asarray(probability, np.float64)
    return float((p * (1 - p)).sum() / max(float(p.sum()), 1.0))


def rank(
    pieces: Sequence[Piece],
    unsure: NDArray[np.floating],
    seen: NDArray[np.floating],
    looks: NDArray[np.floating],
    known: frozenset[int],
    *,
    seed: int,
) -> Suggestions:
    """Put sections and regions in order.

    Sections come by how unsure the model is about them, those that are like a proofread one, or like one that comes
    before, later.

    Parameters
    ----------
    unsure : ndarray (pieces,)
    seen, looks : ndarray (pieces, features)
        What the model sees, and what the pieces look like.
    known : frozenset of int
        Proofread sections.
    """
    from napari_emseg.algorithms.queries import standardised, two_stream, worth_asking

    section = np.array([p.section for p in pieces])
    answered = np.isin(section, sorted(known))
    places = standardised(seen)
    unlike = np.zeros(len(pieces))
    if answered.any():
        squared = ((places[:, None] - places[None, answered]) ** 2).mean(2)
        unlike = np.sqrt(squared.min(1))
    open_ones = np.unique(section[~answered])
    mean_unsure = np.array([unsure[section == z].mean() for z in open_ones])
    mean_unlike = np.array([unlike[section == z].mean() for z in open_ones])
    every = np.unique(section)
    worth = np.array([unsure[section == z].mean() for z in every])
    views = np.array([np.asarray(seen)[section == z].mean(0) for z in every])
    asked = worth_asking(worth, views, len(open_ones), known=np.isin(every, sorted(known)))
    sections = []
    for i in np.searchsorted(open_ones, every[asked]):
        own = np.flatnonzero(section == open_ones[i])
        worst = pieces[own[np.argmax(unsure[own])]]
        reason = _reason(i, mean_unsure, mean_unlike, len(known))
        sections.append(
            Suggestion(int(open_ones[i]), worst.centre, float(mean_unsure[i]), float(mean_unlike[i]), reason)
        )
    budget = min(_REGIONS, int((~answered).sum()))
    picked = two_stream(seen, looks, budget, groups=_GROUPS, known=answered, rng=np.random.default_rng(seed))
    regions = [
        Suggestion(
            int(section[i]), pieces[i].centre, float(unsure[i]), float(unlike[i]), _reason(i, unsure, unlike, len(known))
        )
        for i in sorted(picked, key=lambda i: -unsure[i])
    ]  # fmt: skip
    return Suggestions(tuple(sections), tuple(regions))


def _times_median(values: NDArray[np.floating]) -> NDArray[np.float64]:
    middle = float(np.median(values))
    return np.asarray(values / middle if middle > 0 else np.zeros(len(values)), np.float64)


def _reason(i: int, unsure: NDArray[np.floating], unlike: NDArray[np.floating], n_known: int) -> str:
    words = []
    if (times := float(_times_median(unsure)[i])) >= _STRIKING:
        words.append(f"membranes {times:.1f} times as unsure as usual here")
    if n_known and float(_times_median(unlike)[i]) >= _STRIKING:
        words.append(f"unlike the {counted(n_known, 'proofread section')}")
    return ", ".join(words)


def _evenly(sections: Sequence[int], most: int) -> list[int]:
    """At most so many of the sections, evenly spaced."""
    if len(sections) <= most:
        return list(sections)
    return [sections[int(i)] for i in np.linspace(0, len(sections) - 1, most)]


def _places(extent: tuple[int, ...], count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """First pixels of different pieces of a section, (y, x)."""
    grid = [range(0, max(1, n - PIECE_PX // 2), PIECE_PX) for n in extent]
    every = [
        (min(y, max(0, extent[0] - PIECE_PX)), min(x, max(0, extent[1] - PIECE_PX)))
        for y in grid[0]
        for x in grid[1]
    ]
    chosen = rng.permutation(len(every))[:count]
    return [every[i] for i in sorted(chosen)]


def _piece(session: Session, z: int, y: int, x: int, card: ModelCard) -> Piece:
    height, width = session.image.shape[1:]
    stop_y, stop_x = min(height, y + PIECE_PX), min(width, x + PIECE_PX)
    y0, y1 = max(0, y - MARGIN_PX), min(height, stop_y + MARGIN_PX)
    x0, x1 = max(0, x - MARGIN_PX), min(width, stop_x + MARGIN_PX)
    around = needed(
        Region((z, 0, 0), (z + 1, 1, 1)), session.image.shape, 1, 0, card.context_sections, card.depth
    )
    first, last = around.start[0], around.stop[0]
    excluded = session.sections.with_status(Status.EXCLUDED)
    block = read_sections(
        session.image, first, last, excluded, needed=(z,), rows=slice(y0, y1), columns=slice(x0, x1)
    )
    return Piece(z, y, x, block, first, (y - y0, y1 - stop_y, x - x0, x1 - stop_x))


def _holds_tissue(piece: Piece) -> bool:
    """Whether it is worth a look: a section that went missing is unlike everything, and nobody can proofread it."""
    plane = piece.block[piece.section - piece.first]
    void = void_mask(plane)
    return bool(plane.min() < plane.max()) and (void is None or float(void.mean()) < _BLANK)


def _windows(
    request: SuggestRequest, predictor: Predictor
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Window (sections, y, x) of every piece as prediction shows it, and the middle of its own section without margins."""
    from napari_emseg.nn.predict import read_window

    card = predictor.card
    for piece in request.pieces:
        top, _, left, _ = piece.margins
        block = Block(piece.block, (piece.first, piece.y - top, piece.x - left), request.shape)
        height, width = piece.extent
        first = _first_of_block(piece.section, card.depth)
        tile = Region((first, piece.y, piece.x), (first + 1, piece.y + height, piece.x + width))

        def stats(z: int, dtype: Any = piece.block.dtype) -> tuple[float, float]:
            return predictor.normalisation.of_section(request.statistics[z], dtype)

        window, _ = read_window(
            block, tile, PIECE_PX, MARGIN_PX, card.context_sections, stats, request.skip, card.depth
        )
        own = window[card.context_sections + piece.section - first]
        yield window, own[top : top + height, left : left + width]


def _first_of_block(section: int, depth: int) -> int:
    """Of the sections that a network predicts at once."""
    return section // depth * depth if depth else section
