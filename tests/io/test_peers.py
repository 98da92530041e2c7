"""The field's own libraries read what we write, and we read what they write: voxels, voxel size, position.

Those that are large or pin old versions are not installed with the tests: these skip, and run in an environment
of their own: ``pip install webknossos cloud-volume``, and ``pip install ome-zarr napari-ome-zarr``.
"""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
import zarr

from napari_emseg.io import open_volume, write_array
from napari_emseg.io.source import WriteOptions

SPACING, OFFSET = (40.0, 5.0, 4.0), (80.0, 50.0, 8.0)
SHAPE = (9, 70, 530)
GREY = (np.random.default_rng(0).random(SHAPE) * 250).astype(np.uint8)
IDS = np.repeat(np.repeat(GREY[:, ::10, ::10].astype(np.uint64), 10, 1), 10, 2)[:, :70, :530] + 2**40


def write(path: Path, array: np.ndarray, **options: object) -> Path:
    write_array(path, array, spacing_nm=SPACING, offset_nm=OFFSET, options=WriteOptions(**options))  # type: ignore[arg-type]
    return path


def same(path: Path | str, array: np.ndarray, *, spacing: object = SPACING, offset: object = OFFSET) -> None:
    opened = open_volume(path)
    np.testing.assert_array_equal(np.asarray(opened.array), array)
    assert opened.array.dtype == array.dtype
    assert opened.spacing_nm == pytest.approx(spacing)
    assert opened.offset_nm == (None if offset is None else pytest.approx(offset))


def test_tifffile_reads_our_imagej_and_ome_stacks(tmp_path: Path) -> None:
    with tifffile.TiffFile(write(tmp_path / "a.tif", GREY)) as file:
        assert file.imagej_metadata["spacing"] == 40
        assert file.imagej_metadata["unit"] == "nm"
        np.testing.assert_array_equal(file.asarray(), GREY)
    ids = IDS.astype(np.uint32)
    with tifffile.TiffFile(write(tmp_path / "b.tif", ids)) as file:
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        assert [pixels[f"PhysicalSize{a}"] for a in "ZYX"] == list(SPACING)
        assert [(p["PositionZ"], p["PositionX"]) for p in pixels["Plane"]][:2] == [(80, 8), (120, 8)]
        np.testing.assert_array_equal(file.asarray(), ids)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_tifffile_reads_our_channels_in_their_order(tmp_path: Path, dtype: type) -> None:
    two = np.stack([GREY, GREY[::-1] // 2]).astype(dtype)
    write_array(tmp_path / "c.tif", two, axes="czyx", spacing_nm=SPACING, offset_nm=OFFSET)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "c.tif"), two)
    same(tmp_path / "c.tif", two)
    assert [path.name for path in tmp_path.iterdir()] == ["c.tif"]


def test_tifffile_writes_what_we_read(tmp_path: Path) -> None:
    n = {"PositionZ": [80.0] * 9, "PositionY": [50.0] * 9, "PositionX": [8.0] * 9}
    units = {f"Position{a}Unit": ["nm"] * 9 for a in "ZYX"}
    sizes = {f"PhysicalSize{a}": s / 1000 for a, s in zip("ZYX", SPACING, strict=True)}
    tifffile.imwrite(
        tmp_path / "a.ome.tif", GREY, tile=(32, 32), compression="lzw", metadata={"axes": "ZYX", **sizes, "Plane": n | units}
    )  # fmt: skip
    same(tmp_path / "a.ome.tif", GREY)


def test_h5py_and_the_cremi_layout(tmp_path: Path) -> None:
    path = tmp_path / "sample_A.hdf"
    write(Path(f"{path}::volumes/raw"), GREY)
    write(Path(f"{path}::volumes/labels/neuron_ids"), IDS)
    with h5py.File(path) as file:
        assert file.attrs["file_format"] == "0.2"
        for name, array in (("raw", GREY), ("labels/neuron_ids", IDS)):
            assert file[f"volumes/{name}"].dtype == array.dtype
            np.testing.assert_array_equal(file[f"volumes/{name}"][:], array)
            np.testing.assert_array_equal(file[f"volumes/{name}"].attrs["resolution"], SPACING)
            np.testing.assert_array_equal(file[f"volumes/{name}"].attrs["offset"], OFFSET)
    same(f"{path}::volumes/labels/neuron_ids", IDS)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "float32", "float16"])
