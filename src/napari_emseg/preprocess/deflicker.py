"""Even out brightness and contrast between sections, globally and locally.

Every section gets the mean and the standard deviation of a reference; then what the local mean (over a square)
deviates from its usual level in neighbouring sections is taken away. With I the section, m its local mean and t the
level of m over 2 r + 1 sections (mirrored at the ends of the stack)::

    I <- (I - mean(I)) / std(I) * reference_std + reference_mean
    out = clip(I + localmean(t - m))

The level is the median of up to five sections, and the mean of the middle half of more: as little moved by a few odd
sections as the median, and it wavers less.
Mean and standard deviation are those of one section, over all its pixels (population); both mirrors leave the edge
out. Batch and stream give the same bytes, because both are made of the same two steps.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.preprocess.aside import Aside
from napari_emseg.preprocess.local_mean import Grid, box_means, smooth_nodes, widen
from napari_emseg.preprocess.mirror import mirrored
from napari_emseg.preprocess.void import void_mask
from napari_emseg.settings import DeflickerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

FLAT = 1e-3
"""Sections with a smaller standard deviation (in grey levels of 255) have no contrast to be matched."""

_STRIP = 1 << 16  # pixels that are summed at once
_NODE_ROWS = 32  # rows of nodes that are worked on at once; both bound memory


@dataclass(frozen=True, eq=False)
class Measured:
    """What the other sections need to know of a section.

    Parameters
    ----------
    mean, std : float
        Of the tissue, in grey values of the input.
    local : ndarray float32
        Local means on the nodes of the grid.
    is_void : ndarray of bool, optional
        Nodes around which there is no tissue (black margins); None where there is tissue everywhere.
    """

    mean: float
    std: float
    local: NDArray[np.float32]
    is_void: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Reference:
    """Mean and standard deviation that every section gets; a standard deviation of 0 leaves the contrast."""

    mean: float
    std: float


@dataclass(frozen=True, eq=False)
class Levelled:
    """A section as a whole brought to the reference: grey values x become ``gain * x + offset``.

    Parameters
    ----------
    gain, offset : float
    local : ndarray float32
        Local means after that.
    has_void : bool
        Whether there are black margins to be left alone.
    """

    gain: float
    offset: float
    local: NDArray[np.float32]
    has_void: bool


def measure(section: NDArray[Any], settings: DeflickerSettings) -> Measured:
    """Mean, standard deviation and local means of one section.

    Parameters
    ----------
    section : ndarray (y, x)
        Grey values. Black margins (see `napari_emseg.preprocess.void`) count as no tissue.
    settings : DeflickerSettings
    """
    grid = Grid.of(settings.radius_px)
    void = void_mask(section)
    if void is None:
        mean = float(section.mean(dtype=np.float64))
        return Measured(mean, _spread(section, mean), box_means(section, grid))
    tissue = section[~void]
    if not tissue.size:
        nodes = tuple(grid.nodes(n) + 2 * grid.rim for n in section.shape)
        return Measured(0.0, 0.0, np.zeros(nodes, np.float32), np.ones(nodes, np.bool_))
    mean = float(tissue.mean(dtype=np.float64))
    share = box_means((~void).astype(np.uint8), grid)
    is_void = share < 1e-6
    local = box_means(np.where(void, 0, section).astype(section.dtype), grid) / np.where(is_void, 1, share)
    return Measured(mean, _spread(tissue[None], mean), local.astype(np.float32), is_void)


def _spread(section: NDArray[Any], mean: float) -> float:
    total = 0.0
    flat = section.reshape(-1)
    for start in range(0, flat.size, _STRIP):
        part = flat[start : start + _STRIP].astype(np.float32)
        part -= np.float32(mean)
        total += float(np.dot(part, part))
    return float(np.sqrt(total / max(1, flat.size)))


def find_reference(
    first: Sequence[Measured], settings: DeflickerSettings, dtype: np.dtype[Any]
) -> Reference | None:
    """Mean and standard deviation to aim at: as given, else those of the first section that has contrast.

    Parameters
    ----------
    first : sequence of Measured
        The first sections of the stack, as many as the streaming form holds when the first one leaves it.

    Returns
    -------
    Reference or None
        None where nothing is given and no section has contrast: the grey values are left as they are.
    """
    usable = [m for m in first if m.std >= _flat(dtype)]
    if not usable and not settings.mean > 0:
        return None
    mean = settings.mean if settings.mean > 0 else usable[0].mean
    if settings.std < 0:
        return Reference(mean, 0.0)
    return Reference(mean, settings.std if settings.std > 0 else usable[0].std if usable else 0.0)


def _flat(dtype: np.dtype[Any]) -> float:
    return FLAT / 255 if dtype.kind == "f" else FLAT


def levelled(measured: Measured, reference: Reference | None, dtype: np.dtype[Any]) -> Levelled:
    """The change of grey values that gives a section the reference's mean and standard deviation."""
    void = measured.is_void
    gain, offset = 1.0, 0.0
    if reference is not None and not (void is not None and void.all()):
        if reference.std > 0 and measured.std >= _flat(dtype):
            gain = reference.std / measured.std
        offset = reference.mean - measured.mean * gain
    local = measured.local * np.float32(gain)
    local += np.float32(offset)
    if void is not None:  # where there is no tissue there is nothing to compare with
        local[void] = reference.mean if reference is not None else measured.mean
    return Levelled(gain, offset, local, void is not None)


