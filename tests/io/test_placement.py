"""Voxel sizes and positions as other programs write them, with three different numbers: none may change places."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_volume, write_array
from napari_emseg.io.boxes import boxes
from napari_emseg.io.source import WriteOptions

if TYPE_CHECKING:
    from pathlib import Path

STACK = np.arange(4 * 10 * 12, dtype=np.uint16).reshape(4, 10, 12)


@pytest.fixture
def big_data_viewer(tmp_path: Path) -> Path:
    """Two levels, the second halved along x and read every fifth row, with the XML beside the file.

    BigDataViewer counts x, y, z in its XML and its table, and keeps 16 bits as signed.
    """
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t00000/s00/0/cells"] = (STACK + 40_000).view(np.int16)
        file["t00000/s00/1/cells"] = (STACK[:, ::5, ::2] + 40_000).view(np.int16)
        file["s00/resolutions"] = np.array([[1.0, 1, 1], [2, 5, 1]])
        file["s00/subdivisions"] = np.array([[16, 16, 16], [16, 16, 16]])
    (tmp_path / "a.xml").write_text(
        '<SpimData version="0.2"><SequenceDescription>'
        '<ImageLoader format="bdv.hdf5"><hdf5 type="relative">a.h5</hdf5></ImageLoader>'
        "<ViewSetups><ViewSetup><id>0</id><size>12 10 4</size>"
        "<voxelSize><unit>nm</unit><size>4 6 50</size></voxelSize></ViewSetup></ViewSetups>"
        "</SequenceDescription></SpimData>"
    )
    return tmp_path


@pytest.mark.parametrize("name", ["a.h5", "a.xml", "a.h5::t00000/s00/0/cells"])
def test_big_data_viewer_shows_its_full_resolution_first(big_data_viewer: Path, name: str) -> None:
    array, spacing = open_array(f"{big_data_viewer}/{name}")
    assert (array.shape, array.dtype, spacing) == (STACK.shape, np.uint16, (50, 6, 4))
    np.testing.assert_array_equal(array[:], STACK + 40_000)


def test_of_several_times_the_first_is_shown(big_data_viewer: Path) -> None:
    with h5py.File(big_data_viewer / "a.h5", "a") as file:
        file["t00001/s00/0/cells"] = STACK.view(np.int16)
    assert open_array(big_data_viewer / "a.h5")[0][0, 0, 0] == 40_000


def test_voxels_beside_a_description_of_another_name(big_data_viewer: Path) -> None:
    """Its size is that of the setup; with several it is not known which of them an array is that does not say it."""
    write_array(big_data_viewer / "b.h5", STACK)
    text = (big_data_viewer / "a.xml").read_text().replace(">a.h5<", ">b.h5<")
    (big_data_viewer / "other.xml").write_text(text)
    assert open_array(big_data_viewer / "other.xml")[1] == (50, 6, 4)
    second = text[text.index("<ViewSetup>") : text.index("</ViewSetups>")].replace("<id>0<", "<id>1<")
    (big_data_viewer / "other.xml").write_text(text.replace("</ViewSetups>", second + "</ViewSetups>"))
    assert open_array(big_data_viewer / "other.xml")[1] is None


def test_a_coarser_level_has_larger_voxels(big_data_viewer: Path) -> None:
    array, spacing = open_array(f"{big_data_viewer}/a.h5::t00000/s00/1/cells")
    assert (array.shape, spacing) == ((4, 2, 6), (50, 30, 8))


def test_what_a_dataset_says_of_itself_comes_before_its_group(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["volumes/raw"] = STACK
        file["volumes"].attrs["resolution"] = (40.0, 8.0, 8.0)
        file["volumes/raw"].attrs["resolution"] = (40.0, 4.0, 5.0)
    assert open_array(f"{tmp_path}/a.h5::volumes/raw")[1] == (40, 4, 5)


def bare(path: Path, array: Any, attributes: dict[str, Any]) -> str:
    """An array with attributes and nothing else; its axes are named as each format does."""
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["main"] = array
            names = attributes.pop("axis_names", None)
            file["main"].attrs.update(attributes | ({"axes": [n[0] for n in names]} if names else {}))
    else:
        zarr.create_array(str(path), data=np.ascontiguousarray(array)).attrs.update(attributes)
    return str(path)


@pytest.mark.parametrize("name", ["a.zarr", "a.h5"])
@pytest.mark.parametrize(
    ("turned", "attributes"),
    [
        (STACK, {"resolution": [0.05, 0.006, 0.004], "offset": [0.1, 0.2, -0.3], "units": ["um"] * 3}),
        (STACK, {"resolution": [0.05, 0.006, 0.004], "offset": [0.1, 0.2, -0.3], "units": "µm"}),
        (STACK, {"resolution": [0.05, 6, 4], "offset": [0.1, 200, -300], "units": ["um", "nm", ""]}),
        (
            STACK.transpose(2, 1, 0),
            {"voxel_size": [4, 6, 50], "offset": [-300, 200, 100], "axis_names": ["x", "y", "z"]},
        ),
        (
            STACK[..., None],
            {"voxel_size": [50, 6, 4, 1], "offset": [100, 200, -300, 0], "axis_names": ["z", "y", "x", "c^"]},
        ),
        (
            STACK[None],
            {"voxel_size": [0.05, 0.006, 0.004], "offset": [0.1, 0.2, -0.3], "axis_names": ["c^", "z", "y", "x"],
             "units": ["", "um", "um", "um"]},
        ),
    ],
)  # fmt: skip
def test_attributes_are_in_their_units_along_the_axes(
    tmp_path: Path, name: str, turned: Any, attributes: dict[str, Any]
) -> None:
    opened = open_volume(bare(tmp_path / name, turned, dict(attributes)))
    np.testing.assert_array_equal(opened.array[:], STACK)
    assert opened.spacing_nm == pytest.approx((50, 6, 4))
    assert opened.offset_nm == pytest.approx((100, 200, -300))


@pytest.mark.parametrize("name", ["a.zarr", "a.h5"])
def test_pixels_are_no_length(tmp_path: Path, name: str) -> None:
    opened = open_volume(
        bare(tmp_path / name, STACK, {"resolution": [1, 1, 1], "offset": [1, 2, 3], "unit": "pixel"})
    )
    assert (opened.spacing_nm, opened.offset_nm) == (None, None)


def multiscale(path: Path, axes: str, array: Any, level: list[Any], image: list[Any]) -> Path:
    """An OME-Zarr image of one level in nanometres, with transforms of that level and of the image."""
    root = zarr.open_group(str(path), mode="w", zarr_format=3)
    root.create_array("0", data=array)
    described = [{"name": a, "type": "space", "unit": "nanometer"} for a in axes]
    datasets = [{"path": "0", "coordinateTransformations": level}]
    root.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [{"axes": described, "datasets": datasets, "coordinateTransformations": image}],
    }
    return path


def test_transforms_of_level_and_image_follow_each_other(tmp_path: Path) -> None:
    """First the level: scaled and moved; then the image as a whole: what was moved is scaled, too, and moved on."""
    path = multiscale(
        tmp_path / "a.zarr", "zyx", STACK,
        [{"type": "scale", "scale": [50, 6, 4]}, {"type": "translation", "translation": [100, 60, 40]}],
        [{"type": "scale", "scale": [1, 2, 3]}, {"type": "translation", "translation": [0, 7, 0]}],
    )  # fmt: skip
    opened = open_volume(path)
    assert opened.spacing_nm == (50, 12, 12)
    assert opened.offset_nm == (100, 127, 120)


def test_axes_in_another_order_take_their_sizes_with_them(tmp_path: Path) -> None:
    path = multiscale(
        tmp_path / "a.zarr", "xyz", STACK.transpose(2, 1, 0),
        [{"type": "scale", "scale": [4, 6, 50]}, {"type": "translation", "translation": [40, 60, 100]}], [],
    )  # fmt: skip
    opened = open_volume(path)
    assert (opened.spacing_nm, opened.offset_nm) == ((50, 6, 4), (100, 60, 40))
    np.testing.assert_array_equal(opened.array[:], STACK)


@pytest.mark.parametrize(
    "level", [[], [{"type": "translation", "translation": [1, 2, 3]}], [{"type": "identity"}]]
)
def test_an_image_without_a_scale_has_no_voxel_size(tmp_path: Path, level: list[Any]) -> None:
    opened = open_volume(multiscale(tmp_path / "a.zarr", "zyx", STACK, level, []))
    assert (opened.spacing_nm, opened.offset_nm) == (None, None)


def test_n5_offsets_are_in_the_units_of_the_resolution(tmp_path: Path) -> None:
    write_array(tmp_path / "a.n5", STACK, spacing_nm=(50, 6, 4), offset_nm=(100, 200, -300))
    for file in (tmp_path / "a.n5" / "attributes.json", tmp_path / "a.n5" / "s0" / "attributes.json"):
        said = json.loads(file.read_text())
        said |= {"resolution": [0.004, 6, 0.05], "offset": [-0.3, 200, 0.1], "units": ["um", "nm", "um"]}
        file.write_text(json.dumps(said))
    opened = open_volume(tmp_path / "a.n5")
    assert opened.spacing_nm == pytest.approx((50, 6, 4))
    assert opened.offset_nm == pytest.approx((100, 200, -300))


def test_what_webknossos_is_told_of_a_layer(tmp_path: Path) -> None:
    for name, array, is_labels in (
        ("ids", STACK.astype(np.uint32) + 7, True),
        ("map", STACK.astype(np.float32), False),
    ):
        write_array(
            tmp_path / f"{name}.wk", array, spacing_nm=(50, 6, 4), offset_nm=(50, 12, 12), is_labels=is_labels
        )
    layers = [
        json.loads((tmp_path / f"{name}.wk/datasource-properties.json").read_text())["dataLayers"][0]
        for name in ("ids", "map")
    ]
    assert [layer["elementClass"] for layer in layers] == ["uint32", "float"]
    assert [layer.get("largestSegmentId") for layer in layers] == [int(STACK.max()) + 7, None]
    assert layers[0]["boundingBox"] == {"topLeft": [3, 2, 1], "width": 12, "height": 10, "depth": 4}
    with pytest.raises(EmsegError, match="is negative"):
        write_array(tmp_path / "no.wk", STACK, spacing_nm=(50, 6, 4), offset_nm=(-50, 0, 0))


def test_one_number_is_a_magnification_along_all_axes(tmp_path: Path) -> None:
    write_array(tmp_path / "a.wk", STACK, spacing_nm=(50, 6, 4), offset_nm=(100, 12, 8))
    file = tmp_path / "a.wk/datasource-properties.json"
    said = json.loads(file.read_text())
    said["dataLayers"][0]["mags"][0]["mag"] = 2  # then the box says twice as many voxels
    said["dataLayers"][0]["boundingBox"] = {"topLeft": [4, 4, 4], "width": 24, "height": 20, "depth": 8}
    file.write_text(json.dumps(said))
    opened = open_volume(tmp_path / "a.wk")
    np.testing.assert_array_equal(opened.array[:], STACK)
    assert opened.spacing_nm == (100, 12, 8)
    assert opened.offset_nm == (225, 27, 18)
    # a box that ends within coarse voxels holds these too, and it may fill the array; sizes may be in micrometres
    said["dataLayers"][0]["boundingBox"] = {"topLeft": [5, 5, 5], "width": 24, "height": 20, "depth": 8}
    said["scale"] = {"factor": [0.004, 0.006, 0.05], "unit": "micrometer"}
    file.write_text(json.dumps(said))
    opened = open_volume(tmp_path / "a.wk")
    assert opened.array.shape == (5, 11, 13)
    np.testing.assert_array_equal(opened.array[:4, :10, :12], STACK)
    assert opened.spacing_nm == pytest.approx((100, 12, 8))
    whole = {"topLeft": [0, 0, 0], "width": 512, "height": 512, "depth": 128}
    for width, is_held in ((512, True), (513, False)):
        said["dataLayers"][0]["boundingBox"] = whole | {"width": width}
        file.write_text(json.dumps(said))
        if is_held:
            assert open_volume(tmp_path / "a.wk").array.shape == (64, 256, 256)
        else:
            with pytest.raises(EmsegError, match="does not hold its bounding box"):
                open_volume(tmp_path / "a.wk")


def test_precomputed_has_all_of_its_chunks_and_no_more_scales(tmp_path: Path) -> None:
    """Other readers take a missing chunk, also of zeros, for a broken volume."""
    path = tmp_path / "a.precomputed"
    write_array(path, STACK * 0, spacing_nm=(50, 6, 6), options=WriteOptions(levels=2))
    assert sorted(p.name for p in path.glob("*/*")) == ["0-12_0-10_0-4", "0-6_0-5_0-4"]
    with pytest.raises(EmsegError, match="there is no scale 2"):
        open_volume(f"{path}::2")


def cosem(folder: Path, **transform: Any) -> str:
    """An N5 array that says its place as COSEM's volumes do; its fastest axis, x, comes first in the file."""
    write_array(folder / "a.n5", STACK)
    file = folder / "a.n5" / "s0" / "attributes.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"transform": transform}))
    return f"{folder}/a.n5::s0"


