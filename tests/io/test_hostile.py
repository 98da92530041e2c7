"""Files made to harm: code in them is not run, places outside are not read, and memory is not filled."""

from __future__ import annotations

import gzip
import json
import pickle
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, write_array
from napari_emseg.io.zarr_codecs import refuse_unsafe_codecs

STACK = np.arange(3 * 5 * 7, dtype=np.uint8).reshape(3, 5, 7)


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def refused(path: Path | str, says: str, key: object = None) -> None:
    def read() -> None:
        array, _ = open_array(path)
        np.asarray(array if key is None else array[key])

    with pytest.raises(EmsegError, match=says) as error:
        read()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("place", ["filters", "compressor"])
def test_a_pickle_in_a_zarr_chunk_is_not_run(tmp_path: Path, place: str) -> None:
    store = tmp_path / "a.zarr"
    zarr.create_array(str(store), data=STACK, chunks=STACK.shape, zarr_format=2, compressors=None)
    meta = json.loads((store / ".zarray").read_text())
    codec = {"id": "pickle", "protocol": 4}
    (store / ".zarray").write_text(json.dumps(meta | {place: [codec] if place == "filters" else codec}))
    (store / "0.0.0").write_bytes(pickle.dumps(Harm(tmp_path / "harm")))
    refused(store, "encoded with 'pickle'|no zarr store")
    assert not (tmp_path / "harm").exists()


def test_objects_are_no_voxels(tmp_path: Path) -> None:
    store = tmp_path / "a.zarr"
    zarr.create_array(str(store), data=STACK, zarr_format=2)
    meta = json.loads((store / ".zarray").read_text()) | {
        "dtype": "|O",
        "filters": [{"id": "pickle"}],
        "fill_value": 0,
    }
    (store / ".zarray").write_text(json.dumps(meta))
    with pytest.raises(EmsegError):
        open_array(store)
    np.save(tmp_path / "a.npy", np.array([Harm(tmp_path / "harm")], dtype=object))
    refused(tmp_path / "a.npy", "format is not known")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("shape", [[10**6, 10**6, 10**6], [1, 2**31, 2**31]])
def test_declared_sizes_are_not_allocated(tmp_path: Path, shape: list[int]) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("main", shape=shape, dtype=np.uint8, chunks=(1, 64, 64))
    refused(tmp_path / "a.h5", "GB of memory at once", key=0 if shape[0] == 1 else slice(None))
    zarr.create_array(str(tmp_path / "a.zarr"), shape=shape, dtype=np.uint8, chunks=(1, 64, 64))
    refused(tmp_path / "a.zarr", "GB of memory at once", key=0 if shape[0] == 1 else slice(None))
    assert open_array(tmp_path / "a.zarr")[0][0, 10:12, 10:12].tolist() == [[0, 0], [0, 0]]


def test_chunks_too_large_to_decode_are_refused(tmp_path: Path) -> None:
    store = tmp_path / "a.zarr"
    zarr.create_array(str(store), shape=(10**5, 10**5, 10**5), dtype=np.uint8, chunks=(10**4, 10**4, 10**4))
    refused(store, "too large to be read")
    for name, more in (("a.n5", {"blockSize": [10**4] * 3}), ("b.n5", {"blockSize": [0, 1, 1]})):
        (tmp_path / name).mkdir()
        meta = {"dimensions": [10**5] * 3, "dataType": "uint8", "compression": {"type": "gzip"}} | more
        (tmp_path / name / "attributes.json").write_text(json.dumps(meta))
        refused(tmp_path / name, "too large to be read" if name == "a.n5" else "hold no voxels")


def test_a_chunk_that_unpacks_to_more_than_it_should_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "a.zarr"
    write_array(store, STACK)
    meta = json.loads((store / "0/zarr.json").read_text())
    meta["codecs"] = [{"name": "bytes"}, {"name": "gzip", "configuration": {"level": 1}}]
    (store / "0/zarr.json").write_text(json.dumps(meta))
    (store / "0/c/0/0/0").write_bytes(gzip.compress(bytes(10**7), 9))
    refused(store, "cannot be read", key=0)


