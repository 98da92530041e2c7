"""A volume in blocks reads as one array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

from napari_emseg.algorithms.block_store import BlockStore, RenamedBlocks
from napari_emseg.algorithms.blocks import grid

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (5, 7, 9)
IDS = np.random.default_rng(0).integers(0, 40, SHAPE)


def stored(block: tuple[int, int, int], folder: Path | None = None) -> BlockStore:
    store = BlockStore(SHAPE, block, folder)
    for region in grid(SHAPE, block):
        store.write(region, IDS[region.slices])
    return store


@given(
    block=st.tuples(st.integers(1, 6), st.integers(1, 8), st.integers(1, 10)),
    key=basic_indices(SHAPE, allow_newaxis=False),
    voxels=st.lists(st.integers(0, IDS.size - 1), max_size=12),
)
@settings(deadline=None)
def test_any_part_and_any_voxels(block: tuple[int, int, int], key: object, voxels: list[int]) -> None:
    store = stored(block)
    names = np.arange(40, dtype=np.uint32)[::-1].copy()
    np.testing.assert_array_equal(RenamedBlocks(store, names)[key], names[IDS][key])
    chosen = np.array(voxels, np.int64)
    np.testing.assert_array_equal(store.pick(chosen), IDS.ravel()[chosen])


def test_blocks_on_disk_and_voxels_of_membrane(tmp_path: Path) -> None:
    store = stored((2, 3, 4), tmp_path)
    found = RenamedBlocks(store, np.arange(40, dtype=np.uint32))
    assert found.n_ids == np.unique(IDS[IDS > 0]).size
    membrane = np.linspace(0, 1, IDS.size).reshape(SHAPE)
    cut = found.without(membrane, 0.5)
    np.testing.assert_array_equal(cut[1:4, ..., 2:], np.where(membrane >= 0.5, 0, IDS)[1:4, :, 2:])
    with pytest.raises(IndexError):
        found[5]
