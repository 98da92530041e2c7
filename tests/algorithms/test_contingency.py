"""The overlaps of two labellings, however large their ids are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from napari_emseg.algorithms.contingency import contingency


@pytest.mark.parametrize(
    ("top_a", "top_b"),
    [
        (5, 7),
        (3000, 2000),
        (2**21, 2**22),
        (2**31, 2**30),
        (2**32 - 2, 3 * 2**30),  # their product is beyond 2^63
        (2**40, 2**41),
        (2**62, 2**62),
    ],
)
def test_pairs_are_those_that_are_counted_one_by_one(top_a: int, top_b: int) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.choice(rng.integers(0, top, 6), 500) for top in (top_a, top_b))
    a[:3], b[:3] = top_a, top_b
    found = contingency(a, b)
    counted = Counter(zip(a.tolist(), b.tolist(), strict=True))
    pairs = list(zip(found.a.tolist(), found.b.tolist(), strict=True))
    assert pairs == sorted(counted)
    assert found.count.tolist() == [counted[pair] for pair in pairs]
    assert found.total == 500
