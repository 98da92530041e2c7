"""The sixteen mirrors and transposes of a stack: order of sections, y, x, and the diagonal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, option
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places


@dataclass(frozen=True)
class Rule:
    """One of the sixteen; applied in the order z, x, y, transpose."""

    z: bool = False
    y: bool = False
    x: bool = False
    transpose: bool = False

    def _axes(self, array: NDArray[Any]) -> tuple[int, ...]:
        wanted = ((-3, self.z and array.ndim > 2), (-2, self.y), (-1, self.x))
        return tuple(axis for axis, on in wanted if on)

    def forward(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turn an array whose last axes are (z, y, x), or (y, x); any extents."""
        axes = self._axes(array)
        turned = np.flip(array, axes) if axes else array
        return np.ascontiguousarray(turned.swapaxes(-1, -2) if self.transpose else turned)

    def inverse(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turn it back."""
        turned = array.swapaxes(-1, -2) if self.transpose else array
        axes = self._axes(array)
        return np.ascontiguousarray(np.flip(turned, axes) if axes else turned)


_BITS = (False, True)
RULES: tuple[Rule, ...] = tuple(Rule(z, y, x, t) for z in _BITS for y in _BITS for x in _BITS for t in _BITS)
"""All sixteen; those without z turn a single section."""


class Mirror(Settings):
    """Which of the sixteen may be drawn."""

    probability: float = chance(1.0, help_text="each of the rules below is then drawn with one half")
    sections: bool = option(True, "Order of sections", "turn the stack over")
    rows_and_columns: bool = option(True, "Rows and columns", "mirror in y and in x")
    transpose: bool = option(True, "Transpose", "mirror along the diagonal; with mirrors, turn by 90°")


def draw_rule(settings: Mirror, rng: np.random.Generator) -> Rule:
    """Four random bits, drawn anew for every sample."""
    z, y, x, t = (bool(b) for b in rng.integers(0, 2, 4))
    both = settings.rows_and_columns
    return Rule(z and settings.sections, y and both, x and both, t and settings.transpose)


def mirror(places: Places, settings: Mirror, rng: np.random.Generator) -> Places:
    """Look at the source through one of the sixteen mirrors; no pixel is interpolated for it."""
    rule = draw_rule(settings, rng)
    matrix = np.diag([-1.0 if rule.y else 1.0, -1.0 if rule.x else 1.0])
    places = places.mapped(matrix[:, ::-1] if rule.transpose else matrix)
    return places.through(np.arange(len(places.sections))[::-1]) if rule.z else places


def reach(half: NDArray[Any], settings: Mirror) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    return np.array([half[0], *(2 * [half[1:].max()])]) if settings.transpose else half
