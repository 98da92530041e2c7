"""The label volume behaves like a numpy array, writes behind, and knows what a stroke changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.core.edit import Edit, Patch, Region, Relabel
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.volume import LabelVolume

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (3, 520, 600)  # two pages along y and along x, so that every box can straddle pages
SPACING = (50.0, 4.6, 4.6)


def numbered(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Every voxel has its own id."""
    return np.arange(1, np.prod(shape) + 1, dtype=np.uint32).reshape(shape)


NUMBERED = numbered()


def filled(volume: LabelVolume, labels: np.ndarray) -> LabelVolume:
    region = Region.full(volume.shape)
    volume.apply(Edit("fill", "system", (Patch(region, volume.read(region), labels),)))
    return volume


@pytest.fixture(scope="module")
def full() -> LabelVolume:
    return filled(LabelVolume.create(None, SHAPE, SPACING), numbered())


def axis_keys(n: int) -> st.SearchStrategy:
    return st.one_of(
        st.integers(-n, n - 1),
        st.slices(n),
        st.lists(st.integers(-n, n - 1), min_size=1, max_size=5).map(np.array),
    )


def keys() -> st.SearchStrategy:
    """Whatever numpy code may ask of a (z, y, x) array, but masks."""
    z, y, x = SHAPE
    points = st.lists(
        st.tuples(st.integers(0, z - 1), st.integers(0, y - 1), st.integers(0, x - 1)),
        min_size=1,
        max_size=20,
    ).map(lambda p: tuple(np.array(p).T))
    mixed = st.tuples(
        st.one_of(st.integers(-z, z - 1), st.slices(z)),
        st.one_of(st.integers(-y, y - 1), st.slices(y)),
        axis_keys(x),
    )
    short = st.one_of(st.integers(0, z - 1), st.slices(z), st.tuples(st.just(...), axis_keys(x)))
    return st.one_of(points, mixed, short, st.just(()), st.just(...))


@given(key=keys())
@settings(max_examples=80, deadline=None)
def test_reads_what_numpy_reads(full: LabelVolume, key: object) -> None:
    expected = NUMBERED[key]  # type: ignore[index]
    got = full[key]
    np.testing.assert_array_equal(got, expected)
    assert np.shape(got) == np.shape(expected)
    assert np.asarray(got).dtype == np.uint32


