"""Seeds that people placed, in the three cells of two sections of 40 x 60 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_array, write_array
from napari_emseg.io.annotations import write_annotations
from napari_emseg.io.skeletons import Skeleton, SkeletonSet
from napari_emseg.jobs.segment_file import segment_file
from napari_emseg.settings import SeedSettings, SegmentSettings

SPACING = (50.0, 4.0, 4.0)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Membranes in columns 19-20 and 39-40."""
    monkeypatch.chdir(tmp_path)
    boundary = np.zeros((2, 40, 60), np.float32)
    boundary[:, :, [19, 20, 39, 40]] = 1
    write_array("p.h5", boundary, spacing_nm=SPACING)
    return tmp_path


def grown(*words: str) -> np.ndarray:
    assert main(["segment", "p.h5", "o.h5", "--progress", "none", *words]) == 0
    return np.asarray(open_array("o.h5")[0][:])


@pytest.mark.parametrize("head", ["z,y,x", "axis-0,axis-1,axis-2", "Z, Y, X"])
def test_points_grow_up_to_the_membranes(head: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.csv").write_text(f"{head}\n0,20,10\n0,20,30.2\n")
    labels = grown("--seeds", "s.csv")
    assert "2 segments" in capsys.readouterr().out
    assert (labels[0, :, :19] == 1).all()
    assert (labels[0, :, 21:] == 2).all()  # nobody is in the third cell
    assert not labels[1].any()


def test_several_points_are_one_seed_and_keep_their_id_however_small(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("s.csv").write_text("id,z_nm,y_nm,x_nm\n7,50,80,40\n7,50,80,200\n9,50,80,120\n")
    labels = grown("--seeds", "s.csv", "--min-size", "1e6")
    assert "--min-size: of seeds that are placed, not used with given ones" in capsys.readouterr().out
    assert not labels[0].any()
    assert (labels[1, :, :19] == 7).all()
    assert (labels[1, :, 21:39] == 9).all()
    assert (labels[1, :, 41:] == 7).all()


def test_skeletons_grow_through_sections() -> None:
    trees = [
        Skeleton(n, str(n), np.array([1, 2]), np.array([[0, 80, x], [0, 84, x]], float), np.ones(2), np.array([[1, 2]]),
                 np.zeros(2, int))
        for n, x in ((3, 40), (4, 200))
    ]  # fmt: skip
    write_annotations(Path("s.nml"), SkeletonSet(tuple(trees), SPACING))
    labels = grown("--seeds", "s.nml", "--dims", "3")
    for section in labels:
        assert (section[:, :19] == 1).all()
        assert (section[:, 41:] == 2).all()


def test_paint_grows_with_ids_of_any_size() -> None:
    paint = np.zeros((2, 40, 60), np.uint64)
    paint[0, 5:8, 5:8], paint[0, 5:8, 50:53] = 2**40, 2**40 + 1
    write_array("s.h5", paint)
    labels = grown("--seeds", "s.h5")
    assert np.unique(labels).tolist() == [0, 2**40, 2**40 + 1]
    assert (labels[0, :, :19] == 2**40).all()


@pytest.mark.parametrize("more", [[], ["--unseeded", "segment"]])
def test_points_grow_with_ids_of_any_size(more: list[str]) -> None:
    large = 2**53 + 1  # no number of a spreadsheet
    Path("s.csv").write_text(f"z,y,x,id\n0,20,10,{large}\n0,20,30,4294967296.0\n1,20,30,7\n")
    labels = grown("--seeds", "s.csv", *more)
    assert labels.dtype == np.uint64
    assert (labels[0, :, :19] == large).all()
    assert (labels[0, :, 21:39] == 2**32).all()
    assert (labels[1, :, 21:39] == 7).all()
    assert (labels[0, 5, 50] == large + 1) == bool(more)


def test_new_ids_beside_the_highest_of_32_bits() -> None:
    paint = np.zeros((2, 40, 60), np.uint32)
    paint[:, 5:8, 5:8] = 2**32 - 1
    write_array("s.h5", paint)
    labels = grown("--seeds", "s.h5", "--unseeded", "segment")
    assert (labels[:, :, :19] == 2**32 - 1).all()
    assert np.unique(labels).tolist() == [2**32 - 1 + k for k in range(5)]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_membranes_stay_empty_between_grown_seeds(dtype: type) -> None:
    """0.4 of 255 is 102: what is as high as the threshold is membrane."""
    walls = np.zeros((2, 40, 60), dtype)
    walls[:, :, [19, 20, 39, 40]] = 102 if dtype is np.uint8 else np.float32(0.4)
    walls[:, 10, 10] = 101 if dtype is np.uint8 else 0.39
    write_array("q.h5", walls, spacing_nm=SPACING)
    Path("s.csv").write_text("z,y,x\n0,20,10\n0,20,30\n0,20,50\n")
    seeds, settings = SeedSettings(threshold=0.4), SegmentSettings(membrane_lines=True)
    segment_file("q.h5", "o.h5", seeds=seeds, settings=settings, given="s.csv")
    labels = open_array("o.h5")[0][0]
    np.testing.assert_array_equal(labels == 0, np.isin(np.arange(60), [19, 20, 39, 40])[None].repeat(40, 0))
    assert np.unique(labels).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("dims", ["2", "3"])
def test_nothing_is_segmented_outside_a_mask(dims: str) -> None:
    mask = np.zeros((2, 40, 60), np.uint8)
    mask[:, :25] = 200
    write_array("m.tif", mask)
    free, masked = grown("--dims", dims), grown("--dims", dims, "--mask", "m.tif")
    np.testing.assert_array_equal(masked > 0, (free > 0) & (mask > 0))
    Path("s.csv").write_text("z,y,x\n0,20,10\n")
    np.testing.assert_array_equal(grown("--seeds", "s.csv", "--mask", "m.tif")[0] > 0, mask[0] > 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("z,y,x\n", "no seed in it"),
        ("a,b\n1,2\n", "places of seeds are missing"),
        ("z,y,x\n0,20,60\n0,1,1\n", "1 of 2 seeds lie outside, the first at 0, 20, 60"),
        ("z,y,x\n0,20,\n", "line 2 has no number under x"),
        ("z,y,x\n0,20,nan\n", "line 2 has no number under x"),
        ("z,y,x,id\n0,20,4,1\n0,20,4,2\n", "two seeds lie in one voxel"),
        ("z,y,x,id\n0,20,4,0\n", "not from 1"),
        ("z,y,x,id\n0,20,4,1.5\n", "whole numbers"),
        ("z,y,x,id\n0,20,4,9223372036854775808\n", "not from 1 to 2^63 - 1"),
        ("z,y,x,id\n0,20,4,1e18\n", "line 2 has no number under id"),
    ],
)
def test_seeds_that_make_no_sense_are_refused(
    text: str, said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("s.csv").write_text(text)
    assert main(["segment", "p.h5", "o.h5", "--seeds", "s.csv", "--progress", "none"]) == 1
    assert said in capsys.readouterr().err
    assert sorted(p.name for p in place.iterdir()) == ["p.h5", "s.csv"]


def test_other_shapes_are_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_array("m.h5", np.ones((2, 40, 50), np.uint8))
    for flag, said in (("--mask", "the mask is (2, 40, 50)"), ("--seeds", "seeds are (2, 40, 50)")):
        assert main(["segment", "p.h5", "o.h5", flag, "m.h5", "--progress", "none"]) == 1
        assert said in capsys.readouterr().err
    assert main(["segment", "p.h5", "m.h5", "--mask", "m.h5", "--progress", "none"]) == 1
    assert "replace what it is made of" in capsys.readouterr().err


def test_cells_without_a_seed_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.csv").write_text("z,y,x\n0,20,10\n0,20,30\n")
    labels = grown("--seeds", "s.csv")
    said = capsys.readouterr().out
    assert "1 cell without a seed went to a neighbour (at 0, " in said
    z, y, x = (int(n) for n in said.split("(at ")[1].split(";")[0].split(","))
    assert (z, labels[z, y, x]) == (0, 2)
    assert x > 40
    assert "--unseeded empty leaves it empty" in said
    assert "1 of 2 sections has no seed and stays empty" in said
    Path("s.csv").write_text("z,y,x\n0,20,10\n0,20,30\n0,20,50\n1,2,2\n1,2,30\n1,2,50\n")
    grown("--seeds", "s.csv")
    said = capsys.readouterr().out
    assert "without a seed" not in said
    assert "stays empty" not in said


@pytest.mark.parametrize("dims", ["2", "3"])
def test_they_stay_empty_or_become_segments_if_asked(dims: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.csv").write_text("id,z,y,x\n7,0,20,10\n9,0,20,30\n7,1,20,10\n9,1,20,30\n")
    words = ["--seeds", "s.csv", "--dims", dims, "--unseeded"]
    empty = grown(*words, "empty")
    said = capsys.readouterr().out
    assert f"{3 - int(dims) + 1} cell{'s' * (dims == '2')} without a seed stayed empty" in said
    assert (empty[:, :, :19] == 7).all()
    assert (empty[:, :, 21:39] == 9).all()
    assert not empty[:, :, 42:].any()
    apart = grown(*words, "segment")
    said = capsys.readouterr().out
    assert "of their own" in said if dims == "2" else "of its own" in said
    assert (apart[:, :, :19] == 7).all()
    assert (apart[:, :, 21:39] == 9).all()
    new = np.unique(apart[:, :, 42:]).tolist()
    assert new == ([10, 11] if dims == "2" else [10])  # sections are segmented by themselves


def test_sections_without_a_seed_are_segmented_if_asked() -> None:
    paint = np.zeros((2, 40, 60), np.uint64)
    paint[0, 5:8, 5:8] = 2**40
    write_array("s.h5", paint)
    labels = grown("--seeds", "s.h5", "--unseeded", "segment")
    assert (labels[0, :, :19] == 2**40).all()
    assert np.unique(labels).tolist() == [2**40 + k for k in range(6)]


def test_a_seed_in_half_a_cell_takes_the_whole_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Something dark in the third cell, where the distance finds two maxima."""
    boundary = np.asarray(open_array("p.h5")[0][:])
    boundary[:, 18:22, 43:57] = 0.45
    write_array("q.h5", boundary, spacing_nm=SPACING)
    Path("s.csv").write_text("z,y,x\n0,20,10\n0,20,30\n0,5,50\n")
    for what in ("empty", "segment"):
        assert (
            main(["segment", "q.h5", "o.h5", "--seeds", "s.csv", "--unseeded", what, "--progress", "none"])
            == 0
        )
        assert (np.asarray(open_array("o.h5")[0][0])[:, 42:] == 3).all()
    Path("s.csv").write_text("z,y,x\n0,20,10\n0,20,30\n0,5,50\n0,35,50\n")
    assert (
        main(["segment", "q.h5", "o.h5", "--seeds", "s.csv", "--unseeded", "empty", "--progress", "none"])
        == 0
    )
    assert np.unique(open_array("o.h5")[0][0]).tolist() == [1, 2, 3, 4]


def test_what_becomes_of_cells_without_a_seed_needs_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", "p.h5", "o.h5", "--unseeded", "empty"]) == 2
    assert "--unseeded empty speaks of seeds, give them with --seeds" in capsys.readouterr().err


def test_an_unknown_thickness_is_said_where_it_matters(capsys: pytest.CaptureFixture[str]) -> None:
    write_array("q.h5", np.asarray(open_array("p.h5")[0][:]))
    for dims, is_said in (("3", True), ("2", False)):
        assert main(["segment", "q.h5", "o.h5", "--dims", dims, "--progress", "none"]) == 0
        said = capsys.readouterr().out
        assert "voxel size unknown: lengths in the settings are taken at 5 nm a pixel" in said
        assert ("sections are taken to be as thick as pixels are wide" in said) == is_said
        assert open_array("o.h5")[1] is None
