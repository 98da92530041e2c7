"""What is measured of each section to tell good ones from bad ones; each section is read once, in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.progress import Silent
from napari_emseg.preprocess.phase import Spectrum, phase_shift, spectrum
from napari_emseg.preprocess.ridges import ridge_maps
from napari_emseg.preprocess.void import void_mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress

_SMALL_PX = 256  # sections are compared at about this many pixels a side
_PICTURE_PX = 96
_LEAST_PX = 64  # in common for a correlation
_REACH = 2  # sections that are compared with each other lie at most this far apart


@dataclass(frozen=True, eq=False)
class Features:
    """Numbers about one section.

    Parameters
    ----------
    mean, std : float
        Grey values of the tissue, as parts of the range of the data.
    tissue : float
        Part of the section that is not black.
    sharpness : float
        Standard deviation of what changes from pixel to pixel, relative to that of what changes over a few pixels.
    grain : float
        Standard deviation of what changes from pixel to pixel, as part of the range.
    height_px : int
        Of the section.
    dark, bright : ndarray float16
        Of long bands, see `napari_emseg.preprocess.ridges`.
    picture : ndarray (y, x) uint8
        For people.
    """

    mean: float
    std: float
    tissue: float
    sharpness: float
    grain: float
    height_px: int
    dark: NDArray[np.float16]
    bright: NDArray[np.float16]
    picture: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Views:
    """What is kept of a section until its neighbours have been compared with it.

    Parameters
    ----------
    small : ndarray (y, x) float32
        At a coarse scale, with mean 0 and standard deviation 1 in the tissue, 0 outside.
    tissue : ndarray (y, x) of bool
        Where there is some, at that scale.
    step : int
        Pixels of the section in one of ``small``.
    fine : ndarray (y, x) float32
        What changes from pixel to pixel.
    spectrum : Spectrum
        Of ``small``.
    """

    small: NDArray[np.float32]
    tissue: NDArray[np.bool_]
    step: int
    fine: NDArray[np.float32] | None
    spectrum: Spectrum


@dataclass(frozen=True)
class Pair:
    """How two sections agree.

    Parameters
    ----------
    dy, dx : float
        Shift of the second against the first in pixels.
    quality : float
        How clear that shift is, see `napari_emseg.preprocess.phase.Shift`.
    likeness : float
        Correlation at the coarse scale at this shift.
    sameness : float
        Correlation of what changes from pixel to pixel, unshifted. Grain is new in every section.
    """

    dy: float
    dx: float
    quality: float
    likeness: float
    sameness: float


@dataclass(frozen=True, eq=False)
class StackFeatures:
    """All sections, and pairs of sections that are close."""

    sections: tuple[Features, ...]
    pairs: Mapping[tuple[int, int], Pair]


def measure_stack(
    sections: Iterable[NDArray[Any]], *, progress: Progress | None = None, count: int = 0
) -> StackFeatures:
    """Measure all sections and pairs of neighbours.

    Parameters
    ----------
    sections : iterable of ndarray (y, x)
        Grey values of one type and size. Two of them are in memory at a time.
    progress : Progress, optional
    count : int
        Number of sections, for progress only.
    """
    progress = progress or Silent()
    found: list[Features] = []
    pairs: dict[tuple[int, int], Pair] = {}
    recent: dict[int, _Views] = {}
    for z, given in enumerate(sections):
        progress.report(z / max(count, z + 1), f"looking at section {z + 1}")
        features, views = measure_section(np.asarray(given))
        found.append(features)
        for before, other in recent.items():
            pairs[before, z] = _compare(other, views)
        recent = {n: replace(v, fine=None) for n, v in recent.items() if n > z - _REACH}
        recent[z] = views
    return StackFeatures(tuple(found), pairs)


def measure_section(section: NDArray[Any]) -> tuple[Features, _Views]:
    """Features of one section (y, x), and what its neighbours are to be compared with."""
    from scipy.ndimage import gaussian_filter

    full = float(np.iinfo(section.dtype).max) if section.dtype.kind in "ui" else 1.0
    values = section.astype(np.float32) / np.float32(full)
    if section.dtype.kind == "f" and values.size and values.max() > 1.5:
        values /= np.float32(255)  # float sections that keep grey levels
    values = np.nan_to_num(values)
    void = void_mask(section)
    tissue = np.ones(section.shape, np.bool_) if void is None else ~void
    inside = values[tissue] if void is not None else values.ravel()
    mean, std = (float(inside.mean()), float(inside.std())) if inside.size else (0.0, 0.0)
    filled = values if void is None else np.where(tissue, values, np.float32(mean))
    fine = filled - gaussian_filter(filled, 1.0)
    broad = gaussian_filter(filled, 2.0) - gaussian_filter(filled, 6.0)
    grain = float(fine.std())
    middle = float(broad.std())
    step = max(1, round(max(section.shape) / _SMALL_PX))
    small, small_tissue = _shrunk(filled, step), _shrunk(tissue.astype(np.float32), step) > 0.5
    spread = float(small[small_tissue].std()) if small_tissue.any() else 0.0
    small = np.where(small_tissue, (small - mean) / max(spread, 1e-4), 0).astype(np.float32)
    dark, bright = ridge_maps(small)
    features = Features(
        mean,
        std,
        float(tissue.mean()),
        grain / max(middle, 1e-4),
        grain,
        section.shape[0],
        dark,
        bright,
        picture_of(values),
    )
    return features, _Views(small, small_tissue, step, fine, spectrum(small, smooth_px=0.7, coarse_px=20))


def picture_of(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A small picture of a section whose grey values lie in [0, 1], as it is: a dark section stays dark."""
    step = max(1, -(-max(values.shape) // _PICTURE_PX))
    return np.asarray(np.clip(_shrunk(values, step) * 255, 0, 255), dtype=np.uint8)


def _shrunk(values: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Means over squares of ``step`` pixels; what does not fill a square is left out."""
    if step == 1:
        return values
    rows, columns = max(1, values.shape[0] // step), max(1, values.shape[1] // step)
    cut = values[: rows * step, : columns * step]
    if cut.shape != (rows * step, columns * step):  # thinner than a square
        return values
    return np.asarray(cut.reshape(rows, step, columns, step).mean(axis=(1, 3)), dtype=np.float32)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    x, y = a - a.mean(), b - b.mean()
    size = float(np.sqrt(np.vdot(x, x) * np.vdot(y, y)))
    return float(np.vdot(x, y)) / size if size > 0 else 0.0


def _compare(a: _Views, b: _Views) -> Pair:
    same = _correlation(a.fine, b.fine) if a.fine is not None and b.fine is not None else 0.0
    shift = phase_shift(a.spectrum, b.spectrum)
    dy, dx = round(shift.dy), round(shift.dx)
    height, width = a.small.shape
    first = (slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx)))
    second = (slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx)))
    there = a.tissue[first] & b.tissue[second]
    likeness = _correlation(a.small[first][there], b.small[second][there]) if there.sum() > _LEAST_PX else 0.0
    return Pair(shift.dy * a.step, shift.dx * a.step, shift.quality, likeness, same)
