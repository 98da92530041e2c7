"""Bad input gets one clear sentence: what, where, what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import check_image, open_array, open_image, write_array


def stack(array: np.ndarray) -> ImageStack:
    return ImageStack(array, None, "unknown", "a", "a.tif")


def refused(path: Path, says: str) -> None:
    with pytest.raises(EmsegError, match=says) as error:
        open_array(path)
    assert str(path) in error.value.where
    assert error.value.remedy
    assert "\n" not in str(error.value)


def test_nothing_there(tmp_path: Path) -> None:
    refused(tmp_path / "none.tif", "no such file")


@pytest.mark.parametrize("suffix", [".tif", ".h5", ".png", ""])
def test_empty_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.touch()
    refused(path, "the file is empty")


def test_another_format(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_text("some text")
    refused(path, "format is not known")


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((4, 5), np.uint8), "2 axes"),
        (np.zeros((2, 3, 4, 5), np.uint8), "4 axes"),
        (np.zeros((0, 4, 5), np.uint8), "no voxels"),
        (np.zeros((2, 4, 5), complex), "not grey values"),
        (np.full((2, 4, 5), np.nan, np.float32), "not numbers"),
        (np.full((2, 4, 5), np.inf), "not numbers"),
    ],
)
def test_no_grey_stack(array: np.ndarray, says: str) -> None:
    with pytest.raises(EmsegError, match=says):
        check_image(stack(array))


def test_one_nan_in_one_section_is_found_and_named(tmp_path: Path) -> None:
    array = np.zeros((30, 4, 5), np.float32)
    array[17, 2, 3] = np.nan
    write_array(tmp_path / "a.h5", array)
    with pytest.raises(EmsegError, match="section 17"):
        open_image(tmp_path / "a.h5")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, bool])
def test_grey_stacks_pass(dtype: type) -> None:
    check_image(stack(np.ones((2, 4, 5), dtype)))


def test_voxel_size_given_by_the_person_wins(tmp_path: Path) -> None:
    write_array(tmp_path / "a.h5", np.zeros((2, 4, 5), np.uint8), spacing_nm=(50, 4, 4))
    found = open_image(tmp_path / "a.h5")
    assert (found.spacing_nm, found.spacing_source) == ((50, 4, 4), "file")
    given = open_image(tmp_path / "a.h5", spacing_nm=(30, 8, 8))
    assert (given.spacing_nm, given.spacing_source) == ((30, 8, 8), "you")
    assert open_image(given.uri).shape == (2, 4, 5)
    with pytest.raises(EmsegError, match="no voxel size"):
        open_image(tmp_path / "a.h5", spacing_nm=(30, 0, 8))
