"""Layers of points whose marks keep their size on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.layers import Points


def limit_size(layer: Points, smallest: float, largest: float) -> None:
    """Keep the marks of a layer between two sizes, in pixels of the screen.

    Where a section has none, napari still draws one mark of size 0 in the corner of the stack. A smallest size would
    make it visible, so there is no smallest size while nothing is shown.
    """

    def adapt(event: object = None) -> None:
        wanted = (smallest if len(layer._view_indices) else 0.0, float(largest))
        if layer.canvas_size_limits != wanted:
            layer.canvas_size_limits = wanted

    layer.events.set_data.connect(adapt)
    adapt()
