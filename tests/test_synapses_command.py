"""``napari-emseg synapses``: what it writes, and what it refuses.

Two rows of cells. At the first cleft the upper cell speaks to the two below; at the second, the lower cell to the upper one::

    11111111111111 44444444
    11111 #1 11111 4 #2 444
    2222222 333333 55555555
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.io import open_array, write_array
from napari_emseg.io.annotations import read_annotations
from napari_emseg.io.cremi import IGNORE, NO_CLEFT
from napari_emseg.jobs.synapses import synapses_file

SPACING = (40.0, 8.0, 8.0)
BIG = 2**40 + 5
TRUE = {(1, 2), (1, 3), (5, 4)}


def drawn():
    """Cells, clefts by id, and channels pre and post."""
    cells = np.zeros((8, 60, 110), np.uint64)
    cells[:, :30, :60], cells[:, 30:, :28], cells[:, 30:, 28:60] = 1, 2, 3
    cells[:, :30, 60:], cells[:, 30:, 60:] = 4, 5
    clefts = np.zeros(cells.shape, np.uint64)
    clefts[2:5, 28:32, 14:42], clefts[3:6, 28:32, 75:95] = 1, 2
    sides = np.zeros((2, *cells.shape), np.float32)
    for k, (above, below) in enumerate(((0, 1), (1, 0)), 1):
        at = np.argwhere(clefts == k)
        z, y, x = (slice(a, b + 1) for a, b in zip(at.min(0), at.max(0), strict=True))
        sides[above, z, y.start - 1 : 30, x] = 0.9
        sides[below, z, 30 : y.stop + 1, x] = 0.8
    return cells, clefts, sides


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All inputs as files."""
    monkeypatch.chdir(tmp_path)
    cells, clefts, sides = drawn()
    write_array("cells.h5", cells, spacing_nm=SPACING)
    write_array("bare.h5", cells)
    write_array("clefts.h5", (clefts > 0).astype(np.float32), spacing_nm=SPACING)
    write_array("ids.h5", clefts, spacing_nm=SPACING)
    write_array("sides.h5", sides, spacing_nm=SPACING, axes="czyx")
    write_array("signed.h5", sides[0] - sides[1], spacing_nm=SPACING)
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], words: str) -> tuple[int, str, str]:
    status = main(["synapses", *words.split()])
    out, err = capsys.readouterr()
    return status, out, err


def table(name: str = "t.csv") -> list[dict[str, str]]:
    with Path(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pairs(name: str = "t.csv") -> set[tuple[int, int]]:
    return {(int(r["pre_id"]), int(r["post_id"])) for r in table(name) if r["direction"] == "pre to post"}


@pytest.mark.parametrize(
    "how",
    [
        "--clefts clefts.h5 --sides sides.h5",
        "--sides sides.h5",
        "--sides signed.h5",
        "--clefts ids.h5 --sides signed.h5",
    ],
)
def test_each_synapse_has_its_own_direction(capsys, how):
    """Once the map of all synapses was summed up for each of them."""
    status, out, _ = call(capsys, f"cells.h5 out.hdf {how} --table t.csv")
    assert status == 0
    assert "2 synapses, 3 pairs of cells" in out
    assert pairs() == TRUE
    assert all(0.5 < float(row["confidence"]) <= 1 for row in table())
    assert sorted(Path().glob("out*")) == [Path("out.hdf")]  # no scratch is left


def test_annotations_are_read_and_scored(capsys):
    assert call(capsys, "cells.h5 out.hdf --clefts clefts.h5 --sides sides.h5 --table t.csv")[0] == 0
    found = read_annotations("out.hdf::annotations")
    assert len(found.partners) == 3
    assert set(found.types) == {"presynaptic_site", "postsynaptic_site"}
    cells = drawn()[0]
    pre, post = found.pairs_nm()
    ids = [{int(cells[tuple((p / SPACING).astype(int))]) for p in side} for side in (pre, post)]
    assert ids == [{1, 5}, {2, 3, 4}]
    assert all("confidence" in found.comments[int(k)] for k in found.ids)
    places = {tuple(float(row[f"pre_{a}_nm"]) for a in "zyx") for row in table()}
    assert places == {tuple(p) for p in pre.tolist()}
    status = main(["evaluate", "partners", "out.hdf", "out.hdf", "--segmentation", "cells.h5", "--json"])
    assert (status, json.loads(capsys.readouterr().out)["f1"]) == (0, 1.0)


def test_labels_of_sides(capsys):
    assert call(capsys, "cells.h5 out.hdf --sides sides.h5 --labels lab.h5")[0] == 0
    labels, spacing = open_array("lab.h5")
    _, _, sides = drawn()
    labels = np.asarray(labels[:])
    assert spacing == SPACING
    np.testing.assert_array_equal(labels % 2 == 1, sides[0] > 0)
    np.testing.assert_array_equal((labels > 0) & (labels % 2 == 0), sides[1] > 0)
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}


