from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_volume, write_array
from napari_emseg.io.source import WriteOptions

STACK = np.arange(4 * 11 * 13, dtype=np.uint8).reshape(4, 11, 13)


def test_written_attributes_are_ome_zarr_0_5(tmp_path: Path) -> None:
    write_array(tmp_path / "a.zarr", STACK, spacing_nm=(50, 4, 4), metadata={"model": "membrane"})
    meta = json.loads((tmp_path / "a.zarr/zarr.json").read_text())
    assert meta["zarr_format"] == 3
    ome = meta["attributes"]["ome"]
    assert ome["version"] == "0.5"
    axes = [(a["name"], a["type"], a["unit"]) for a in ome["multiscales"][0]["axes"]]
    assert axes == [(n, "space", "nanometer") for n in "zyx"]
    assert ome["multiscales"][0]["datasets"] == [
        {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [50, 4, 4]}]}
    ]
    assert meta["attributes"]["napari_emseg"] == {"model": "membrane"}


def test_coarser_levels_lie_where_their_voxels_were(tmp_path: Path) -> None:
    """The middle of a voxel is its place: that of four by four pixels lies one and a half pixels further on."""
    write_array(
        tmp_path / "a.zarr",
        STACK,
        spacing_nm=(50, 4, 4),
        options=WriteOptions(levels=3),
        offset_nm=(100, 8, 0),
    )
    ome = json.loads((tmp_path / "a.zarr/zarr.json").read_text())["attributes"]["ome"]
    found = [
        [step[step["type"]] for step in level["coordinateTransformations"]]
        for level in ome["multiscales"][0]["datasets"]
    ]
    assert found == [
        [[50, 4, 4], [100, 8, 0]],
        [[50, 8, 8], [100, 10, 2]],
        [[50, 16, 16], [100, 14, 6]],
    ]
    opened = open_volume(f"{tmp_path}/a.zarr::2")
    assert (opened.spacing_nm, opened.offset_nm) == ((50, 16, 16), (100, 14, 6))


def test_coarser_levels_are_shifted_also_where_nothing_is_known_of_the_place(tmp_path: Path) -> None:
    for name, is_labels, kind in (("a", False, "mean"), ("b", True, "mode")):
        path = tmp_path / f"{name}.zarr"
        write_array(path, STACK, spacing_nm=(50, 4, 4), is_labels=is_labels, options=WriteOptions(levels=2))
        image = json.loads((path / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]
        assert image["type"] == kind
        assert open_volume(f"{path}::1").offset_nm == (0, 2, 2)


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_labels_that_are_added_stand_beside_those_that_are_there(tmp_path: Path, version: str) -> None:
    """They have the version and as many levels as the image, and are listed with the others."""
    path, ids = tmp_path / "a.zarr", STACK.astype(np.uint32) + 70_000
    write_array(path, STACK, spacing_nm=(50, 4, 4), options=WriteOptions(levels=3, ome_version=version))
    for name in ("nuclei", "cells"):
        write_array(f"{path}::labels/{name}", ids, spacing_nm=(50, 4, 4))
    for name, number in (("", 3), ("labels/cells", 3), ("labels/nuclei", 3)):
        attributes = zarr.open_group(path / name, mode="r").attrs.asdict()
        assert ("ome" in attributes) == (version == "0.5")
        assert len(attributes.get("ome", attributes)["multiscales"][0]["datasets"]) == number
    listed = zarr.open_group(path / "labels", mode="r").attrs.asdict()
    assert listed.get("ome", listed)["labels"] == ["cells", "nuclei"]
    assert (path / "0/0/0/0").exists() == (version == "0.4")  # one folder for each axis
    np.testing.assert_array_equal(open_array(f"{path}::labels/nuclei")[0][:], ids)
    assert open_volume(f"{path}::labels/nuclei").is_labels


def test_many_chunks_share_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_array(tmp_path / "few.zarr", STACK)
    monkeypatch.setattr("napari_emseg.io.omezarr_writing._MANY_FILES", 3)
    write_array(tmp_path / "many.zarr", STACK)
    for name, shards in (("few", None), ("many", (4, 11, 13))):
        array = zarr.open_array(tmp_path / f"{name}.zarr/0", mode="r")
        assert (array.chunks, array.shards) == ((1, 11, 13), shards)
        np.testing.assert_array_equal(open_array(tmp_path / f"{name}.zarr")[0][:], STACK)


def test_a_label_image_is_known_by_its_mark_or_by_its_place(tmp_path: Path) -> None:
    write_array(tmp_path / "a.zarr", STACK, spacing_nm=(50, 4, 4))
    said = json.loads((tmp_path / "a.zarr/zarr.json").read_text())
    assert open_volume(tmp_path / "a.zarr").is_labels is None
    said["attributes"]["ome"]["image-label"] = {}
    (tmp_path / "a.zarr/zarr.json").write_text(json.dumps(said))
    assert open_volume(tmp_path / "a.zarr").is_labels is True


@pytest.mark.parametrize("names", ["dimension_names", "_ARRAY_DIMENSIONS", "axis_names"])
def test_bare_axes_in_another_order_are_turned(tmp_path: Path, names: str) -> None:
    turned, axes, sizes = STACK.transpose(2, 0, 1), ["x", "z", "y"], [4, 50, 6]
    if names == "dimension_names":
        zarr.create_array(
            str(tmp_path / "a.zarr"), data=turned, dimension_names=axes, attributes={"resolution": sizes}
        )
    else:
        zarr.create_array(
            str(tmp_path / "a.zarr"), data=turned, attributes={names: axes, "resolution": sizes}
        )
    array, spacing = open_array(tmp_path / "a.zarr")
    np.testing.assert_array_equal(array[:], STACK)
    assert spacing == (50, 6, 4)


def ome_0_4(path: Path) -> None:
    """Two levels of a (t, c, z, y, x) image in micrometres, with labels, as other programs write it."""
    root = zarr.open_group(str(path), mode="w", zarr_format=2)
    for level in (0, 1):
        shape = (1, 1, 4, 11 >> level, 13 >> level)
        root.create_array(str(level), data=STACK[:, : shape[3], : shape[4]].reshape(shape))
    space = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, *space]
    scales = ([1, 1, 0.05, 0.004, 0.004], [1, 1, 0.05, 0.008, 0.008])
    datasets = [
        {"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": s}]}
        for i, s in enumerate(scales)
    ]
    root.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    ids = root.create_group("labels/neurons")
    ids.create_array("0", data=STACK.astype(np.uint32) + 1000)
    ids.attrs["multiscales"] = [{"version": "0.4", "axes": space, "datasets": [datasets[0] | {
        "coordinateTransformations": [{"type": "scale", "scale": scales[0][2:]}]}]}]  # fmt: skip


