"""Drawn outlines become masks."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.outline import mask_of_outline


def test_an_outline_becomes_its_inside_and_is_cut_off_at_the_frame():
    corners = np.array([[0.5, 0.5], [0.5, 6.5], [4.5, 6.5], [4.5, 0.5]])
    wanted = np.zeros((8, 9), bool)
    wanted[1:5, 1:7] = True
    assert np.array_equal(mask_of_outline(corners, (8, 9)), wanted)
    assert np.array_equal(mask_of_outline(corners, (3, 4)), wanted[:3, :4])


def test_two_corners_are_no_outline():
    with pytest.raises(EmsegError, match="three corners"):
        mask_of_outline(np.array([[1, 1], [2, 2]]), (8, 9))


def test_a_finely_drawn_disc_is_a_disc():
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    mask = mask_of_outline(np.stack([100 + 80 * np.sin(angle), 110 + 80 * np.cos(angle)], axis=1), (200, 220))
    y, x = np.mgrid[:200, :220]
    disc = (y - 100) ** 2 + (x - 110) ** 2 <= 80**2
    assert (mask & disc).sum() > 0.99 * (mask | disc).sum()