def test_sides_by_labels_keep_their_numbers(capsys):
    sides = drawn()[2]
    number = np.where(np.arange(110) < 60, 1, 2**33).astype(np.uint64)
    labels = np.where(sides[0] > 0, 2 * number - 1, np.where(sides[1] > 0, 2 * number, 0)).astype(np.uint64)
    write_array("labels.h5", labels, spacing_nm=SPACING)
    assert call(capsys, "cells.h5 out.hdf --sides labels.h5 --table t.csv --labels again.h5")[0] == 0
    assert pairs() == TRUE
    assert {int(row["synapse"]) for row in table()} == {1, 2**33}
    np.testing.assert_array_equal(np.asarray(open_array("again.h5")[0][:]), labels)


def test_labels_of_clefts_keep_ids(capsys):
    cells, clefts, _ = drawn()
    renamed = np.where(clefts == 2, np.uint64(BIG), clefts)
    write_array("ids.h5", renamed, spacing_nm=SPACING)
    assert call(capsys, "cells.h5 out.hdf --clefts ids.h5 --labels lab.h5 --table t.csv")[0] == 0
    np.testing.assert_array_equal(np.asarray(open_array("lab.h5")[0][:]), renamed)
    assert {int(row["synapse"]) for row in table()} == {1, BIG}
    assert cells.dtype == np.uint64


@pytest.mark.parametrize("background", [0, int(NO_CLEFT)])
def test_ids_as_cremi_stores_them(capsys, background):
    _, clefts, _ = drawn()
    stored = np.where(
        clefts == 0, np.uint64(background), clefts - np.uint64(background > 0)
    )  # with a code, 0 is a cleft
    stored[0] = IGNORE
    with h5py.File("cremi.hdf", "w") as file:
        file["volumes/labels/clefts"] = stored
        file["volumes/labels/clefts"].attrs["resolution"] = SPACING
    found = call(
        capsys, "cells.h5 out.hdf --clefts cremi.hdf::volumes/labels/clefts --sides sides.h5 --table t.csv"
    )
    assert found[0] == 0
    assert pairs() == TRUE
    assert {int(row["synapse"]) for row in table()} == ({1, 2} if background == 0 else {0, 1})


@pytest.mark.parametrize("dtype", [np.uint8, np.uint32])
def test_a_mask_of_0_and_1(capsys, dtype):
    _, clefts, _ = drawn()
    write_array("mask.h5", (clefts > 0).astype(dtype), spacing_nm=SPACING)
    assert call(capsys, "cells.h5 out.hdf --clefts mask.h5 --sides sides.h5 --table t.csv")[0] == 0
    assert pairs() == TRUE


