"""One picture of the contact sheet, as an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.greys import to_unit
from napari_emseg.core.colours import label_colours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.preview import PreviewSample

LABEL_OPACITY = 0.28
GRID_COLOUR = (255, 209, 102)


def tile(
    sample: PreviewSample, z: int, *, before: bool = False, labels: bool = True, grid: bool = False
) -> NDArray[np.uint8]:
    """Picture (y, x, 3) of one section of a sample.

    Grey values are shown between fixed limits, so that before and after can be compared.
    """
    image = (sample.before if before else sample.after)[z]
    ids = sample.labels_before if before else sample.labels_after
    lines = (sample.grid_before if before else sample.grid_after)[z]
    grey = np.clip(to_unit(image), 0, 1) * 255
    rgb = np.repeat(grey[..., None], 3, axis=2)
    if labels and ids is not None:
        rgb = _over(rgb, ids[z])
    if grid:
        rgb[lines] = 0.4 * rgb[lines] + 0.6 * np.array(GRID_COLOUR)
    return np.ascontiguousarray(rgb.astype(np.uint8))


def _over(rgb: NDArray[Any], ids: NDArray[Any]) -> NDArray[Any]:
    colours = label_colours() * 255
    there = ids != 0
    out = rgb.copy()
    colour = colours[(ids[there].astype(np.int64) - 1) % len(colours)]
    out[there] = (1 - LABEL_OPACITY) * rgb[there] + LABEL_OPACITY * colour
    return out
