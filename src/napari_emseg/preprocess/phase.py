"""By how much a picture is shifted against another: phase correlation of band-passed sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Shift:
    """What brings one section onto another.

    Parameters
    ----------
    dy, dx : float
        Pixels by which the second section's content lies further down and right than the first's.
    quality : float
        Height of the peak above the spread of the surface; about 5 is chance for the highest of many.
    """

    dy: float
    dx: float
    quality: float


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Transform of a tapered, band-passed section, and the padded size behind it."""

    values: NDArray[np.complex64]
    shape: tuple[int, int]


def spectrum(section: NDArray[Any], *, smooth_px: float = 2.0, coarse_px: float = 40.0) -> Spectrum:
    """Prepare a section for `phase_shift`.

    Parameters
    ----------
    section : ndarray (y, x)
        Grey values; black margins count as the mean of the tissue.
    smooth_px, coarse_px : float
        Standard deviations of the Gaussians between which structure counts: grain below and shading above do not.
    """
    from scipy import fft
    from scipy.ndimage import gaussian_filter

    values = section.astype(np.float32)
    tissue = values != 0
    values -= values[tissue].mean() if tissue.any() else 0.0
    values[~tissue] = 0
    fine = gaussian_filter(values, smooth_px) - gaussian_filter(values, coarse_px)
    spread = float(fine.std())
    if spread > 0:  # a fold or a speck of dirt must not outweigh the membranes
        np.clip(fine, -3 * spread, 3 * spread, out=fine)
    for axis, n in enumerate(fine.shape):
        rim = max(1, n // 8)
        ramp = np.ones(n, np.float32)
        ramp[:rim] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(rim) + 0.5) / rim)
        ramp[-rim:] = ramp[:rim][::-1]
        fine *= ramp[:, None] if axis == 0 else ramp
    shape = (fft.next_fast_len(fine.shape[0], real=True), fft.next_fast_len(fine.shape[1], real=True))
    return Spectrum(fft.rfft2(fine, s=shape).astype(np.complex64), shape)


def phase_shift(a: Spectrum, b: Spectrum, *, most_px: float | None = None) -> Shift:
    """Shift of the second section's content against the first's.

    Parameters
    ----------
    a, b : Spectrum
        Of sections of the same size.
    most_px : float, optional
        Larger shifts are not looked for.

    Notes
    -----
    Kuglin and Hines 1975. The cross spectrum is divided by the square root of its magnitude only: full whitening gives
    noise the same say as membranes. The peak is refined by a parabola through its neighbours.
    """
    from scipy import fft

    cross = b.values * np.conj(a.values)
    cross /= np.sqrt(np.abs(cross)) + 1e-6
    surface = fft.irfft2(cross, s=a.shape)
    size = np.array(surface.shape)
    searched = surface
    if most_px is not None:
        y, x = (np.minimum(np.arange(n), n - np.arange(n)) for n in surface.shape)
        near = (y[:, None] <= most_px) & (x[None, :] <= most_px)
        searched = np.where(near, surface, -np.inf)
    peak = np.unravel_index(int(searched.argmax()), surface.shape)
    spread = float(surface.std()) or 1.0
    found = []
    for axis in (0, 1):
        line = [float(surface[_beside(peak, axis, step, size)]) for step in (-1, 0, 1)]
        curve = line[0] - 2 * line[1] + line[2]
        part = 0.5 * (line[0] - line[2]) / curve if curve < 0 else 0.0
        place = float(peak[axis])
        found.append(
            (place - size[axis] if place > size[axis] // 2 else place) + float(np.clip(part, -0.5, 0.5))
        )
    return Shift(found[0], found[1], float((surface[peak] - surface.mean()) / spread))


def _beside(peak: Any, axis: int, step: int, size: NDArray[Any]) -> tuple[int, int]:
    place = [int(peak[0]), int(peak[1])]
    place[axis] = (place[axis] + step) % int(size[axis])
    return place[0], place[1]
