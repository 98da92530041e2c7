"""Rings on the canvas around what the panel is asking about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.ui.desk import Desk

_PIXELS = 46  # on screen, at any zoom
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
    layers.rings.data = np.array(points, dtype=float).reshape(-1, 3)
    layers.rings.visible = bool(points)


def _layer(labels: Any) -> Any:
    from napari.layers import Points  # heavy, and only needed once something is asked

    made = Points(
        np.empty((0, 3)),
        name="in doubt",
        symbol="ring",
        size=_PIXELS,
        canvas_size_limits=(_PIXELS, _PIXELS),
        face_color=_COLOUR,
        border_color="#1e1e21",
        border_width=0.03,
        out_of_slice_display=False,
        scale=labels.scale,
        translate=labels.translate,
        units=labels.units,
        axis_labels=labels.axis_labels,
    )
    made.editable = False
    return made