def test_what_is_left_out_is_counted(capsys):
    """Two crumbs are no synapses, and of four candidates none is as sure as that."""
    clefts = drawn()[1]
    clefts[0, 5, 5] = clefts[7, 50, 100] = 9
    write_array("mask.h5", (clefts > 0).astype(np.uint8), spacing_nm=SPACING)
    _, out, _ = call(capsys, "cells.h5 out.hdf --clefts mask.h5 --sides sides.h5 --confidence 1")
    assert "parts smaller than the smallest synapse, dropped: 2\n" in out
    assert "candidates less sure than 1, left out: 4\n" in out
    assert "2 synapses, 0 pairs of cells\nno pair at 2: " in out


def test_without_sides_a_symmetric_pair_has_no_direction(capsys):
    _, out, _ = call(capsys, "cells.h5 out.hdf --clefts clefts.h5 --table t.csv")
    assert "pairs without a direction, no partners in the file: 1" in out
    assert pairs() == {(1, 2), (1, 3)}
    (row,) = (row for row in table() if row["direction"] == "unknown")
    assert {row["pre_id"], row["post_id"]} == {"4", "5"}
    found = read_annotations("out.hdf::annotations")
    assert len(found.partners) == 2
    assert sorted(found.types).count("synaptic_site") == 2
    assert any("direction unknown" in text for text in found.comments.values())


def test_ids_beyond_31_bits(capsys):
    cells = drawn()[0]
    names = np.array([0, 2**31 + 7, 2**33, 2**33 + 1, 2**62, 12], np.uint64)
    write_array("big.h5", names[cells.astype(int)], spacing_nm=SPACING)
    assert call(capsys, "big.h5 out.hdf --sides sides.h5 --table t.csv")[0] == 0
    assert pairs() == {(int(names[a]), int(names[b])) for a, b in TRUE}


@pytest.mark.parametrize("block", [(3, 17, 23), (8, 60, 110), (1, 64, 64)])
def test_blocks_change_nothing(block):
    for clefts in ("clefts.h5", "ids.h5"):
        for size, name in ((None, "a"), (block, "b")):
            synapses_file(
                "cells.h5", f"{name}.hdf", spacing_nm=SPACING, clefts=clefts, sides="sides.h5", table=f"{name}.csv",
                block=size,
            )  # fmt: skip
        assert Path("a.csv").read_text("utf-8") == Path("b.csv").read_text("utf-8")


def test_an_offset_is_carried(capsys):
    cells = drawn()[0]
    write_array("far.zarr", cells, spacing_nm=SPACING, offset_nm=(400.0, 80.0, 160.0))
    assert call(capsys, "far.zarr far.hdf --sides sides.h5")[0] == 0
    assert call(capsys, "cells.h5 near.hdf --sides sides.h5")[0] == 0
    far, near = (read_annotations(f"{name}.hdf::annotations") for name in ("far", "near"))
    np.testing.assert_allclose(far.points_nm - near.points_nm, [[400, 80, 160]] * len(far.ids))


def test_nothing_there(capsys):
    write_array("blank.h5", np.zeros((8, 60, 110), np.float32), spacing_nm=SPACING)
    status, out, _ = call(capsys, "cells.h5 out.hdf --clefts blank.h5 --table t.csv --labels lab.h5")
    assert status == 0
    assert "0 synapses, 0 pairs" in out
    assert table() == []
    assert len(read_annotations("out.hdf::annotations").ids) == 0


def test_only_synapses_are_read(monkeypatch):
    """Cells are read around synapses, never as a whole, after one section that tells ids from grey values."""
    from napari_emseg.io.hdf5 import Hdf5Stack

    seen = []
    plain = Hdf5Stack.read

    def read(self, region):
        if "cells" in self.where:
            seen.append(region.shape)
        return plain(self, region)

    monkeypatch.setattr(Hdf5Stack, "read", read)
    synapses_file("cells.h5", "out.hdf", spacing_nm=SPACING, clefts="clefts.h5", sides="sides.h5")
    first, *around = seen
    assert first[0] == 1
    assert around
    assert all(shape[2] < 110 for shape in around)