def level(
    section: NDArray[Any], own: Levelled, around: Sequence[Levelled], settings: DeflickerSettings
) -> NDArray[Any]:
    """One section without its flicker.

    Parameters
    ----------
    section : ndarray (y, x)
    own : Levelled
        Of this section.
    around : sequence of Levelled
        Of this section and its neighbours on both sides, mirrored at the ends of the stack.
    settings : DeflickerSettings

    Returns
    -------
    ndarray (y, x)
        Of the input's type; integers are rounded and clipped to the range of their type.
    """
    grid = Grid.of(settings.radius_px)
    steady = steady_level([one.local for one in around])
    steady -= own.local
    correction = smooth_nodes(steady, grid)
    del steady
    out = np.empty(section.shape, section.dtype)
    limits = np.iinfo(section.dtype) if section.dtype.kind in "ui" else None
    for top in range(0, len(correction), _NODE_ROWS):
        below = widen(correction[top : top + _NODE_ROWS + 1], grid, section.shape[1])
        for offset in range(grid.step):
            last = min((top + _NODE_ROWS) * grid.step, len(section))
            rows = slice(top * grid.step + offset, last, grid.step)
            part = section[rows].astype(np.float32)
            n = len(part)
            part *= np.float32(own.gain)
            part += np.float32(own.offset)
            part += below[:n]
            if offset:
                slope = below[1 : n + 1] - below[:n]
                slope *= np.float32(offset / grid.step)
                part += slope
            if limits is not None:
                np.rint(part, out=part)
                np.clip(part, limits.min, limits.max, out=part)
            out[rows] = part
    void = void_mask(section) if own.has_void else None
    if void is not None:
        out[void] = section[void]
    return out


