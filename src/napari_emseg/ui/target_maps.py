"""What a model finds beside membranes: one layer for each target, added when it is first predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.ui.boundary_map import BoundaryMap

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

WORDS = {
    "mitochondria": "Mitochondria",
    "cleft": "Clefts",
    "segment": "Inside of cells",
    "alike": "Alike",
}
"""Targets in the biologist's words; others are shown by their own name."""

_COLOURS = {"mitochondria": "#56b4e9", "cleft": "#f0e442", "segment": "#009e73"}  # Okabe and Ito 2008
_OTHER = "#cc79a7"


@dataclass(frozen=True, eq=False)
class TargetMap:
    """A target's probabilities and the layer that shows them."""

    layer: Image
    values: BoundaryMap


def words(target: str) -> str:
    """A target's name for people."""
    return WORDS.get(target, target.replace("_", " "))


def add_target_map(viewer: ViewerModel, like: Image, target: str) -> TargetMap:
    """Add a layer for a target below the labels, placed as the boundary probability is.

    Parameters
    ----------
    like : napari Image
        Layer whose extent, scale and units it takes over.
    """
    values = BoundaryMap(tuple(like.data.shape))
    selected = viewer.layers.selection.active
    layer = viewer.add_image(
        values,
        name=f"{words(target).lower()} probability",
        contrast_limits=(0, 255),
        colormap=_colormap(target),
        blending="translucent",
        opacity=0.6,
        interpolation2d="nearest",
        multiscale=False,
        scale=like.scale,
        translate=like.translate,
        units=like.units,
        axis_labels=like.axis_labels,
    )
    viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(like) + 1)
    viewer.layers.selection.active = selected
    return TargetMap(layer, values)


def _colormap(target: str) -> Any:
    """One colour whose opacity grows with the probability."""
    from napari.utils.colormaps import Colormap
    from napari.utils.colormaps.standardize_color import transform_color

    steps = np.linspace(0, 1, 64)
    colours = np.repeat(transform_color(_COLOURS.get(target, _OTHER)), len(steps), axis=0)
    colours[:, 3] = np.clip(steps * 1.1 - 0.1, 0, 1)
    return Colormap(colours, name=f"{target} probability")
