"""Where a result comes from: every format keeps it, and every step passes on what came before it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_emseg.cli import main
from napari_emseg.io import write_array
from napari_emseg.io.napari_hooks import get_reader, write_image
from napari_emseg.io.origin import origin, read_origin

MODEL = {"program": "napari-emseg 0.1.0", "model": "membrane", "model_version": "1"}
SIZE = (50.0, 4.0, 4.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint32, np.uint64])
@pytest.mark.parametrize(
    "name", ["a.h5", "a.h5::deep/map", "a.zarr", "a.zarr::labels/a", "a.n5", "a.tif", "a/"]
)
def test_every_format_keeps_it(tmp_path, name, dtype):
    if name == "a.n5":
        pytest.importorskip("tensorstore", reason="N5 is written by tensorstore")
    path = f"{tmp_path}/{name}"
    write_array(path, np.ones((2, 8, 9), dtype), spacing_nm=SIZE, metadata=MODEL)
    assert read_origin(path) == MODEL


@pytest.mark.parametrize("content", [b"", b"II*\0garbage", b"{", b"\x89HDF\r\n\x1a\n"])
@pytest.mark.parametrize("name", ["a.tif", "a.h5", "zarr.json"])
def test_files_of_others_say_nothing(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert read_origin(tmp_path / name) == {}
    assert read_origin(tmp_path) == {}
    assert read_origin(tmp_path / "nothing.tif") == {}
    tifffile.imwrite(
        tmp_path / "b.tif", np.zeros((2, 4, 4), np.uint8), imagej=True, metadata={"Info": '{"a": 1}'}
    )
    assert read_origin(tmp_path / "b.tif") == {}


def test_a_layer_that_napari_saves_names_the_file_that_it_was_opened_from(tmp_path):
    write_array(tmp_path / "a.h5", np.ones((2, 4, 4), np.uint8), metadata=MODEL)
    ((data, options, kind),) = get_reader(str(tmp_path / "a.h5"))(str(tmp_path / "a.h5"))
    assert kind == "image"
    write_image(str(tmp_path / "b.tif"), data, options)
    (earlier,) = read_origin(tmp_path / "b.tif")["made_from"].values()
    assert earlier == MODEL
    write_image(str(tmp_path / "c.tif"), np.ones((2, 4, 4), np.uint8), {"name": "mine", "metadata": {}})
    assert read_origin(tmp_path / "c.tif")["layer"] == "mine"


def test_sources_are_told_apart(tmp_path):
    write_array(tmp_path / "a.h5", np.ones((2, 4, 4), np.uint8), metadata=MODEL)
    both = origin("join", f"{tmp_path}/a.h5", "b.tif", places=[1, 2])
    assert both["sources"] == [f"{tmp_path}/a.h5", "b.tif"]
    assert both["made_from"] == {f"{tmp_path}/a.h5": MODEL}
    assert both["step"] == "join"
    assert both["program"].startswith("napari-emseg ")
    assert both["time"].endswith("Z")


def test_objects_still_name_the_model_that_saw_their_membranes(tmp_path, capsys):
    """Through every command, and every format between them."""
    walls = np.zeros((3, 40, 40), np.float32)
    walls[:, 18:22] = 1
    steps = ["walls.h5", "cut.tif", "cells.zarr", "tidy.h5", "names.zarr", "copy"]
    probability, cut, cells, tidy, names, copy = (f"{tmp_path}/{name}" for name in steps)
    write_array(probability, walls, spacing_nm=SIZE, metadata=MODEL)
    for words in (
        ["roi", "cut", probability, cut, "--region", "0:2,0:40,0:40"],
        ["segment", cut, cells],
        ["tidy", cells, tidy, "--fill-holes"],
        ["propagate", tidy, names, "--image", cut],
        ["convert", names, f"{copy}/"],
        [
            "measure",
            f"{copy}/",
            f"{tmp_path}/objects.csv",
            "--no-calibre",
            "--no-contact",
            "--report",
            f"{tmp_path}/report",
        ],
    ):
        assert main(words) == 0, capsys.readouterr().err
    assert read_origin(names)["image"] == cut
    found = json.loads((tmp_path / "report" / "measurement.json").read_text())
    (found,) = found["made_from"].values()
    seen = []
    while "made_from" in found:
        seen.append(found["step"])
        assert {"program", "time", "source"} <= set(found)
        (found,) = found["made_from"].values()
    assert seen == ["convert", "propagate", "tidy", "segment", "roi"]
    assert found == MODEL
