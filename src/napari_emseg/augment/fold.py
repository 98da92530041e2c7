"""A fold: the two halves of a section are pulled over a line, and what lies under it is lost.

The displacement is part of the one resampling of a sample (see `places`); the line is drawn over the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.augment.lines import draw_line, signed_distance
from napari_emseg.augment.lost import Fill, chosen_fill, fill_value
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Fold(Settings):
    """How often, and how much tissue the fold takes."""

    per_section: float = chance(0.03, "Of the sections", "chance of each")
    strength_px: float = strength(
        20.0, "Tissue taken on either side", "0 only draws the line", unit="px", ge=0, le=200
    )
    width_px: float = strength(20.0, "Width of the line up to", unit="px", ge=0, le=200)
    reach_px: float = option(
        0.0, "Fades over", "distance at which the pull has faded; 0: whole halves are moved",
        unit="px", ge=0, le=1000, more=True,
    )  # fmt: skip
    fill: Fill = option("mean", "Line", "grey value of the line")
    labels_follow: bool = option(
        True, "Labels follow", "off: labels stay where the tissue was, as in gunpowder", more=True
    )


@dataclass(frozen=True, eq=False)
class FoldShape:
    """One fold: displacement (2, y, x) in pixels, the pixels (y, x) of its line, and what these show."""

    displacement: NDArray[np.float32]
    line: NDArray[np.bool_]
    fill: Fill


def draw_fold(size: tuple[int, int], settings: Fold, rng: np.random.Generator) -> FoldShape:
    """A fold along a random line through a section (y, x)."""
    line = draw_line(size, rng)
    away = signed_distance(size, line)
    # Tissue has moved towards the line, so each pixel shows what was further away from it.
    pull = np.where(away >= 0, np.float32(settings.strength_px), np.float32(-settings.strength_px))
    if settings.reach_px > 0:
        pull = pull * np.exp(-np.abs(away) / np.float32(settings.reach_px))
    normal = np.asarray(line.normal, np.float32)
    width = rng.uniform(0, settings.width_px)
    over = chosen_fill(settings.fill, rng)
    return FoldShape(normal[:, None, None] * pull, np.abs(away) < width / 2, over)


def fold(section: NDArray[np.float32], shape: FoldShape) -> NDArray[np.float32]:
    """Draw the line of a fold over one section (y, x) that is displaced already."""
    out = section.copy()
    out[shape.line] = fill_value(section, shape.fill)
    return out
