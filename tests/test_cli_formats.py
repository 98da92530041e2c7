"""Commands for lists, tables and annotations: exit status, one line of error, nothing half-written."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_array, write_array
from napari_emseg.io.annotations import read_annotations
from napari_emseg.io.cremi import POST, PRE, CremiAnnotations
from napari_emseg.io.cremi_writing import write_cremi
from napari_emseg.io.opening import open_volume
from napari_emseg.io.vast_table import read_vast_table

SPACING = (50.0, 4.0, 4.0)
LABELS = np.zeros((4, 12, 16), np.uint32)
LABELS[0, 2:6, 3:9] = 70_000
LABELS[1, 5:8, 10:15] = 2
LABELS[3, 0:2, 0:2] = 3
KNOWN = "0-80: 109-208, 5-61\n81-99: 92-191, 4-60\n100-120: 777-175, 3-59\n121-130: 60-159, 2-58\n"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    write_array(tmp_path / "labels.h5", LABELS, spacing_nm=SPACING)
    return tmp_path / "labels.h5"


def test_vast_there_and_back(tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "v.vast"
    assert (
        main(["vast", "export", str(labels), str(out), "--tile", "8", "--offset", "9,100,200", "--mip", "1"])
        == 0
    )
    assert "4 sections, 3 segments" in capsys.readouterr().out
    assert len(list(out.glob("*.png"))) == 4 * 4
    assert (out / "0009_tr1-tc1.png").exists()
    assert read_vast_table(out / "segments.txt")[2].box == (220, 110, 10, 229, 115, 10)
    assert main(["vast", "import", str(out), str(tmp_path / "back.zarr")]) == 0
    back = open_volume(tmp_path / "back.zarr")
    np.testing.assert_array_equal(back.array[:], LABELS)
    assert back.spacing_nm == SPACING
    assert len(read_vast_table(tmp_path / "back.segments.txt").segments) == 4
    assert main(["vast", "import", str(out), f"{tmp_path}/in.h5::labels/cells"]) == 0
    assert len(read_vast_table(tmp_path / "in.segments.txt").segments) == 4
    assert main(["vast", "show", str(out / "segments.txt")]) == 0
    assert "   70000  Segment 70000" in capsys.readouterr().out


def test_classes_are_kept_or_dropped(
    tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.csv").write_text("id,class\n2,glia\n3,glia\n70000,axon\n")
    common = ["--table", str(tmp_path / "c.csv"), "--class", "GLIA"]
    assert main(["vast", "drop", str(labels), str(tmp_path / "d.h5"), *common]) == 0
    assert "2 objects of class GLIA left out\n" in capsys.readouterr().out
    np.testing.assert_array_equal(open_array(tmp_path / "d.h5")[0][:], np.where(LABELS == 70_000, LABELS, 0))
    assert main(["vast", "keep", str(labels), str(tmp_path / "k.h5"), *common]) == 0
    assert "2 objects of class GLIA kept\n" in capsys.readouterr().out
    np.testing.assert_array_equal(open_array(tmp_path / "k.h5")[0][:], np.where(LABELS == 70_000, 0, LABELS))


def test_names_and_colours_travel_from_vast_to_vast(tmp_path: Path, labels: Path) -> None:
    first, second = tmp_path / "a.vast", tmp_path / "b.vast"
    assert main(["convert", str(labels), str(first)]) == 0
    table = first / "segments.txt"
    table.write_text(table.read_text().replace("Segment 2", "mein µ-Axon"))
    assert main(["convert", str(first), f"{second}/"]) == 0
    np.testing.assert_array_equal(open_array(second)[0][:], LABELS)
    assert read_vast_table(second / "segments.txt") == read_vast_table(table)


def test_skeletons_between_all_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.swc").write_text("1 1 400 800 5000 20 -1\n2 3 440 800 5050 -1 1\n")
    names = ["a.swc::nm", "b.nml", "c.json", "d.csv", "e.hdf::annotations", "f.swc", "g.nml"]
    for source, target in pairwise(names):
        out = tmp_path / target.partition("::")[0]
        assert main(["convert", f"{tmp_path}/{source}", str(out), "--pixel-size", "50,4,4"]) == 0
    assert "1 tree, 2 nodes" in capsys.readouterr().out
    (tree,) = read_annotations(tmp_path / "g.nml").trees  # type: ignore[union-attr]
    assert tree.points_nm.tolist() == [[5000, 800, 400], [5050, 800, 440]]
    assert main(["convert", str(tmp_path / "g.nml"), str(tmp_path / "back.hdf")]) == 0
    assert "back.hdf: 2 sites, 1 pair" in capsys.readouterr().out
    assert '<node id="1"' in (tmp_path / "g.nml").read_text()
    assert 'x="100" ' in (tmp_path / "b.nml").read_text()


def test_a_log_becomes_a_curve_and_a_bad_file_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log_approx.txt").write_text("[Volume 3] train_loss=0.5000 lr=0.00100\n")
    assert main(["convert", str(tmp_path / "log_approx.txt"), str(tmp_path / "c.csv")]) == 0
    assert (tmp_path / "c.csv").read_text() == "step,loss,learning_rate\n3,0.5,0.001\n"
    (tmp_path / "bad.nml").write_text("<things")
    capsys.readouterr()
    assert main(["convert", str(tmp_path / "bad.nml"), str(tmp_path / "x.swc")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: the XML is damaged or cut short")
    assert error.count("\n") == 1
    assert not (tmp_path / "x.swc").exists()


def test_missing_tiles_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    Image.fromarray(np.full((4, 4), 7, np.uint8)).save(tmp_path / "1_1.png")
    sizes = {"depth": 1, "height": 4, "width": 8, "n_rows": 1, "n_columns": 2, "tile_size": 4}
    (tmp_path / "db.json").write_text(json.dumps({"sections": ["{row}_{column}.png"], "dimensions": sizes}))
    assert main(["convert", str(tmp_path / "db.json"), str(tmp_path / "o.h5")]) == 0
    assert "1 of 2 tiles is missing and shown as grey 128" in capsys.readouterr().out
    assert open_array(tmp_path / "o.h5")[0][0, 0].tolist() == [7] * 4 + [128] * 4


def test_ids_that_vast_cannot_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_array(tmp_path / "big.h5", np.full((1, 4, 4), 2**24, np.uint32))
    assert main(["vast", "export", str(tmp_path / "big.h5"), str(tmp_path / "v.vast")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ids of an RGB image do not fit 24 bits: 16777216")
    assert error.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["big.h5"]


def test_the_table_is_checked_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "roi.txt").write_text(KNOWN)
    assert main(["roi", "check", str(tmp_path / "roi.txt")]) == 1
    said = capsys.readouterr()
    assert "row 3: its box is -602 and not 99 pixels wide like the others; x0 should be 76" in said.out
    assert said.err.startswith("error: the table has 1 fault,")
    fix = tmp_path / "right.csv"
    assert main(["roi", "check", str(tmp_path / "roi.txt"), "--fix", str(fix), "--sections", "131"]) == 0
    assert main(["roi", "check", str(fix), "--sections", "131"]) == 0
    assert "all well; boxes of 99 x 56 pixels" in capsys.readouterr().out


def test_windows_and_middle_parts(tmp_path: Path, labels: Path) -> None:
    out = str(tmp_path / "w.zarr")
    assert main(["roi", "cut", str(labels), out, "--region", "1:3,2:9,4:"]) == 0
    opened = open_volume(out)
    np.testing.assert_array_equal(opened.array[:], LABELS[1:3, 2:9, 4:])
    assert opened.offset_nm == (50, 8, 16)
    assert main(["roi", "cut", str(labels), out, "--centre", "2,4,6"]) == 0
    np.testing.assert_array_equal(open_array(out)[0][:], LABELS[1:3, 4:8, 5:11])


def test_boxes_around_labels_and_the_same_boxes_of_the_image(
    tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.random.default_rng(0).integers(1, 255, LABELS.shape, np.uint8)
    write_array(tmp_path / "em.h5", image)
    table = tmp_path / "boxes.csv"
    assert main(["roi", "boxes", str(labels), str(table), "--margin", "2"]) == 0
    assert table.read_text().splitlines() == [
        "first,last,x0,x1,y0,y1", "0,0,1,11,0,8", "1,1,8,16,3,10", "3,3,0,4,0,4"
    ]  # fmt: skip
    assert "boxes.csv: 3 boxes, 1 section without labels left out\n" in capsys.readouterr().out
    assert main(["roi", "boxes", str(labels), str(tmp_path / "g.csv"), "--first", "20"]) == 0
    assert [row[:6] for row in (tmp_path / "g.csv").read_text().splitlines()[1:]] == [
        "20,20,",
        "21,21,",
        "23,23,",
    ]
    assert main(["roi", "cut", str(tmp_path / "em.h5"), str(tmp_path / "cut.h5"), "--table", str(table)]) == 0
    cut = open_array(tmp_path / "cut.h5")[0][:]
    assert cut.shape == (3, 8, 10)
    np.testing.assert_array_equal(cut[0], image[0, 0:8, 1:11])
    np.testing.assert_array_equal(cut[1, 0:7, 1:9], image[1, 3:10, 8:16])
    np.testing.assert_array_equal(cut[2], np.pad(image[3, 0:4, 0:4], ((2, 2), (3, 3)), mode="reflect"))


def test_margins_on_and_off(tmp_path: Path, labels: Path) -> None:
    on, off = str(tmp_path / "on.h5"), str(tmp_path / "off.h5")
    assert main(["roi", "pad", str(labels), on, "--by", "14,20,20"]) == 0
    np.testing.assert_array_equal(
        open_array(on)[0][:], np.pad(LABELS, ((14, 14), (20, 20), (20, 20)), mode="reflect")
    )
    assert main(["roi", "pad", on, off, "--by", "14,20,20", "--remove"]) == 0
    np.testing.assert_array_equal(open_array(off)[0][:], LABELS)


@pytest.mark.parametrize(
    "words",
    [["roi", "cut", "IN", "out.h5", "--region", "0:9,:,:"], ["vast", "keep", "IN", "out.h5", "--class", "x"]],
)  # fmt: skip
def test_what_is_missing_is_said(
    words: list[str],
    labels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(labels) if w == "IN" else w for w in words]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not Path("out.h5").exists()


def test_scores_on_the_command_line(tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "detection", str(labels), str(labels), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["f1"], scores["f1_mean"], scores["panoptic_quality"], scores["matched"]) == (1, 1, 1, 3)
    write_array(tmp_path / "none.h5", np.zeros_like(LABELS), spacing_nm=SPACING)
    assert main(["evaluate", "clefts", str(labels), str(tmp_path / "none.h5"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["score"] is None
    assert "no cleft in the prediction" in scores["reason"]
    assert main(["evaluate", "clefts", str(labels), str(tmp_path / "none.h5")]) == 0
    assert "score      not defined" in capsys.readouterr().out
    assert main(["evaluate", "partners", str(labels), str(labels)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["evaluate", "detection", str(labels), str(labels), "--iou", "2"]) == 2


def test_partners_that_are_too_far_apart_are_left_out_and_named(
    tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = np.array(
        [[0, 0, 900], [0, 0, 0], [0, 0, 1000], [0, 120, 0]], float
    )  # pairs lie 1000 and 120 nm apart
    sites = CremiAnnotations(
        ids=np.array([7, 3, 5, 4], np.uint64), types=(PRE, PRE, POST, POST), locations_nm=places,
        partners=np.array([[3, 5], [3, 4]], np.uint64),
    )  # fmt: skip
    write_cremi(tmp_path / "a.hdf", annotations=sites)
    source, out = f"{tmp_path}/a.hdf::annotations", str(tmp_path / "b.hdf")
    assert main(["convert", source, out, "--farthest", "300"]) == 0
    said = capsys.readouterr().out
    assert "4 sites, 1 pair\n" in said
    assert "partners lie 560 nm apart (median;" in said
    assert "1 pair further apart than 300 nm is left out: 3-5\n" in said
    kept = read_annotations(f"{out}::annotations")
    assert isinstance(kept, CremiAnnotations)
    assert kept.partners.tolist() == [[3, 4]]
    assert main(["convert", str(labels), f"{out}::volumes/labels/neuron_ids"]) == 0
    volume = open_volume(f"{out}::volumes/labels/neuron_ids").array
    assert main(["convert", f"{out}::annotations", out]) == 1, "its volumes would be lost"
    assert "would replace what it is made of" in capsys.readouterr().err
    assert main(["convert", source, f"{out}::annotations"]) == 0
    np.testing.assert_array_equal(open_volume(f"{out}::volumes/labels/neuron_ids").array[:], volume[:])
    assert read_annotations(f"{out}::annotations").partners.tolist() == [[3, 5], [3, 4]]
    assert main(["convert", source, f"{out}::sites"]) == 1
    assert f"write to {out}::annotations" in capsys.readouterr().err
    assert main(["convert", str(labels), str(tmp_path / "c.h5"), "--farthest", "300"]) == 2
    assert "only synaptic partners" in capsys.readouterr().err
    (tmp_path / "a.swc").write_text("1 0 0 0 0 1 -1\n", "utf-8")
    assert main(["convert", f"{tmp_path}/a.swc::nm", str(tmp_path / "d.nml"), "--farthest", "300"]) == 1
    assert "it holds no synaptic partners" in capsys.readouterr().err


def test_a_pixel_size_is_no_section_thickness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    moved = np.roll(LABELS, 1, axis=0)
    write_array("bare.h5", LABELS)
    write_array("moved.h5", moved)
    write_array("known.h5", moved, spacing_nm=SPACING)
    words = ["--pixel-size", "4", "--json"]
    assert main(["evaluate", "clefts", "bare.h5", "moved.h5", *words]) == 1
    assert "the section thickness is missing" in capsys.readouterr().err
    assert main(["evaluate", "segmentation", "bare.h5", "moved.h5", "--error-map", "e.h5", *words]) == 0
    assert open_array("e.h5")[1] is None
    assert capsys.readouterr().err == ""
    assert main(["evaluate", "clefts", "bare.h5", "known.h5", *words]) == 0  # the prediction says it
    seen = json.loads(capsys.readouterr().out)
    assert main(["evaluate", "clefts", "bare.h5", "known.h5", "--pixel-size", "50,4,4", "--json"]) == 0
    assert seen == json.loads(capsys.readouterr().out)
    assert main(["evaluate", "segmentation", "bare.h5", "moved.h5", *words]) == 0


@pytest.mark.parametrize(
    "words",
    [
        "segment map.h5 OUT", "segment map.h5 OUT --dims 3", "tidy labels.h5 OUT --fill-holes", "tidy map.h5 OUT --median 4",
        "instances map.h5 OUT", "propagate labels.h5 OUT", "preprocess deflicker grey.h5 OUT",
        "preprocess normalize grey.h5 OUT", "preprocess replace-bad grey.h5 OUT --bad 1",
    ],
)  # fmt: skip
def test_results_lie_where_their_source_does(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grey = np.random.default_rng(0).integers(60, 200, LABELS.shape).astype(np.uint8)
    for name, array in (("labels", LABELS), ("map", (LABELS == 0).astype(np.float32)), ("grey", grey)):
        write_array(f"{name}.h5", array, spacing_nm=SPACING, offset_nm=(150.0, 42.0, -8.0))
    assert main(words.replace("OUT", "out.h5").split()) == 0
    assert open_volume("out.h5").offset_nm == (150, 42, -8)
    assert main(words.replace("OUT", "out.wk").split()) == 0  # counts in voxels, and says none
    assert open_volume("out.wk").offset_nm in (None, (0, 0, 0))


def test_a_predicted_region_lies_where_it_was_cut_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grey = np.random.default_rng(0).integers(60, 200, LABELS.shape).astype(np.uint8)
    write_array("grey.h5", grey, spacing_nm=SPACING, offset_nm=(150.0, 42.0, -8.0))
    words = "predict grey.h5 out.h5 --model membrane-phantom --tta none --no-walls --device cpu"
    assert main([*words.split(), "--region", "1:3,4:12,2:16"]) == 0
    assert open_volume("out.h5").offset_nm == (200, 58, 0)