def test_the_transform_of_cosem_names_its_axes_and_units(tmp_path: Path) -> None:
    opened = open_volume(
        cosem(
            tmp_path,
            axes=["x", "z", "y"],
            scale=[4, 0.05, 6],
            translate=[-300, 0.1, 200],
            units=["nm", "um", "nm"],
        )
    )
    assert opened.spacing_nm == pytest.approx((50, 6, 4))
    assert opened.offset_nm == pytest.approx((100, 200, -300))
    opened = open_volume(cosem(tmp_path, axes=["z", "y", "x"], scale=[1, 1, 1], units=["nm", "nm", "pixel"]))
    assert (opened.spacing_nm, opened.offset_nm) == (None, None)


def test_an_n5_compression_that_nobody_knows_is_named(tmp_path: Path) -> None:
    write_array(tmp_path / "a.n5", STACK)
    file = tmp_path / "a.n5" / "s0" / "attributes.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"compression": {"type": "jpeg"}}))
    with pytest.raises(EmsegError, match="compressed with 'jpeg'"):
        open_volume(tmp_path / "a.n5")


@pytest.mark.parametrize("ids", [0, 9])
def test_the_highest_id_says_that_n5_holds_ids(tmp_path: Path, ids: int) -> None:
    """Of an array, or of a level by what is said above it or of the finest one; nothing needs to be labelled yet."""
    options = WriteOptions(levels=2)
    write_array(tmp_path / "a.n5", STACK * 0 + ids, spacing_nm=(50, 6, 6), is_labels=True, options=options)
    top, finest = (tmp_path / "a.n5" / place / "attributes.json" for place in ("", "s0"))
    assert [json.loads(file.read_text())["maxId"] for file in (top, finest)] == [ids, ids]
    for kept in (top, finest):
        assert [open_volume(f"{tmp_path}/a.n5::{name}").is_labels for name in ("s0", "s1")] == [True, True]
        text = kept.read_text()
        kept.write_text(json.dumps({k: v for k, v in json.loads(text).items() if k != "maxId"}))
        assert [open_volume(f"{tmp_path}/a.n5::{name}").is_labels for name in ("s0", "s1")] == [True, True]
        kept.write_text(text)


