"""Volumes that do not say how large their voxels are, beside a stack of which that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.layers import Layer


def lay_on(layer: Layer, stack: Layer) -> bool:
    """Let a volume lie on a stack, if it has as many voxels and neither a voxel size nor a place of its own.

    Else a voxel of it is one nanometre wide: it shows as a spot in a corner, and sections are counted in nanometres.

    Parameters
    ----------
    layer : napari layer
        An image or labels; anything else stays where it is.
    stack : napari layer (z, y, x)
        In nanometres.

    Returns
    -------
    bool
        Whether it was moved.
    """
    if layer is stack or layer._type_string not in ("image", "labels") or not _has_size(stack):
        return False
    if _shape(layer) != _shape(stack) or _has_size(layer):
        return False
    if (layer.scale != 1).any() or (layer.translate != 0).any():
        return False  # somebody has put it there
    layer.scale, layer.translate, layer.units = stack.scale, stack.translate, stack.units
    return True


def _has_size(layer: Layer) -> bool:
    return all(unit.is_compatible_with("nm") for unit in layer.units)


def _shape(layer: Layer) -> tuple[int, ...]:
    return tuple(layer.data[0].shape if layer.multiscale else layer.data.shape)
