"""A section of which a part is missing: a band along a crack, or everything beyond a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.augment.lines import draw_line, signed_distance
from napari_emseg.augment.lost import Fill, chosen_fill, fill_value
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Partial(Settings):
    """How often, and how much is missing."""

    per_section: float = chance(0.02, "Of the sections", "chance of each")
    width_px: float = strength(40.0, "Band up to", "width of what is missing", unit="px", ge=0, le=500)
    beyond: float = chance(
        0.3, "Everything beyond", "how often all of one side of the line is missing instead of a band"
    )
    fill: Fill = option("mean", "Instead")


def partial(
    section: NDArray[np.float32], settings: Partial, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Blank a part of one section (y, x); that part is hidden."""
    size = (section.shape[0], section.shape[1])
    away = signed_distance(size, draw_line(size, rng))
    if rng.random() < settings.beyond:
        smaller = 1 if (away > 0).mean() < 0.5 else -1
        hidden = smaller * away > 0
    else:
        hidden = np.abs(away) < rng.uniform(0, settings.width_px) / 2
    out = section.copy()
    out[hidden] = fill_value(section, chosen_fill(settings.fill, rng))
    return out, hidden