def test_version_0_4_of_another_program(tmp_path: Path) -> None:
    ome_0_4(tmp_path / "a.zarr")
    array, spacing = open_array(f"{tmp_path}/a.zarr::0")
    np.testing.assert_array_equal(np.asarray(array), STACK)
    assert spacing == pytest.approx((50, 4, 4))
    assert open_array(f"{tmp_path}/a.zarr::1")[1] == pytest.approx((50, 8, 8))
    ids, spacing = open_array(f"{tmp_path}/a.zarr::labels/neurons")
    np.testing.assert_array_equal(np.asarray(ids), STACK.astype(np.uint32) + 1000)
    assert spacing == pytest.approx((50, 4, 4))
    known = {
        name: open_volume(f"{tmp_path}/a.zarr{name}").is_labels for name in ("", "::1", "::labels/neurons")
    }
    assert known == {"": None, "::1": None, "::labels/neurons": True}


def test_the_multiscale_image_is_taken_before_its_labels(tmp_path: Path) -> None:
    ome_0_4(tmp_path / "a.zarr")
    assert open_array(tmp_path / "a.zarr")[0].dtype == np.uint8


def test_bare_array(tmp_path: Path) -> None:
    zarr.create_array(str(tmp_path / "a.zarr"), data=STACK, attributes={"resolution": [50, 4, 4]})
    array, spacing = open_array(tmp_path / "a.zarr")
    assert spacing == (50, 4, 4)
    np.testing.assert_array_equal(array[::2, 3], STACK[::2, 3])


def test_choices_are_listed(tmp_path: Path) -> None:
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    root.create_array("raw", data=STACK)
    root.create_array("ids", data=STACK)
    with pytest.raises(EmsegError, match=r"::ids \(4, 11, 13\), ::raw \(4, 11, 13\)"):
        open_array(tmp_path / "a.zarr")
    assert open_array(f"{tmp_path}/a.zarr::raw")[0].shape == STACK.shape


def test_bare_labels_beside_a_bare_image_are_a_choice_too(tmp_path: Path) -> None:
    """No image is told from its labels by a name alone: only a multiscale image goes before the rest."""
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    root.create_array("raw", data=STACK)
    root.create_array("labels/neurons", data=STACK)
    with pytest.raises(EmsegError, match=r"::labels/neurons \(4, 11, 13\), ::raw \(4, 11, 13\)"):
        open_array(tmp_path / "a.zarr")


def test_the_multiscale_image_is_taken_before_a_bare_array(tmp_path: Path) -> None:
    ome_0_4(tmp_path / "a.zarr/image")
    zarr.open_group(str(tmp_path / "a.zarr"), mode="a", zarr_format=2).create_array("mean", data=STACK + 1)
    np.testing.assert_array_equal(np.asarray(open_array(tmp_path / "a.zarr")[0]), STACK)


def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(EmsegError, match="no zarr store"):
        open_array(tmp_path / "a.zarr")
    (tmp_path / "a.zarr/zarr.json").write_text("{")
    with pytest.raises(EmsegError, match="no zarr store"):
        open_array(tmp_path / "a.zarr")


@pytest.mark.parametrize("name", ["a.zarr", "a.n5", "a.precomputed"])
def test_a_container_that_goes_away_is_not_read_as_black(tmp_path: Path, name: str) -> None:
    image = np.where(np.arange(4)[:, None, None] == 3, 0, STACK + 1).astype(np.uint8)
    write_array(tmp_path / name, image, spacing_nm=(50, 4, 4))
    stack, _ = open_array(tmp_path / name)
    assert np.asarray(stack[0]).any()
    assert not np.asarray(stack[3]).any()
    (tmp_path / name).rename(tmp_path / "elsewhere")
    for section in (0, 2, 3):
        with pytest.raises(EmsegError, match="not there"):
            _ = stack[section]
    (tmp_path / "elsewhere").rename(tmp_path / name)
    np.testing.assert_array_equal(np.asarray(stack), image)
