"""Pictures small enough for a repository: 1280 pixels wide, 256 colours at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH = 1280
_COLOURS = 256
_GREYS, _COMMON, _RARE = (
    32,
    96,
    32,
)  # fewer colours make smaller files: what is beside the greys is translucent
_FAR = 20  # of 255: so far from its colour, a pixel has got another one
_GREY = 4  # channels of a grey differ by this at most


def shrink(file: Path, *, keep_rare: bool = False) -> None:
    """Make a picture small; it is replaced.

    Parameters
    ----------
    file : Path
    keep_rare : bool
        Keep colours of small marks, too, which a palette by area alone gives up. Greys stay grey.
    """
    with Image.open(file) as picture:
        small = picture.convert("RGB").resize(
            (WIDTH, WIDTH * picture.height // picture.width), Image.Resampling.LANCZOS
        )
    if keep_rare:
        small = _with_rare(small)
    else:
        small = small.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(file, optimize=True)


def _with_rare(picture: Image.Image) -> Image.Image:
    """With a palette of greys, of most other colours by area, and of those that are far from all of these."""
    pixels = np.asarray(picture)
    is_grey = np.ptp(pixels, axis=2) <= _GREY
    greys = np.rint(_cut(pixels[is_grey], _GREYS).mean(axis=1))[:, None].repeat(3, axis=1)
    common = _cut(pixels[~is_grey], _COMMON)
    far = np.abs(pixels[~is_grey] - common[_nearest(pixels[~is_grey], common)]).max(axis=1) > _FAR
    colours = np.concatenate([common, _cut(pixels[~is_grey][far], _RARE, Image.Quantize.MAXCOVERAGE)])
    shown = np.zeros(is_grey.shape, np.uint8)
    shown[is_grey] = _nearest(pixels[is_grey], greys)
    shown[~is_grey] = len(greys) + _nearest(pixels[~is_grey], colours)
    made = Image.fromarray(shown)
    made.putpalette(np.concatenate([greys, colours]).astype(np.uint8).ravel().tolist())
    return made


def _nearest(pixels: NDArray[np.uint8], colours: NDArray[np.float64]) -> NDArray[np.intp]:
    """Which of some colours is nearest; Pillow's own answer is off by some steps."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(colours).query(pixels)[1]) if len(pixels) else np.zeros(0, np.intp)


def _cut(
    pixels: NDArray[np.uint8], n: int, method: Image.Quantize = Image.Quantize.MEDIANCUT
) -> NDArray[np.float64]:
    """At most `n` colours (n, 3) for pixels (pixels, 3)."""
    if not len(pixels):
        return np.zeros((0, 3))
    found = Image.fromarray(pixels[None], "RGB").quantize(n, method=method, dither=Image.Dither.NONE)
    return np.array(found.getpalette(), float).reshape(-1, 3)