def steady_level(maps: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """What local means are when they do not flicker: see the head of this file.

    Parameters
    ----------
    maps : sequence of ndarray (y, x) float32
        Of a section and its neighbours, an odd number; not changed.
    """
    n = len(maps)
    if n == 5:
        return _median_of_5(maps)
    if n < 5:
        return np.median(np.stack(maps), axis=0).astype(np.float32)
    total = np.zeros_like(maps[0])
    outer = n // 4
    low = [np.full_like(total, np.inf) for _ in range(outer)]
    high = [np.full_like(total, -np.inf) for _ in range(outer)]
    for one in maps:
        total += one
        _sift_in(low, one, np.minimum, np.maximum)
        _sift_in(high, one, np.maximum, np.minimum)
    for extreme in (*low, *high):
        total -= extreme
    total /= n - 2 * outer
    return total


def _sift_in(
    held: list[NDArray[np.float32]], one: NDArray[np.float32], better: np.ufunc, worse: np.ufunc
) -> None:
    """Keep the best values so far, place by place, in order."""
    for rank, known in enumerate(held):
        held[rank], one = better(known, one), worse(known, one)


def _median_of_5(a: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Median of five maps by exchanges of pairs, ten times as fast as sorting."""
    low, high = np.minimum, np.maximum
    p, q = high(low(a[0], a[1]), low(a[2], a[3])), low(high(a[0], a[1]), high(a[2], a[3]))
    middle: NDArray[np.float32] = high(low(p, q), low(high(p, q), a[4]))
    return middle


def deflicker_sections(
    sections: Iterable[NDArray[Any]],
    settings: DeflickerSettings | None = None,
    *,
    again: Callable[[int], NDArray[Any]] | None = None,
) -> Iterator[NDArray[Any]]:
    """Streaming form: sections come in and go out one by one, in order.

    Memory is bounded by a few sections and the coarse maps of the neighbours. Where sections cannot be read again, up to
    ``settings.sections + 1`` of them wait in a temporary file.

    Parameters
    ----------
    sections : iterable of ndarray (y, x)
    settings : DeflickerSettings, optional
    again : callable, optional
        Gives a section by its number a second time, when its turn has come. Arrays are read again without it.

    Yields
    ------
    ndarray (y, x)
        ``settings.sections`` behind the input.
    """
    settings = settings or DeflickerSettings()
    reach = settings.sections
    if again is None and hasattr(sections, "__getitem__"):
        again = sections.__getitem__
    source = iter(sections)
    first: list[Measured] = []
    dtype: np.dtype[Any] = np.dtype(np.uint8)
    with Aside() as waiting:
        for early in islice(source, reach + 1):
            dtype = early.dtype
            first.append(measure(early, settings))
            if again is None:
                waiting.put(early)
            del early
        reference = find_reference(first, settings, dtype)
        known = {z: levelled(m, reference, dtype) for z, m in enumerate(first)}
        count, done = len(first), 0
        del first
        while done < count:
            around = [known[z] for z in _window(done, reach, count)]
            section = waiting.take() if again is None else np.asarray(again(done))
            out = level(section, known[done], around, settings)
            del section, around  # the caller may work on the answer while the next one is not needed yet
            known.pop(done - reach, None)
            done += 1
            yield out
            del out
            following = next(source, None)
            if following is not None:
                if again is None:
                    waiting.put(following)
                known[count] = levelled(measure(following, settings), reference, dtype)
                count += 1
                del following


def _window(z: int, reach: int, count: int) -> list[int]:
    """Sections around one, mirrored at both ends."""
    return [int(n) for n in mirrored(np.arange(z - reach, z + reach + 1), count)]


def deflicker(
    stack: NDArray[Any], settings: DeflickerSettings | None = None, *, threads: int = 2
) -> NDArray[Any]:
    """Batch form, with the same result as `deflicker_sections`.

    Parameters
    ----------
    stack : ndarray (z, y, x)
    settings : DeflickerSettings, optional
    threads : int
        Sections worked on at the same time.

    Returns
    -------
    ndarray (z, y, x)
        Of the input's type. The input is not changed.
    """
    settings = settings or DeflickerSettings()
    out = np.empty_like(stack)
    count = len(stack)
    with ThreadPoolExecutor(max(1, threads)) as pool:
        measured = list(pool.map(lambda section: measure(section, settings), stack))
        reference = find_reference(measured[: settings.sections + 1], settings, stack.dtype)
        known = [levelled(m, reference, stack.dtype) for m in measured]

        def one(z: int) -> None:
            out[z] = level(
                stack[z], known[z], [known[n] for n in _window(z, settings.sections, count)], settings
            )

        list(pool.map(one, range(count)))
    return out


def clean_one(
    section_of: Callable[[int], NDArray[Any]], z: int, count: int, settings: DeflickerSettings
) -> NDArray[Any]:
    """One section as `deflicker` would make it, reading only what it depends on.

    Parameters
    ----------
    section_of : callable
        Gives a section (y, x) by its number.
    z, count : int
        The section wanted, and how many there are.
    settings : DeflickerSettings
    """
    wanted = _window(z, settings.sections, count)
    measured = {n: measure(section_of(n), settings) for n in sorted(set(wanted))}
    section = section_of(z)
    first: list[Measured] = []
    for n in range(min(count, settings.sections + 1)):  # no further than to one that can be the reference
        first.append(measured.get(n) or measure(section_of(n), settings))
        reference = find_reference(first, settings, section.dtype)
        if first[-1].std >= _flat(section.dtype):
            break
    known = {n: levelled(measured[n], reference, section.dtype) for n in set(wanted)}
    return level(section, known[z], [known[n] for n in wanted], settings)
