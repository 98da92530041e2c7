"""The command line as a shell sees it: exit status, one line of error, nothing half-written."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from shell import SPACING, noise, run

from napari_emseg.cli import main
from napari_emseg.commands import COMMANDS
from napari_emseg.commands.arguments import (
    add_settings,
    pixel_size,
    region,
    region_of,
    section_list,
    settings_from,
    voxel_size,
)
from napari_emseg.commands.reporting import JsonLines
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, write_array
from napari_emseg.settings import SeedSettings


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Three sections of 96 x 128 px of noise."""
    return noise(tmp_path_factory.mktemp("stack"))


# --- arguments --------------------------------------------------------------------------------------------


def test_the_package_runs_as_the_program_does():
    call = [sys.executable, "-m", "napari_emseg", "models", "--json"]
    said = subprocess.run(call, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "membrane" in {model["name"] for model in json.loads(said)}
    wrong = subprocess.run([*call, "--what"], capture_output=True, text=True, check=False, timeout=60)
    assert wrong.returncode == 2


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "boundary", "a.h5", "b.h5", "--sections", "x"),
        ("finetune", "membrane", "a.h5", "b.h5", "out", "--sections", "3,5-"),
        ("preprocess", "replace-bad", "a.h5", "b.h5", "--bad", "1;2"),
        ("preprocess", "align", "a.h5", "b.h5", "--estimate", "t.txt", "--bad", "-1"),
        ("preprocess", "crack", "a.h5", "b.h5", "--sections", "1--2"),
    ],
)
def test_what_is_no_list_of_sections_is_a_wrong_call(words, capsys):
    status, _, err = run(capsys, *words)
    assert status == 2
    assert "usage: napari-emseg" in err
    assert "no list of sections; write it like 3,5-7" in err


def test_lists_of_sections_are_read_later():
    assert [section_list(text) for text in ("3,5-7", " 3 , 5", "3,5@0-2", "")] == [
        "3,5-7",
        " 3 , 5",
        "3,5@0-2",
        "",
    ]


def test_an_unknown_model_names_all_that_there_are(tmp_path, capsys):
    status, _, err = run(capsys, "models", "export", "nonesuch", tmp_path / "o.zip")
    assert status == 1
    assert all(f" {name}" in err for name in ("membrane", "mitochondria", "cleft", "segment"))


def test_a_region_may_leave_numbers_out():
    assert region_of(region("1:3,:,10:"), (5, 20, 30), "x") == Region((1, 0, 10), (3, 20, 30))
    assert region_of(None, (5, 20, 30), "x") == Region((0, 0, 0), (5, 20, 30))


@pytest.mark.parametrize("text", ["1:2", "a:b,:,:", "1:2,3:4,5-6", "-1:2,:,:"])
def test_what_is_no_region_is_a_wrong_call(text):
    with pytest.raises(argparse.ArgumentTypeError, match="no region"):
        region(text)


@pytest.mark.parametrize("text", ["3:9,:,:", "2:2,:,:", "3:1,:,:"])
def test_a_region_outside_the_stack_is_refused(text):
    with pytest.raises(EmsegError, match="not in the stack"):
        region_of(region(text), (5, 20, 30), "x")


def test_pixel_size_wins_over_the_file_and_keeps_its_section_thickness():
    assert voxel_size(None, SPACING) == (SPACING, True)
    assert voxel_size(None, None) == (None, False)
    assert voxel_size(pixel_size("8"), SPACING) == ((50.0, 8.0, 8.0), True)
    assert voxel_size(pixel_size("8"), None) == ((8.0, 8.0, 8.0), False)  # thickness unknown: not written
    assert voxel_size(pixel_size("40,4,5"), SPACING) == ((40.0, 4.0, 5.0), True)


@pytest.mark.parametrize("text", ["0", "-4", "4,4", "x", "nan"])
def test_what_is_no_size_is_a_wrong_call(text):
    with pytest.raises(argparse.ArgumentTypeError, match="no size"):
        pixel_size(text)


