"""The ellipsoid with the same second moments, and that a line of the table brings a column."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_emseg.measure import OBJECT_MEASURES
from napari_emseg.measure.shape import NAMES, shape_of
from napari_emseg.measure.survey import survey
from napari_emseg.settings import MeasureSettings


@pytest.mark.parametrize("spacing", [(30.0, 8.0, 8.0), (10.0, 10.0, 10.0)], ids=str)
@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.5, 0.7, 0.2)], ids=["straight", "turned"])
def test_axes_of_an_ellipsoid(shapes, spacing, turn):
    axes = (400, 250, 150)
    places = np.stack(np.broadcast_arrays(*shapes.grid((460,) * 3, spacing)), -1)
    inside = (((places @ Rotation.from_rotvec(turn).as_matrix()) / axes) ** 2).sum(-1) <= 1
    found = shape_of(shapes.in_space(inside, spacing), MeasureSettings())
    assert [found[name] for name in NAMES] == pytest.approx([300, 500, 800], rel=0.02)


def test_one_voxel_has_no_axes(shapes):
    found = shape_of(shapes.in_space(np.ones((1, 1, 1), bool), (50.0, 5.0, 5.0)), MeasureSettings())
    assert set(found.values()) == {None}


def test_a_single_section_has_no_thickness(shapes):
    _, y, x = shapes.grid((25, 200, 200), (50.0, 5.0, 5.0))
    disc = ((y / 150) ** 2 + (x / 80) ** 2 <= 1)[:1]
    short, middle, long = shape_of(shapes.in_space(disc, (50.0, 5.0, 5.0)), MeasureSettings()).values()
    assert short is None  # 0 would be a measurement
    assert [middle, long] == pytest.approx([160 * np.sqrt(5) / 2, 300 * np.sqrt(5) / 2], rel=0.01)


def test_memory_does_not_grow_with_the_voxels(shapes):
    """A list of all places would take 24 bytes a voxel, and its copies as much again."""
    import tracemalloc

    crop = shapes.in_space(np.ones((40, 300, 300), bool), (40.0, 8.0, 8.0))
    tracemalloc.start()
    shape_of(crop, MeasureSettings())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < crop.mask.size


def test_a_line_of_the_table_is_a_column(monkeypatch):
    monkeypatch.setitem(OBJECT_MEASURES, "mine", f"{__name__}:corner_voxels")
    monkeypatch.setitem(
        __import__("sys").modules,
        __name__,
        __import__("types").SimpleNamespace(
            corner_voxels=lambda crop, settings: {"corner_voxels": int(crop.mask[0, 0, 0])}
        ),
    )
    labels = np.zeros((6, 8, 8), np.uint8)
    labels[1:5, 1:7, 1:7] = 3
    (row,) = survey(labels, (40.0, 8.0, 8.0), MeasureSettings()).objects
    assert row["corner_voxels"] == 1
    assert row["ellipsoid_long_nm"] > 0
