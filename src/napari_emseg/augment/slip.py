"""Misalignment of serial sections: one section slips, or everything from one section on is shifted.

As in gunpowder's ElasticAugment; shifts add up, so that a slip takes nothing away from the shift before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places


class Slip(Settings):
    """How often and how far sections are misaligned."""

    probability: float = chance(1.0)
    per_section_slip: float = chance(0.05, "A section slips", "chance of each section")
    per_section_shift: float = chance(0.05, "The rest is shifted", "chance of each section to start a shift")
    max_misalign_px: int = strength(
        8, "Misalignment up to", "whole pixels, along y and x each", unit="px", ge=0, le=200
    )
    max_total_px: int = strength(
        25, "Shifts add up to at most", "of all shifts together", unit="px", ge=0, le=500, more=True
    )


def slip(places: Places, settings: Slip, rng: np.random.Generator) -> Places:
    """Move sections as a whole by whole pixels, image and labels alike."""
    return places.shifted(draw_offsets(len(places.sections), settings, rng))


def draw_offsets(n_sections: int, settings: Slip, rng: np.random.Generator) -> NDArray[Any]:
    """Offsets (z, 2) in whole pixels: the sum of shifts so far, and the slip of this section."""
    limit = settings.max_misalign_px
    steps = rng.integers(-limit, limit + 1, (2, n_sections, 2))
    number = rng.random(n_sections)  # one for both: a section slips or starts a shift, never both
    first, second = settings.per_section_slip, settings.per_section_slip + settings.per_section_shift
    slips = steps[0] * (number < first)[:, None]
    shifts = steps[1] * ((number >= first) & (number < second))[:, None]
    total = np.clip(np.cumsum(shifts, 0), -settings.max_total_px, settings.max_total_px)
    return np.asarray(slips + total)


def reach(half: NDArray[Any], settings: Slip) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    slips = settings.max_misalign_px * (settings.per_section_slip > 0)
    shifts = settings.max_total_px * (settings.per_section_shift > 0)
    return np.asarray(half + np.array([0, slips + shifts, slips + shifts]))
