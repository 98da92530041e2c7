"""Samples for networks that learn one section from it and its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.augment.compose import draw
from napari_emseg.core.learning import IGNORE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_emseg.augment.recipe import Augmentation


def draw_sample(
    image: NDArray[np.float32],
    truth: NDArray[np.uint8],
    centre: tuple[float, float],
    size: tuple[int, int],
    recipe: Augmentation,
    rng: np.random.Generator,
    *,
    zoom: float = 1.0,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One augmented sample around a centre.

    Parameters
    ----------
    image : ndarray (sections, y, x) float32
        Whole normalised sections: the middle one and its neighbours.
    truth : ndarray (targets, y, x) uint8
        Truth of the middle section; ``IGNORE`` is given beyond its border.
    centre : (y, x)
        In pixels of the section.
    size : (y, x)
        Extent of the sample.
    zoom : float
        Section pixels per sample pixel.
    """
    shape = (len(image), *size)
    drawn = draw(
        image, truth[:, None], shape, centre, recipe, rng, outside=IGNORE, zoom=zoom, only=len(image) // 2
    )
    assert drawn.labels is not None
    return drawn.image, drawn.labels[:, 0]
