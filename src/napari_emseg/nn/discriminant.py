"""A target from a handful of clicks: a line between the features of what was clicked on and those of what was not.

Logistic regression with a strong pull towards small weights: a pixel has hundreds of values, and clicks are a handful. What
lies close to a click is the same thing; what nobody clicked on is mostly something else, so random pixels count a little
as beside the target (learning from positive and unlabelled examples, Elkan and Noto 2008). Pixels answer together with those
around them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage as ndi
from scipy.optimize import minimize
from scipy.special import expit
from torch.nn import functional

from napari_emseg.nn.features import LOOKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_emseg.nn.features import Features

_NEAR_PX = (8.0, 4.0, 2.0, 1.0)  # of a click: the same thing, unless it is thin
_BETTER = 0.8  # what is narrower must foretell clicks with less than this part of the error
_TOGETHER = 0.75  # of it: standard deviation of what answers together
_DISC = np.array([(y / 2, x / 2) for y in range(-2, 3) for x in range(-2, 3) if y * y + x * x <= 4])
_PARTS = 6  # of the clicks, each foretold by the others
_UNMARKED = 2000  # places of a section that nobody clicked on; they also tell how far values scatter
_FEWER = 4  # one in so many of them, where clicks are foretold
_DOUBT = 0.15  # what these weigh together as beside the target; the clicks of either kind weigh one half
_LOOKS_COUNT = 2.5  # times as much as what the network knows: that has forgotten what it was not taught
_SURE, _BOLDEST = 3.0, 10.0  # log-odds of 95 %, and as often as they grow at most
_ROUNDS = 60  # at most, of the search for a line
_PULL = 0.02  # towards weights of 0; values are scaled to a length of 1 for a pixel


@dataclass(frozen=True, eq=False)
class _Click:
    """Values of the disc around a click, one tensor (n, length) for each of `_NEAR_PX`, and how much each counts."""

    is_on: bool
    discs: tuple[Tensor, ...]
    shares: tuple[Tensor, ...]

    def together(self, reach: int) -> Tensor:
        """Values as they answer together, (length,)."""
        return self.shares[reach] @ self.discs[reach]


@dataclass(frozen=True, eq=False)
class Line:
    """Where the target ends in feature space.

    Attributes
    ----------
    weights : Tensor (length,)
    bias : float
    near_px : float
        What lies so far from a pixel answers with it.
    """

    weights: Tensor
    bias: float
    near_px: float

    def probability(self, features: Features) -> NDArray[np.float32]:
        """Probability of the target for every pixel of a section, (y, x)."""
        log_odds = features.weighted(self.weights).numpy() + np.float32(self.bias)
        smooth = ndi.gaussian_filter(log_odds, _TOGETHER * self.near_px, mode="nearest")
        return np.asarray(expit(smooth), np.float32)


class Examples:
    """Features of places that a person clicked on and beside, and of others."""

    def __init__(self) -> None:
        self._clicks: list[_Click] = []
        self._others: list[Tensor] = []
        self._apart: list[NDArray[np.float64]] = []

    def add(
        self, features: Features, on: NDArray[np.float64], beside: NDArray[np.float64], seed: int = 0
    ) -> None:
        """Take up the clicks of a section.

        Parameters
        ----------
        on, beside : ndarray of float (n, 2)
            Clicks on the target and beside it, (y, x) in pixels of the section.
        seed : int
            Of the places that nobody clicked on.
        """
        for is_on, clicks in ((True, on), (False, beside)):
            self._clicks += _clicks(features, clicks, is_on=is_on)
        places = np.random.default_rng(seed).uniform(0, np.array(features.shape) - 1, (_UNMARKED, 2))
        self._others.append(features.at(torch.from_numpy(places)))
        self._apart.append(np.hypot(*(places[:, None] - on).transpose(2, 0, 1)).min(1, initial=np.inf))

    def line(self) -> Line:
        """Where the target ends; at least one click of each kind is needed.

        How much around a click is the same thing, and answers together, is what foretells each click best from the others.
        """
        everywhere = torch.cat(self._others)
        mean, scale = everywhere.mean(0), everywhere.std(0).clamp(min=1e-3) * everywhere.shape[1] ** 0.5
        scale[-LOOKS:] /= _LOOKS_COUNT
        scaled = _Scaled(mean, scale)
        others, apart = scaled(everywhere), torch.from_numpy(np.concatenate(self._apart))
        best, least = 0, np.inf
        for reach, near in enumerate(_NEAR_PX):
            error = self._error(reach, scaled, others[apart > near][::_FEWER])
            if error < _BETTER * least:
                best, least = reach, error
        found = _fitted(self._clicks, best, scaled, others[apart > _NEAR_PX[best]])
        found *= self._boldness(best, scaled, found)
        weights = found[:-1] / scale
        return Line(weights, float(found[-1] - weights @ mean), _NEAR_PX[best])

    def _boldness(self, reach: int, scaled: _Scaled, line: Tensor) -> float:
        """By how much log-odds are to grow for half of the clicks to be sure; the pull made all of them faint."""
        sure = np.median(
            [
                (1 if click.is_on else -1) * float(scaled(click.together(reach)) @ line[:-1] + line[-1])
                for click in self._clicks
            ]
        )
        return float(np.clip(_SURE / sure, 1, _BOLDEST)) if sure > 0 else 1.0

    def _error(self, reach: int, scaled: _Scaled, others: Tensor) -> float:
        """How badly clicks are foretold by the others: mean log-loss, of either kind alike; infinite where it cannot be said."""
        errors: dict[bool, list[float]] = {True: [], False: []}
        by_kind = [[c for c in self._clicks if c.is_on is kind] for kind in errors]
        for part in range(_PARTS):
            asked = [click for clicks in by_kind for click in clicks[part::_PARTS]]
            teach = [click for clicks in by_kind for n, click in enumerate(clicks) if n % _PARTS != part]
            if not asked or len({click.is_on for click in teach}) < 2:
                continue
            line = _fitted(teach, reach, scaled, others)
            for click in asked:
                log_odds = float(scaled(click.together(reach)) @ line[:-1] + line[-1])
                errors[click.is_on].append(float(np.logaddexp(0, -log_odds if click.is_on else log_odds)))
        return float(np.mean([np.mean(found) if found else np.inf for found in errors.values()]))


def _clicks(features: Features, clicks: NDArray[np.float64], *, is_on: bool) -> list[_Click]:
    """Look at the discs around clicks (n, 2)."""
    last = np.array(features.shape) - 1
    centres = np.clip(clicks, 0, last)[:, None, None]
    places = centres + np.array(_NEAR_PX)[:, None, None] * _DISC  # clicks, reaches, places of a disc, (y, x)
    inside = ((places >= 0) & (places <= last)).all(3)
    values = features.at(torch.from_numpy(places.reshape(-1, 2))).reshape(*inside.shape, features.length)
    share = np.exp(-(_DISC**2).sum(1) / (2 * _TOGETHER**2)).astype(np.float32)
    found = []
    for disc, there in zip(values, inside, strict=True):
        shares = [torch.from_numpy(share[k] / share[k].sum()) for k in there]
        discs = [disc[reach, torch.from_numpy(k)] for reach, k in enumerate(there)]
        found.append(_Click(is_on, tuple(discs), tuple(shares)))
    return found


@dataclass(frozen=True, eq=False)
class _Scaled:
    """Values at a mean of 0 and comparable scatter."""

    mean: Tensor
    scale: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        return (values - self.mean) / self.scale


def _fitted(clicks: Sequence[_Click], reach: int, scaled: _Scaled, others: Tensor) -> Tensor:
    """Weights of scaled values, and the bias last, (length + 1,)."""
    kinds = [scaled(torch.cat([c.discs[reach] for c in clicks if c.is_on is kind])) for kind in (True, False)]
    groups = [*kinds, others]
    lengths = torch.tensor([len(group) for group in groups])
    sign = torch.tensor([1.0, -1.0, -1.0]).repeat_interleave(lengths)
    weight = (torch.tensor([0.5, 0.5, _DOUBT]) / lengths.clamp(min=1)).repeat_interleave(lengths)
    signed = torch.cat(groups) * sign[:, None]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        line = torch.from_numpy(flat.astype(np.float32))
        margin = signed @ line[:-1] + sign * line[-1]
        slope = -weight * torch.sigmoid(-margin)
        pull = _PULL * line[:-1]
        total = weight @ functional.softplus(-margin) + pull @ line[:-1] / 2
        slopes = torch.cat([slope @ signed + pull, (slope @ sign)[None]])
        return float(total), slopes.numpy().astype(np.float64)

    start = np.zeros(signed.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-6, "maxiter": _ROUNDS})
    return torch.from_numpy(found.x.astype(np.float32))
