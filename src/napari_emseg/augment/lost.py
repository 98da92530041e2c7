"""A lost section: nothing of it is in the stack, only black, white or its mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_emseg.augment.fields import chance, option
from napari_emseg.augment.greys import BLACK, WHITE
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

Fill = Literal["black", "mean", "white", "any"]


class Lost(Settings):
    """How often a section is lost."""

    per_section: float = chance(0.03, "Of the sections", "chance of each")
    fill: Fill = option("black", "Instead")


def lost(
    section: NDArray[np.float32],
    settings: Lost,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Blank one section (y, x); all of it is hidden."""
    blank = np.full_like(section, fill_value(section, chosen_fill(settings.fill, rng)))
    return blank, np.ones(section.shape, bool)


def chosen_fill(fill: Fill, rng: np.random.Generator) -> Fill:
    """One of black, mean and white; only where it is left open is something drawn."""
    shades: tuple[Fill, ...] = ("black", "mean", "white")
    return shades[int(rng.integers(len(shades)))] if fill == "any" else fill


def fill_value(section: NDArray[np.float32], fill: Fill) -> float:
    """Grey value that stands where nothing is."""
    return {"black": BLACK, "white": WHITE}.get(fill, float(section.mean(dtype=np.float64)))
