"""The command ``convert``: between all formats, without losing ids, voxel sizes or what was there before."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_array, open_volume, write_array

IDS = (np.arange(4 * 21 * 33).reshape(4, 21, 33) // 7).astype(np.uint64) + 2**32
SPACING = (40.0, 4.0, 4.0)
SUFFIXES = (".zarr", ".h5", ".tif", ".n5", ".precomputed", ".wk")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_array(tmp_path / "in.h5", IDS, spacing_nm=SPACING, offset_nm=(80, 8, 4))
    return tmp_path / "in.h5"


def failed(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["convert", *map(str, words)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(("first", "second"), list(itertools.pairwise([*SUFFIXES, SUFFIXES[0]])))
def test_there_and_back_keeps_ids_size_and_place(
    tmp_path: Path, source: Path, first: str, second: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(source), f"{tmp_path}/a{first}"]) == 0
    assert main(["convert", f"{tmp_path}/a{first}", f"{tmp_path}/b{second}"]) == 0
    assert f"b{second}: 4 x 21 x 33 uint64, voxels of 40 x 4 x 4 nm\n" in capsys.readouterr().out
    opened = open_volume(f"{tmp_path}/b{second}")
    np.testing.assert_array_equal(np.asarray(opened.array), IDS)
    assert (opened.array.dtype, opened.spacing_nm) == (np.uint64, pytest.approx(SPACING))
    assert opened.offset_nm == pytest.approx((80, 8, 4))
    assert opened.holds_ids


def test_ids_are_never_wrapped(tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "do not fit uint32" in failed(capsys, source, tmp_path / "a.tif", "--dtype", "uint32")
    assert "MRC holds no uint64" in failed(capsys, source, tmp_path / "a.mrc")
    assert "would change object ids" in failed(capsys, source, tmp_path / "a.tif", "--window", "0,255")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.h5"]


def test_probabilities_to_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_array(tmp_path / "p.h5", np.array([[[0, 0.25, 0.5, 1, 2]]], np.float32))
    assert "not whole" in failed(capsys, tmp_path / "p.h5", tmp_path / "p.tif", "--dtype", "uint8")
    assert (
        main(["convert", f"{tmp_path}/p.h5", f"{tmp_path}/p.tif", "--dtype", "uint8", "--window", "0,1"]) == 0
    )
    assert np.asarray(open_array(tmp_path / "p.tif")[0]).tolist() == [[[0, 64, 128, 255, 255]]]


def test_grey_values_to_the_unit_interval(tmp_path: Path) -> None:
    write_array(tmp_path / "a.tif", np.array([[[0, 51, 255]]], np.uint8))
    assert (
        main(["convert", f"{tmp_path}/a.tif", f"{tmp_path}/b.h5", "--dtype", "float32", "--window", "0,255"])
        == 0
    )
    np.testing.assert_allclose(np.asarray(open_array(tmp_path / "b.h5")[0]), [[[0, 0.2, 1]]], rtol=1e-6)


def test_voxel_size_and_offset_can_be_given(tmp_path: Path) -> None:
    write_array(tmp_path / "a.tif", np.zeros((2, 3, 4), np.uint8))
    words = ["--pixel-size", "50,5,5", "--offset=-100,0,25"]
    assert main(["convert", f"{tmp_path}/a.tif", f"{tmp_path}/b.zarr/", *words]) == 0
    opened = open_volume(tmp_path / "b.zarr")
    assert (opened.spacing_nm, opened.offset_nm) == ((50, 5, 5), (-100, 0, 25))


def test_an_unknown_voxel_size_is_said_and_refused_where_the_format_needs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_array(tmp_path / "a.tif", np.zeros((2, 3, 4), np.uint8))
    assert main(["convert", f"{tmp_path}/a.tif", f"{tmp_path}/b.zarr"]) == 0
    assert "voxel size unknown" in capsys.readouterr().out
    assert open_volume(tmp_path / "b.zarr").spacing_nm is None
    for suffix in (".precomputed", ".wk"):
        assert "give --pixel-size" in failed(capsys, tmp_path / "a.tif", f"{tmp_path}/b{suffix}")


@pytest.mark.parametrize("suffix", [".precomputed", ".wk"])
def test_a_place_between_voxels_is_refused_where_the_format_counts_voxels(
    tmp_path: Path, suffix: str, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = failed(capsys, source, f"{tmp_path}/a{suffix}", "--offset", "80,8,5")
    assert "no whole number of voxels" in error
    assert not (tmp_path / f"a{suffix}").exists()


def test_datasets_are_added_to_a_file(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "sample.hdf"
    assert main(["convert", str(source), f"{out}::volumes/labels/neuron_ids"]) == 0
    assert main(["convert", str(source), f"{out}::volumes/raw", "--image"]) == 0
    with h5py.File(out) as file:
        names: list[str] = []
        file.visit(names.append)
    assert {"volumes/labels/neuron_ids", "volumes/raw"} <= set(names)
    assert main(["convert", f"{out}::volumes/raw", f"{tmp_path}/a.zarr"]) == 0
    assert main(["convert", str(source), f"{tmp_path}/a.zarr::labels/cells"]) == 0
    assert open_volume(f"{tmp_path}/a.zarr::labels/cells").is_labels
    ome = json.loads((tmp_path / "a.zarr/labels/zarr.json").read_text())["attributes"]["ome"]
    assert ome["labels"] == ["cells"]
    np.testing.assert_array_equal(np.asarray(open_array(tmp_path / "a.zarr")[0]), IDS)


@pytest.mark.parametrize("inner", ["../out", "labels/../../x", "0/x", "labels/.hidden"])
def test_a_place_outside_the_store_is_refused(
    tmp_path: Path, source: Path, inner: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(source), f"{tmp_path}/a.zarr"]) == 0
    capsys.readouterr()
    failed(capsys, source, f"{tmp_path}/a.zarr::{inner}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr", "in.h5"]


def test_levels_and_version(tmp_path: Path, source: Path) -> None:
    assert main(["convert", str(source), f"{tmp_path}/a.zarr", "--levels", "3", "--ome-version", "0.4"]) == 0
    attributes = json.loads((tmp_path / "a.zarr/.zattrs").read_text())
    assert len(attributes["multiscales"][0]["datasets"]) == 3
    opened = open_volume(f"{tmp_path}/a.zarr::2")
    assert opened.spacing_nm == (40, 16, 16)
    assert opened.offset_nm == (80, 8 + 6, 4 + 6)  # the middle of the voxels that it stands for


def test_progress_as_json(tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(source), f"{tmp_path}/a.tif", "--progress", "json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert rows[-1]["fraction"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--levels", "0"],
        ["--window", "5,1"],
        ["--offset", "1,2"],
        ["--dtype", "complex"],
        ["--labels", "--image"],
    ],
)
def test_wrong_calls(tmp_path: Path, source: Path, words: list[str]) -> None:
    assert main(["convert", str(source), f"{tmp_path}/a.zarr", *words]) == 2


def test_a_missing_library_is_named_in_one_sentence(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(source), f"{tmp_path}/a.n5"]) == 0
    monkeypatch.setitem(__import__("sys").modules, "tensorstore", None)
    capsys.readouterr()
    assert "pip install 'napari-emseg[formats]'" in failed(capsys, tmp_path / "a.n5", tmp_path / "b.tif")
    assert "pip install 'napari-emseg[formats]'" in failed(capsys, source, tmp_path / "b.n5")


def test_a_stack_becomes_single_sections_and_a_stack_again(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 255, (7, 15, 17), np.uint8)
    write_array(tmp_path / "train-volume.tif", array, spacing_nm=(50, 4, 4))
    assert main(["convert", f"{tmp_path}/train-volume.tif", f"{tmp_path}/slices/"]) == 0
    assert len(list((tmp_path / "slices").glob("*.png"))) == 7
    assert main(["convert", f"{tmp_path}/slices", f"{tmp_path}/merged.tif"]) == 0
    merged, spacing = open_array(tmp_path / "merged.tif")
    np.testing.assert_array_equal(np.asarray(merged), array)
    assert spacing == pytest.approx((50, 4, 4))