class Stopping(Silent):
    """Asks to stop at a moment."""

    def __init__(self, at):
        self.at = at

    def report(self, fraction, message="", **values):
        if fraction >= self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("at", [0.1, 0.55, 0.92])
def test_stopping_leaves_nothing(at):
    before = set(Path().iterdir())
    with pytest.raises(KeyboardInterrupt):
        synapses_file(
            "cells.h5",
            "out.hdf",
            spacing_nm=SPACING,
            clefts="clefts.h5",
            table="t.csv",
            labels="lab.h5",
            progress=Stopping(at),
        )
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("cells.h5 out.hdf", 2, "nothing to find synapses from"),
        ("cells.h5 out.tif --clefts clefts.h5", 2, "written as .hdf or .h5"),
        ("cells.h5 out.hdf --clefts clefts.h5 --table t.txt", 2, "written as .csv"),
        ("cells.h5 out.h5 --clefts clefts.h5 --labels out.h5", 2, "two outputs have the same name"),
        ("cells.h5 out.hdf --clefts clefts.h5 --threshold 2", 2, "out of bounds"),
        ("cells.h5 clefts.h5 --clefts clefts.h5", 1, "would replace what it is made of"),
        ("bare.h5 out.hdf --clefts clefts.h5", 1, "the voxel size is unknown"),
        ("bare.h5 out.hdf --clefts clefts.h5 --pixel-size 8", 1, "section thickness is missing"),
        ("signed.h5 out.hdf --clefts clefts.h5", 1, "whole numbers as ids"),
        ("cells.h5 out.hdf --clefts none.h5", 1, "there is no such file"),
        (
            "cells.h5 out.hdf --clefts small.h5",
            1,
            "it measures (2, 60, 110) voxels and the cells (8, 60, 110)",
        ),
        ("cells.h5 out.hdf --clefts signed.h5", 1, "are no probabilities"),
        ("cells.h5 out.hdf --clefts nan.h5", 1, "no probabilities"),
        ("cells.h5 out.hdf --sides clefts.h5", 1, "no value of the signed map is negative"),
        ("cells.h5 out.hdf --clefts sides.h5", 1, "channels"),
    ],
)
def test_refusals_are_one_sentence(capsys, words, status, said):
    write_array("small.h5", np.zeros((2, 60, 110), np.float32), spacing_nm=SPACING)
    write_array("nan.h5", np.full((8, 60, 110), np.nan, np.float32), spacing_nm=SPACING)
    before = {path: path.stat().st_mtime_ns for path in Path().iterdir()}
    got, _, err = call(capsys, words)
    assert got == status
    assert said in err
    assert status == 2 or len(err.strip().splitlines()) == 1
    assert {path: path.stat().st_mtime_ns for path in Path().iterdir()} == before


def test_one_id_everywhere_is_refused(monkeypatch):
    monkeypatch.setattr("napari_emseg.jobs.synapses._MOST_VOXELS", 1000)
    with pytest.raises(EmsegError, match="reaches over"):
        synapses_file("cells.h5", "out.hdf", spacing_nm=SPACING, clefts="ids.h5")


def test_one_of_a_kind_is_said_as_one(capsys):
    cells, clefts = np.zeros((2, 60, 60), np.uint32), np.zeros((2, 60, 60), np.uint8)
    cells[:, :, :29], cells[:, :, 31:] = 1, 2
    clefts[:, 25:35, 28:32] = 1
    write_array("two.h5", cells, spacing_nm=(50.0, 8.0, 8.0))
    write_array("one.h5", clefts, spacing_nm=(50.0, 8.0, 8.0))
    status, out, _ = call(capsys, "two.h5 out.hdf --clefts one.h5 --min-volume-nm3 1 --confidence 0")
    assert (status, out.splitlines()[0]) == (0, "out.hdf: 1 synapse, 1 pair of cells")
