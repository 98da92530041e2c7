"""Which samples to ask a person about: few, unlike each other, and unlike what is known.

Two-stream query suggestion (Lin et al. 2020, doi:10.1007/978-3-030-58523-5_7): samples are grouped by what the
model sees in them, and inside each group by what they look like; the sample next to each centre is asked for.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS = 50  # of Lloyd's iteration; it converges in far fewer on hundreds of samples
_FAR_PART = 0.2
"""Of a group that is over-represented among the known samples only this part, the furthest, is asked about."""


def two_stream(
    supervised: NDArray[np.floating],
    unsupervised: NDArray[np.floating],
    budget: int,
    *,
    groups: int,
    known: NDArray[np.bool_] | None = None,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Choose samples.

    Parameters
    ----------
    supervised : ndarray (n, d)
        What the model sees: features of a network that has learned the task.
    unsupervised : ndarray (n, e)
        What the samples look like, whatever the model thinks.
    budget : int
        Samples wanted.
    groups : int
        Groups of the first stream; each gets an equal part of the budget, as far as it has samples.
    known : ndarray of bool (n,), optional
        Samples that have been answered already. They are never chosen.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int (budget,)
        Indices, without repeats, group by group.

    Raises
    ------
    EmsegError
        If there are fewer unknown samples than wanted.
    """
    n = len(supervised)
    if len(unsupervised) != n:
        raise ValueError(f"{n} supervised and {len(unsupervised)} unsupervised features")
    known = np.zeros(n, bool) if known is None else np.asarray(known, dtype=bool)
    free = int((~known).sum())
    if not 0 <= budget <= free:
        raise EmsegError(
            f"{budget} samples were asked for", f"{free} are not answered yet", "ask for fewer of them"
        )
    if budget == 0:
        return np.zeros(0, np.intp)
    group = cluster(standardised(supervised), groups, rng)
    looks = standardised(unsupervised)
    present = np.unique(group)
    shares = quotas(np.array([int(((group == g) & ~known).sum()) for g in present]), budget)
    typical = known.sum() / n
    chosen: list[int] = []
    for g, quota in zip(present, shares, strict=True):
        members = np.flatnonzero((group == g) & ~known)
        answered = np.flatnonzero((group == g) & known)
        if quota and len(answered) > typical * (group == g).sum():
            members = _furthest(members, answered, looks, max(int(quota), round(_FAR_PART * len(members))))
        chosen += _spread(members, looks, int(quota), rng)
    return np.array(chosen, np.intp)


def worth_asking(
    worth: NDArray[np.floating],
    features: NDArray[np.floating],
    budget: int,
    *,
    known: NDArray[np.bool_] | None = None,
) -> NDArray[np.intp]:
    """Choose samples that are worth much, each unlike those that are known or chosen already.

    One after the other the sample is taken whose worth, times its distance from the nearest of those, is largest
    (farthest-point choice, Sener and Savarese 2018, weighted by uncertainty). A sample that is as far away as samples
    usually are from each other, or further, counts in full.

    Parameters
    ----------
    worth : ndarray (n,)
        Not negative: what a person's answer is expected to bring, such as how unsure the model is.
    features : ndarray (n, d)
        What the model sees in them.
    budget : int
        Samples wanted.
    known : ndarray of bool (n,), optional
        Samples that have been answered already. They are never chosen.

    Returns
    -------
    ndarray of int (budget,)
        Indices, without repeats, in the order in which they were taken.

    Raises
    ------
    EmsegError
        If there are fewer unknown samples than wanted.
    """
    n = len(worth)
    known = np.zeros(n, bool) if known is None else np.asarray(known, dtype=bool)
    free = int((~known).sum())
    if not 0 <= budget <= free:
        raise EmsegError(
            f"{budget} samples were asked for", f"{free} are not answered yet", "ask for fewer of them"
        )
    places = standardised(features)
    usual = float(np.mean([np.sqrt(_squared(places, place)).mean() for place in places])) if n else 0.0
    nearest = np.full(n, np.inf)
    for index in np.flatnonzero(known):
        nearest = np.minimum(nearest, np.sqrt(_squared(places, places[index])))
    left = ~known
    chosen: list[int] = []
    for _ in range(budget):
        novelty = np.minimum(nearest / usual, 1.0) if usual > 0 else np.ones(n)
        best = int(np.argmax(np.where(left, np.asarray(worth, np.float64) * novelty, -1.0)))
        chosen.append(best)
        left[best] = False
        nearest = np.minimum(nearest, np.sqrt(_squared(places, places[best])))
    return np.array(chosen, np.intp)


def quotas(available: NDArray[np.integer], budget: int) -> NDArray[np.intp]:
    """Split a budget evenly over groups; what small ones cannot use goes to those with most left.

    Parameters
    ----------
    available : ndarray of int (groups,)
    budget : int
        At most what is available altogether.
    """
    out = np.asarray(np.minimum(available, budget // len(available)), np.intp)
    for _ in range(budget - int(out.sum())):
        out[np.argmax(available - out)] += 1
    return out


def cluster(features: NDArray[np.floating], groups: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Group number of every sample, by k-means with spread-out starts (Arthur and Vassilvitskii 2007)."""
    from scipy.cluster.vq import kmeans2

    distinct = len(np.unique(features, axis=0))
    if min(groups, distinct) <= 1:
        return np.zeros(len(features), np.intp)
    centres = _starts(features, min(groups, distinct), rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a group that runs empty does no harm here
        _, labels = kmeans2(features, centres, iter=_ROUNDS, minit="matrix", missing="warn")
    return np.asarray(labels, np.intp)


def standardised(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Every column at mean 0 and standard deviation 1; constant ones become 0."""
    values = np.asarray(features, np.float64)
    values = values - values.mean(0)
    spread = values.std(0)
    return np.asarray(values / np.where(spread > 0, spread, 1.0), np.float64)


def _starts(features: NDArray[np.floating], k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw k different samples, each drawn with a chance that grows with its distance from those before it."""
    first = int(rng.integers(len(features)))
    picked = [first]
    nearest = _squared(features, features[first])
    while len(picked) < k:
        new = int(rng.choice(len(features), p=nearest / nearest.sum()))
        picked.append(new)
        nearest = np.minimum(nearest, _squared(features, features[new]))
    return np.asarray(features[picked], np.float64)


def _squared(features: NDArray[np.floating], point: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(((features - point) ** 2).sum(1), np.float64)


def _furthest(
    members: NDArray[np.intp], answered: NDArray[np.intp], looks: NDArray[np.float64], keep: int
) -> NDArray[np.intp]:
    """The members that lie furthest from everything that has been answered."""
    distance = np.min([_squared(looks[members], looks[a]) for a in answered], axis=0)
    far = np.sort(np.argsort(-distance, kind="stable")[:keep])
    return np.asarray(members[far], np.intp)


def _spread(
    members: NDArray[np.intp], looks: NDArray[np.float64], quota: int, rng: np.random.Generator
) -> list[int]:
    """`quota` members: the one next to each centre, then whatever lies furthest from those."""
    if quota == 0:
        return []
    part = looks[members]
    label = cluster(part, quota, rng)
    picked: list[int] = []
    for g in np.unique(label):
        own = np.flatnonzero(label == g)
        picked.append(int(own[np.argmin(_squared(part[own], part[own].mean(0)))]))
    while len(picked) < quota:
        distance = np.min([_squared(part, part[p]) for p in picked], axis=0)
        distance[picked] = -1
        picked.append(int(np.argmax(distance)))
    return [int(m) for m in members[picked]]
