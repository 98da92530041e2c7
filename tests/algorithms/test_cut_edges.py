"""What is labelled on the screen ends somewhere, and no membrane lies there.

The toy: 100 x 120 pixels, of which a part is labelled; objects touch, as the window grows them::

    ....................    y 0..19    nobody looked
    ....11111222222.....    y 20..59   objects 1 (x 20..49) and 2 (x 50..89)
    ....33333444444.....    y 60..79   objects 3 and 4
    ....................    y 80..99   nobody looked
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.boundaries import membrane_target
from napari_emseg.algorithms.cut_edges import STRAIGHT_PX, beyond_cuts

SHAPE = (100, 120)


def four_objects() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint32)
    labels[20:60, 20:50], labels[20:60, 50:90] = 1, 2
    labels[60:80, 20:50], labels[60:80, 50:90] = 3, 4
    return labels


def taught_membrane(labels: np.ndarray, width_px: float = 4) -> np.ndarray:
    target, weight = membrane_target(labels, width_px)
    return (target == 1) & (weight > 0)


def test_the_edge_of_what_was_labelled_teaches_no_membrane() -> None:
    labels = four_objects()
    taught = taught_membrane(labels)
    assert taught[60, 20:90].all(), "between the objects there is one"
    assert not taught[labels == 0].any()


def test_every_side_of_a_labelled_rectangle_is_found() -> None:
    labels = four_objects()
    beside = np.zeros(SHAPE, bool)
    beside[16:84, 16:94] = labels[16:84, 16:94] == 0
    assert np.array_equal(beyond_cuts(labels, 4), beside)


def test_rectangles_that_overlap_have_edges_too() -> None:
    labels = np.zeros(SHAPE, np.uint32)
    names = 1 + (np.arange(100) // 20)[:, None] * 8 + (np.arange(120) // 20)[None]
    labels[5:50, 5:60] = names[5:50, 5:60]
    labels[40:90, 45:110] = names[40:90, 45:110]
    assert not taught_membrane(labels)[labels == 0].any()


def test_one_large_cell_that_is_cut_along_the_screen() -> None:
    labels = np.zeros((60, 100), np.uint32)
    labels[:30, 10 : 10 + STRAIGHT_PX] = 5
    assert beyond_cuts(labels, 4)[30:34, 10 : 10 + STRAIGHT_PX].all()
    labels[:30, 10 + STRAIGHT_PX - 1] = 0
    assert not beyond_cuts(labels, 4)[30:].any(), "shorter, it may be its own border"


@pytest.mark.parametrize("gap", [1, 4, 8])
def test_a_membrane_that_labels_leave_empty_is_no_edge(gap: int) -> None:
    labels = np.zeros((60, 80), np.uint32)
    labels[:20, :40], labels[:20, 40:] = 1, 2
    labels[20 + gap :, :40], labels[20 + gap :, 40:] = 3, 4
    assert not beyond_cuts(labels, 4).any()
    assert taught_membrane(labels)[20 : 20 + gap].all()


def test_cells_beside_glia_that_nobody_drew_keep_their_membrane() -> None:
    y, x = np.mgrid[:120, :120]
    labels = np.where((y - 60) ** 2 + (x - 60) ** 2 < 40**2, 1 + (x > 60), 0)
    assert not beyond_cuts(labels, 4).any()
    assert taught_membrane(labels)[labels == 0].sum() > 800
