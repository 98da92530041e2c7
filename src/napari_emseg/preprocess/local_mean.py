"""Means over a square around every pixel, on a coarse grid: exact at the nodes, cheap in time and memory.

A mean over 31 x 31 pixels is smooth, so that a node every four pixels loses nothing that matters: between
the nodes it is interpolated linearly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.preprocess.mirror import mirrored

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NODES_PER_RADIUS = 4


@dataclass(frozen=True)
class Grid:
    """Nodes every ``step`` pixels, with a rim of ``rim`` nodes beyond the section on every side.

    Parameters
    ----------
    radius : int
        Half the side of the square, without the middle pixel.
    step : int
        Distance of nodes in pixels.
    rim : int
        Nodes beyond the section, enough for a second mean over the first.
    """

    radius: int
    step: int
    rim: int

    @classmethod
    def of(cls, radius: int) -> Grid:
        """The grid for squares of ``2 * radius + 1`` pixels."""
        step = max(1, (radius + 1) // _NODES_PER_RADIUS)
        return cls(radius, step, -(-radius // step) + 1)

    def nodes(self, count: int) -> int:
        """Number of nodes along an axis of ``count`` pixels, without the rim."""
        return -(-(count - 1) // self.step) + 1


def box_means(section: NDArray[Any], grid: Grid) -> NDArray[np.float32]:
    """Mean over a square around each node; the section is mirrored at its edges.

    Parameters
    ----------
    section : ndarray (y, x)
        Grey values of any real type.
    grid : Grid

    Returns
    -------
    ndarray (nodes + 2 rim, nodes + 2 rim) float32
    """
    kind: np.dtype[Any] = np.dtype(
        np.float64 if section.dtype.kind == "f" or section.dtype.itemsize > 2 else np.uint64
    )
    if section.dtype == np.uint8:
        kind = np.dtype(np.uint32)
    sums = _window_sums(_window_sums(section, grid, kind).T, grid, kind).T
    side = 2 * grid.radius + 1
    return np.ascontiguousarray(sums * (1.0 / (side * side)), dtype=np.float32)


def _window_sums(values: NDArray[Any], grid: Grid, kind: np.dtype[Any]) -> NDArray[Any]:
    """Sums over ``2 * radius + 1`` rows around each node of the first axis."""
    count, step = len(values), grid.step
    nodes = grid.nodes(count) + 2 * grid.rim
    whole, rest = divmod(2 * grid.radius + 1, step)
    start = -grid.rim * step - grid.radius

    def rows(offset: int, n: int) -> NDArray[Any]:
        chosen: NDArray[Any] = values[mirrored(start + offset + step * np.arange(n), count)]
        return chosen

    # sums over `step` rows are shared by neighbouring windows
    blocks = np.zeros((nodes + whole - 1, values.shape[1]), kind) if whole else None
    sums = np.zeros((nodes, values.shape[1]), kind)
    if blocks is not None:
        for offset in range(step):
            blocks += rows(offset, len(blocks))
        for shift in range(whole):
            sums += blocks[shift : shift + nodes]
    for offset in range(rest):
        sums += rows(whole * step + offset, nodes)
    return sums


def smooth_nodes(values: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """Mean over the same square again, of what lies linearly between the nodes.

    Parameters
    ----------
    values : ndarray (nodes + 2 rim, nodes + 2 rim) float32
    grid : Grid

    Returns
    -------
    ndarray (nodes, nodes) float32
        The rim is used up.
    """
    from scipy.ndimage import correlate1d

    pixel = np.arange(-grid.radius, grid.radius + 1)
    node = np.arange(-grid.rim, grid.rim + 1) * grid.step
    share = np.maximum(0.0, 1 - np.abs(pixel[:, None] - node[None, :]) / grid.step).sum(axis=0) / len(pixel)
    inner = slice(grid.rim, -grid.rim)
    rows = correlate1d(values, share, axis=0)[inner]
    return np.ascontiguousarray(correlate1d(rows, share, axis=1)[:, inner])


def widen(values: NDArray[np.float32], grid: Grid, width: int) -> NDArray[np.float32]:
    """Interpolate the second axis from nodes to ``width`` pixels.

    Parameters
    ----------
    values : ndarray (n, nodes) float32
    """
    step, last = grid.step, values.shape[1] - 1
    wide = np.empty((len(values), last * step + 1), np.float32)
    wide[:, ::step] = values
    slope = np.diff(values, axis=1)
    for offset in range(1, step):
        wide[:, offset::step] = values[:, :-1] + slope * np.float32(offset / step)
    return wide[:, :width]
