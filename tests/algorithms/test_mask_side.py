"""Masks of cells, and masks of membranes that were given for them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.mask_side import masks_membranes


@pytest.fixture
def net() -> np.ndarray:
    """Membranes of two pixels around nine cells of 14 x 14 pixels."""
    y, x = np.indices((48, 48))
    return (((y % 16) < 2) | ((x % 16) < 2)).astype(np.uint8) * 255


def test_a_net_around_cells_is_membranes(net):
    assert masks_membranes([net])
    assert masks_membranes([net, net * 0, net])
    assert masks_membranes([net.astype(bool)])


def test_cells_are_not(net):
    assert not masks_membranes([255 - net])
    assert not masks_membranes([net, 255 - net])
    assert not masks_membranes([net * 0])
    assert not masks_membranes([])


def test_ids_are_not(net):
    ids = np.where(net, 0, 1 + np.arange(48)[None] // 16)
    assert not masks_membranes([ids])
    assert not masks_membranes([np.where(net, 7, ids)])


def test_a_few_cells_in_the_middle_of_tissue_are_not():
    section = np.zeros((80, 80), np.uint8)
    section[10:30, 10:30] = section[40:60, 30:60] = 1
    section[15:25, 12:28] = 0  # a cell with a hole in it
    assert not masks_membranes([section])


def test_what_is_ignored_is_neither(net):
    marked = net.copy()
    marked[:20, :20] = 3
    assert not masks_membranes([marked])
    assert masks_membranes([marked], ignore_id=3)
