"""``napari-emseg animate`` as a shell sees it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_emseg.cli import main
from napari_emseg.io import write_array

SPACING = (50.0, 5.0, 5.0)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an image and labels of 6 sections of 120 x 200 pixels."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    write_array("image.tif", rng.integers(1, 255, (6, 120, 200), dtype=np.uint8), spacing_nm=SPACING)
    ids = np.arange(1440, dtype=np.uint32).reshape(6, 12, 20)
    write_array("labels.h5", np.kron(ids, np.ones((1, 10, 10), np.uint32)))
    return tmp_path


def frames(path: str) -> tuple[int, tuple[int, int], int]:
    with Image.open(path) as file:
        return file.n_frames, file.size, file.info["duration"]


def test_as_many_frames_as_sections(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["animate", "image.tif", "labels.h5", "o.gif"]) == 0
    assert capsys.readouterr().out == "o.gif: 6 sections of 200 x 120 px, 10 a second\n"
    assert frames("o.gif") == (6, (200, 120), 100)


def test_without_labels_and_with_everything(capsys: pytest.CaptureFixture[str]) -> None:
    words = "animate image.tif o.gif --fps 4 --region 1:4,:,0:100 --scale 60 --contrast 5,95 --no-caption"
    assert main(words.split()) == 0
    assert frames("o.gif") == (3, (50, 60), 250)


@pytest.mark.parametrize("words", ["image.tif --fps 5 labels.h5 o.gif", "image.tif labels.h5 --fps 5 o.gif"])
def test_options_may_stand_between_the_files(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["animate", *words.split(), "--outlines", "--dots", "--opacity", "0.2"]) == 0
    assert frames("o.gif") == (6, (200, 120), 200)
    with Image.open("o.gif") as file:
        pixels = np.asarray(file.convert("RGB")).astype(int)
    assert np.abs(pixels[..., 0] - pixels[..., 1]).max() > 50  # the labels were drawn


def test_a_depth_that_nobody_knows_is_said_and_gets_no_scale_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """A pixel size alone says nothing of the sections: they were drawn as thick as a pixel, beside a scale bar."""
    write_array("bare.h5", np.ones((6, 120, 200), np.uint8))
    words = "animate bare.h5 labels.h5 o.gif --turn --scale 80 --fps 1 --region 0:2,:,:"
    shown = []
    for more in ([], ["--pixel-size", "5"]):
        assert main([*words.split(), *more]) == 0
        assert "voxels are shown as cubes (--pixel-size Z,Y,X)" in capsys.readouterr().out
        shown.append(Path("o.gif").read_bytes())
    assert shown[0] == shown[1]
    assert main([*words.split(), "--pixel-size", "50,5,5"]) == 0
    assert "cubes" not in capsys.readouterr().out
    assert Path("o.gif").read_bytes() != shown[0]


def test_objects_can_be_turned_around(capsys: pytest.CaptureFixture[str]) -> None:
    words = "animate image.tif labels.h5 o.gif --turn --scale 80 --fps 3 --region 0:2,:,:"
    assert main(words.split()) == 0
    assert capsys.readouterr().out.startswith("o.gif: objects from 18 sides, ")
    assert frames("o.gif")[0] == 18
    assert main(["animate", "image.tif", "o.gif", "--turn"]) == 2


def test_an_unknown_voxel_size_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    write_array("bare.tif", np.ones((2, 50, 60), np.uint8))
    assert main(["animate", "bare.tif", "o.gif"]) == 0
    assert "there is no scale bar (--pixel-size)" in capsys.readouterr().out
    assert main(["animate", "bare.tif", "o.gif", "--pixel-size", "5"]) == 0
    assert "scale bar" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        "image.tif o.avi", "image.tif labels.h5 o", "image.tif o.gif --fps 0", "image.tif o.gif --fps 60",
        "image.tif o.gif --opacity 2", "image.tif o.gif --contrast 99,1", "image.tif", "a b c o.gif",
    ],
)  # fmt: skip
def test_a_wrong_call_shows_usage(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["animate", *words.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: napari-emseg animate")
    assert not list(Path.cwd().glob("o*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nowhere.tif o.gif", "no such file"),
        ("labels.h5 image.tif image.tif/o.gif", "not a directory"),
        ("image.tif half.h5 o.gif", "do not fit"),
        ("image.tif labels.h5 o.gif --region 4:9,:,:", "not in the stack"),
    ],
)
def test_a_failure_is_one_line(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_array("half.h5", np.zeros((3, 120, 200), np.uint32))
    assert main(["animate", *words.split()]) == 1
    error = capsys.readouterr().err
    assert (error.count("\n"), error[:7]) == (1, "error: ")
    assert said in error
    assert not list(Path.cwd().glob(".o*")) + list(Path.cwd().glob("o.gif"))


@pytest.mark.parametrize(
    "words", ["seg.gif seg.gif", "seg.gif image.tif seg.gif", "image.tif seg.gif seg.gif"]
)
def test_a_movie_never_replaces_what_it_is_made_of(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("labels.h5").rename("seg.gif")  # formats are known by their content
    before = Path("seg.gif").read_bytes()
    assert main(["animate", *words.split()]) == 1
    assert "would replace what it is made of" in capsys.readouterr().err
    assert Path("seg.gif").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_leaves_nothing(place: Path) -> None:
    write_array("large.tif", np.random.default_rng(0).integers(0, 255, (300, 400, 400), dtype=np.uint8))
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_emseg.cli", "animate", "large.tif", "o.gif", "--progress", "json"],
        stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    with process:
        assert json.loads(process.stderr.readline())["fraction"] > 0
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        error = process.stderr.read()
        assert process.wait(60) == 130
        assert time.monotonic() - began < 8  # one second on an idle machine
    assert error.splitlines()[-1] == "stopped"
    assert sorted(path.name for path in place.iterdir()) == ["image.tif", "labels.h5", "large.tif"]
