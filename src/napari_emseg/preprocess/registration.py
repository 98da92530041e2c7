"""Estimated alignment: shifts between several neighbours, put together so that a bad section spoils nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.preprocess.phase import Shift, Spectrum, phase_shift, spectrum
from napari_emseg.preprocess.shift_table import ShiftTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress

_REACH = 3  # every section is compared with this many of those before it, so that chains go around bad ones
_SMOOTH_PX = 2.0  # grain up to about this size is ignored
_ROUNDS = 30
_CHANCE = 6.0  # peaks that are lower above the spread of the surface are found in noise as well
_LEAST_SCALE_PX = 0.5  # residuals of good pairs; below this the estimate itself ends


@dataclass(frozen=True)
class Positions:
    """Where sections lie and how sure that is.

    Parameters
    ----------
    positions : ndarray (z, 2) float64
        (dy, dx) in pixels by which each section's content lies away from where the first's would; add their negative to
        align.
    doubtful : tuple of int
        Sections that no neighbour agrees with; they are placed between their neighbours.
    pairs : mapping of (a, b) to Shift
        What was measured.
    """

    positions: NDArray[np.float64]
    doubtful: tuple[int, ...] = ()
    pairs: Mapping[tuple[int, int], Shift] = field(default_factory=dict)

    def table(self, *, margin: int = 0) -> ShiftTable:
        """Whole-pixel shifts that align the stack; the middle section stays where it is."""
        middle = np.median(self.positions, axis=0)
        # relative to a section, so that whole-pixel shifts stay whole pixels
        still = self.positions[np.argmin(np.hypot(*(self.positions - middle).T))]
        return ShiftTable.of(np.rint(still - self.positions), margin=margin)


def estimate_alignment(
    sections: Iterable[NDArray[Any]],
    *,
    most_px: float | None = None,
    excluded: Collection[int] = (),
    progress: Progress | None = None,
    count: int = 0,
) -> Positions:
    """Estimate the shifts of all sections, reading each once and in order.

    Parameters
    ----------
    sections : iterable of ndarray (y, x)
        All of one size. Memory is bounded by four of them.
    most_px : float, optional
        Largest shift between neighbours.
    excluded : collection of int
        Sections known to be bad; they are not compared.
    progress : Progress, optional
    count : int
        Number of sections, for progress only.

    Raises
    ------
    EmsegError
        If there are no sections.
    """
    progress = progress or Silent()
    recent: dict[int, Spectrum] = {}
    pairs: dict[tuple[int, int], Shift] = {}
    z = -1
    for z, section in enumerate(sections):
        progress.report(z / max(count, z + 1), f"comparing section {z + 1}")
        if z in excluded or not np.ptp(section):
            continue
        now = spectrum(np.asarray(section), smooth_px=_SMOOTH_PX)
        for before, other in recent.items():
            limit = None if most_px is None else most_px * (z - before)
            pairs[before, z] = phase_shift(other, now, most_px=limit)
        recent[z] = now
        while len(recent) > _REACH:
            del recent[min(recent)]
    if z < 0:
        raise EmsegError("there are no sections to align", "the stack", "give at least one")
    return chain(pairs, z + 1)


def chain(pairs: Mapping[tuple[int, int], Shift], count: int) -> Positions:
    """Positions that fit all measured shifts best, wrong ones left out.

    Parameters
    ----------
    pairs : mapping of (a, b) to Shift
        Shift of section b against section a.
    count : int
        Number of sections.

    Notes
    -----
    Iteratively reweighted least squares with Geman-McClure weights, the scale taken from the residuals' median and
    shrunk round by round (graduated non-convexity, Blake and Zisserman 1987), so that the start hardly matters.
    """
    good = {pair: shift for pair, shift in pairs.items() if shift.quality > _CHANCE}
    links = list(good)
    if not links:
        return Positions(np.zeros((count, 2)), tuple(range(1, count)), pairs)
    a, b = (np.array(side) for side in zip(*links, strict=True))
    measured = np.array([(good[p].dy, good[p].dx) for p in links])
    trust = np.array([good[p].quality for p in links])
    trust = trust / trust.max() / (b - a)  # what lies further apart has changed more
    weight = trust.copy()
    positions = np.zeros((count, 2))
    scale = np.inf
    for round_ in range(_ROUNDS):
        positions = _solve(a, b, measured, weight, count)
        residual = np.linalg.norm(positions[b] - positions[a] - measured, axis=1)
        typical = max(_LEAST_SCALE_PX, 1.48 * float(np.median(residual)))
        scale = 10 * max(typical, float(residual.max())) if round_ == 0 else max(0.6 * scale, 3 * typical)
        weight = trust / (1 + (residual / scale) ** 2) ** 2
    residual = np.linalg.norm(positions[b] - positions[a] - measured, axis=1)
    supported = np.zeros(count, dtype=bool)
    fits = residual <= 3 * max(_LEAST_SCALE_PX, 1.48 * float(np.median(residual)))
    supported[a[fits]] = supported[b[fits]] = True
    doubtful = np.flatnonzero(~supported)
    if supported.any() and len(doubtful):
        known = np.flatnonzero(supported)
        for axis in (0, 1):
            positions[doubtful, axis] = np.interp(doubtful, known, positions[known, axis])
    return Positions(positions - positions[0], tuple(int(z) for z in doubtful), pairs)


def _solve(
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    measured: NDArray[np.float64],
    weight: NDArray[np.float64],
    count: int,
) -> NDArray[np.float64]:
    """Weighted least squares; a weak tie to the neighbours keeps sections without a link in place."""
    from scipy.sparse import coo_matrix, identity
    from scipy.sparse.linalg import spsolve

    tie_a, tie_b = np.arange(count - 1), np.arange(1, count)
    every_a, every_b = np.concatenate([a, tie_a]), np.concatenate([b, tie_b])
    w = np.concatenate([weight, np.full(count - 1, 1e-6)])
    right = np.zeros((count, 2))
    for axis in (0, 1):
        np.add.at(right[:, axis], b, weight * measured[:, axis])
        np.add.at(right[:, axis], a, -weight * measured[:, axis])
    rows = np.concatenate([every_a, every_b, every_a, every_b])
    columns = np.concatenate([every_a, every_b, every_b, every_a])
    matrix = coo_matrix((np.concatenate([w, w, -w, -w]), (rows, columns)), shape=(count, count)).tocsc()
    solved = spsolve((matrix + 1e-9 * identity(count)).tocsc(), right)
    return np.asarray(solved).reshape(count, 2)
