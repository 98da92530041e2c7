"""A section of low contrast, as with poor staining."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.fields import chance, option
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LowContrast(Settings):
    """How often, and how low."""

    per_section: float = chance(0.01, "Of the sections", "chance of each")
    scale: float = option(0.1, "Contrast left", ge=0, le=1)


def low_contrast(
    section: NDArray[np.float32],
    settings: LowContrast,
    rng: np.random.Generator,  # noqa: ARG001 - all defects are called alike
) -> tuple[NDArray[np.float32], None]:
    """``mean + (I - mean) * scale`` of one section (y, x); it hides nothing."""
    mean = np.float32(section.mean(dtype=np.float64))
    return mean + (section - mean) * np.float32(settings.scale), None
