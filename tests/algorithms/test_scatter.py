"""Points in 3D on a picture: where, in which colour, and which is in front."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_emseg.algorithms.scatter import scatter, view_size
from napari_emseg.core.colours import colours_of

EXTENT = (300.0, 400.0, 600.0)


def of_id(frame: np.ndarray, one: int) -> np.ndarray:
    """Pixels in the hue of an id, whatever their brightness."""
    colour = colours_of(np.array([one]))[0].astype(float)
    share = frame.astype(float) @ colour / (np.linalg.norm(frame, axis=2) * np.linalg.norm(colour) + 1e-9)
    return (share > 0.999) & (frame.max(axis=2) > 40)


@pytest.mark.parametrize("turn", np.linspace(0, 2 * math.pi, 9))
@pytest.mark.parametrize("extent", [EXTENT, (1.0, 4000.0, 20.0), (5000.0, 10.0, 10.0)])
def test_the_box_is_in_the_picture_from_every_side(extent: tuple[float, float, float], turn: float) -> None:
    size, pixel = view_size(extent, 300)
    assert max(size) in (299, 300, 301)
    frame = scatter(np.zeros(0, np.int64), np.zeros((0, 3)), extent, turn, size, pixel)
    assert frame.any()
    assert not frame[[0, -1]].any()
    assert not frame[:, [0, -1]].any()


def test_from_the_front_x_goes_right_and_y_down() -> None:
    size, pixel = view_size(EXTENT, 400)
    places = np.array([[150.0, 200, 100], [150, 200, 500], [150, 50, 300], [150, 350, 300]])
    frame = scatter(np.array([1, 2, 3, 4]), places, EXTENT, 0.0, size, pixel)
    y, x = zip(*(np.argwhere(of_id(frame, one)).mean(axis=0) for one in (1, 2, 3, 4)), strict=True)
    assert x[1] - x[0] == pytest.approx(400 / pixel, abs=1)
    assert y[0] == pytest.approx(y[1], abs=0.5)
    assert y[3] - y[2] == pytest.approx(300 * math.cos(math.radians(20)) / pixel, abs=1)


def test_the_nearer_point_is_in_front_and_brighter() -> None:
    size, pixel = view_size(EXTENT, 400)
    middle = np.array(EXTENT) / 2
    line = np.array([math.cos(math.radians(20)), math.sin(math.radians(20)), 0]) * 100  # towards the eye
    for turn, sign in ((0.0, 1), (math.pi, -1)):
        away = line * [sign, 1, 1]
        both = scatter(np.array([5, 9]), np.stack([middle - away, middle + away]), EXTENT, turn, size, pixel)
        assert of_id(both, 5).any()
        assert not of_id(both, 9).any()
    apart = scatter(np.array([5, 5]), np.array([[10.0, 200, 100], [290, 200, 500]]), EXTENT, 0.0, size, pixel)
    half = size[1] // 2
    assert apart[:, :half][of_id(apart, 5)[:, :half]].max() > apart[:, half:][of_id(apart, 5)[:, half:]].max()
