"""Colours of labels and states: the same id has the same colour for ever, also for colour-blind eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.colours import label_colours

if TYPE_CHECKING:
    from napari.utils.colormaps import CyclicLabelColormap


def label_colormap() -> CyclicLabelColormap:
    """The colours as napari wants them, with a transparent background in front."""
    from napari.utils.colormaps import CyclicLabelColormap

    rgb = label_colours()
    rgba = np.ones((len(rgb) + 1, 4), dtype=np.float32)
    rgba[1:, :3] = rgb
    rgba[0] = 0
    return CyclicLabelColormap(colors=rgba, background_value=0, name="emseg ids")