def test_mrcfile_reads_ours_and_finds_it_valid(tmp_path: Path, dtype: str) -> None:
    array = (GREY // 2).astype(dtype)
    path = write(tmp_path / "a.mrc", array)
    with mrcfile.open(path) as file:
        np.testing.assert_array_equal(file.data, array)
        assert file.voxel_size.tolist() == pytest.approx((40, 50, 400))  # x, y, z in ångström
        assert file.header.origin.tolist() == pytest.approx((80, 500, 800))
        assert file.header.rms == pytest.approx(array.astype(float).std(), rel=1e-3)
    if dtype != "float16":  # the validator itself adds up in 16 bits, and overflows
        assert mrcfile.validate(path)
    same(path, array)


def test_mrcfile_writes_what_we_read(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.rec") as file:
        file.set_data(GREY.astype(np.float32))
        file.voxel_size = (40, 50, 400)
        file.nstart = (2, 10, 2)
    same(tmp_path / "a.rec", GREY.astype(np.float32))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_models_finds_ours_valid(tmp_path: Path, version: str) -> None:
    models = pytest.importorskip("ome_zarr_models", reason="the validator of OME-Zarr is not installed")
    path = write(tmp_path / "a.zarr", GREY, levels=3, ome_version=version)
    write(Path(f"{path}::labels/cells"), IDS)  # as many levels as the image
    if version == "0.5":
        image = models.open_ome_zarr(zarr.open_group(str(path), mode="r"))
        assert type(image).__name__ == "Image"
        found = image.ome_attributes.multiscales[0]
        labels = models.open_ome_zarr(zarr.open_group(str(path), path="labels/cells", mode="r"))
        assert type(labels).__name__ == "ImageLabel"
    else:  # its readers of 0.4 fail with this pydantic whatever they are given; the attributes can be checked
        from ome_zarr_models.v04.image import ImageAttrs
        from ome_zarr_models.v04.image_label import ImageLabelAttrs

        found = ImageAttrs(**json.loads((path / ".zattrs").read_text())).multiscales[0]
        ImageLabelAttrs(**json.loads((path / "labels/cells/.zattrs").read_text()))
    assert len(found.datasets) == 3
    assert found.datasets[0].coordinateTransformations[0].scale == pytest.approx(SPACING)
    same(path, GREY)
    same(f"{path}::labels/cells", IDS)


def test_ome_zarr_reads_ours_and_writes_what_we_read(tmp_path: Path) -> None:
    pytest.importorskip("ome_zarr", reason="ome-zarr is not installed: it needs an environment of its own")
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader
    from ome_zarr.writer import write_image

    path = write(tmp_path / "a.zarr", GREY, levels=2)
    [node] = list(Reader(parse_url(str(path)))())
    np.testing.assert_array_equal(np.asarray(node.data[0]), GREY)
    assert node.metadata["coordinateTransformations"][0][0]["scale"] == pytest.approx(SPACING)
    store = parse_url(str(tmp_path / "b.zarr"), mode="w").store
    write_image(
        GREY, zarr.group(store=store), axes="zyx", scale=dict(zip("zyx", SPACING, strict=True)),
        axes_units=dict.fromkeys("zyx", "nanometer"),
    )  # fmt: skip
    same(tmp_path / "b.zarr", GREY, offset=(0, 0, 0))


def test_napari_ome_zarr_shows_ours_with_its_scale(tmp_path: Path) -> None:
    plugin = pytest.importorskip("napari_ome_zarr", reason="napari-ome-zarr is not installed")
    path = write(tmp_path / "a.zarr", GREY, levels=2)
    layers = plugin.napari_get_reader(str(path))(str(path))
    data, options, *_ = layers[0]
    np.testing.assert_array_equal(np.asarray(data[0]), GREY)
    scale = options["scale"]
    np.testing.assert_allclose(scale, SPACING)


def test_tensorstore_and_precomputed(tmp_path: Path) -> None:
    ts = pytest.importorskip("tensorstore", reason="tensorstore is not installed")
    for name, array in (("image", GREY), ("ids", IDS)):
        path = write(tmp_path / f"{name}.precomputed", array)
        store = {"driver": "file", "path": f"{path}/"}
        found = ts.open({"driver": "neuroglancer_precomputed", "kvstore": store}).result()
        assert list(found.domain.inclusive_min) == [2, 10, 2, 0]
        np.testing.assert_array_equal(found[..., 0].read().result().T, array)
        assert [u.multiplier for u in found.dimension_units[:3]] == [4, 5, 40]
        assert open_volume(path).is_labels is (name == "ids")
        same(path, array)


def test_tensorstore_writes_sharded_and_compressed_precomputed(tmp_path: Path) -> None:
    ts = pytest.importorskip("tensorstore", reason="tensorstore is not installed")
    shards = {
        "@type": "neuroglancer_uint64_sharded_v1", "preshift_bits": 2, "minishard_bits": 2, "shard_bits": 2,
        "hash": "identity", "data_encoding": "gzip", "minishard_index_encoding": "gzip",
    }  # fmt: skip
    made = ts.open({
        "driver": "neuroglancer_precomputed", "kvstore": {"driver": "file", "path": f"{tmp_path}/p/"}, "create": True,
        "multiscale_metadata": {"type": "segmentation", "data_type": "uint64", "num_channels": 1},
        "scale_metadata": {
            "size": list(SHAPE[::-1]), "resolution": [4, 5, 40], "voxel_offset": [2, 10, 2], "chunk_size": [64, 64, 8],
            "encoding": "compressed_segmentation", "compressed_segmentation_block_size": [8, 8, 8], "sharding": shards,
        },
    }).result()  # fmt: skip
    made[..., 0].write(IDS.T).result()
    same(tmp_path / "p", IDS)


def test_tensorstore_and_n5(tmp_path: Path) -> None:
    ts = pytest.importorskip("tensorstore", reason="tensorstore is not installed")
    path = write(tmp_path / "a.n5", IDS, levels=2)
    found = ts.open({"driver": "n5", "kvstore": {"driver": "file", "path": f"{path}/s0/"}}).result()
    np.testing.assert_array_equal(found.read().result().T, IDS)
    assert [u.multiplier for u in found.dimension_units] == [4, 5, 40]
    assert found.domain.labels == ("x", "y", "z")
    same(path, IDS)
    assert open_volume(f"{path}::s1").spacing_nm == pytest.approx((40, 10, 8))
    meta = {
        "dimensions": list(SHAPE[::-1]), "blockSize": [50, 60, 7], "dataType": "uint8", "compression": {"type": "zstd"},
    }  # fmt: skip
    store = {"driver": "file", "path": f"{tmp_path}/b/volumes/raw/"}
    ts.open({"driver": "n5", "kvstore": store, "metadata": meta, "create": True}).result().write(
        GREY.T
    ).result()
    note = tmp_path / "b/volumes/raw/attributes.json"
    more = {"resolution": [4, 5, 40], "offset": [8, 50, 80]}  # as Paintera says it
    note.write_text(json.dumps(json.loads(note.read_text()) | more))
    same(tmp_path / "b", GREY) if (tmp_path / "b/attributes.json").exists() else same(
        tmp_path / "b/volumes/raw", GREY
    )


@pytest.mark.parametrize("driver", ["zarr", "zarr3"])
def test_tensorstore_reads_our_zarr(tmp_path: Path, driver: str) -> None:
    ts = pytest.importorskip("tensorstore", reason="tensorstore is not installed")
    path = write(tmp_path / "a.zarr", IDS, ome_version="0.5" if driver == "zarr3" else "0.4")
    found = ts.open({"driver": driver, "kvstore": {"driver": "file", "path": f"{path}/0/"}}).result()
    np.testing.assert_array_equal(found.read().result(), IDS)


def test_cloud_volume_and_precomputed(tmp_path: Path) -> None:
    cloudvolume = pytest.importorskip(
        "cloudvolume", reason="cloud-volume is not installed: it needs an environment of its own"
    )
    for name, array in (("image", GREY), ("ids", IDS)):
        path = write(tmp_path / f"{name}.precomputed", array)
        found = cloudvolume.CloudVolume(f"file://{path}", mip=0, progress=False)
        assert list(found.resolution) == [4, 5, 40]
        assert list(found.voxel_offset) == [2, 10, 2]
        np.testing.assert_array_equal(np.asarray(found[:])[..., 0].T, array)
        cloudvolume.CloudVolume(f"file://{path}", mip=len(found.scales) - 1, progress=False)[
            :
        ]  # nothing missing
        info = cloudvolume.CloudVolume.create_new_info(
            1, "image" if name == "image" else "segmentation", array.dtype.name,
            "raw" if name == "image" else "compressed_segmentation", [4, 5, 40], [2, 10, 2], SHAPE[::-1],
            chunk_size=[64, 32, 9],
        )  # fmt: skip
        theirs = cloudvolume.CloudVolume(
            f"file://{tmp_path}/{name}-cv", info=info, compress=False, progress=False
        )
        theirs.commit_info()
        theirs[:] = np.asfortranarray(array.T[..., None])
        same(tmp_path / f"{name}-cv", array)


def test_webknossos_reads_ours_and_writes_what_we_read(tmp_path: Path) -> None:
    wk = pytest.importorskip(
        "webknossos", reason="webknossos is not installed: it needs an environment of its own"
    )
    for name, array in (("color", GREY), ("segmentation", IDS)):
        path = write(tmp_path / f"{name}.wk", array, levels=2)
        layer = wk.Dataset.open(path).get_layer(name)
        assert tuple(layer.dataset.voxel_size) == (4, 5, 40)
        assert tuple(layer.bounding_box.topleft) == (2, 10, 2)
        np.testing.assert_array_equal(layer.get_mag("1").read()[0].T, array)
        assert layer.get_mag("2-2-1").read().shape[1:] == (265, 35, 9)
        same(path, array)
    theirs = wk.Dataset(tmp_path / "theirs", voxel_size=(4, 5, 40))
    for name, array, kind in (("raw", GREY, "zarr3"), ("cells", IDS, "zarr3"), ("old", IDS, "wkw")):
        more = (
            {"category": "segmentation", "largest_segment_id": int(IDS.max())}
            if name != "raw"
            else {"category": "color"}
        )
        layer = theirs.add_layer(name, dtype_per_channel=array.dtype.name, data_format=kind, **more)
        layer.add_mag(1, chunk_shape=32, shard_shape=128).write(
            array.T, absolute_offset=(2, 10, 2), allow_resize=True
        )
        same(f"{tmp_path}/theirs::{name}", array)
        assert open_volume(f"{tmp_path}/theirs::{name}").is_labels is (name != "raw")
