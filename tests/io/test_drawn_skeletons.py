"""Skeletons that a person draws as paths or points of a layer."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.skeleton_layers import skeletons_from_layer


def test_drawn_paths_are_trees_and_layers_without_unit_are_refused() -> None:
    meta = {"name": "mine", "scale": (50, 4, 4), "units": ("nm",) * 3, "translate": (0, 40, 0)}
    found = skeletons_from_layer(
        [np.array([[0, 0, 0], [1, 2, 3]]), np.array([[1, 1, 1], [1, 1, 2]])], meta, "shapes"
    )
    assert [len(t) for t in found.trees] == [2, 2]
    assert found.trees[0].points_nm.tolist() == [[0, 40, 0], [50, 48, 12]]
    flat = {"name": "flat", "scale": (0.004, 0.005), "units": ("um",) * 2}
    points = skeletons_from_layer(np.array([[1.0, 2.0]]), flat, "points").trees[0].points_nm
    np.testing.assert_allclose(points, [[0, 4, 10]])
    with pytest.raises(EmsegError, match="no unit of length"):
        skeletons_from_layer(np.zeros((1, 3)), {"scale": (1, 1, 1), "units": ("pixel",) * 3}, "points")
    with pytest.raises(EmsegError, match="holds no points"):
        skeletons_from_layer(np.zeros((0, 3)), meta, "points")
