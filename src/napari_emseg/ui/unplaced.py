"""Volumes and points that do not say how large their voxels are, beside a stack of which that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Layer

_HALF = 0.5  # voxel n covers n - 0.5 to n + 0.5


def lay_on(layer: Layer, stack: Layer) -> bool:
    """Let a layer lie on a stack, if it fits and has neither a voxel size nor a place of its own.

    A volume fits if it has as many voxels, points and shapes if they lie within the stack, or if there are none yet.
    Else a voxel of it is one nanometre wide: it shows as a spot in a corner, and sections are counted in nanometres.

    Parameters
    ----------
    layer : napari layer
        An image, labels, points or shapes; anything else stays where it is.
    stack : napari layer (z, y, x)
        In nanometres.

    Returns
    -------
    bool
        Whether it was moved.
    """
    if layer is stack or not _has_size(stack):
        return False
    if layer._type_string in ("points", "shapes"):
        if not _are_marks_of(layer, _shape(stack)):
            return False
    elif layer._type_string not in ("image", "labels") or _shape(layer) != _shape(stack) or _has_size(layer):
        return False
    if (layer.scale != 1).any() or (layer.translate != 0).any():
        return False  # somebody has put it there
    layer.scale, layer.translate, layer.units = stack.scale, stack.translate, stack.units
    return True


def _are_marks_of(layer: Layer, shape: tuple[int, ...]) -> bool:
    """Whether points or shapes lie within a stack if they are counted in its voxels; a layer without any does."""
    if layer.ndim != len(shape):
        return False
    if not len(layer.data):
        return True
    low, high = layer.extent.data
    return not _has_size(layer) and bool((low >= -_HALF).all() and (high <= np.array(shape) - _HALF).all())


def _has_size(layer: Layer) -> bool:
    return all(unit.is_compatible_with("nm") for unit in layer.units)


def _shape(layer: Layer) -> tuple[int, ...]:
    return tuple(layer.data[0].shape if layer.multiscale else layer.data.shape)
