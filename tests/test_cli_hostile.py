"""What a careless or unlucky person types: one sentence, the right status, nothing lost and nothing half-written."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_array, write_array

LABELS = np.repeat(np.kron([[1, 2], [3, 4]], np.ones((6, 8), np.uint32))[None], 3, axis=0).astype(np.uint32)
SPACING = (50.0, 5.0, 5.0)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with labels and a membrane probability of 3 sections of 12 x 16 pixels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path / "home"))
    write_array("labels.h5", LABELS, spacing_nm=SPACING)
    write_array("prob.h5", np.full(LABELS.shape, 0.25, np.float32), spacing_nm=SPACING)
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    status = main([str(word) for word in words])
    return status, capsys.readouterr().err


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line of a failure; nothing new lies around after it."""
    before = set(Path.cwd().iterdir())
    status, error = call(capsys, *words)
    assert (status, error.count("\n")) == (1, 1)
    assert "--debug" not in error
    assert set(Path.cwd().iterdir()) == before
    return error


@pytest.mark.parametrize(
    "words",
    [
        "convert labels.h5 labels.h5",
        "segment prob.h5 prob.h5",
        "propagate labels.h5 labels.h5",
        "propagate labels.h5 anchors.h5 --anchors anchors.h5",
        "propagate labels.h5 out.h5 --links labels.h5",
        "propagate labels.h5 out.h5 --links anchors.h5 --anchors anchors.h5",
        "evaluate segmentation labels.h5 anchors.h5 --objects labels.h5",
        "evaluate segmentation anchors.h5 labels.h5 --error-map labels.h5",
        "preprocess deflicker prob.h5 prob.h5",
        "preprocess align prob.h5 ./prob.h5 --estimate table.txt",
        "preprocess unalign prob.h5 prob.h5 --table table.txt",
        "preprocess normalize prob.h5 prob.h5",
        "preprocess resample prob.h5 prob.h5 --factor 2",
        "preprocess replace-bad prob.h5 prob.h5 --bad 1",
        "preprocess crack prob.h5 prob.h5",
        "preprocess uncrack prob.h5 prob.h5 --table table.txt",
        "instances prob.h5 prob.h5",
        "predict prob.h5 prob.h5",
        "roi pad labels.h5 labels.h5::main --by 1,1,1",
        "roi boxes labels.h5 labels.h5",
        "roi check boxes.txt --fix boxes.txt",
        "convert two.h5::raw two.h5",
        "convert two.h5::raw two.h5::raw",
    ],
)
def test_nothing_replaces_what_it_is_made_of(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_array("anchors.h5", LABELS)
    Path("table.txt").write_text("0 0\n" * 3)
    Path("boxes.txt").write_text("# mine\n0-1: 0-9, 0-9\n3-4: 0-9, 0-9\n")
    with h5py.File("two.h5", "w") as file:
        file["raw"] = file["other"] = LABELS
    names = ("labels.h5", "prob.h5", "anchors.h5", "two.h5", "boxes.txt")
    before = [Path(name).read_bytes() for name in names]
    assert "would replace what it is made of" in refused(capsys, *words.split())
    assert [Path(name).read_bytes() for name in names] == before


def test_a_volume_goes_beside_the_one_it_is_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "convert", "labels.h5", "labels.h5::copy", "--dtype", "uint8")[0] == 0
    np.testing.assert_array_equal(open_array("labels.h5::copy")[0][:], LABELS)
    np.testing.assert_array_equal(open_array("labels.h5::main")[0][:], LABELS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("segment prob.h5 /", "an output has a name"),
        ("segment prob.h5 foreign", "a folder with other things in it"),
        ("propagate labels.h5 foreign/", "a folder with other things in it"),
        ("propagate labels.h5 o.h5 --links labels.h5/links.csv", "not a directory"),
        ("propagate labels.h5 o.h5 --graph foreign/../labels.h5/g.swc", "not a directory"),
        ("preprocess replace-bad prob.h5 o.h5 --bad 1 --table prob.h5/t.json", "not a directory"),
        ("preprocess align prob.h5 o.h5 --estimate prob.h5/t.txt", "not a directory"),
        ("preprocess detect-bad prob.h5 r.csv --pictures prob.h5", "pictures go into a folder"),
        ("roi boxes labels.h5 nowhere/boxes.csv", "cannot be written"),
        ("roi boxes channels.h5 boxes.csv", "it has channels"),
        ("convert labels.h5", "an output has a name"),
        ("demo --headless --output labels.h5/demo", "not a directory"),
    ],
)
def test_places_that_cannot_be_written_are_refused_first(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("foreign").mkdir()
    Path("foreign/letter.txt").touch()
    write_array("channels.h5", np.zeros((2, 3, 4, 4), np.uint8), axes="czyx")
    line = words.split()
    assert said in refused(capsys, *(line if len(line) != 2 else [*line, ""]))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (LABELS.astype(np.int32) - 2, "object ids are negative"),
        (LABELS.astype(np.uint64) + np.uint64(2**63), "ids beyond 2^63"),
        (LABELS.astype(np.float32), "labels are whole numbers"),
        (np.full(LABELS.shape, np.nan, np.float32), "labels are whole numbers"),
    ],
)
def test_labels_that_are_none(values: np.ndarray, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_array("odd.h5", values)
    assert said in refused(capsys, "propagate", "odd.h5", "o.h5")
    assert said in refused(capsys, "propagate", "labels.h5", "o.h5", "--anchors", "odd.h5")


def test_ids_up_to_two_to_the_63_are_carried(capsys: pytest.CaptureFixture[str]) -> None:
    write_array("large.h5", LABELS.astype(np.uint64) + np.uint64(2**62))
    assert call(capsys, "propagate", "large.h5", "o.h5")[0] == 0
    np.testing.assert_array_equal(open_array("o.h5")[0][:], LABELS)


@pytest.mark.parametrize("kind", ["semantic", "detection", "clefts"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_score_of_values_that_are_no_numbers(
    kind: str, value: float, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = np.full(LABELS.shape, 0.75, np.float32)
    odd[1, 2, 3] = value
    write_array("odd.h5", odd, spacing_nm=SPACING)
    assert "no numbers, odd.h5" in refused(capsys, "evaluate", kind, "labels.h5", "odd.h5")
    assert "no numbers, odd.h5" in refused(capsys, "evaluate", kind, "odd.h5", "labels.h5")


def test_labels_are_no_membrane_probability(capsys: pytest.CaptureFixture[str]) -> None:
    assert "are no probabilities" in refused(capsys, "evaluate", "boundary", "labels.h5", "labels.h5")


def test_a_mask_of_membranes_is_scored_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    cells = np.ones((1, 24, 32), np.uint8)
    cells[0, :, 15:17] = 0
    write_array("cells.h5", cells)
    write_array("mask.h5", 1 - cells)
    assert main(["evaluate", "boundary", "cells.h5", "mask.h5", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["v_rand"], scores["edits_per_100_objects"]) == (1, 0)


def test_negative_ids_are_no_instances(capsys: pytest.CaptureFixture[str]) -> None:
    write_array("odd.h5", LABELS.astype(np.int32) - 2)
    for words in (("labels.h5", "odd.h5"), ("odd.h5", "labels.h5")):
        assert "object ids are negative, odd.h5" in refused(capsys, "evaluate", "detection", *words)


@pytest.mark.parametrize(
    "words",
    [
        "segment prob.h5 o.h5 --threshold 7",
        "predict prob.h5 o.h5 --tile 7",
        "propagate labels.h5 o.h5 --max-gap -1",
        "propagate labels.h5 o.h5 --graph o.txt",
        "models export membrane",
        "roi cut labels.h5",
        "roi cut labels.h5 o.h5",
        "roi pad labels.h5 o.h5",
        "vast keep labels.h5 o.h5",
        "evaluate detection labels.h5 labels.h5 --iou 2",
        "preprocess normalize prob.h5 o.h5 --kind clahe --tiles 0",
        "preprocess normalize prob.h5 o.h5 --kind fixed --std 0",
        "preprocess normalize prob.h5 o.h5 --kind window --low 1",
    ],
)
def test_a_wrong_call_is_told_apart_from_a_failure(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, error = call(capsys, *words.split())
    assert status == 2
    assert error.startswith("usage: napari-emseg")
    command, step = words.split()[:2]
    names = (f"napari-emseg {command}: error: ", f"napari-emseg {command} {step}: error: ")
    assert error.splitlines()[-1].startswith(names)
    assert not Path("o.h5").exists()


def test_a_name_that_the_disk_has_no_room_for_is_said_to_be_too_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_array("a.h5", np.zeros((2, 8, 8), np.uint8))
    status, error = call(capsys, "convert", "a.h5", f"{'y' * 248}.h5")
    assert status == 1
    assert error.startswith("error: a name is too long for the disk")
    assert error.endswith(", give a shorter one\n")


def test_a_disk_that_fails_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise OSError(5, "Input/output error", "tape.h5")

    monkeypatch.setattr("napari_emseg.commands.convert.run", broken)
    said = "error: a file cannot be read or written (input/output error), tape.h5, check the disk\n"
    assert call(capsys, "convert", "labels.h5", "o.h5") == (1, said)

    def full(*_: object) -> int:
        def write() -> None:
            raise OSError(28, "No space left on device")

        thread = threading.Thread(target=write)  # as TensorBoard does; its traceback would be no sentence
        thread.start()
        thread.join()
        raise OSError(28, "No space left on device", "tape.h5")

    monkeypatch.setattr("napari_emseg.commands.convert.run", full)
    said = "error: the disk is full, tape.h5, free some space or choose another disk\n"
    assert call(capsys, "convert", "labels.h5", "o.h5") == (1, said)

    def large(*_: object) -> int:
        raise MemoryError

    monkeypatch.setattr("napari_emseg.commands.convert.run", large)
    assert "there is not enough memory, convert" in refused(capsys, "convert", "labels.h5", "o.h5")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_conversion_that_is_stopped_leaves_nothing_under_the_outputs_name(stop: int, place: Path) -> None:
    large = np.random.default_rng(0).integers(0, 2**32, (60, 512, 512), dtype=np.uint32)
    with h5py.File("large.h5", "w") as file:
        file["main"] = large
    work = subprocess.Popen(
        [sys.executable, "-m", "napari_emseg.cli", "convert", "large.h5", "o.zarr"], stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests may run where it is ignored
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(place.glob(".o.zarr.*")):
        assert time.monotonic() < deadline
        assert work.poll() is None
        time.sleep(0.01)
    work.send_signal(stop)
    _, error = work.communicate(timeout=60)
    assert not Path("o.zarr").exists()
    if stop != signal.SIGKILL:
        assert (work.returncode, error) == (128 + stop, b"stopped\n")
        assert not list(place.glob(".o.zarr.*"))


def test_ctrl_c_while_the_command_is_still_loading(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_emseg.commands.arguments.import_module", impatient)
    assert call(capsys, "convert", "labels.h5", "o.h5") == (130, "stopped\n")


def test_the_command_line_itself_loads_nothing_slow() -> None:
    code = "import sys, napari_emseg.cli; print(sorted({'numpy', 'pydantic', 'torch', 'napari'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full(LABELS.shape, np.nan, np.float32), "no object ids but fractions, odd.h5, section 0"),
        (np.full(LABELS.shape, 0.5, np.float32), "no object ids but fractions, odd.h5, section 0"),
        (LABELS.astype(np.int16) - 3, "object ids are negative, odd.h5, section 0"),
    ],
)
def test_nobody_learns_from_what_are_no_labels(
    values: np.ndarray, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_array("odd.h5", values)
    assert said in refused(capsys, "finetune", "membrane", "prob.h5", "odd.h5", "new")


def test_ids_of_64_bits_teach_what_small_ones_do() -> None:
    from napari_emseg.commands.finetune import _IGNORED, _ids

    section = LABELS[0].astype(np.uint64)
    for step in (1, 2**32, 2**61):
        large = section * np.uint64(step)
        large[0, 0] = 2**64 - 1
        found = _ids(large, 0, "labels.h5", 2**64 - 1)
        assert found[0, 0] == _IGNORED
        np.testing.assert_array_equal(found.ravel()[1:], section.ravel()[1:])


def test_only_the_region_that_was_labelled_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """Without it, 0 beside the labels would be a membrane along their border."""
    from napari_emseg.commands.arguments import command_parser
    from napari_emseg.commands.finetune import _IGNORED, teachers
    from napari_emseg.jobs.recipe_truth import membranes_of

    labels = np.zeros(LABELS.shape, np.uint32)
    labels[1, 2:9, 3:12] = 7
    write_array("part.h5", labels, spacing_nm=SPACING)
    words = ["membrane", "image.h5", "part.h5", "new"]
    write_array("image.h5", np.zeros(LABELS.shape, np.uint8), spacing_nm=SPACING)
    truth = []
    for region in ([], ["--region", "1:2,2:9,3:12"]):
        (teacher,) = teachers(command_parser("finetune")[1].parse_args([*words, *region]))
        assert teacher.sections == (1,)
        truth.append(membranes_of(teacher.read_labels(1)[None], 4.6, ignore_id=_IGNORED)[0])
    assert (truth[0] == 1).any()
    assert set(np.unique(truth[1]).tolist()) == {0, 255}
    assert (truth[1][2:9, 3:12] == 0).all()
    for region, said in (
        ("0:1,:,:", "no labels in any section of the region"),
        ("1:2,0:99,:", "is not in the stack"),
    ):
        assert said in refused(capsys, "finetune", *words, "--region", region)


@pytest.mark.parametrize(
    "words",
    [
        "propagate labels.h5 out.h5 --links out.h5",
        "propagate labels.h5 out.h5 --links a.swc --graph a.swc",
        "evaluate segmentation labels.h5 labels.h5 --objects a.h5 --error-map a.h5",
        "evaluate detection labels.h5 labels.h5 --objects a.csv",
        "evaluate segmentation labels.h5 labels.h5 --border nan",
        "evaluate clefts labels.h5 labels.h5 --distance -5",
        "evaluate detection labels.h5 labels.h5 --min-size -4",
    ],
)
def test_what_cannot_be_written_or_measured_is_a_wrong_call(
    words: str, capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    before = sorted(p.name for p in place.iterdir())
    status, error = call(capsys, *words.split())
    assert status == 2
    assert "usage:" in error
    assert sorted(p.name for p in place.iterdir()) == before


@pytest.mark.parametrize(
    "words", [["train", "recipe.yaml", ""], ["finetune", "membrane", "prob.h5", "labels.h5", " "]]
)
def test_a_folder_without_a_name_is_not_the_present_one(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(Path.cwd().iterdir())
    status, error = call(capsys, *words)
    assert status == 2
    assert "argument OUT_DIR: an output has a name" in error
    assert set(Path.cwd().iterdir()) == before


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory", "labels.h5"),
        RuntimeError("Can't decrement id ref count (memory allocation failed for pipeline)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
        ImportError("libscipy_openblas.so: failed to map segment from shared object"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_too_little_memory_is_called_so_whoever_says_it(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def out_of_memory(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr("napari_emseg.commands.convert.run", out_of_memory)
    said = refused(capsys, "convert", "labels.h5", "o.h5")
    assert said.startswith("error: there is not enough memory, convert, take a smaller region")
    assert not Path("o.h5").exists()


def test_no_target_is_called_no_target(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "predict", "prob.h5", "o.h5", "--model", "membrane", "--targets", "")
    assert "no target is named, --targets, name some of membrane" in said
