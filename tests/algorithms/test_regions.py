"""Regions of a volume that were numbered apart, and put together again."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.algorithms.regions import Placed, join_regions
from napari_emseg.core.errors import EmsegError


def tubes(seed: int) -> np.ndarray:
    """About ten objects of many voxels, through twelve sections."""
    rng = np.random.default_rng(seed)
    cells = ndi.gaussian_filter(rng.random((12, 40, 44)), (3, 2, 2))
    return np.asarray(ndi.label(cells > np.quantile(cells, 0.7))[0])


def renumbered(block: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Parts of a block under large numbers of its own."""
    parts = ndi.label(block > 0)[0]
    ids = rng.permutation(int(parts.max()) + 1).astype(np.uint64) + np.uint64(2**50)
    return np.where(parts > 0, ids[parts], np.uint64(0))


@pytest.mark.parametrize("seed", range(20))
def test_regions_in_any_order_give_the_whole_volume(seed: int) -> None:
    """Parts that are one through other regions only, such as around a loop, are one, too."""
    rng = np.random.default_rng(seed)
    truth = tubes(seed)
    cuts = [np.unique([0, *rng.integers(6, n - 5, 1), n]) for n in truth.shape]
    regions = []
    for low in product(*(pairwise(c) for c in cuts)):
        start = [max(0, a - 3) for a, _ in low]
        box = tuple(slice(a, min(b + 3, n)) for a, (_, b), n in zip(start, low, truth.shape, strict=True))
        regions.append(Placed(renumbered(truth[box], rng), (start[0] + 5, start[1], start[2] - 7)))
    order = rng.permutation(len(regions))
    found, n = join_regions([regions[k] for k in order])
    assert (found.origin, found.shape) == ((5, 0, -7), truth.shape)
    labels = found[:]
    np.testing.assert_array_equal(labels > 0, truth > 0)
    both = np.unique(np.stack([truth.ravel(), labels.ravel()]), axis=1)
    assert len(np.unique(both[0])) == both.shape[1] == len(np.unique(both[1]))
    assert n == truth.max() == labels.max()
    np.testing.assert_array_equal(found[3, 5:9], labels[3, 5:9])


def test_what_only_touches_stays_apart_and_the_first_region_counts() -> None:
    one, two = np.full((2, 3, 4), 7), np.full((2, 3, 4), 7)
    two[:, :, :2] = 0
    found, n = join_regions([Placed(one, (0, 0, 0)), Placed(two, (0, 0, 2))])
    assert n == 2
    assert found[0, 0].tolist() == [1, 1, 1, 1, 2, 2]


def test_no_region() -> None:
    with pytest.raises(EmsegError, match="nothing to join"):
        join_regions([])
