"""``napari-emseg measure``: what it writes, and what it refuses."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import write_array

SPACING = (50.0, 8.0, 8.0)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four bars along z: 1 and 2 above each other, 11 and 12 to the right of them."""
    monkeypatch.chdir(tmp_path)
    labels = np.zeros((12, 44, 44), np.uint32)
    labels[:, 2:22, 2:22], labels[:, 22:42, 2:22] = 1, 2
    labels[:, 2:22, 22:42], labels[:, 22:42, 22:36] = 11, 12
    write_array("seg.h5", labels, spacing_nm=SPACING)
    write_array("bare.h5", labels)
    write_array("image.h5", (labels * 10).astype(np.uint8), spacing_nm=SPACING)
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], words: str) -> tuple[int, str, str]:
    status = main(["measure", *words.split()])
    out, err = capsys.readouterr()
    return status, out, err


def table(name: str) -> list[dict[str, str]]:
    with Path(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables(capsys):
    status, out, _ = call(capsys, "seg.h5 out.csv --image image.h5 --contacts contacts.csv")
    assert status == 0
    assert "4 objects, voxels of 50 x 8 x 8 nm" in out
    rows = {row["id"]: row for row in table("out.csv")}
    assert list(rows) == ["1", "2", "11", "12"]
    assert float(rows["1"]["volume_um3"]) == pytest.approx(12 * 400 * 3200e-9)
    assert float(rows["1"]["calibre_median_nm"]) == pytest.approx(160 * 2 / np.sqrt(np.pi), rel=0.01)
    assert float(rows["12"]["grey_mean"]) == 120
    pairs = {(row["id_a"], row["id_b"]): float(row["contact_area_um2"]) for row in table("contacts.csv")}
    side = 12 * 20 * 400e-6
    assert pairs == {
        ("1", "2"): pytest.approx(side), ("1", "11"): pytest.approx(side),
        ("2", "12"): pytest.approx(side), ("11", "12"): pytest.approx(side * 14 / 20),
    }  # fmt: skip


def test_a_report_of_one_kind_against_another(capsys):
    status, _, _ = call(capsys, "seg.h5 out.csv --image image.h5 --report rep --of 1-2 --against 11,12")
    assert status == 0
    names = {path.name for path in Path("rep").iterdir()}
    assert {
        "objects.csv",
        "contacts.csv",
        "calibre_profiles.csv",
        "contact_area.png",
        "occupancy.png",
    } <= names
    assert {"scatter.png", "scatter_by_row.png", "network.png", "overlay.png", "methods.txt"} <= names
    areas = table("rep/contact_area_um2.csv")
    assert areas[0] == {"id": "1", "11": "0.096", "12": ""}
    assert sum(float(row["occupancy_percent"]) for row in table("rep/occupancy.csv")) == pytest.approx(100)
    record = json.loads(Path("rep/measurement.json").read_text("utf-8"))
    assert record["correlation"]["all"]["n"] == 2
    assert record["correlation"]["all"]["why_not"] == "2 pairs are too few"
    assert record["spacing_nm"] == list(SPACING)
    assert record["measure"]["gap_nm"] == 0
    text = Path("rep/methods.txt").read_text("utf-8")
    assert "4 objects of seg.h5" in text
    assert "0 of 4 objects have no calibre." in text
    assert "8 × 8 × 50 nm" in text
    # once more in the same place: a report of ours may be replaced
    assert call(capsys, "seg.h5 out.csv --report rep")[0] == 0
    assert not Path("rep/overlay.png").exists()
    # but not what somebody has put beside it
    Path("rep/notes.txt").write_text("mine")
    status, _, err = call(capsys, "seg.h5 out.csv --report rep")
    assert status == 1
    assert "other things are in the folder of the report (notes.txt)" in err
    assert Path("rep/notes.txt").read_text() == "mine"


def test_the_voxel_size_is_needed_and_never_guessed(capsys):
    status, _, err = call(capsys, "bare.h5 out.csv")
    assert (status, err) == (
        1,
        "error: the voxel size is unknown, bare.h5, give it as --pixel-size Z,Y,X in nm\n",
    )
    status, _, err = call(capsys, "bare.h5 out.csv --pixel-size 8")
    assert status == 1
    assert "the section thickness is missing" in err
    assert not Path("out.csv").exists()
    assert call(capsys, "bare.h5 out.csv --pixel-size 50,8,8")[0] == 0
    given = table("out.csv")
    assert call(capsys, "seg.h5 out.csv")[0] == 0
    assert table("out.csv") == given


def test_some_objects_and_no_calibre(capsys):
    assert call(capsys, "seg.h5 out.csv --objects 2,11-12 --no-calibre --no-contact")[0] == 0
    rows = table("out.csv")
    assert [row["id"] for row in rows] == ["2", "11", "12"]
    assert "calibre_median_nm" not in rows[0]


@pytest.mark.parametrize(
    ("words", "status", "what"),
    [
        ("seg.h5 seg.h5", 1, "would replace what it is made of"),
        ("seg.h5 out.csv --contacts ./out.csv", 2, "two outputs have the same name"),
        ("seg.h5 out.txt", 2, "tables are written as .csv"),
        ("seg.h5 out.csv --objects 77", 1, "there is no object 77"),
        ("seg.h5 out.csv --objects 7-3", 2, "no range of ids"),
        ("seg.h5 out.csv --objects a", 2, "no list of ids"),
        ("seg.h5 out.csv --of 1", 2, "give --report DIR too"),
        ("seg.h5 out.csv --contacts c.csv --no-contact", 2, "take one of the two"),
        ("seg.h5 out.csv --report rep --of 1,5 --against 11-13", 1, "there is no object 5, 13"),
        ("seg.h5 out.csv --report rep --of 1 --against 11 --objects 1", 2, "object 11 is not measured"),
        ("seg.h5 out.csv --gap -4", 2, "out of bounds"),
        ("seg.h5 no/such.csv/out.csv --report full", 1, "in the way"),
        ("seg.h5 out.csv --report bare.h5", 1, "a file is in the way of the report, bare.h5"),
        ("seg.h5 new/out.csv --report new", 2, "put the tables beside it"),
        ("missing.h5 out.csv", 1, "missing.h5"),
        ("seg.h5 out.csv --image small.h5", 1, "differ in shape"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(capsys, words, status, what):
    write_array("small.h5", np.zeros((3, 4, 5), np.uint8))
    Path("full").mkdir()
    Path("full/diary.txt").write_text("mine")
    before = sorted(Path.cwd().rglob("*"))
    found, _, err = call(capsys, words)
    assert found == status
    assert what in err
    assert err.strip().splitlines()[-1].count("error:") == 1
    assert sorted(Path.cwd().rglob("*")) == before


def test_it_says_why_objects_have_no_calibre(capsys):
    labels = np.zeros((12, 44, 44), np.uint32)
    labels[:, 2:22, 2:22], labels[3, 40, 40], labels[:, 30:, :8] = 1, 2, 3
    write_array("cut.h5", labels, spacing_nm=SPACING)
    status, out, _ = call(capsys, "cut.h5 out.csv")
    assert status == 0
    assert "no calibre for 2: 1 cut off by the edge of the volume; 1 too small" in out
    assert [row["no_calibre_because"] for row in table("out.csv")] == [
        "",
        "too small",
        "cut off by the edge of the volume",
    ]
    assert 40 <= float(table("out.csv")[2]["calibre_at_least_nm"]) <= 64


def test_all_outputs_appear_or_none(capsys, monkeypatch):
    """The disk is full when the report is written: no table of today beside figures of yesterday."""
    import errno

    write = Path.write_bytes

    def full(path, content):
        if path.name == "methods.txt":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    before = sorted(Path.cwd().rglob("*"))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        status, _, err = call(capsys, "seg.h5 out.csv --contacts contacts.csv --report rep")
    assert (status, "the disk is full" in err) == (1, True)
    assert sorted(Path.cwd().rglob("*")) == before

    def refused(path, text, *rest, **more):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", refused)
        status, _, err = call(capsys, "seg.h5 out.csv --contacts contacts.csv --report rep")
    assert (status, "cannot be written" in err) == (1, True)
    assert sorted(Path.cwd().rglob("*")) == before


def test_fractions_are_refused(capsys):
    write_array("prob.h5", np.full((3, 4, 5), 0.5, np.float32), spacing_nm=SPACING)
    status, _, err = call(capsys, "prob.h5 out.csv")
    assert status == 1
    assert "no object ids but fractions, prob.h5::main, sections 0 to 2, " in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one process")
def test_ctrl_c_stops_at_once_and_leaves_nothing(place):
    rng = np.random.default_rng(1)
    labels = np.kron(rng.integers(1, 2000, (12, 16, 16)), np.ones((1, 32, 32), int)).astype(np.uint32)
    write_array("big.h5", labels, spacing_nm=SPACING)
    before = sorted(place.iterdir())
    words = ["measure", "big.h5", "out.csv", "--report", "rep", "--progress", "json"]
    with subprocess.Popen(
        [sys.executable, "-m", "napari_emseg.cli", *words], stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests may run where it is ignored
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if "calibre" in line:
                break
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        assert process.wait(20) == 130
    assert time.monotonic() - began < 5
    assert sorted(place.iterdir()) == before


@pytest.mark.parametrize("words", ["", " --no-calibre", " --no-contact --gap 20"])
def test_tables_without_rows_have_the_columns_of_others(capsys, words):
    crumbs = np.zeros((4, 9, 9), np.uint8)
    write_array("empty.h5", crumbs, spacing_nm=SPACING)
    crumbs[1, 2:4, 2:4], crumbs[1, 2:4, 4:6] = 1, 2
    write_array("crumbs.h5", crumbs, spacing_nm=SPACING)
    contacts = "" if "contact" in words else " --contacts pairs.csv"
    heads = []
    for name in ("seg", "empty", "crumbs"):
        assert call(capsys, f"{name}.h5 out.csv{contacts}{words}")[0] == 0
        tables = ["out.csv", "pairs.csv"] if contacts else ["out.csv"]
        heads.append([Path(file).read_text().splitlines()[0] for file in tables])
    assert heads[0] == heads[1] == heads[2]


def test_what_was_not_measured_of_a_crumb_is_blank_and_not_zero(capsys):
    crumb = np.zeros((4, 9, 9), np.uint8)
    crumb[1, 2:4, 2:4] = 1
    write_array("crumb.h5", crumb, spacing_nm=SPACING)
    assert call(capsys, "crumb.h5 out.csv")[0] == 0
    (row,) = table("out.csv")
    assert row["no_calibre_because"] == "too small"
    assert (row["cross_sections"], row["branches"], row["parts"]) == ("0", "", "")
