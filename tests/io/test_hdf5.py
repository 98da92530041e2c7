from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_image, open_volume, write_array

STACK = np.arange(4 * 11 * 13, dtype=np.uint8).reshape(4, 11, 13)


@pytest.fixture
def cremi(tmp_path: Path) -> Path:
    """A file laid out as CREMI's: volumes/raw, volumes/labels/{clefts, neuron_ids}, and a table of points."""
    path = tmp_path / "sample.hdf"
    with h5py.File(path, "w") as file:
        file["volumes/raw"] = STACK
        file["volumes/raw"].attrs["resolution"] = (40.0, 4.0, 4.0)
        file["volumes/labels/clefts"] = STACK.astype(np.uint64)
        file["volumes/labels/neuron_ids"] = STACK.astype(np.uint64) + 7
        file["annotations/ids"] = np.arange(5)
    return path


def test_internal_path(cremi: Path) -> None:
    array, spacing = open_array(f"{cremi}::/volumes/raw")
    assert spacing == (40, 4, 4)
    np.testing.assert_array_equal(array[1:3, ::2], STACK[1:3, ::2])


def test_choices_are_listed(cremi: Path) -> None:
    with pytest.raises(EmsegError, match=r"::volumes/labels/clefts \(4, 11, 13\).*::volumes/raw"):
        open_array(cremi)
    with pytest.raises(EmsegError, match=r"no array volumes/row, .*choose one of .*::volumes/raw"):
        open_array(f"{cremi}::volumes/row")
    with pytest.raises(EmsegError, match="several arrays") as refused:
        open_array(f"{cremi}::volumes/labels")
    assert "raw" not in refused.value.remedy


def test_sites_and_partners_are_no_choice(cremi: Path) -> None:
    sites = {"types": (4,), "locations": (4, 3), "presynaptic_site/partners": (2, 2)}
    with h5py.File(cremi, "a") as file:
        for name, shape in sites.items():
            file[f"annotations/{name}"] = np.zeros(shape)
    with pytest.raises(EmsegError, match="several arrays") as refused:
        open_array(cremi)
    assert "annotations" not in str(refused.value)
    with h5py.File(cremi, "a") as file:
        del file["volumes/labels"]
    assert open_array(cremi)[0].shape == STACK.shape
    assert open_array(f"{cremi}::annotations/locations")[0].shape == (1, 4, 3)  # what is asked for is given


def test_labels_of_cremi_are_labels(cremi: Path) -> None:
    said = [
        open_volume(f"{cremi}::volumes/{name}").is_labels
        for name in ("labels/clefts", "labels/neuron_ids", "raw")
    ]
    assert said == [True, True, None]