def test_the_highest_id_may_lie_in_any_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_emseg.io.levels.boxes", partial(boxes, budget=1))
    ids = np.zeros((33, 4, 4), np.uint64)  # in two parts
    ids[0, 0, 0], ids[32, 0, 0] = 2**53 + 1, 5
    write_array(tmp_path / "a.n5", ids, is_labels=True)
    assert json.loads((tmp_path / "a.n5/attributes.json").read_text())["maxId"] == 2**53 + 1


def test_imagej_may_have_a_unit_for_each_axis(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", STACK, imagej=True, resolution=(1 / 4, 1 / 0.006),
        metadata={"spacing": 0.05, "unit": "nm", "yunit": "um", "zunit": "um", "axes": "ZYX"},
    )  # fmt: skip
    assert open_volume(tmp_path / "a.tif").spacing_nm == pytest.approx((50, 6, 4), rel=1e-4)


def test_imagej_says_which_pixel_lies_at_the_origin(tmp_path: Path) -> None:
    """Pixel 10 in x, 5 in y and section 2 lie at 0: the first voxel lies before it."""
    tifffile.imwrite(
        tmp_path / "a.tif", STACK, imagej=True, resolution=(1 / 4, 1 / 6),
        metadata={"spacing": 50, "unit": "nm", "axes": "ZYX", "xorigin": 10.0, "yorigin": 5.0, "zorigin": 2.0},
    )  # fmt: skip
    opened = open_volume(tmp_path / "a.tif")
    assert opened.spacing_nm == pytest.approx((50, 6, 4))
    assert opened.offset_nm == pytest.approx((-100, -30, -40))


