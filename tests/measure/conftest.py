"""Exact shapes on voxels of any size.

A cylinder of radius r tilted by an angle from z towards x, cut off square, in an empty volume::

      z
      |   //         spacing (z, y, x) e.g. 50, 4.6, 4.6 nm: seen from the side
      |  //          a section is one thick line
      | //  angle
      |//______ x
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.measure.crop import ObjectCrop


def grid(half_nm, spacing):
    """Middles of the voxels around a point, as broadcastable z, y, x in nanometres."""
    n = [int(np.ceil(2 * h / s)) for h, s in zip(half_nm, spacing, strict=True)]
    axes = [(np.arange(k) + 0.5) * s - k * s / 2 for k, s in zip(n, spacing, strict=True)]
    return np.meshgrid(*axes, indexing="ij", sparse=True)


def tilted(angle, radius, spacing, length=1500.0, minor=None):
    """A cylinder; with ``minor`` the axis along y of an elliptic one."""
    a = np.deg2rad(angle)
    cos, sin = np.cos(a), np.sin(a)
    half = np.array([length / 2 * cos + radius * sin, radius, length / 2 * sin + radius * cos]) + 60
    z, y, x = grid(half, spacing)
    along, across = z * cos + x * sin, x * cos - z * sin
    return ((across / radius) ** 2 + (y / (minor or radius)) ** 2 <= 1) & (abs(along) <= length / 2)


def in_space(mask, spacing, room=1000):
    """The crop of an object with room on all sides."""
    start = (room,) * 3
    stop = tuple(room + n for n in mask.shape)
    return ObjectCrop(1, mask, Region(start, stop), tuple(room + n for n in stop), spacing)


def filling(mask, spacing):
    """The crop of an object whose box is the whole volume."""
    return ObjectCrop(1, mask, Region.full(mask.shape), mask.shape, spacing)


@pytest.fixture
def shapes():
    """The functions of this file."""
    from types import SimpleNamespace

    return SimpleNamespace(grid=grid, tilted=tilted, in_space=in_space, filling=filling)