def test_a_strip_that_unpacks_to_more_than_it_should(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, compression="zlib", metadata=None, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        at, length = file.pages[0].dataoffsets[0], file.pages[0].tags["StripByteCounts"]
        where = length.valueoffset
    bomb = zlib.compress(bytes(10**7), 9)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    start = len(content)
    content[where : where + 4] = len(bomb).to_bytes(4, "little")
    content = (
        bytearray(bytes(content).replace(at.to_bytes(4, "little"), start.to_bytes(4, "little"), 1)) + bomb
    )
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(EmsegError, match="a part of it cannot be read"):
        open_array(tmp_path / "a.tif")[0][0]


@pytest.mark.parametrize("key", ["../../secret", "/etc", "a/../../b"])
def test_precomputed_chunks_outside_the_folder_are_not_read(tmp_path: Path, key: str) -> None:
    path = tmp_path / "a.precomputed"
    write_array(path, STACK, spacing_nm=(40, 4, 4))
    info = json.loads((path / "info").read_text())
    info["scales"][0]["key"] = key
    (path / "info").write_text(json.dumps(info))
    refused(path, "outside its folder")


@pytest.mark.parametrize("path", ["../secret", "/etc", "file:///etc", "./missing"])
def test_webknossos_layers_outside_the_dataset_are_not_read(tmp_path: Path, path: str) -> None:
    write_array(tmp_path / "secret.wk", STACK, spacing_nm=(40, 4, 4))
    (tmp_path / "secret.wk/color/1").rename(tmp_path / "secret")
    properties = tmp_path / "secret.wk/datasource-properties.json"
    said = json.loads(properties.read_text())
    said["dataLayers"][0]["mags"][0]["path"] = path
    properties.write_text(json.dumps(said))
    refused(tmp_path / "secret.wk", "not in the dataset")


@pytest.mark.parametrize("inner", ["../other", "a/../../other"])
def test_n5_paths_outside_the_container_are_not_read(tmp_path: Path, inner: str) -> None:
    write_array(tmp_path / "a.n5", STACK)
    refused(f"{tmp_path}/a.n5::{inner}", "leaves the container")


def test_hdf5_datasets_whose_voxels_lie_in_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(STACK.size))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(
            "main", STACK.shape, np.uint8, external=[(str(tmp_path / "secret"), 0, STACK.size)]
        )
        file["link"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/main")
    refused(f"{tmp_path}/a.h5::main", "in other files")


@pytest.mark.parametrize("voxels", ["../data.h5", "{}/data.h5", "missing.h5"])
def test_bigdataviewer_files_elsewhere_are_not_opened(tmp_path: Path, voxels: str) -> None:
    write_array(tmp_path / "data.h5", STACK)
    voxels, folder = voxels.format(tmp_path), tmp_path / "shared"
    folder.mkdir()
    (folder / "a.xml").write_text(
        f'<SpimData><SequenceDescription><ImageLoader format="bdv.hdf5"><hdf5 type="relative">{voxels}</hdf5>'
        "</ImageLoader></SequenceDescription></SpimData>"
    )
    refused(folder / "a.xml", "do not lie beside it")


def test_entities_that_multiply_are_not_expanded(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
    (tmp_path / "a.xml").write_text(f'<!DOCTYPE x [<!ENTITY e0 "ha">{levels}]><SpimData>&e11;</SpimData>')
    refused(tmp_path / "a.xml", "cannot be understood")


def test_tiff_pages_that_lead_back_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, metadata=None, photometric="minisblack")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    first = int.from_bytes(content[4:8], "little")
    n_tags = int.from_bytes(content[first : first + 2], "little")
    end = first + 2 + 12 * n_tags
    content[end : end + 4] = first.to_bytes(4, "little")
    (tmp_path / "a.tif").write_bytes(content)
    refused(tmp_path / "a.tif", "damaged")


@pytest.mark.parametrize(
    "described",
    [
        {"compressor": None, "filters": [{"id": "delta"}, {"id": "pickle"}]},
        {"compressor": {"id": "pickle"}},
        {"codecs": [{"name": "bytes"}, {"name": "numcodecs.pickle"}]},
        {
            "codecs": [
                {"name": "sharding_indexed", "configuration": {"codecs": [{"name": "numcodecs.pickle"}]}}
            ]
        },
    ],
)
def test_codecs_that_are_not_known_to_be_harmless_are_refused(described: dict) -> None:
    class Array:
        class metadata:  # noqa: N801
            to_dict = staticmethod(lambda: described)

    with pytest.raises(EmsegError, match="pickle"):
        refuse_unsafe_codecs(Array, "a.zarr")
