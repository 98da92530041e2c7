"""Every voxel has one tile, and what must be read for it is enough."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.tiling import Block, needed, tiles
from napari_emseg.core.edit import Region

SHAPE = (5, 300, 170)


@pytest.mark.parametrize(
    "region", [Region.full(SHAPE), Region((1, 10, 65), (3, 130, 166)), Region((4, 299, 0), (5, 300, 1))]
)
def test_tiles_cover_a_region_once_and_lie_on_the_grid(region):
    count = np.zeros(SHAPE, int)
    for tile in tiles(region, SHAPE, 64):
        count[tile.slices] += 1
        assert tile.start[1] % 64 == tile.start[2] % 64 == 0
    assert (count[region.slices] == 1).all()
    assert count.max() == 1


def test_tiles_begin_in_the_middle():
    first = tiles(Region((0, 0, 0), (1, 300, 170)), SHAPE, 64)[0]
    assert first == Region((0, 128, 64), (1, 192, 128))


@pytest.mark.parametrize("seed", range(30))
def test_a_needed_block_gives_the_same_pixels_as_the_volume(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers((1, 3, 3), (6, 200, 200)))
    data = rng.integers(0, 255, shape)
    start = tuple(int(rng.integers(n)) for n in shape)
    stop = tuple(int(rng.integers(a + 1, n + 1)) for a, n in zip(start, shape, strict=True))
    region, whole = Region(start, stop), Block.whole(data)
    part = needed(region, shape, 64, 32, 1)
    block = Block(data[part.slices], part.start, shape)
    for tile in tiles(region, shape, 64):
        rows, columns = ((a - 32, a + 64 + 32) for a in tile.start[1:])
        z = tile.start[0]
        np.testing.assert_array_equal(block.section(z, rows, columns), whole.section(z, rows, columns))


def test_the_mirror_is_numpys():
    data = np.arange(35).reshape(1, 5, 7)
    seen = Block.whole(data).section(0, (-3, 8), (-2, 10))
    np.testing.assert_array_equal(seen, np.pad(data[0], ((3, 3), (2, 3)), mode="reflect"))


def test_pixels_that_a_block_lacks_are_refused():
    block = Block(np.zeros((1, 10, 10)), (0, 20, 20), (1, 100, 100))
    with pytest.raises(IndexError, match="not in this block"):
        block.section(0, (15, 25), (20, 30))
