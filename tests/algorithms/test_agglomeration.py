"""Joining touching segments, weakest border first."""

from __future__ import annotations

import numpy as np

from napari_emseg.algorithms.agglomeration import merge_order
from napari_emseg.algorithms.contacts import Contacts


def test_no_border_is_lost_to_rounding():
    means, faces = np.random.default_rng(0).random(500), np.random.default_rng(1).integers(1, 60, 500)
    for mean, count in zip(means, faces, strict=True):
        pair = Contacts(np.array([1]), np.array([2]), np.array([count]), np.array([mean]))
        assert len(merge_order(pair)) == 1
