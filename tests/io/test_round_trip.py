"""What is written is read back: values, type, voxel size, and any part of it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, write_array

SUFFIXES = (".tif", ".h5", ".zarr", "/")
INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int32")
FLOATS = ("float16", "float32", "float64")
CASES = [(s, t) for s in SUFFIXES for t in INTEGERS] + [(s, t) for s in SUFFIXES[:-1] for t in FLOATS]


def values(dtype: str, shape: tuple[int, ...] = (5, 19, 23)) -> np.ndarray:
    return (np.random.default_rng(0).random(shape) * 250).astype(dtype)


@pytest.mark.parametrize(("suffix", "dtype"), CASES)
def test_values_type_and_voxel_size_come_back(tmp_path: Path, suffix: str, dtype: str) -> None:
    array = values(dtype)
    write_array(f"{tmp_path}/out{suffix}", array, spacing_nm=(50, 4.6, 4.5), metadata={"model": "m"})
    back, spacing = open_array(f"{tmp_path}/out{suffix}")
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(np.asarray(back), array)
    assert spacing == pytest.approx((50, 4.6, 4.5), rel=1e-6)
    assert [p.name for p in tmp_path.iterdir()] == [f"out{suffix}".rstrip("/")]


@pytest.mark.parametrize("suffix", [".tif", ".h5", ".zarr", ".n5", ".wk", ".precomputed"])
@pytest.mark.parametrize("code", ["L", "Q"])
def test_types_of_which_a_system_has_two_of_a_size(tmp_path: Path, suffix: str, code: str) -> None:
    """64 bits are "L" and "Q" on Linux, 32 bits "L" and "I" on Windows; zarr knows one of each."""
    array = values("uint16").astype(code)
    write_array(f"{tmp_path}/out{suffix}", array, spacing_nm=(50, 4, 4))
    back, _ = open_array(f"{tmp_path}/out{suffix}")
    np.testing.assert_array_equal(np.asarray(back), array)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_unknown_voxel_size_stays_unknown(tmp_path: Path, suffix: str) -> None:
    write_array(f"{tmp_path}/out{suffix}", values("uint8"))
    assert open_array(f"{tmp_path}/out{suffix}")[1] is None


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["uint8", "uint64"])
def test_any_part_equals_the_same_part_of_the_whole(tmp_path: Path, suffix: str, dtype: str) -> None:
    array = values(dtype)
    write_array(f"{tmp_path}/out{suffix}", array)
    lazy, _ = open_array(f"{tmp_path}/out{suffix}")
    keys = [
        2, -1, (2,), (slice(1, 4), slice(3, 9), slice(None, None, 2)), (slice(None, None, 2), 4),
        (..., 5), (0, ..., 5), slice(4, 1, -1), ([0, 3, 1],), (1, 2, 3), (slice(2, 2),), (slice(2, 2), 3),
        (np.array([0, 1]), np.array([3, 4]), np.array([5, 6])), (slice(None, None, 3), slice(5, 1, -2), 7),
    ]  # fmt: skip
    for key in keys:
        np.testing.assert_array_equal(lazy[key], array[key], err_msg=repr(key))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_lazy_stack_can_go_to_another_process(tmp_path: Path, suffix: str) -> None:
    array = values("uint8")
    write_array(f"{tmp_path}/out{suffix}", array)
    lazy, _ = open_array(f"{tmp_path}/out{suffix}")
    lazy[0]  # opens the file, which must not travel
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(lazy))[1:3], array[1:3])


@pytest.mark.parametrize("suffix", [*SUFFIXES[:-1], ".n5", ".wk", ".precomputed"])
def test_channels(tmp_path: Path, suffix: str) -> None:
    array = values("float32", (2, 3, 19, 23))
    write_array(f"{tmp_path}/out{suffix}", array, axes="czyx", spacing_nm=(50, 4, 4))
    back, spacing = open_array(f"{tmp_path}/out{suffix}")
    assert back.shape == array.shape
    assert spacing == pytest.approx((50, 4, 4))
    for key in [1, (1, 2), (slice(None), 1), (..., 4), (1, ..., 4), slice(1, 2), slice(0, 0), (0, 1, 2, 3)]:
        np.testing.assert_array_equal(back[key], array[key], err_msg=repr(key))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("shape", [(1, 19, 23), (5, 1, 23), (3, 19, 23), (5, 19, 3), (4, 4, 4)])
def test_shapes_that_look_like_something_else(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    array = values("uint8", shape)
    write_array(f"{tmp_path}/out{suffix}", array)
    np.testing.assert_array_equal(np.asarray(open_array(f"{tmp_path}/out{suffix}")[0]), array)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truth_values_become_0_and_1(tmp_path: Path, suffix: str) -> None:
    array = values("uint8") > 100
    write_array(f"{tmp_path}/out{suffix}", array)
    back, _ = open_array(f"{tmp_path}/out{suffix}")
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(back), array.astype(np.uint8))


def test_ids_beyond_16_bits_fit_png_sections_up_to_24_bits(tmp_path: Path) -> None:
    array = np.array([[[0, 255, 256], [65535, 65536, 2**24 - 1]]], np.uint32)
    write_array(f"{tmp_path}/ids/", array)
    np.testing.assert_array_equal(np.asarray(open_array(f"{tmp_path}/ids")[0]), array)
    with pytest.raises(EmsegError, match="do not fit 24 bits"):
        write_array(f"{tmp_path}/more/", array + 1)
    assert not (tmp_path / "more").exists()


def test_a_lazy_stack_is_converted_section_by_section(tmp_path: Path) -> None:
    array = values("uint8")
    write_array(tmp_path / "a.h5", array, spacing_nm=(50, 4, 4))
    lazy, spacing = open_array(tmp_path / "a.h5")
    write_array(tmp_path / "a.tif", lazy, spacing_nm=spacing)
    np.testing.assert_array_equal(np.asarray(open_array(tmp_path / "a.tif")[0]), array)
