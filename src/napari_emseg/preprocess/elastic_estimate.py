"""Estimate an elastic alignment: displacements between neighbours, put together, without what changes slowly.

Small windows around every node are compared with those of the sections before by phase correlation. One field for
every section is found that fits all comparisons and bends little. What changes slowly from section to section is how the
tissue runs, and stays; only what differs from the neighbours around is taken away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.preprocess.elastic import Warp, displacement, nodes_of, tempered, warp_section

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress

    Links = dict[tuple[int, int], tuple[NDArray[np.float32], NDArray[np.float32]]]

SPACING_PX = 48
"""Distance of nodes; the windows that are compared are twice as wide."""

_MOST_PX = 16.0  # larger displacements between neighbours are not looked for
_REACH = 2  # every section is compared with so many of those before it
_KEEP_SECTIONS = 3.0  # what changes more slowly is kept: standard deviation of a Gaussian over sections
_ROUNDS = 2  # comparisons are repeated on what the round before has aligned
_CHANCE = 4.5  # peaks of the searched part that are lower above the spread are found in noise as well
_CERTAIN = 9.0
_REWEIGHTED = 5
_STIFF = 0.5  # how much a bent field costs, against one certain comparison
_TIE = 1e-3  # keeps nodes that nothing is known of near 0


def estimate_warp(
    section_of: Callable[[int], NDArray[Any]],
    count: int,
    *,
    excluded: Collection[int] = (),
    progress: Progress | None = None,
) -> Warp:
    """Estimate the elastic part of the alignment of a stack whose shifts have been taken away.

    Parameters
    ----------
    section_of : callable
        Gives a section (y, x) by its number; called once for each in every round, in order.
    count : int
    excluded : collection of int
        Bad sections; they are not compared, and moved like their neighbours.
    progress : Progress, optional

    Raises
    ------
    EmsegError
        If there are no sections.
    """
    if count < 1:
        raise EmsegError("there are no sections to align", "the stack", "give at least one")
    progress = progress or Silent()
    first = np.asarray(section_of(0))
    shape = (int(first.shape[0]), int(first.shape[1]))
    spacing_px = max(8, min(SPACING_PX, min(shape) // 2))
    warp = Warp(np.zeros((count, 2, *nodes_of(shape, spacing_px)), np.float32), spacing_px, shape)
    if min(shape) < 32:
        return warp
    for number in range(_ROUNDS):
        links = _compare(section_of, warp, excluded, progress, (number, _ROUNDS))
        change = _without_slow(solve(links, count, warp.nodes.shape[2:]), _KEEP_SECTIONS)
        warp = _added(warp, change)
    return warp


def _compare(
    section_of: Callable[[int], NDArray[Any]],
    warp: Warp,
    excluded: Collection[int],
    progress: Progress,
    part: tuple[int, int],
) -> Links:
    """Displacement and its certainty at every node, of each section against those before it."""
    recent: dict[int, NDArray[np.float32]] = {}
    links: Links = {}
    count = len(warp)
    for z in range(count):
        progress.report((part[0] + z / count) / part[1], f"comparing section {z + 1} of {count}")
        section = np.asarray(section_of(z))
        if z in excluded or not np.ptp(section):
            continue
        now = _band(warp_section(section.astype(np.float32), z, warp), warp.spacing_px)
        for before, other in recent.items():
            links[before, z] = compare(other, now, warp.spacing_px, _MOST_PX)
        recent[z] = now
        while len(recent) > _REACH:
            del recent[min(recent)]
    return links


def _band(section: NDArray[np.float32], spacing_px: int) -> NDArray[np.float32]:
    """Structure between grain and shading, with a rim of nothing so that windows may look beyond."""
    from scipy.ndimage import gaussian_filter

    tissue = section != 0
    values = section - (section[tissue].mean() if tissue.any() else 0)
    values[~tissue] = 0
    fine = gaussian_filter(values, 1.5) - gaussian_filter(values, max(8.0, spacing_px / 4))
    spread = float(fine.std())
    if spread > 0:
        np.clip(fine, -3 * spread, 3 * spread, out=fine)
        fine /= spread
    return np.pad(fine, spacing_px + spacing_px)


def compare(
    a: NDArray[np.float32], b: NDArray[np.float32], spacing_px: int, most_px: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far the content of `b` lies down and right of that of `a` around every node.

    Parameters
    ----------
    a, b : ndarray (y + 4 spacing, x + 4 spacing)
        From `_band`.

    Returns
    -------
    displacement : ndarray (2, ny, nx) float32
    certainty : ndarray (ny, nx) float32
        0 to 1.
    """
    from scipy import fft

    half, rim = spacing_px, 2 * spacing_px
    height, width = (n - 2 * rim for n in a.shape)
    rows, columns = (np.arange(n) * spacing_px + rim for n in nodes_of((height, width), spacing_px))
    side = 2 * half
    ramp = np.hanning(side + 2)[1:-1].astype(np.float32)
    window = ramp[:, None] * ramp[None, :]
    size = fft.next_fast_len(side, real=True)
    steps = np.minimum(np.arange(size), size - np.arange(size))
    near = (steps[:, None] <= min(most_px, half / 2)) & (steps[None, :] <= min(most_px, half / 2))
    found = np.zeros((2, len(rows), len(columns)), np.float32)
    sure = np.zeros((len(rows), len(columns)), np.float32)
    for i, y in enumerate(rows):
        top = min(int(y), a.shape[0] - half)
        cuts = []
        for picture in (a, b):
            strips = [picture[top - half : top + half, min(int(x), a.shape[1] - half) - half :][:, :side]
                      for x in columns]  # fmt: skip
            cuts.append(fft.rfft2(np.stack(strips) * window, s=(size, size)))
        cross = cuts[1] * np.conj(cuts[0])
        cross /= np.sqrt(np.abs(cross)) + 1e-6
        surface = fft.irfft2(cross, s=(size, size))
        for j in range(len(columns)):
            found[:, i, j], sure[i, j] = _peak(surface[j], near)
    return found, sure