def test_options_are_made_from_settings():
    parser = argparse.ArgumentParser()
    add_settings(parser, SeedSettings)
    args = parser.parse_args(["--threshold", "0.3", "--min-distance", "25", "--dims", "3"])
    assert settings_from(args, SeedSettings) == SeedSettings(threshold=0.3, min_distance_nm=25, dims=3)
    with pytest.raises(EmsegError, match=r"--threshold 7\.0 is out of bounds"):
        settings_from(parser.parse_args(["--threshold", "7"]), SeedSettings)


# --- calls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    status, out, _ = run(capsys, command, "--help")
    assert status == 0
    assert f"usage: napari-emseg {command}" in out
    assert "--debug" in out


def test_help_lists_every_command(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert all(f"\n  {command} " in out for command in COMMANDS)


@pytest.mark.parametrize(
    "words",
    [["predict"], ["predict", "a", "b", "--tta", "7"], ["predct"], ["evaluate", "taste", "a", "b"]],
)
def test_a_wrong_call_is_2_with_usage(words, capsys):
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith("usage: napari-emseg")


def test_a_failure_is_1_with_one_line(tmp_path, capsys):
    status, out, err = run(capsys, "predict", tmp_path / "none.tif", tmp_path / "o.h5", "--model", "no-such")
    assert (status, out) == (1, "")
    assert err.startswith("error: no such model, no-such, ")
    assert err.count("\n") == 1


def test_a_missing_file_to_open_is_a_failure(tmp_path, capsys):
    status, _, err = run(capsys, tmp_path / "none.tif")
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("error: there is no such file")


def test_debug_shows_where(tmp_path):
    with pytest.raises(EmsegError):
        main(["predict", str(tmp_path / "none.tif"), str(tmp_path / "o.h5"), "--model", "no-such", "--debug"])


def test_an_unforeseen_error_is_one_line_too(tmp_path, capsys, monkeypatch):
    def stumble(args, progress):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("napari_emseg.commands.models.run", stumble)
    status, _, err = run(capsys, "models")
    assert status == 1
    assert err == (
        "error: RuntimeError: first line second line, models, run it again with --debug to see where\n"
    )


def test_an_unforeseen_error_of_the_window_is_one_line_too(capsys, monkeypatch):
    def stumble(args, progress):
        raise RuntimeError("no luck")

    monkeypatch.setattr("napari_emseg.commands.window.run", stumble)
    status, _, err = run(capsys)
    assert status == 1
    assert err == "error: RuntimeError: no luck, the window, run it again with --debug to see where\n"


# --- models -----------------------------------------------------------------------------------------------


def test_models_lists_the_persons_own(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine").symlink_to(model)
    status, out, _ = run(capsys, "models", "--json")
    assert status == 0
    (mine,) = (card for card in json.loads(out) if card["name"] == "mine")
    assert mine["targets"] == ["membrane", "mitochondria"]
    assert mine["path"] == str(tmp_path / "models" / "mine")
    assert "mine: membrane, mitochondria" in run(capsys, "models")[1]


def test_models_can_be_asked_for_by_what_they_find(capsys):
    cards = {card["name"]: card for card in json.loads(run(capsys, "models", "--json")[1])}
    assert cards["mitochondria"]["same_as"] == "membrane"
    assert cards["mitochondria"]["path"] == cards["membrane"]["path"]
    assert "same_as" not in cards["membrane"]
    assert "also called cleft, mitochondria, segment" in run(capsys, "models")[1]


# --- predict ----------------------------------------------------------------------------------------------


def test_predict_writes_probabilities_with_size_and_provenance(model, stack, tmp_path, capsys):
    status, out, err = run(
        capsys, "predict", stack, tmp_path / "p.h5", "--model", model, "--tta", "none", "--device", "cpu"
    )
    assert (status, err) == (0, "")
    assert "membrane, 3 x 96 x 128, computed on CPU" in out
    found, spacing = open_array(tmp_path / "p.h5")
    assert spacing == SPACING
    values = found[:]
    assert (values.shape, values.dtype) == ((3, 96, 128), np.float32)
    assert 0 <= values.min() < values.max() <= 1


def test_pixels_that_the_model_does_not_know_are_said(model, stack, tmp_path, capsys):
    common = ("--model", model, "--tta", "none", "--device", "cpu", "--region", "0:1,:32,:32")
    _, out, _ = run(capsys, "predict", stack, tmp_path / "a.h5", *common)
    assert "resample" not in out
    _, out, _ = run(capsys, "predict", stack, tmp_path / "b.h5", *common, "--pixel-size", "20")
    assert "these are 20 nm: predicting resamples the image" in out
    assert "expect poor results" in out


def test_several_stacks_are_predicted_into_one_folder(capsys, model, stack, tmp_path):
    other = tmp_path / "smaller.tif"
    write_array(other, np.full((1, 64, 80), 7, np.uint8), spacing_nm=SPACING)
    words = (tmp_path / "o", "--model", model, "--tta", "none", "--device", "cpu")
    status, out, _ = run(capsys, "predict", f"{stack}@{other}", *words)
    assert status == 0
    assert open_array(tmp_path / "o/volume_0.h5")[0].shape == (3, 96, 128)
    assert open_array(tmp_path / "o/volume_1.h5")[0].shape == (1, 64, 80)
    assert out.count("computed on") == 2


def test_several_targets_region_and_bytes(model, stack, tmp_path, capsys):
    common = ("--model", model, "--tta", "none", "--device", "cpu")
    run(capsys, "predict", stack, tmp_path / "all.h5", *common)
    status, _, _ = run(
        capsys, "predict", stack, tmp_path / "two.zarr", *common,
        "--targets", "mitochondria,membrane", "--region", "1:3,8:72,", "--dtype", "uint8",
    )  # fmt: skip
    assert status == 0
    two, whole = open_array(tmp_path / "two.zarr")[0][:], open_array(tmp_path / "all.h5")[0][:]
    assert (two.shape, two.dtype) == ((2, 2, 64, 128), np.uint8)
    np.testing.assert_array_equal(two[1], np.rint(whole[1:3, 8:72] * 255))


def test_a_region_of_mended_membranes_is_that_of_the_whole_section(tmp_path, capsys):
    from napari_emseg.phantom import make_phantom

    image = make_phantom((3, 448, 256), seed=5).image
    write_array(tmp_path / "in.h5", image, spacing_nm=SPACING)
    common = ("--model", "membrane", "--tta", "none", "--device", "cpu", "--region")
    for name, where in (("whole", "1:2,,"), ("part", "1:2,64:160,80:170"), ("corner", "1:2,:90,200:")):
        status, _, err = run(capsys, "predict", tmp_path / "in.h5", tmp_path / f"{name}.h5", *common, where)
        assert (status, err) == (0, "")
    whole, part, corner = (open_array(tmp_path / f"{name}.h5")[0][:] for name in ("whole", "part", "corner"))
    np.testing.assert_allclose(part, whole[:, 64:160, 80:170], atol=1e-3)
    np.testing.assert_allclose(corner, whole[:, :90, 200:], atol=1e-3)


def test_progress_as_json_lines_ends_at_one(model, stack, tmp_path, capsys):
    _, _, err = run(
        capsys, "predict", stack, tmp_path / "p.h5", "--model", model, "--tta", "none", "--progress", "json"
    )
    rows = [json.loads(line) for line in err.splitlines()]
    assert rows[-1]["fraction"] == 1
    assert [row["fraction"] for row in rows] == sorted(row["fraction"] for row in rows)


def test_json_lines_say_nothing_twice():
    stream = io.StringIO()
    lines = JsonLines(stream)
    for message, values in (
        ("half", {}),
        ("done", {}),
        ("done", {}),
        ("done", {"loss": 0.5}),
        ("done", {"loss": 0.5}),
    ):
        lines.report(0.5 if message == "half" else 1.0, message, **values)
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(row["message"], row.get("loss")) for row in rows] == [
        ("half", None),
        ("done", None),
        ("done", 0.5),
    ]


def test_a_local_worker_gives_the_same(model, stack, tmp_path, capsys):
    common = ("--model", model, "--tta", "none", "--device", "cpu")
    run(capsys, "predict", stack, tmp_path / "here.h5", *common)
    status, _, _ = run(capsys, "predict", stack, tmp_path / "there.h5", *common, "--scheduler", "local")
    assert status == 0
    here, there = (open_array(tmp_path / name)[0][:] for name in ("here.h5", "there.h5"))
    np.testing.assert_array_equal(here, there)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_ctrl_c_stops_within_a_second_and_leaves_nothing(model, tmp_path):
    values = np.random.default_rng(0).integers(1, 255, (40, 600, 600), dtype=np.uint8)
    write_array(tmp_path / "big.tif", values, spacing_nm=SPACING)
    command = [
        sys.executable, "-m", "napari_emseg.cli", "predict", str(tmp_path / "big.tif"),
        str(tmp_path / "p.h5"), "--model", str(model), "--progress", "json",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        # A shell starts background work deaf to Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    with process:
        process.stderr.readline()  # it works on the first tiles
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        took = time.monotonic() - began
    assert process.returncode == 130
    assert err.splitlines()[-1] == "stopped"
    assert took < 8  # one second on an idle machine; the whole run takes minutes
    assert [path.name for path in tmp_path.iterdir()] == ["big.tif"]


# --- segment, propagate, evaluate -------------------------------------------------------------------------


def test_from_probability_to_scores(tmp_path, capsys):
    """Two cells side by side through three sections: found, linked, and scored as perfect."""
    truth = np.ones((3, 64, 96), np.uint16)
    truth[:, :, 48:] = 2
    probability = np.zeros((3, 64, 96), np.float32)
    probability[:, :, 46:50] = 1
    cells = np.where(probability > 0, 0, truth)
    write_array(tmp_path / "p.h5", probability, spacing_nm=SPACING)
    write_array(tmp_path / "cells.tif", cells.astype(np.uint16), spacing_nm=SPACING)
    status, out, _ = run(capsys, "segment", tmp_path / "p.h5", tmp_path / "s.tif")
    assert (status, out.count("6 segments")) == (0, 1)
    status, out, _ = run(
        capsys, "propagate", tmp_path / "s.tif", tmp_path / "t.h5", "--links", tmp_path / "links.csv"
    )
    assert (status, out.count("2 objects, 4 links")) == (0, 1)
    assert len((tmp_path / "links.csv").read_text().splitlines()) == 5
    status, out, _ = run(
        capsys, "evaluate", "segmentation", tmp_path / "cells.tif", tmp_path / "t.h5", "--json"
    )
    assert status == 0
    assert json.loads(out)["adapted_rand_error"] == pytest.approx(0, abs=1e-9)
    status, out, _ = run(capsys, "evaluate", "boundary", tmp_path / "cells.tif", tmp_path / "p.h5", "--json")
    assert json.loads(out)["v_rand"] == pytest.approx(1)
    assert "v_info" in run(capsys, "evaluate", "boundary", tmp_path / "cells.tif", tmp_path / "p.h5")[1]


def test_an_unknown_section_thickness_is_not_made_up(tmp_path, capsys):
    probability = np.zeros((2, 64, 96), np.float32)
    probability[:, :, 46:50] = 1
    write_array(tmp_path / "p.h5", probability)
    words = (tmp_path / "p.h5", tmp_path / "s.h5", "--pixel-size", "5")
    assert run(capsys, "segment", *words)[0] == 0
    assert open_array(tmp_path / "s.h5")[1] is None
    assert run(capsys, "propagate", tmp_path / "s.h5", tmp_path / "t.h5", "--pixel-size", "50,5,5")[0] == 0
    assert open_array(tmp_path / "t.h5")[1] == (50, 5, 5)


def test_shapes_that_differ_are_one_line(tmp_path, capsys):
    write_array(tmp_path / "a.h5", np.ones((2, 8, 8), np.uint8))
    write_array(tmp_path / "b.h5", np.ones((3, 8, 8), np.uint8))
    status, _, err = run(capsys, "evaluate", "semantic", tmp_path / "a.h5", tmp_path / "b.h5")
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("error: ground truth is (2, 8, 8), prediction (3, 8, 8)")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
@pytest.mark.parametrize("words", [["sample:phantom"], [], ["demo"]])
def test_without_a_screen_one_sentence_says_so(monkeypatch, capsys, words):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    status, out, err = run(capsys, *words)
    assert (status, out) == (1, "")
    assert err.startswith("error: there is no screen to open a window on, DISPLAY, ")
    assert err.count("\n") == 1
