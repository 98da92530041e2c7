"""Which sections are suspicious, and why. The person decides; nothing is left out without being confirmed.

A section is judged against its own neighbourhood on both sides, never against fixed grey values: stacks drift, and
settings of the microscope change in the middle of one. Where a limit is given below, it is widened for stacks whose good
sections differ more than that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.preprocess.phase import Shift
from napari_emseg.preprocess.registration import chain
from napari_emseg.preprocess.ridges import longest_band
from napari_emseg.preprocess.section_features import StackFeatures, measure_stack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.preprocess.registration import Positions
    from napari_emseg.preprocess.section_features import Features

KINDS = {
    "missing": "no tissue, or hardly any",
    "duplicated": "a copy of its neighbour",
    "low contrast": "much paler than its neighbours",
    "dark": "much darker than its neighbours",
    "bright": "much brighter than its neighbours",
    "blurred": "out of focus or smeared",
    "noisy": "much more grain than its neighbours",
    "shifted": "does not lie where its neighbours lie",
    "folded": "a dark band across it",
    "cracked": "a bright band across it",
    "unlike": "has little in common with its neighbours",
}
"""Kinds of defects, the most certain first, and what they mean."""

_SIDE = 4  # sections on each side that make a neighbourhood
_LEAST_TISSUE = 0.6  # of what neighbours have
_FLAT = 0.02  # standard deviation of a section without tissue, as part of the range
_PALE = 0.65
_DARK = 0.12  # of the range
_BLUR = 0.80
_NOISE = 1.7
_SHIFT_PX = 8.0
_SPREADS = 5.0  # a section that is this many times the usual spread away is no coincidence
_SAME = 0.4  # of the way from the usual likeness of neighbours to identity
_UNLIKE = 0.35  # of the usual likeness
_BAND = 0.36  # of the shorter side
_STRONG = 0.65  # of the strongest band that a section of this stack usually has
_KEPT = 0.8  # of a band's strength: neighbours that have as much at this place show that it is tissue
_ROUNDS = 3
_LEAST_SIDE_PX = 12


@dataclass(frozen=True, eq=False)
class Suspicion:
    """One section that looks bad.

    Parameters
    ----------
    section : int
    kind : str
        A key of `KINDS`.
    score : float
        0.5 at the limit, towards 1 beyond it.
    reason : str
        In words, with numbers.
    picture : ndarray (y, x) uint8
        The section, small.
    """

    section: int
    kind: str
    score: float
    reason: str
    picture: NDArray[np.uint8]


def find_bad_sections(
    sections: Iterable[NDArray[Any]], *, progress: Progress | None = None, count: int = 0
) -> list[Suspicion]:
    """Look through a stack.

    Parameters
    ----------
    sections : iterable of ndarray (y, x)
        In order; each is read once.
    progress : Progress, optional
    count : int
        Number of sections, for progress only.

    Returns
    -------
    list of Suspicion
        In the order of sections, one for each suspicious one.
    """
    return judge(measure_stack(sections, progress=progress, count=count))


def judge(features: StackFeatures) -> list[Suspicion]:
    """Suspicious sections from what was measured.

    Sections found in one round are no neighbours in the next, so that one bad section does not hide another or make a
    good one look odd. Of several reasons the one that is furthest beyond its limit is given.
    """
    evidence = Evidence(features, _places(features))
    tests: tuple[dict[str, _Test], ...] = (_CERTAIN, _GRADUAL)
    if not features.sections or min(features.sections[0].picture.shape) < _LEAST_SIDE_PX:
        tests = ({"missing": _missing},)  # nothing else can be told from so few pixels
    found: dict[int, tuple[str, float, str]] = {}
    for _ in range(_ROUNDS):
        before = set(found)
        good = [z not in found for z in range(len(features.sections))]
        found = {}
        for together in tests:
            settled = set(found)
            for kind, test in together.items():
                for z, (value, limit, reason) in test(evidence, good).items():
                    excess = value / limit
                    if excess > 1 and z not in settled and excess > found.get(z, ("", 0.0, ""))[1]:
                        found[z] = (kind, excess, reason)
        if set(found) == before:
            break
    return [
        Suspicion(z, kind, _score(excess), reason, features.sections[z].picture)
        for z, (kind, excess, reason) in sorted(found.items())
    ]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known when sections are judged: measurements, and where sections lie."""

    features: StackFeatures
    alignment: Positions

    @property
    def sections(self) -> tuple[Features, ...]:
        """Measurements of every section."""
        return self.features.sections

    def numbers(self, name: str) -> NDArray[np.float64]:
        """One measurement of every section."""
        return np.array([getattr(f, name) for f in self.sections], dtype=np.float64)


def _places(features: StackFeatures) -> Positions:
    pairs = {
        pair: Shift(found.dy, found.dx, found.quality)
        for pair, found in features.pairs.items()
        if min(features.sections[n].std for n in pair) > _FLAT
    }
    return chain(pairs, len(features.sections))


