"""Three pictures of where two maps differ."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.nn.comparison import EXTENT_PX, most_changed


@pytest.mark.parametrize("corner", [(0, 0), (400, 700), (150, 300)])
def test_the_place_of_most_change_is_inside(corner: tuple[int, int]) -> None:
    before, after = np.zeros((600, 900)), np.zeros((600, 900))
    y, x = corner
    after[y : y + 100, x : x + 100] = 1
    image, old, new = most_changed(np.zeros((600, 900)), before, after)
    assert image.shape == old.shape == new.shape == (EXTENT_PX, EXTENT_PX)
    assert (new == 255).sum() == 100 * 100
    assert not old.any()
    assert (image == 128).all()


def test_a_small_section_is_shown_whole() -> None:
    section = np.array([[-9.0, 0.0], [9.0, 0.5]])
    image, old, new = most_changed(section, np.zeros((2, 2)), np.full((2, 2), 0.2))
    assert image.tolist() == [[0, 128], [255, 152]]
    assert (old == 0).all()
    assert (new == 51).all()
