"""How far the picture moved between two labelled sections: one shift for all, then a smooth field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COARSE_PX = 256  # borders are compared at about this many pixels a side
_BLOCK_PX = 64
_CLEARLY = 0.1  # gain in correlation that tells a shift from chance
_REACHES_PX = (1e4, 192.0, 96.0, 48.0, 24.0)  # a matched object speaks for its surroundings about this far
_BETTER = 0.95  # a narrower reach must err less than this part of what a wider one does
_FLOOR = 1e-9  # weight of what is far out of reach
_ASKED = 400  # objects that tell which reach foretells them best


def coarse_step(shape: tuple[int, ...]) -> int:
    """Side of the blocks of pixels in which borders are compared: no larger than a strip is wide."""
    return max(1, min(max(shape) // _COARSE_PX, *shape))


def coarse_borders(labels: NDArray[Any]) -> NDArray[np.float32]:
    """Part of border pixels in the blocks of a section (y, x)."""
    return _borders(labels, coarse_step(labels.shape))


def shift_between(one: NDArray[np.float32], two: NDArray[np.float32], step: int) -> NDArray[np.float64]:
    """Shift that brings one section onto another.

    Parameters
    ----------
    one, two : ndarray of float32 (y / step, x / step)
        `coarse_borders` of the two.
    step : int
        `coarse_step` of the two.

    Returns
    -------
    ndarray of float64 (2,)
        (dy, dx) in pixels of the sections; zero unless a shift makes the borders agree clearly better.

    Notes
    -----
    Phase correlation of the borders between segments: Kuglin and Hines 1975.
    """
    borders = (one, two)
    if min(x.std() for x in borders) == 0:
        return np.zeros(2)
    spectra = [np.fft.rfft2(x - x.mean()) for x in borders]
    cross = spectra[1] * np.conj(spectra[0])
    surface = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=borders[0].shape)
    peak = np.unravel_index(int(surface.argmax()), surface.shape)
    size, found = np.array(surface.shape), np.array(peak, dtype=np.int64)
    shift = np.where(found > size // 2, found - size, found)
    if not shift.any():
        return np.zeros(2)
    moved = np.roll(borders[0], shift, (0, 1))
    still, better = (float(np.corrcoef(x.ravel(), borders[1].ravel())[0, 1]) for x in (borders[0], moved))
    return shift * float(step) if better > still + _CLEARLY else np.zeros(2)


def _borders(labels: NDArray[Any], step: int) -> NDArray[np.float32]:
    """Part of border pixels in blocks of ``step`` pixels."""
    rows, columns = labels.shape[0] // step, labels.shape[1] // step
    seen = labels[: rows * step, : columns * step]
    edge = np.zeros(seen.shape, np.uint8)
    edge[:-1] = seen[:-1] != seen[1:]
    edge[:, :-1] += seen[:, :-1] != seen[:, 1:]
    # Adding whole rows, then columns, is many times faster than a mean over both.
    down = np.zeros((rows, columns * step), np.uint8 if 2 * step <= np.iinfo(np.uint8).max else np.uint32)
    for k in range(step):
        down += edge[k::step]
    sums = np.zeros((rows, columns), np.uint32)
    for k in range(step):
        sums += down[:, k::step]
    return (sums / np.float32(step**2)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class MotionField:
    """Every place moves like the matched objects around it.

    Parameters
    ----------
    points : ndarray of float64 (n, 2)
        Where objects are in the next section, (y, x) in pixels.
    moves : ndarray of float64 (n, 2)
        How they came there.
    """

    points: NDArray[np.float64]
    moves: NDArray[np.float64]
    reach_px: float = 96.0

    def at(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Motion at places (m, 2), in pixels."""
        weight = _weights(_squared_distances(places, self.points), self.reach_px)
        moves: NDArray[np.float64] = weight @ self.moves / weight.sum(1, keepdims=True)
        return moves

    def warp(self, *images: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Move images of a section (y, x), each pixel as a whole; 0 where nothing came from inside it."""
        rows, columns = images[0].shape
        centres = [np.arange(_BLOCK_PX // 2, n + _BLOCK_PX, _BLOCK_PX) for n in (rows, columns)]
        grid = np.stack(np.meshgrid(*centres, indexing="ij"), -1).reshape(-1, 2).astype(np.float64)
        field = np.rint(self.at(grid)).astype(int).reshape(len(centres[0]), len(centres[1]), 2)
        moved = tuple(np.zeros_like(image) for image in images)
        for i, j in np.ndindex(field.shape[:2]):
            dy, dx = field[i, j].tolist()
            to_y, from_y = _span(i, dy, rows)
            to_x, from_x = _span(j, dx, columns)
            for image, result in zip(images, moved, strict=True):
                result[to_y, to_x] = image[from_y, from_x]
        return moved


def _span(block: int, move: int, n: int) -> tuple[slice, slice]:
    """Pixels of a block of a line of ``n`` pixels into which something moves, and where it comes from."""
    start = max(block * _BLOCK_PX, move, 0)
    stop = max(min((block + 1) * _BLOCK_PX, n + move, n), start)
    return slice(start, stop), slice(start - move, stop - move)


def _squared_distances(places: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between all places (m, 2) and all points (n, 2), (m, n)."""
    apart = (places[:, None, 0] - points[None, :, 0]) ** 2
    apart += (places[:, None, 1] - points[None, :, 1]) ** 2
    return apart


def _weights(
    apart: NDArray[np.float64], reach_px: float, out: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """How much points at squared distances say."""
    weight = np.divide(apart, -2 * reach_px**2, out=out)
    # Far below the floor; exponentials of less are slow, since results underflow.
    np.maximum(weight, -100.0, out=weight)
    np.exp(weight, out=weight)
    weight += _FLOOR
    return weight


def motion_field(points: NDArray[np.float64], moves: NDArray[np.float64]) -> MotionField:
    """The widest motion field that foretells the motion of each object about as well from that of the others as any.

    Parameters
    ----------
    points, moves : ndarray of float64 (n, 2)
        As in `MotionField`.
    """
    asked = np.linspace(0, len(points) - 1, min(len(points), _ASKED)).astype(np.intp)
    apart = _squared_distances(points[asked], points)
    itself = (np.arange(asked.size), asked)
    weight = np.empty_like(apart)
    best, least = _REACHES_PX[0], np.inf
    for reach in _REACHES_PX:
        _weights(apart, reach, weight)
        weight[itself] = 0
        told = weight @ moves / weight.sum(1, keepdims=True)
        error = float(np.mean(np.hypot(*(told - moves[asked]).T)))
        if error < _BETTER * least:
            best, least = reach, error
    return MotionField(points, moves, best)


def translate(labels: NDArray[Any], shift: NDArray[np.float64]) -> NDArray[Any]:
    """Move a section by whole pixels; 0 comes in at the edges."""
    dy, dx = (int(k) for k in np.rint(shift))
    if dy == dx == 0:
        return labels
    moved = np.zeros_like(labels)
    rows, columns = labels.shape
    target = (slice(max(0, dy), rows + min(0, dy)), slice(max(0, dx), columns + min(0, dx)))
    source = (slice(max(0, -dy), rows - max(0, dy)), slice(max(0, -dx), columns - max(0, dx)))
    moved[target] = labels[source]
    return moved
