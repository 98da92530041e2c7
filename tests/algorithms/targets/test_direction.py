"""Directions away from the border, and values from -1 to 1 as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.targets.as_levels import as_levels
from napari_emseg.algorithms.targets.direction import direction
from napari_emseg.core.learning import IGNORE, LEVELS


def test_directions_point_to_the_middle_and_have_length_one():
    labels = np.zeros((2, 21, 25), np.uint16)
    labels[:, 4:17, 4:13] = 7
    labels[:, 4:17, 13:22] = 9  # touches the first
    found = direction(labels, (50.0, 4.0, 4.0))
    assert found.channels == ("direction z", "direction y", "direction x")
    z, y, x = found.values[:, 0]
    assert not found.values[0].any()
    assert x[10, 4] == pytest.approx(1)
    assert x[10, 12] == pytest.approx(-1)  # the border to the neighbour is a border
    assert x[10, 13] == pytest.approx(1)
    assert y[4, 8] == pytest.approx(1)
    assert not found.values[:, labels == 0].any()
    length = np.hypot(y, x)[labels[0] > 0]
    assert np.all((np.abs(length - 1) < 1e-5) | (length == 0))
    assert z.shape == (21, 25)


def test_directions_go_through_sections_if_asked_and_unknown_ids_teach_nothing():
    labels = np.zeros((9, 9, 9), np.uint16)
    labels[1:8, 1:8, 1:8] = 3
    labels[:, :, 8] = 5
    found = direction(labels, (4.0, 4.0, 4.0), dims=3, ignore_id=5)
    assert found.values[0, 1, 4, 4] == pytest.approx(1)
    assert found.values[0, 7, 4, 4] == pytest.approx(-1)
    assert not found.weight[:, labels == 5].any()
    assert found.weight[:, labels == 3].all()


def test_negative_values_do_not_wrap_round_in_bytes():
    values = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    found = as_levels(values, np.array([1, 1, 1, 1, 1, 1, 1]))
    assert found.tolist() == [0, 0, 64, 127, 190, LEVELS, LEVELS]
    assert as_levels(values, np.zeros(7)).tolist() == [IGNORE] * 7
