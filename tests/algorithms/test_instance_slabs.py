"""Things found slab by slab are those of the whole volume, voxel by voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.algorithms.instance_slabs import find_in_slabs
from napari_emseg.algorithms.instances import find_instances
from napari_emseg.settings import InstanceSettings

if TYPE_CHECKING:
    from pathlib import Path

SPACINGS = ((40.0, 8.0, 8.0), (8.0, 8.0, 8.0), (29.7, 5.3, 6.1))


@pytest.mark.parametrize("seed", range(20))
def test_slabs_change_no_voxel(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(k) for k in rng.integers((1, 20, 20), (14, 50, 50)))
    chance = ndi.gaussian_filter(rng.random(shape), (0.7, 2.5, 2.5), mode="nearest")
    chance = (chance - chance.min()) / np.ptp(chance)
    chance = (chance * 255).astype(np.uint8) if seed % 2 else chance.astype(np.float32)
    settings = InstanceSettings(
        threshold=0.5, min_volume_um3=(0, 1e-5)[seed % 2], min_sections=1 + seed % 2, sigma_z_nm=(0, 35)[seed % 3 == 0],
        sigma_nm=(0, 6)[seed % 5 == 0], min_area_nm2=(0, 900)[seed % 4 == 0], max_area_nm2=(0, 2e4)[seed % 7 == 0],
        split_tolerance_nm=(8, 0)[seed % 6 == 5], seed_depth_nm=(4, 30)[seed % 2],
    )  # fmt: skip
    spacing = SPACINGS[seed % 3]
    whole = find_instances(chance, settings, spacing)
    found = find_in_slabs(chance, settings, spacing, slab=int(rng.integers(1, shape[0] + 1)), folder=tmp_path)
    np.testing.assert_array_equal(found.labels[:], whole.labels)
    assert (found.n_things, found.too_small, found.too_flat, found.without_seed) == (
        int(whole.labels.max()), whole.too_small, whole.too_flat, whole.without_seed,
    )  # fmt: skip


def test_a_volume_that_is_one_thing_and_one_of_none() -> None:
    settings = InstanceSettings(min_volume_um3=0)
    for value, n in ((1, 1), (0, 0)):
        chance = np.full((5, 9, 9), value, np.float32)
        found = find_in_slabs(chance, settings, (40, 8, 8), slab=2)
        assert found.n_things == n == found.labels[:].max()
        assert found.labels[-1, 3:5, ::4].shape == (2, 3)


def test_no_more_than_a_slab_and_its_surroundings_is_read() -> None:
    class Counting:
        shape, dtype, most = (100, 9, 9), np.dtype(np.float32), 0

        def __getitem__(self, key: slice) -> np.ndarray:
            self.most = max(self.most, key.stop - key.start)
            return np.zeros((key.stop - key.start, 9, 9), np.float32)

    stack = Counting()
    find_in_slabs(stack, InstanceSettings(sigma_z_nm=20), (40, 8, 8), slab=6)  # type: ignore[arg-type]
    assert stack.most == 6 + 2 * 2
