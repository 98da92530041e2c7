"""Layers of the project that napari's transform tool has moved off the image: what is painted there lies elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.ui.layers import geometry

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.layers import StackLayers

_CORNERS = ((0, 0, 0), (100, 0, 0), (0, 100, 0), (0, 0, 100))
"""Voxels whose places tell where a layer lies, how large it is and how it is turned."""
_NEAR_VOXELS = 0.1


def displaced(layers: StackLayers) -> list[Any]:
    """Layers of the project that do not lie on the image; where that was moved itself, all the others."""
    return [layer for layer in layers.overlays if not _lies_on(layer, layers.image)]


def lay_back(desk: Desk) -> None:
    """Put all layers of the project where the voxel size and the position of the stack say."""
    session, layers = desk.need_session()
    place = geometry(session)
    for layer in (layers.image, *layers.overlays):
        layer.affine = np.eye(layer.ndim + 1)
        layer.scale, layer.translate = place["scale"], place["translate"]
        layer.rotate, layer.shear = np.eye(layer.ndim), np.zeros(layer.ndim)
    desk.say(desk.stage, "The layers lie on the image again; labels stayed as they were.", tone="done")


def _lies_on(layer: Any, image: Any) -> bool:
    return all(
        np.allclose(image.world_to_data(layer.data_to_world(corner)), corner, atol=_NEAR_VOXELS)
        for corner in _CORNERS
    )
