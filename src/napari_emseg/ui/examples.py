"""The layer of clicks that show what is looked for, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.ui.points import limit_size

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Points

    from napari_emseg.session import Session

ALIKE = "alike"
"""Name of the target that clicks stand for."""

_COLOURS = {True: "#009e73", False: "#d55e00"}  # Okabe and Ito 2008: told apart by everybody


def add_examples(viewer: ViewerModel, session: Session) -> Points:
    """Add the layer: clicks on the target are bluish green, those beside it vermilion."""
    from napari_emseg.ui.layers import geometry

    layer = viewer.add_points(
        np.empty((0, 3)),
        name="clicks",
        features={"on": np.empty(0, bool)},
        size=12,
        face_color=_COLOURS[True],
        border_color="#1e1e21",
        border_width=0.08,
        out_of_slice_display=False,
        **geometry(session),
    )
    limit_size(layer, 8, 14)
    layer.metadata["colours"] = dict(_COLOURS)
    return layer
