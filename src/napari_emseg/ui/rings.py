"""Rings on the canvas around what the panel is asking about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.ui.points import limit_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.ui.desk import Desk

_PIXELS = 48.0  # on screen, at the zoom that the question finds
_COLOUR = "#f0b429"  # that of doubts on the section rail


def ring(desk: Desk, points: Sequence[tuple[int, int, int]]) -> None:
    """Put rings around voxels (z, y, x), each seen in its own section; none takes the rings away.

    The person's own choice of layer stays.
    """
    _, layers = desk.need_session()
    shown = desk.viewer.layers
    if layers.rings is None or layers.rings not in shown:
        if not points:
            return
        active = shown.selection.active
        layers.rings = _layer(layers.labels)
        shown.append(layers.rings)
        layers.owned.append(layers.rings)
        shown.selection.active = active
    rings = layers.rings
    rings.data = np.array(points, dtype=float).reshape(-1, 3)
    rings.visible = bool(points)
    # an empty layer forgets how its points are to look
    rings.size = _PIXELS / (desk.viewer.scene.camera.zoom * float(layers.labels.scale[-1]))
    rings.face_color, rings.border_color, rings.border_width = "transparent", _COLOUR, 0.08


def _layer(labels: Any) -> Any:
    from napari.layers import Points  # heavy, and only needed once something is asked

    made = Points(
        np.empty((0, 3)),
        name="in doubt",
        out_of_slice_display=False,
        scale=labels.scale,
        translate=labels.translate,
        units=labels.units,
        axis_labels=labels.axis_labels,
    )
    made.editable = False
    limit_size(made, _PIXELS / 2, 2000)
    return made
