"""Overlaps that count."""

from __future__ import annotations

import numpy as np

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.overlaps import deep_inside, real_pairs


def test_deep_inside_is_away_from_every_border_of_an_object() -> None:
    section = np.repeat([[1, 2, 0, 3]], 8, 0).repeat([8, 8, 4, 2], 1)
    inside = deep_inside(section, 2)
    # The edge of the picture is no border. The pixel beside a border is 1 from it.
    assert np.flatnonzero(inside[4]).tolist() == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13]
    assert np.array_equal(inside, deep_inside(section.astype(np.uint16), 2))


def test_an_overlap_needs_its_part_in_the_core_too() -> None:
    a = np.repeat([1, 1, 2, 2], [90, 10, 50, 50])
    b = np.repeat([7, 8, 8, 0], [90, 10, 50, 50])
    table = contingency(a, b)
    assert real_pairs(table).tolist() == [True, True, False, True]  # (1, 7) (1, 8) (2, 0) (2, 8)
    core = contingency(a[:80], b[:80])
    assert real_pairs(table, core=core).tolist() == [True, False, False, True]  # 2 is thin everywhere
    assert real_pairs(table, least_part=0.2, core=core).tolist() == [True, False, False, True]
    assert real_pairs(table, core=contingency(a[:0], b[:0])).tolist() == [True, True, False, True]