def test_what_can_be_a_volume_is_a_choice_and_nothing_else(tmp_path: Path) -> None:
    """Annotations of another kind than sites are voxels; tables and texts are none."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["annotations/mask"] = STACK
        file["texts"] = np.full((4, 4), b"no")
        file["table"] = np.zeros((4, 4), [("id", int), ("x", float)])
        file["many"] = np.zeros((2, 2, 2, 2, 2, 2), np.uint8)
        file["line"] = np.zeros(9, np.uint8)
    np.testing.assert_array_equal(open_array(tmp_path / "a.h5")[0][:], STACK)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["data"] = STACK[None, None]  # one time, one channel
    np.testing.assert_array_equal(open_array(tmp_path / "b.h5")[0][:], STACK)


def test_of_several_times_none_is_taken_in_silence(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.stack([STACK, STACK + 1])[:, None]
    with pytest.raises(EmsegError, match=r"no stack of sections \(t 2, c 1, z 4, y 11, x 13\)"):
        open_array(tmp_path / "a.h5")


def test_a_volume_takes_no_place_of_others(cremi: Path) -> None:
    before = cremi.read_bytes()
    with pytest.raises(EmsegError, match="volumes/raw is a dataset and no group"):
        write_array(f"{cremi}::volumes/raw/more", STACK)
    with pytest.raises(EmsegError, match="volumes/labels is a group and no dataset"):
        write_array(f"{cremi}::volumes/labels", STACK)
    assert cremi.read_bytes() == before


def test_a_group_with_one_dataset_is_enough(cremi: Path) -> None:
    with h5py.File(cremi, "a") as file:
        del file["volumes/labels/clefts"]
    assert open_array(f"{cremi}::volumes/labels")[0].dtype == np.uint64


def test_main_is_taken_among_several(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "em_51", "w") as file:  # no suffix: the content decides
        file["main"] = STACK
        file["other"] = STACK + 1
    assert open_array(tmp_path / "em_51")[0][0, 0, 1] == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("resolution", (50, 4, 4)), ("element_size_um", (0.05, 0.004, 0.004)), ("spacing", (50, 4, 4))],
)
@pytest.mark.parametrize("on_group", [False, True])
def test_voxel_size_attributes(tmp_path: Path, name: str, value: tuple[float, ...], on_group: bool) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["g/raw"] = STACK
        file["g" if on_group else "g/raw"].attrs[name] = value
    assert open_array(tmp_path / "a.h5")[1] == pytest.approx((50, 4, 4))


def test_one_section_and_grey_saved_as_colour(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["flat"] = STACK[0]
        file["rgb"] = np.stack([STACK] * 3, axis=-1)
    assert open_array(f"{tmp_path}/a.h5::flat")[0].shape == (1, 11, 13)
    np.testing.assert_array_equal(open_array(f"{tmp_path}/a.h5::flat")[0][0, 2], STACK[0, 2])
    np.testing.assert_array_equal(np.asarray(open_array(f"{tmp_path}/a.h5::rgb")[0]), STACK)


@pytest.mark.parametrize("other", [1, 2])
def test_one_channel_that_differs_makes_it_a_colour_image(tmp_path: Path, other: int) -> None:
    colours = np.stack([STACK] * 3, axis=-1)
    colours[..., other] += 1
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["rgb"] = colours
    with pytest.raises(EmsegError, match="this is a colour image"):
        np.asarray(open_array(f"{tmp_path}/a.h5::rgb")[0])


def test_several_channels_are_no_image(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["main"] = np.zeros((2, 4, 11, 13), np.float32)
    assert open_array(tmp_path / "a.h5")[0].shape == (2, 4, 11, 13)
    with pytest.raises(EmsegError, match="2 channels"):
        open_image(tmp_path / "a.h5")


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["main"] = np.random.default_rng(0).random((4, 50, 50))
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(EmsegError, match="damaged or cut short"):
        open_array(path)


def test_a_file_without_arrays_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["points"] = np.arange(5)
    with pytest.raises(EmsegError, match="no image or label array"):
        open_array(tmp_path / "a.h5")


def test_real_stack_by_internal_path(data_dir: Path) -> None:
    image, _ = open_array(f"{data_dir}/fib/train-image.h5::stack")
    ids, _ = open_array(f"{data_dir}/fib/train-gt.lzf.h5")
    assert image.shape == ids.shape == (50, 100, 200)
    assert (image.dtype, ids.dtype) == (np.uint8, np.int32)


@pytest.mark.parametrize("name", ["axistags", "axes", "resolution", "offset"])
def test_texts_at_which_the_library_would_stay_for_ever(tmp_path: Path, name: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["main"] = np.zeros((2, 3, 4), np.uint8)
        file["main"].attrs[name] = "a text of any length"
    content = bytearray((tmp_path / "a.h5").read_bytes())
    first = content.index(b"GCOL") + 16
    content[first : first + 16] = bytes(16)  # an object without number and length
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(EmsegError, match="its texts are broken"):
        open_image(tmp_path / "a.h5")


def test_dimension_labels_name_the_axes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["main"] = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
        for dim, letter in zip(file["main"].dims, "xyz", strict=True):
            dim.label = letter
    assert open_image(tmp_path / "a.h5").shape == (2, 3, 4)
