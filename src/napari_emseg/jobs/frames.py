"""The frames of a section movie: a section in one contrast, its objects over it, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.caption import captioned
from napari_emseg.algorithms.overlay import fill, middles, outlines
from napari_emseg.core.colours import colours_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import AnimateSettings

_SAMPLE = 512  # values along each axis: 262 k of a section give its percentiles closely enough
_COLOURS = 254  # that differ clearly
_CHART = 8  # how much smaller than a frame the chart of colours is
_THIN = 700  # pixels of a frame for each pixel of an outline


@dataclass(frozen=True, slots=True)
class Scene:
    """What all frames have in common.

    Parameters
    ----------
    size : (y, x)
        Of a frame, in pixels.
    pixel_nm : float or None
        Size of a pixel of a frame; None where the voxel size is unknown.
    low, high : float
        Grey values that are shown as black and as white.
    settings : AnimateSettings
    """

    size: tuple[int, int]
    pixel_nm: float | None
    low: float
    high: float
    settings: AnimateSettings


def frame_size(
    shape: Sequence[int], spacing_nm: Spacing | None, largest: int
) -> tuple[tuple[int, int], float | None]:
    """How large frames are, with square pixels; sections are made smaller and never larger.

    Parameters
    ----------
    shape : (y, x)
        Of a section.
    spacing_nm : (z, y, x) or None
    largest : int
        Pixels of the longer side of a frame.

    Returns
    -------
    size : (y, x)
    pixel_nm : float or None
    """
    nm = spacing_nm[1:] if spacing_nm else (1.0, 1.0)
    full = [n * s / max(nm) for n, s in zip(shape, nm, strict=True)]
    factor = min(1.0, largest / max(full))
    size = (max(1, round(full[0] * factor)), max(1, round(full[1] * factor)))
    return size, shape[1] * nm[1] / size[1] if spacing_nm else None


def contrast(sections: Sequence[NDArray[Any]], dark: float, bright: float) -> tuple[float, float]:
    """Grey values of two percentiles of the tissue of several sections, one window for the whole movie.

    Parameters
    ----------
    sections : sequence of ndarray (y, x)
        Black margins, and values that are no numbers, do not count.
    dark, bright : float
        Percentiles.
    """
    values = np.concatenate([_sample(section) for section in sections])
    if not values.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, (dark, bright)))
    return low, max(high, low + 1e-6 * max(1.0, abs(low)))


def _sample(section: NDArray[Any]) -> NDArray[np.float64]:
    step = [max(1, n // _SAMPLE) for n in section.shape]
    values = section[:: step[0], :: step[1]].astype(np.float64).ravel()
    values = values[np.isfinite(values)]
    tissue = values[values != 0]
    return tissue if tissue.size else values


def thinned(section: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Single pixels of a section, as many as a frame has; ids stay ids."""
    y, x = (
        ((np.arange(n) + 0.5) * have / n).astype(np.intp) for n, have in zip(size, section.shape, strict=True)
    )
    return np.asarray(section[y[:, None], x])


def frame(scene: Scene, section: NDArray[Any], ids: NDArray[Any] | None, z: int) -> NDArray[np.uint8]:
    """One frame.

    Parameters
    ----------
    section : ndarray (y, x)
        Grey values; a section larger than the frame is averaged.
    ids : ndarray (y, x) of int, optional
        Objects; of those in a larger section every so-manieth pixel is shown.
    z : int
        Number of the section in the stack.

    Returns
    -------
    ndarray (y, x, 3) of uint8
    """
    grey = _shrunk(_grey(section, scene.low, scene.high), scene.size)
    if ids is None:
        picture = np.repeat(grey[..., None], 3, axis=2)
    else:
        picture = _objects(scene, grey, thinned(ids, scene.size))
    if not scene.settings.caption:
        return picture
    return captioned(picture, f"section {z}", scene.pixel_nm)


def chart(scene: Scene) -> NDArray[np.uint8]:
    """A picture of all colours on all greys that a frame may show, also where no example shows them.

    Returns
    -------
    ndarray (254, n, 3) of uint8
        As many pixels as an eighth of a frame.
    """
    look = scene.settings
    columns = max(8, scene.size[0] * scene.size[1] // _CHART // _COLOURS)
    greys = np.tile(np.linspace(0, 255, columns).round().astype(np.uint8), (_COLOURS, 1))
    ids = np.repeat(np.arange(1, _COLOURS + 1)[:, None], columns, axis=1)
    return fill(greys, ids, 1.0 if look.outlines or look.dots else look.opacity)


def _objects(scene: Scene, grey: NDArray[np.uint8], ids: NDArray[Any]) -> NDArray[np.uint8]:
    look = scene.settings
    if not (look.outlines or look.dots):
        return fill(grey, ids, look.opacity)
    picture = np.repeat(grey[..., None], 3, axis=2)
    width = max(1, round(max(scene.size) / _THIN))
    if look.outlines:
        line = outlines(ids, width)
        picture[line] = colours_of(ids[line])
    if look.dots:
        _draw_dots(picture, *middles(ids), radius=2 * width + 1)
    return picture


def _draw_dots(picture: NDArray[np.uint8], ids: NDArray[Any], places: NDArray[np.intp], radius: int) -> None:
    """Discs in the colours of their ids, with a dark rim."""
    y, x = np.mgrid[-radius - 1 : radius + 2, -radius - 1 : radius + 2]
    far = np.hypot(y, x)
    for within, colours in (
        (far <= radius + 1, np.zeros((len(ids), 3), np.uint8)),
        (far <= radius, colours_of(ids)),
    ):
        rows = (places[:, :1] + y[within]).clip(0, picture.shape[0] - 1)
        columns = (places[:, 1:] + x[within]).clip(0, picture.shape[1] - 1)
        picture[rows, columns] = colours[:, None]


def _grey(section: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    kind = section.dtype
    if kind.kind == "u" and kind.itemsize <= 2:  # a table is quicker than arithmetic on every pixel
        table = _stretched(np.arange(1 << (8 * kind.itemsize), dtype=np.float32), low, high)
        return np.asarray(table[section])
    return _stretched(np.nan_to_num(section.astype(np.float32), nan=low), low, high)


def _stretched(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    part = (values - np.float32(low)) * np.float32(255 / (high - low))
    return np.asarray(np.rint(part.clip(0, 255)), np.uint8)


def _shrunk(grey: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if grey.shape == size:
        return grey
    from PIL import Image

    return np.asarray(Image.fromarray(grey).resize(size[::-1], Image.Resampling.BOX))
