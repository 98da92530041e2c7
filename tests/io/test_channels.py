"""A channel of a file is reached by its number, and a file with several says which there are."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_image, write_array
from napari_emseg.io.napari_hooks import read_layers

MAPS = np.random.default_rng(0).random((2, 3, 12, 14)).astype(np.float32)
OURS = {"program": "napari-emseg 1", "targets": ["membrane", "mitochondria"]}


@pytest.mark.parametrize(
    ("name", "inner"), [("m.h5", "main#1"), ("m.h5", "#1"), ("m.tif", "#1"), ("m.zarr", "#1")]
)
def test_a_channel_is_chosen_by_its_number(tmp_path: Path, name: str, inner: str) -> None:
    write_array(tmp_path / name, MAPS, axes="czyx")
    place = f"{tmp_path / name}::{inner}"
    assert np.array_equal(np.asarray(open_array(place)[0][:]), MAPS[1])
    image = open_image(place)
    assert (image.shape, Path(image.uri).name) == ((3, 12, 14), f"{name}::{inner}".rpartition("/")[2])
    with pytest.raises(EmsegError, match=r"no channel 2, .*, choose 0 to 1"):
        open_array(place.replace("#1", "#2"))


def test_a_file_with_channels_says_which_there_are(tmp_path: Path) -> None:
    for name, metadata in (("a.zarr", None), ("b.zarr", OURS)):
        write_array(tmp_path / name, MAPS, axes="czyx", metadata=metadata)
    with pytest.raises(
        EmsegError, match=r"it has 2 channels and not one, .*, add one of ::#0 \(3, 12, 14\), ::#1"
    ):
        open_image(tmp_path / "a.zarr")
    with pytest.raises(EmsegError, match=r"::#0 membrane \(3, 12, 14\), ::#1 mitochondria \(3"):
        open_image(tmp_path / "b.zarr")


def test_layers_of_channels_are_found_again(tmp_path: Path) -> None:
    write_array(tmp_path / "m.tif", MAPS, axes="czyx")
    for n, (_, options, _) in enumerate(read_layers(str(tmp_path / "m.tif"))):
        uri = options["metadata"]["napari-emseg"]["uri"]
        assert np.array_equal(open_image(uri).data[:], MAPS[n])


def test_an_array_may_be_called_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"], file["raw#1"] = np.zeros((2, 9, 9), np.uint8), np.ones((2, 9, 9), np.uint8)
    assert open_array(f"{tmp_path}/a.h5::raw#1")[0][0, 0, 0] == 1
