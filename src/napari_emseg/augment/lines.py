"""Straight lines across a section, along which it folds or breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Line:
    """All points p with ``normal . p = offset``; p = (y, x) in pixels, the normal of length 1."""

    normal: tuple[float, float]
    offset: float


def draw_line(size: tuple[int, int], rng: np.random.Generator) -> Line:
    """A random line from one side of a section (y, x) to the opposite one; either pair with one half."""
    height, width = size
    if rng.random() < 0.5:
        start, end = (rng.uniform(0, height), 0.0), (rng.uniform(0, height), float(width))
    else:
        start, end = (0.0, rng.uniform(0, width)), (float(height), rng.uniform(0, width))
    along = np.subtract(end, start)
    normal = np.array([along[1], -along[0]]) / np.hypot(*along)
    return Line((float(normal[0]), float(normal[1])), float(normal @ np.asarray(start)))


def signed_distance(size: tuple[int, int], line: Line) -> NDArray[np.float32]:
    """Distance of every pixel (y, x) from a line, negative on one side of it."""
    y, x = (np.arange(n, dtype=np.float32) for n in size)
    normal = np.asarray(line.normal, np.float32)
    away: NDArray[np.float32] = normal[0] * y[:, None] + normal[1] * x[None] - np.float32(line.offset)
    return away