@pytest.mark.parametrize(
    "name", ["a.h5", "a.zarr", "a.n5", "a.tif", "a.mrc", "a.wk", "a.precomputed", "a.vast", "sections/"]
)
@pytest.mark.parametrize("dtype", [np.uint16, np.int8])
@pytest.mark.parametrize("offset", [(100, 0, 0), (0, 36, 0), (0, 0, 24)])
def test_a_place_that_differs_along_one_axis_only(
    tmp_path: Path, name: str, dtype: type, offset: tuple[float, float, float]
) -> None:
    write_array(
        f"{tmp_path}/{name}", STACK[:1, :2].astype(dtype) % 100, spacing_nm=(50, 6, 4), offset_nm=offset
    )
    opened = open_volume(f"{tmp_path}/{name}")
    assert opened.spacing_nm == pytest.approx((50, 6, 4))
    assert opened.offset_nm == pytest.approx(offset)


@pytest.mark.parametrize(
    ("name", "scales"),
    [
        ("a.wk", ("segmentation/1", "segmentation/2-2-1")),
        ("a.n5", ("s0", "s1")),
        ("a.precomputed", ("0", "1")),
        ("a.zarr", ("0", "1")),
    ],
)
def test_a_written_volume_comes_back_in_its_place_at_every_scale(
    tmp_path: Path, name: str, scales: tuple[str, str]
) -> None:
    spacing, offset = (50, 6, 6), (100, 36, 24)
    options = WriteOptions(levels=2)
    write_array(tmp_path / name, STACK, spacing_nm=spacing, offset_nm=offset, is_labels=True, options=options)
    whole, fine, coarse = (open_volume(f"{tmp_path}/{name}{k}") for k in ("", *(f"::{s}" for s in scales)))
    for opened in (whole, fine):
        np.testing.assert_array_equal(opened.array[:], STACK)
        assert (opened.spacing_nm, opened.offset_nm) == (spacing, offset)
    assert whole.is_labels is (None if name == "a.zarr" else True)  # which says so by the place of labels
    assert (coarse.array.shape, coarse.spacing_nm) == ((4, 5, 6), (50, 12, 12))
    assert coarse.offset_nm == (100, 39, 27), "its voxels lie in the middle of those that they stand for"
    assert coarse.is_labels is whole.is_labels
    again = tmp_path / "again.precomputed"  # which counts in voxels from their corners
    write_array(
        again,
        coarse.array,
        spacing_nm=coarse.spacing_nm,
        offset_nm=coarse.offset_nm,
        options=WriteOptions(levels=1),
    )
    assert json.loads((again / "info").read_text())["scales"][0]["voxel_offset"] == [2, 3, 2]
