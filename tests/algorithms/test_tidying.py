"""Objects made tidy: whole volumes against slabs of any height, and drawn ones by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.algorithms.shapes import reshape_objects
from napari_emseg.algorithms.tidying import Tidied, tidy
from napari_emseg.settings import TidySettings

if TYPE_CHECKING:
    from pathlib import Path

SPACING = (30.0, 8.0, 6.0)


def blobs(seed: int, shape: tuple[int, int, int] = (13, 24, 26)) -> np.ndarray:
    """Nine touching objects with large ids, and gaps."""
    rng = np.random.default_rng(seed)
    peaks = rng.random((9, 3)) * shape
    places = np.stack(np.indices(shape), -1)[..., None, :]
    labels = (((places - peaks) * (3, 1, 1)) ** 2).sum(-1).argmin(-1).astype(np.uint64) + np.uint64(2**40)
    labels[ndi.gaussian_filter(rng.random(shape), 1) < 0.49] = 0
    return labels


def whole(found: Tidied) -> np.ndarray:
    return np.asarray(found.labels[:])


ALL = TidySettings(
    opening_nm=9, closing_nm=13, erosion_nm=6.5, dilation_nm=31, dims=3, fill_holes=True, split_parts=True,
    min_volume_um3=1e-4, drop_at_edge=False,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_slabs_change_nothing(seed: int, tmp_path: Path) -> None:
    labels = blobs(seed)
    rng = np.random.default_rng(seed)
    settings = ALL.model_copy(update={"dims": 2 + seed % 2, "split_parts": seed % 3 == 0})
    at_once = tidy(labels, settings, SPACING, slab=99)
    in_slabs = tidy(labels, settings, SPACING, slab=int(rng.integers(1, 8)), folder=tmp_path)
    np.testing.assert_array_equal(whole(at_once), whole(in_slabs))
    assert (at_once.n_objects, at_once.vanished, at_once.too_small) == (
        in_slabs.n_objects, in_slabs.vanished, in_slabs.too_small,
    )  # fmt: skip


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("operation", ["opening", "closing", "erosion", "dilation"])
def test_shapes_are_those_of_the_whole_volume(operation: Any, dims: Any) -> None:
    labels = blobs(1)
    settings = TidySettings.model_validate({f"{operation}_nm": 16, "dims": dims})
    expected = reshape_objects(labels, operation, 16, SPACING, dims=dims)
    np.testing.assert_array_equal(whole(tidy(labels, settings, SPACING, slab=2)), expected)


def test_every_object_that_goes_is_counted() -> None:
    labels = np.zeros((2, 20, 20), np.uint64)
    labels[:, 8:14, 8:14] = 2**50  # 72 voxels
    labels[:, 10, 10] = 0  # and a hole
    labels[0, 2, 2] = 7  # a crumb
    labels[:, :3, 10:19] = 9  # at the edge
    labels[:, 16:18, 2:18] = 11  # 64 voxels, thin
    voxel = 1e-9 * 50 * 4 * 4
    found = tidy(
        labels, TidySettings(min_volume_um3=2 * voxel, drop_at_edge=True, fill_holes=True), (50, 4, 4)
    )
    assert (found.n_objects, found.too_small, found.cut_off, found.vanished) == (2, 1, 1, 0)
    assert np.unique(whole(found)).tolist() == [0, 11, 2**50]
    assert (whole(found) == 2**50).sum() == 72
    labels[:, 10, 10] = 2**50
    found = tidy(labels, TidySettings(opening_nm=5, max_volume_um3=56 * voxel), (50, 4, 4))
    assert (found.vanished, found.too_large) == (2, 1)  # the crumb and the thin one; the square
    assert np.unique(whole(found)).tolist() == [0, 9]


def test_all_four_edges_of_a_section_cut_objects_off() -> None:
    labels = np.zeros((1, 9, 11), np.uint8)
    labels[0, 0, 2:9], labels[0, 8, 2:9], labels[0, 2:7, 0], labels[0, 2:7, 10], labels[0, 1:8, 1:10] = (
        1,
        2,
        3,
        4,
        5,
    )
    found = tidy(labels, TidySettings(drop_at_edge=True), SPACING)
    assert np.unique(whole(found)).tolist() == [0, 5]
    assert found.cut_off == 4


@pytest.mark.parametrize("operation", ["opening", "closing"])
def test_an_opening_looks_twice_as_far_as_its_radius(operation: Any) -> None:
    """Layers along z: whether one stays, or two become one, depends on voxels at the far end of what is looked at."""
    labels = np.zeros((24, 3, 3), np.uint8)
    for start, stop in ((0, 6), (9, 16), (21, 24)):
        labels[start:stop] = 1
    settings = TidySettings.model_validate({f"{operation}_nm": 80, "dims": 3})
    expected = reshape_objects(labels, operation, 80, (20.0, 8.0, 8.0), dims=3)
    assert (expected != labels).any()
    for slab in (1, 2, 5):
        np.testing.assert_array_equal(whole(tidy(labels, settings, (20.0, 8.0, 8.0), slab=slab)), expected)


def test_parts_get_numbers_of_their_own() -> None:
    labels = np.zeros((3, 5, 9), np.uint16)
    labels[:, 1:4, 1:3] = labels[:2, 1:4, 6:8] = 3
    labels[2, 1:4, 6:8] = 5
    parts = whole(tidy(labels, TidySettings(split_parts=True), None))
    assert parts.dtype == np.uint32
    assert [len(np.unique(parts[labels == k])) for k in (3, 5)] == [2, 1]
    assert parts.max() == 3


def test_nothing_is_read_beyond_a_slab_and_its_surroundings() -> None:
    class Counting:
        shape, dtype, most = (200, 9, 9), np.dtype(np.uint8), 0

        def __getitem__(self, key: slice) -> np.ndarray:
            self.most = max(self.most, key.stop - key.start)
            return np.ones((key.stop - key.start, 9, 9), np.uint8)

    stack = Counting()
    tidy(stack, TidySettings(erosion_nm=70, dims=3), (30, 4, 4), slab=5)  # type: ignore[arg-type]
    assert stack.most == 5 + 2 * 4
