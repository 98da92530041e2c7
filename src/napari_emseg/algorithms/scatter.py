"""Points in 3D seen from a side, in parallel projection, with the box in which they lie."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.colours import colours_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_TILT = math.radians(20)  # seen from a little above, so that the box is read as one
_EDGE = (90, 90, 90)
_MARGIN = 4  # pixels at least, for dots at the edge
_FAR = 0.45  # brightness of the farthest point


def view_size(extent: Sequence[float], largest: int) -> tuple[tuple[int, int], float]:
    """How large a picture is that holds a box from every side, and how long a pixel of it.

    Parameters
    ----------
    extent : (z, y, x)
        Of the box, in any unit.
    largest : int
        Pixels of the longer side.

    Returns
    -------
    size : (y, x)
    pixel : float
        In the unit of the extent.
    """
    z, y, x = extent
    across = math.hypot(z, x)
    high = y * math.cos(_TILT) + across * math.sin(_TILT)
    margin = max(_MARGIN, largest // 50)
    pixel = max(across, high) / max(1, largest - 2 * margin)
    return (round(high / pixel) + 2 * margin, round(across / pixel) + 2 * margin), pixel


def scatter(
    ids: NDArray[np.int64],
    places: NDArray[np.float64],
    extent: Sequence[float],
    turn: float,
    size: tuple[int, int],
    pixel: float,
) -> NDArray[np.uint8]:
    """Draw points on black, near ones bright and over far ones.

    Parameters
    ----------
    ids : ndarray (n,) of int
        Each point has the colour of its id.
    places : ndarray (n, 3)
        z, y, x, in the unit of `extent`.
    extent : (z, y, x)
        Of the box, whose corner lies at 0.
    turn : float
        Radians around the vertical axis; at 0 sections are seen from the front.
    size, pixel
        From `view_size`.

    Returns
    -------
    ndarray (y, x, 3) of uint8
    """
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", size[::-1])
    draw = ImageDraw.Draw(picture)
    corners = np.array(list(product(*((0.0, e) for e in extent))))
    seen = _projected(corners, extent, turn, size, pixel)
    for a, b in product(range(8), repeat=2):
        if a < b and (a ^ b).bit_count() == 1:
            draw.line([tuple(seen[a, :2]), tuple(seen[b, :2])], fill=_EDGE, width=max(1, max(size) // 500))
    frame = np.array(picture)
    if not ids.size:
        return frame
    points = _projected(places, extent, turn, size, pixel)
    order = np.argsort(-points[:, 2], kind="stable")
    half = math.hypot(*extent) / 2
    bright = 1 - (1 - _FAR) * ((points[order, 2] / half + 1) / 2).clip(0, 1)
    colours = (colours_of(ids[order]) * bright[:, None]).astype(np.uint8)
    radius = max(1, round(max(size) / 200))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = np.hypot(y, x) <= radius
    rows = (np.rint(points[order, 1:2]).astype(int) + y[disc]).clip(0, size[0] - 1)
    columns = (np.rint(points[order, 0:1]).astype(int) + x[disc]).clip(0, size[1] - 1)
    frame[rows, columns] = colours[:, None]  # of several at one place the last, which is the nearest
    return frame


def _projected(
    places: NDArray[np.float64], extent: Sequence[float], turn: float, size: tuple[int, int], pixel: float
) -> NDArray[np.float64]:
    """Column, row and distance (larger is farther) of points."""
    z, y, x = (places - np.asarray(extent) / 2).T
    across = x * math.cos(turn) - z * math.sin(turn)
    far = x * math.sin(turn) + z * math.cos(turn)
    high = y * math.cos(_TILT) - far * math.sin(_TILT)
    deep = y * math.sin(_TILT) + far * math.cos(_TILT)
    return np.stack([across / pixel + size[1] / 2, high / pixel + size[0] / 2, deep], axis=1)
