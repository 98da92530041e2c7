"""The least width of drawn shapes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.measure.feret import least_width


def turned(half_y, half_x, angle, shape="box"):
    y, x = np.mgrid[-150:151, -150:151]
    a = np.deg2rad(angle)
    v, u = y * np.cos(a) - x * np.sin(a), y * np.sin(a) + x * np.cos(a)
    inside = (
        np.maximum(abs(v) / half_y, abs(u) / half_x) if shape == "box" else np.hypot(v / half_y, u / half_x)
    )
    return inside <= 1


@pytest.mark.parametrize("angle", [0, 20, 45, 77, 90])
@pytest.mark.parametrize("shape", ["box", "ellipse"])
def test_the_narrow_side_at_any_angle(angle, shape):
    assert least_width(turned(30, 90, angle, shape)) == pytest.approx(60, rel=0.02)


def test_a_triangle_has_its_lowest_height():
    """Legs of 100 and 60: the height over the long side is 100 * 60 / sqrt(100² + 60²)."""
    y, x = np.mgrid[0:101, 0:101]
    assert least_width(x / 100 + y / 60 <= 1) == pytest.approx(6000 / np.hypot(100, 60), rel=0.02)


def test_points_and_lines_are_one_sample_wide():
    mask = np.zeros((5, 9), bool)
    assert least_width(mask) == 0
    mask[2, 3] = True
    assert least_width(mask) == 1
    mask[2, 1:8] = True
    assert least_width(mask) == 1


def test_dents_do_not_count():
    mask = turned(40, 80, 0)
    mask[100:200, 140:160] = False
    assert least_width(mask) == pytest.approx(80, rel=0.01)