@given(writes=st.lists(st.tuples(keys(), st.integers(0, 9)), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_a_stroke_is_exactly_what_changed(writes: list[tuple[object, int]]) -> None:
    volume = LabelVolume.create(None, SHAPE, None)
    volume[0, 500:520, 500:520] = 7
    volume.end_stroke()
    before = np.asarray(volume)
    expected = before.copy()
    for key, value in writes:
        expected[key] = value  # type: ignore[index]
        volume[key] = value
    after = np.asarray(volume)
    np.testing.assert_array_equal(after, expected)
    patches = volume.end_stroke()
    rebuilt = before.copy()
    for patch in patches:
        np.testing.assert_array_equal(rebuilt[patch.region.slices], patch.before)
        rebuilt[patch.region.slices] = patch.after
    np.testing.assert_array_equal(rebuilt, expected)
    volume.apply(Edit("stroke", "human", patches).inverse())
    np.testing.assert_array_equal(np.asarray(volume), before)
    assert volume.end_stroke() == ()


def test_a_dab_over_four_pages_gives_one_tight_patch() -> None:
    volume = LabelVolume.create(None, SHAPE, None)
    volume[1, 505:520, 500:530] = 4
    (patch,) = volume.end_stroke()
    assert patch.region == Region((1, 505, 500), (2, 520, 530))
    assert patch.before.max() == 0
    assert patch.after.min() == 4


def test_dabs_far_apart_do_not_give_one_huge_patch() -> None:
    volume = LabelVolume.create(None, (1, 4096, 4096), None)
    volume[0, 0:5, 0:5] = 1
    volume[0, 4000:4005, 4000:4005] = 1
    patches = volume.end_stroke()
    assert [p.region.shape for p in patches] == [(1, 5, 5), (1, 5, 5)]


def test_painting_the_same_again_is_no_stroke() -> None:
    volume = LabelVolume.create(None, SHAPE, None)
    volume[0, 3, 3] = 0
    assert volume.end_stroke() == ()


def test_boolean_masks_and_values_per_voxel() -> None:
    volume = LabelVolume.create(None, (2, 4, 5), None)
    expected = np.zeros((2, 4, 5), np.uint32)
    mask = np.indices(expected.shape).sum(axis=0) % 2 == 0
    volume[mask] = np.arange(mask.sum())
    expected[mask] = np.arange(mask.sum())
    np.testing.assert_array_equal(np.asarray(volume), expected)
    np.testing.assert_array_equal(volume[mask], expected[mask])
    np.testing.assert_array_equal(volume[1, mask[1]], expected[1, mask[1]])


@pytest.mark.parametrize(
    "key", [3, (0, 520), (0, 0, -601), (0, 0, 0, 0), (np.array([0]), np.array([5]), np.array([600]))]
)
def test_out_of_bounds_is_an_index_error(full: LabelVolume, key: object) -> None:
    with pytest.raises(IndexError):
        full[key]


def test_reading_gives_copies(full: LabelVolume) -> None:
    section = full[0]
    section[:] = 0
    assert full[0, 0, 0] == 1


# --- disk


def test_zarr_reads_what_was_written(tmp_path: Path) -> None:
    volume = filled(LabelVolume.create(tmp_path / "labels.zarr", SHAPE, SPACING), numbered())
    volume.close()
    group = zarr.open_group(str(tmp_path / "labels.zarr"), mode="r")
    np.testing.assert_array_equal(group["0"][:], numbered())
    assert group["0"].chunks == (1, 512, 512)
    scale = group.attrs["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"]  # type: ignore[index,call-overload]
    assert scale == [{"type": "scale", "scale": list(SPACING)}]


def test_opens_again_with_everything(tmp_path: Path) -> None:
    volume = LabelVolume.create(tmp_path / "labels.zarr", SHAPE, SPACING, np.uint64)
    volume[2, 5, 5] = 2**40
    volume.end_stroke()
    volume.close()
    again = LabelVolume.open(tmp_path / "labels.zarr")
    assert (again.shape, again.dtype, again.spacing_nm, again.max_id()) == (SHAPE, np.uint64, SPACING, 2**40)
    assert again[2, 5, 5] == 2**40
    assert again.next_ids() == 2**40 + 1


def test_blank_space_takes_no_disk_and_no_memory(tmp_path: Path) -> None:
    volume = LabelVolume.create(tmp_path / "labels.zarr", (1000, 10_000, 10_000), SPACING)
    assert volume.size == 100_000_000_000
    assert volume[999, 9000:9999, 9000:9999].max() == 0
    volume[500, 5000, 5000] = 1
    volume.end_stroke()
    volume.close()
    files = [p for p in (tmp_path / "labels.zarr" / "0" / "c").rglob("*") if p.is_file()]
    assert [p.relative_to(tmp_path / "labels.zarr" / "0" / "c").as_posix() for p in files] == ["500/9/9"]
    assert LabelVolume.open(tmp_path / "labels.zarr").find([1]) == {
        500: Region((500, 5000, 5000), (501, 5001, 5001))
    }


def test_the_cache_stays_within_its_bound(tmp_path: Path) -> None:
    page = 512 * 512 * 4
    volume = LabelVolume.create(tmp_path / "labels.zarr", (20, 512, 512), None)
    volume.pages.limit_bytes = 5 * page
    for z in range(20):
        volume[z, :, :] = z + 1
        volume.end_stroke()
        volume.flush()
    assert len(volume.pages.keys_in_memory()) <= 5
    assert [int(volume[z, 0, 0]) for z in range(20)] == list(range(1, 21))
    assert len(volume.pages.keys_in_memory()) <= 5
    volume.close()


def test_a_large_edit_does_not_pile_up_in_memory(tmp_path: Path) -> None:
    volume = LabelVolume.create(tmp_path / "labels.zarr", (20, 512, 512), None)
    volume.pages.limit_bytes = 5 * 512 * 512 * 4
    volume.pages.out.delay_s = 60
    for z in range(20):
        region = Region((z, 0, 0), (z + 1, 512, 512))
        after = np.full(region.shape, z + 1, np.uint32)
        volume.apply(Edit("section", "model", (Patch(region, volume.read(region), after),)))
        assert len(volume.pages.keys_in_memory()) <= 7
    assert [int(volume[z, 9, 9]) for z in range(20)] == list(range(1, 21))
    volume.close()


def test_an_open_stroke_never_reaches_the_disk(tmp_path: Path) -> None:
    volume = LabelVolume.create(tmp_path / "labels.zarr", SHAPE, None)
    volume[0, 0, 0] = 9
    volume.flush()
    assert LabelVolume.open(tmp_path / "labels.zarr")[0, 0, 0] == 0
    volume.end_stroke()
    volume.flush()
    assert LabelVolume.open(tmp_path / "labels.zarr")[0, 0, 0] == 9
    volume.close()


def test_writes_out_by_itself(tmp_path: Path) -> None:
    import time

    volume = LabelVolume.create(tmp_path / "labels.zarr", SHAPE, None)
    volume.pages.out.delay_s = 0.01
    volume[0, 0, 0] = 9
    volume.end_stroke()
    deadline = time.monotonic() + 5
    while not (tmp_path / "labels.zarr/0/c/0/0/0").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert LabelVolume.open(tmp_path / "labels.zarr")[0, 0, 0] == 9
    volume.close()


# --- edits, ids


def test_an_edit_outside_is_refused_and_changes_nothing(full: LabelVolume) -> None:
    inside = Patch(
        Region((0, 0, 0), (1, 1, 1)), np.ones((1, 1, 1), np.uint32), np.zeros((1, 1, 1), np.uint32)
    )
    outside = Patch(
        Region((3, 0, 0), (4, 1, 1)), np.zeros((1, 1, 1), np.uint32), np.ones((1, 1, 1), np.uint32)
    )
    with pytest.raises(EmsegError, match="leaves the labels"):
        full.apply(Edit("bad", "system", (inside, outside)))
    assert full[0, 0, 0] == 1


def test_an_id_that_does_not_fit_is_refused(full: LabelVolume) -> None:
    patch = Patch(
        Region((0, 0, 0), (1, 1, 1)), np.ones((1, 1, 1), np.uint64), np.full((1, 1, 1), 2**33, np.uint64)
    )
    with pytest.raises(EmsegError, match="does not fit into uint32"):
        full.apply(Edit("bad", "system", (patch,)))
    for pairs in (((1, 2**33),), ((2**33, 1), (3, 2))):
        with pytest.raises(EmsegError, match="does not fit into uint32"):
            full.apply(Edit("bad", "system", relabel=Relabel(pairs)))


def test_apply_tells_its_listeners() -> None:
    volume = LabelVolume.create(None, SHAPE, None)
    heard: list[Edit] = []
    volume.edited.connect(heard.append)
    edit = Edit(
        "one",
        "human",
        (Patch(Region((0, 0, 0), (1, 1, 1)), *(np.full((1, 1, 1), v, np.uint32) for v in (0, 1))),),
    )
    volume.apply(edit)
    assert heard == [edit]


def test_ids_are_never_used_twice() -> None:
    volume = LabelVolume.create(None, SHAPE, None)
    assert volume.next_ids(3) == 1
    assert volume.next_ids() == 4
    volume[0, 0, 0] = 50
    edit = Edit("paint", "human", volume.end_stroke())
    volume.apply(edit.inverse())
    assert np.asarray(volume).max() == 0
    assert volume.max_id() == 50
    assert volume.next_ids() == 51
    low, high = (
        Patch(Region((z, 0, 0), (z + 1, 1, 2)), np.zeros((1, 1, 2), np.uint64), np.array([[ids]], np.uint64))
        for z, ids in ((0, (3, 4)), (1, (70, 60)))
    )
    for number, patches in enumerate([(low, high), (high, low)]):
        other = LabelVolume.create(None, SHAPE, None)
        other.apply(Edit("segment", "prediction", patches))
        assert other.next_ids() == 71, number


def test_finds_objects_over_pages() -> None:
    volume = LabelVolume.create(None, SHAPE, None)
    volume[0, 500:518, 10] = 3
    volume[2, 4, 590] = 4
    assert volume.find([3]) == {0: Region((0, 500, 10), (1, 518, 11))}
    assert volume.find([3, 4], sections=[1, 2]) == {2: Region((2, 4, 590), (3, 5, 591))}
    assert volume.find([99]) == {}


def test_read_only_refuses_the_brush() -> None:
    volume = LabelVolume.create(None, SHAPE, None)
    volume.read_only_reason = "it is open elsewhere"
    with pytest.raises(EmsegError, match="it is open elsewhere"):
        volume[0, 0, 0] = 1


@pytest.mark.parametrize(("shape", "dtype"), [((1, 1, 1), np.uint8), ((0, 5, 5), np.uint32)])
def test_refuses_odd_volumes(shape: tuple[int, int, int], dtype: type) -> None:
    with pytest.raises(EmsegError, match="uint32 or uint64"):
        LabelVolume.create(None, shape, None, dtype)


def test_a_store_of_another_layout_is_refused(tmp_path: Path) -> None:
    group = zarr.open_group(str(tmp_path / "other.zarr"), mode="w", zarr_format=3)
    group.create_array("0", shape=(2, 8, 8), dtype="uint32", chunks=(2, 8, 8))
    with pytest.raises(EmsegError, match="stored in another way"):
        LabelVolume.open(tmp_path / "other.zarr")
    with pytest.raises(EmsegError, match="no labels here"):
        LabelVolume.open(tmp_path / "nothing.zarr")
