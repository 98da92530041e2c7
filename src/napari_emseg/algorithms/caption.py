"""Words and a scale bar in the corners of a picture, readable on bright and dark tissue."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import ImageDraw

_LINES = 30  # so many lines of text would fit into a square picture
_SMALLEST, _LARGEST = 10, 40  # pixels of a line that can be read, and that is not in the way
_BAR = 0.25  # the longest a scale bar may be, of the width
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def bar_nm(width_nm: float) -> float:
    """Length of a scale bar: the largest 1, 2 or 5 times a power of ten that is no longer than a quarter of the width.

    Parameters
    ----------
    width_nm : float
        Width of the picture in nanometres.
    """
    most = width_nm * _BAR * (1 + 1e-9)
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most)


def length_words(nm: float) -> str:
    """A length for people, "500 nm"; never in µm, because the built-in font lacks the letter."""
    return f"{nm:.0f} nm" if nm >= 1 else f"{nm:g} nm"


def captioned(frame: NDArray[np.uint8], text: str, pixel_nm: float | None) -> NDArray[np.uint8]:
    """Write into a picture; what does not fit into a very small one is left out.

    Parameters
    ----------
    frame : ndarray (y, x, 3) of uint8
    text : str
        Goes into the upper left corner.
    pixel_nm : float or None
        Size of a pixel along x; without it there is no scale bar.

    Returns
    -------
    ndarray (y, x, 3) of uint8
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = frame.shape[:2]
    size = min(_LARGEST, max(_SMALLEST, round(math.sqrt(height * width) / _LINES)))
    picture = Image.fromarray(frame)
    draw = ImageDraw.Draw(picture)
    draw.font = ImageFont.load_default(size)
    margin, edge = size // 2, max(1, size // 10)
    if text and _fits(draw, text, (width - 2 * margin, height // 2 - margin)):
        draw.text((margin, margin), text, fill=_WHITE, stroke_width=edge, stroke_fill=_BLACK)
    if pixel_nm:
        nm = bar_nm(width * pixel_nm)
        words, long = length_words(nm), round(nm / pixel_nm)
        if _fits(draw, words, (width - 2 * margin, height // 2 - margin)):
            right, low, thick = width - 1 - margin, height - 1 - margin, max(2, size // 6)
            left, top = right - long + 1, low - thick + 1
            draw.rectangle((left - edge, top - edge, right + edge, low + edge), fill=_BLACK)
            draw.rectangle((left, top, right, low), fill=_WHITE)
            middle = max((left + right) / 2, left + draw.textlength(words) / 2)
            middle = min(middle, width - margin - draw.textlength(words) / 2)
            place = (middle, top - 2 * edge)
            draw.text(place, words, fill=_WHITE, stroke_width=edge, stroke_fill=_BLACK, anchor="md")
    return np.asarray(picture)


def _fits(draw: ImageDraw.ImageDraw, text: str, space: tuple[int, int]) -> bool:
    left, top, right, bottom = draw.textbbox((0, 0), text)
    return right - left <= space[0] and bottom - top <= space[1]
