from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_emseg.algorithms.boxes import section_box


def test_boxes_by_hand() -> None:
    labels = np.zeros((30, 40), np.uint32)
    assert section_box(labels, 10) is None
    labels[12, 5] = 1
    labels[20, 33] = 70000
    assert section_box(labels) == (12, 21, 5, 34)
    assert section_box(labels, 3) == (9, 24, 2, 37)
    assert section_box(labels, 10) == (2, 30, 0, 40)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 20))
def test_a_box_holds_its_pixels_and_stays_inside(y: int, x: int, margin: int) -> None:
    labels = np.zeros((10, 10), np.uint8)
    labels[y, x] = 1
    y0, y1, x0, x1 = section_box(labels, margin) or (0, 0, 0, 0)
    assert 0 <= y0 <= y < y1 <= 10
    assert 0 <= x0 <= x < x1 <= 10
    assert y1 - y0 == min(y + margin + 1, 10) - max(y - margin, 0)
    assert x1 - x0 == min(x + margin + 1, 10) - max(x - margin, 0)
