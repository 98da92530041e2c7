"""Blocks of two voxels on a side: one voxel remains."""

import numpy as np
import pytest

from napari_emseg.io.pyramid import shrink


def test_the_mean_of_the_largest_numbers_is_the_largest_number() -> None:
    block = np.full((2, 2, 2), np.finfo(np.float64).max)
    assert shrink(block, (2, 2, 2), is_labels=False).item() == block[0, 0, 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.float32, np.float64])
def test_means_are_those_of_the_voxels_and_integers_are_rounded(dtype: type) -> None:
    block = np.arange(8, dtype=dtype).reshape(2, 2, 2) * 5
    mean = shrink(block, (2, 2, 2), is_labels=False)
    assert mean.dtype == dtype
    assert mean.item() == (18 if np.issubdtype(dtype, np.integer) else 17.5)
    assert shrink(block, (1, 2, 2), is_labels=False).ravel().tolist() == pytest.approx(
        [8, 28] if np.issubdtype(dtype, np.integer) else [7.5, 27.5]
    )