Verdicts = dict[int, tuple[float, float, str]]
"""Section to (value, limit, reason): bad where the value is above the limit."""


def _score(excess: float) -> float:
    return float(np.clip(1 - 0.5 / max(excess, 0.5), 0, 0.999))


def _sides(z: int, good: list[bool]) -> list[list[int]]:
    """Good sections before and after one, the nearest few."""
    before = [n for n in range(z - 1, -1, -1) if good[n]][:_SIDE]
    after = [n for n in range(z + 1, len(good)) if good[n]][:_SIDE]
    return [side for side in (before, after) if side]


def _beyond_both(values: NDArray[np.float64], z: int, good: list[bool]) -> float:
    """How far a value lies beyond the medians of both sides, signed; 0 where it lies between them."""
    apart = [float(values[z] - np.median(values[side])) for side in _sides(z, good)]
    if not apart:
        return 0.0
    if len(apart) == 1:
        return apart[0]
    return 0.0 if apart[0] * apart[1] <= 0 else min(apart, key=abs)


def _spread(values: NDArray[np.float64], good: list[bool]) -> float:
    """Usual distance of good sections from the median of those next to them, as a standard deviation."""
    apart = []
    for z, is_good in enumerate(good):
        around = [n for side in _sides(z, good) for n in side[:2]]
        if is_good and around:
            apart.append(abs(values[z] - np.median(values[around])))
    return 1.48 * float(np.median(apart)) if apart else 0.0


def _missing(evidence: Evidence, good: list[bool]) -> Verdicts:
    tissue, std = evidence.numbers("tissue"), evidence.numbers("std")
    found: Verdicts = {}
    for z, share in enumerate(tissue):
        around = [n for side in _sides(z, good) for n in side]
        usual = float(np.median(tissue[around])) if around else 1.0
        usual_std = float(np.median(std[around])) if around else 1.0
        lack = _LEAST_TISSUE * usual / max(float(share), 1e-3)
        flat = min(_FLAT, 0.15 * usual_std) / max(float(std[z]), 1e-6)
        reason = (
            f"{share:.0%} of it is tissue, {usual:.0%} around it" if lack > flat else "no structure at all"
        )
        found[z] = (max(lack, flat), 1.0, reason)
    return found


def _low_contrast(evidence: Evidence, good: list[bool]) -> Verdicts:
    contrast = np.log(np.maximum(evidence.numbers("std"), 1e-4))
    limit = max(-np.log(_PALE), _SPREADS * _spread(contrast, good))
    return {
        z: (-d, limit, f"contrast {np.exp(d):.0%} of that around it")
        for z in range(len(good))
        if (d := _beyond_both(contrast, z, good)) < 0
    }


def _brightness(evidence: Evidence, good: list[bool], sign: int, word: str) -> Verdicts:
    mean = evidence.numbers("mean")
    limit = max(_DARK, 4.0 * _spread(mean, good))
    return {
        z: (sign * d, limit, f"{abs(d):.0%} of the grey range {word} than around it")
        for z in range(len(good))
        if sign * (d := _beyond_both(mean, z, good)) > 0
    }


def _dark(evidence: Evidence, good: list[bool]) -> Verdicts:
    return _brightness(evidence, good, -1, "darker")


def _bright(evidence: Evidence, good: list[bool]) -> Verdicts:
    return _brightness(evidence, good, 1, "brighter")


def _sharpness(evidence: Evidence, good: list[bool], sign: int) -> Verdicts:
    sharp = np.log(np.maximum(evidence.numbers("sharpness"), 1e-4))
    limit = max(-np.log(_BLUR) if sign < 0 else np.log(_NOISE), _SPREADS * _spread(sharp, good))
    return {
        z: (sign * d, limit, f"fine detail {np.exp(d):.0%} of that around it")
        for z in range(len(good))
        if sign * (d := _beyond_both(sharp, z, good)) > 0
    }


def _blurred(evidence: Evidence, good: list[bool]) -> Verdicts:
    return _sharpness(evidence, good, -1)


def _noisy(evidence: Evidence, good: list[bool]) -> Verdicts:
    return _sharpness(evidence, good, 1)


def _typical(features: StackFeatures, good: list[bool], name: str, apart: int) -> float:
    values = [
        getattr(pair, name)
        for (a, b), pair in features.pairs.items()
        if b - a == apart and good[a] and good[b]
    ]
    return float(np.median(values)) if values else 0.0


def _duplicated(evidence: Evidence, good: list[bool]) -> Verdicts:
    features = evidence.features
    found: Verdicts = {}
    # what is usual must not come from the copies: the median over all neighbours
    everything = [True] * len(good)
    usual = {name: max(0.0, _typical(features, everything, name, 1)) for name in ("sameness", "likeness")}
    for (a, b), pair in features.pairs.items():
        if b - a != 1 or min(features.sections[a].std, features.sections[b].std) < _FLAT:
            continue
        way = max(
            (pair.sameness - usual["sameness"]) / max(1e-3, 1 - usual["sameness"]),
            # coarse structure alone persists through thin sections: it has to be all but identical
            0.65 * (pair.likeness - usual["likeness"]) / max(1e-3, 1 - usual["likeness"]),
        )
        copy, source = (b, a) if _is_copy(features, a, b) else (a, b)
        if way > found.get(copy, (0.0,))[0]:
            found[copy] = (way, _SAME, f"the same as section {source}, grain included")
    return found


