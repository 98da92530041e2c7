"""Tubes through 24 sections with a missing section, a merger and a split, cut into chunks of any size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from in_order import in_order

from napari_emseg.algorithms.propagation import rename
from napari_emseg.algorithms.tracing import trace_chunks
from napari_emseg.settings import PropagateSettings

SPACING = (50.0, 4.0, 4.0)
MISSING = 12


@pytest.fixture
def tubes() -> np.ndarray:
    """A grid of 12 squares that drift; object 1 is two squares before section 8 and again from section 16."""
    stack = np.zeros((24, 110, 150), np.uint32)
    for z, section in enumerate(stack):
        if z == MISSING:
            continue
        for k in range(12):
            top, left = 4 + 35 * (k // 4) + z // 8, 4 + 35 * (k % 4) + z // 6
            section[top : top + 28, left : left + 30] = k + 1
        if not 8 <= z < 16:
            section[:, 17 + z // 6 : 20 + z // 6][section[:, 17 + z // 6 : 20 + z // 6] == 1] = 0
    return stack


def shuffled(chunk: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The chunk with other ids; parts that are not connected inside it are different objects."""
    import cc3d

    parts = cc3d.connected_components(chunk, connectivity=26)
    return np.r_[0, rng.permutation(int(parts.max())) + 1][parts]


@pytest.mark.parametrize("seed", range(8))
def test_ids_do_not_depend_on_the_chunks(tubes: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cuts = sorted({0, 24, MISSING, MISSING + 1, *rng.integers(1, 24, 5).tolist()})
    chunks = [shuffled(tubes[a:b], rng) for a, b in pairwise(cuts)]
    names = trace_chunks(chunks, PropagateSettings(), SPACING)
    result = np.concatenate(
        [np.stack([rename(s, table) for s in chunk]) for chunk, table in zip(chunks, names, strict=True)]
    )
    np.testing.assert_array_equal(in_order(result), in_order(tubes))


def test_a_gap_that_is_too_long_is_not_bridged(tubes: np.ndarray) -> None:
    narrow = PropagateSettings(max_gap=0)
    names = trace_chunks([tubes[:MISSING], tubes[MISSING:]], narrow, SPACING)
    assert not set(names[0].values()) & set(names[1].values())


def test_chunks_without_objects_count_as_missing(tubes: np.ndarray) -> None:
    empty = np.zeros_like(tubes[:1])
    names = trace_chunks([tubes[:4], empty, tubes[4:6]], PropagateSettings(), SPACING)
    assert names[1] == {}
    assert set(names[0].values()) == set(names[2].values())


def test_chunks_without_objects_make_a_gap_too_long(tubes: np.ndarray) -> None:
    empty = np.zeros_like(tubes[:3])
    names = trace_chunks([tubes[:4], empty, tubes[4:6]], PropagateSettings(max_gap=2), SPACING)
    assert not set(names[0].values()) & set(names[2].values())
