"""Plots of a report."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.measure.plots import picture


@pytest.mark.parametrize("shape", [(5, 2000), (2000, 1), (300, 200)])
def test_a_picture_of_a_strip_is_no_larger_than_a_page(shape: tuple[int, int]) -> None:
    """As wide as it is narrow, a strip of 2000 x 1 pixels was a picture of 24 GB."""
    width, height = picture(np.zeros((*shape, 3), np.uint8), "Objects").get_size_inches()
    assert width == 6
    assert height == pytest.approx(0.4 + min(6 * shape[0] / shape[1], 12))