def _peak(surface: NDArray[np.float32], near: NDArray[np.bool_]) -> tuple[tuple[float, float], float]:
    """Place of the highest point of a surface, refined by parabolas, and how sure that is."""
    size = surface.shape[0]
    spread = float(surface.std())
    if spread <= 0:
        return (0.0, 0.0), 0.0
    y, x = divmod(int(np.where(near, surface, -np.inf).argmax()), size)
    height = float(surface[y, x] - surface.mean()) / spread
    sure = float(np.clip((height - _CHANCE) / (_CERTAIN - _CHANCE), 0, 1))
    place = []
    for at, line in (
        (y, [surface[(y + s) % size, x] for s in (-1, 0, 1)]),
        (x, [surface[y, (x + s) % size] for s in (-1, 0, 1)]),
    ):
        curve = float(line[0] - 2 * line[1] + line[2])
        part = 0.5 * float(line[0] - line[2]) / curve if curve < 0 else 0.0
        place.append((at - size if at > size // 2 else at) + float(np.clip(part, -0.5, 0.5)))
    return (place[0], place[1]), sure


def solve(links: Links, count: int, nodes: tuple[int, ...]) -> NDArray[np.float32]:
    """Fields (count, 2, ny, nx) whose differences fit all comparisons, smooth within sections.

    Notes
    -----
    Least squares with the bending energy of a thin plate, reweighted after Geman and McClure so that wrong peaks count little; by
    conjugate gradients.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    out = np.zeros((count, 2, *nodes), np.float32)
    if not links:
        return out
    pairs = list(links)
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    measured = np.stack([links[p][0] for p in pairs]).astype(np.float64)
    trust = np.stack([links[p][1] for p in pairs]).astype(np.float64) / (b - a)[:, None, None]
    weight = trust.copy()
    field = np.zeros((2, count, *nodes))
    for _ in range(_REWEIGHTED):

        def normal(flat: NDArray[Any], weight: NDArray[np.float64] = weight) -> NDArray[np.float64]:
            d = flat.reshape(count, *nodes)
            pull = weight * (d[b] - d[a])
            total = _TIE * d
            np.add.at(total, b, pull)
            np.subtract.at(total, a, pull)
            _add_bending(total, d)
            return np.asarray(total.ravel())

        operator = LinearOperator((field[0].size, field[0].size), matvec=normal, dtype=np.float64)
        for axis in (0, 1):
            right = np.zeros((count, *nodes))
            np.add.at(right, b, weight * measured[:, axis])
            np.subtract.at(right, a, weight * measured[:, axis])
            found, _ = cg(operator, right.ravel(), x0=field[axis].ravel(), rtol=1e-5, maxiter=300)
            field[axis] = found.reshape(count, *nodes)
        residual = np.hypot(*(field[:, b] - field[:, a] - measured.transpose(1, 0, 2, 3)))
        known = residual[trust > 0]
        scale = 3 * max(0.5, 1.48 * float(np.median(known))) if known.size else 1.0
        weight = trust / (1 + (residual / scale) ** 2) ** 2
    out[:] = field.transpose(1, 0, 2, 3)
    return out


def _add_bending(total: NDArray[np.float64], d: NDArray[np.float64]) -> None:
    """Add the slope of the bending energy of fields (z, ny, nx): a stretched or turned section costs nothing."""
    for axis in (1, 2):
        n = d.shape[axis]
        if n < 3:
            continue
        bend = _STIFF * np.diff(d, 2, axis=axis)
        for start, share in ((0, 1), (1, -2), (2, 1)):
            total[_cut(axis, start, n - 2)] += share * bend
    if min(d.shape[1:]) > 1:
        twist = 2 * _STIFF * np.diff(np.diff(d, axis=1), axis=2)
        total[:, 1:, 1:] += twist
        total[:, :-1, :-1] += twist
        total[:, 1:, :-1] -= twist
        total[:, :-1, 1:] -= twist


def _cut(axis: int, start: int, length: int) -> tuple[slice, ...]:
    return tuple(slice(start, start + length) if n == axis else slice(None) for n in range(3))


def _without_slow(fields: NDArray[np.float32], keep_sections: float) -> NDArray[np.float32]:
    """What differs from a straight line through the neighbours around, so that a steady drift stays, also at the ends."""
    count = len(fields)
    if count < 3 or keep_sections <= 0:
        return np.asarray(fields - fields.mean(axis=0), np.float32)
    reach = int(np.ceil(4 * keep_sections))
    out = np.empty_like(fields)
    for z in range(count):
        near = np.arange(max(0, z - reach), min(count, z + reach + 1))
        share = np.exp(-0.5 * ((near - z) / keep_sections) ** 2)
        share /= share.sum()
        middle = share @ near
        spread = share @ (near - middle) ** 2
        share = share * (
            1 + (z - middle) * (near - middle) / spread
        )  # local linear regression (Cleveland 1979)
        out[z] = fields[z] - np.tensordot(share, fields[near], 1)
    return out


def _added(warp: Warp, change: NDArray[np.float32]) -> Warp:
    """A warp followed by a further displacement: ``u'(q) = c(q) + u(q + c(q))``, at the nodes."""
    places = np.indices(warp.nodes.shape[2:], dtype=np.float64) * warp.spacing_px
    nodes = np.empty_like(warp.nodes)
    for z, (own, more) in enumerate(zip(warp.nodes, change, strict=True)):
        nodes[z] = more + displacement(own, warp.spacing_px, places + more)
    return Warp(tempered(nodes, warp.spacing_px), warp.spacing_px, warp.shape)