def _is_copy(features: StackFeatures, a: int, b: int) -> bool:
    """Whether the second of two equal sections is the wrong one: it fits its other neighbour worse."""
    before, after = features.pairs.get((a - 1, a)), features.pairs.get((b, b + 1))
    return before is None or after is None or after.likeness <= before.likeness


def _shifted(evidence: Evidence, good: list[bool]) -> Verdicts:
    place, doubtful = evidence.alignment.positions, evidence.alignment.doubtful
    apart = np.zeros(len(good))
    for z in range(len(good)):
        around = [n for side in _sides(z, good) for n in side[:2] if n not in doubtful]
        if len(around) >= 2 and z not in doubtful:
            apart[z] = np.hypot(*(place[z] - np.median(place[around], axis=0)))
    usual = 1.48 * float(np.median(apart[np.array(good)])) if any(good) else 0.0
    limit = max(_SHIFT_PX, _SPREADS * usual)
    return {z: (float(d), limit, f"{d:.0f} px away from its neighbours") for z, d in enumerate(apart)}


def _bands(evidence: Evidence, good: list[bool], name: str, word: str) -> Verdicts:
    """Bands that are as strong as the strongest elsewhere, and that neighbours do not have at this place."""
    maps = [getattr(f, name).astype(np.float32) for f in evidence.sections]
    usual = float(np.median([m.max() for m, is_good in zip(maps, good, strict=True) if is_good] or [0.0]))
    lengths: dict[int, float] = {}
    for z, ridges in enumerate(maps):
        sides = _sides(z, good)
        beside = [side[0] for side in sides] if len(sides) == 2 else [n for side in sides for n in side[:2]]
        if not beside:
            continue
        scale = ridges.shape[0] / evidence.sections[z].height_px
        new = ridges.copy()
        for n in beside:
            move = (evidence.alignment.positions[z] - evidence.alignment.positions[n]) * scale
            new[_moved(_widened(maps[n]), np.rint(move).astype(int)) > _KEPT * ridges] = 0
        lengths[z] = longest_band(new, _STRONG * usual)
    natural = [length for z, length in lengths.items() if good[z]]
    limit = max(_BAND, 1.4 * float(np.percentile(natural, 75))) if natural else _BAND
    return {
        z: (length, limit, f"a {word} band over {min(length, 1.0):.0%} of its width")
        for z, length in lengths.items()
    }


def _widened(ridges: NDArray[np.float32]) -> NDArray[np.float32]:
    from scipy.ndimage import maximum_filter

    return np.asarray(maximum_filter(ridges, 5))


def _moved(ridges: NDArray[np.float32], move: NDArray[np.int_]) -> NDArray[np.float32]:
    """Shift by whole pixels; the edge is repeated."""
    rows, columns = (
        np.clip(np.arange(n) - d, 0, n - 1) for n, d in zip(ridges.shape, move.tolist(), strict=True)
    )
    return np.asarray(ridges[rows][:, columns])


def _folded(evidence: Evidence, good: list[bool]) -> Verdicts:
    return _bands(evidence, good, "dark", "dark")


def _cracked(evidence: Evidence, good: list[bool]) -> Verdicts:
    return _bands(evidence, good, "bright", "bright")


def _unlike(evidence: Evidence, good: list[bool]) -> Verdicts:
    features = evidence.features
    best: dict[int, tuple[float, int]] = {}
    usual = {apart: _typical(features, good, "likeness", apart) for apart in (1, 2)}
    for (a, b), pair in features.pairs.items():
        if usual[b - a] < 0.1:
            continue  # neighbours have nothing in common in this stack
        part = pair.likeness / usual[b - a]
        for z, other in ((a, b), (b, a)):
            if good[other] and part > best.get(z, (-1.0, 0))[0]:
                best[z] = (part, other)
    return {
        z: (
            _UNLIKE / max(part, 1e-3),
            1.0,
            f"agrees with section {other} {max(part, 0):.0%} as well as usual",
        )
        for z, (part, other) in best.items()
    }


_Test = Callable[[Evidence, list[bool]], Verdicts]
_CERTAIN: dict[str, _Test] = {"missing": _missing, "duplicated": _duplicated}
_GRADUAL: dict[str, _Test] = {
    "low contrast": _low_contrast,
    "dark": _dark,
    "bright": _bright,
    "blurred": _blurred,
    "noisy": _noisy,
    "shifted": _shifted,
    "folded": _folded,
    "cracked": _cracked,
    "unlike": _unlike,
}
