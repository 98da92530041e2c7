"""``napari-emseg preprocess`` as a shell sees it: every step, its way back, and its refusals."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_array, write_array
from napari_emseg.preprocess.deflicker import deflicker

SPACING = (50.0, 4.0, 4.0)


@pytest.fixture
def stack():
    from scipy.ndimage import gaussian_filter

    rough = gaussian_filter(np.random.default_rng(0).normal(size=(9, 48, 56)), (0.8, 2, 2))
    return np.clip(128 + 40 * rough / rough.std(), 1, 255).astype(np.uint8)


@pytest.fixture
def source(stack, tmp_path):
    write_array(tmp_path / "in.tif", stack, spacing_nm=SPACING)
    return tmp_path / "in.tif"


@pytest.fixture
def table(tmp_path):
    rows = np.random.default_rng(1).integers(-9, 10, (9, 2))
    np.savetxt(tmp_path / "t.txt", rows, fmt="%d")
    return tmp_path / "t.txt"


def run(capsys, *words):
    status = main(["preprocess", *(str(word) for word in words)])
    out, err = capsys.readouterr()
    return status, out, err


def test_deflicker_is_the_function(source, stack, tmp_path, capsys):
    status, out, err = run(capsys, "deflicker", source, tmp_path / "o.h5", "--radius-px", 5)
    assert (status, err) == (0, "")
    assert "9 sections" in out
    from napari_emseg.settings import DeflickerSettings

    found, spacing = open_array(tmp_path / "o.h5")
    assert spacing == SPACING
    assert np.array_equal(found[:], deflicker(stack, DeflickerSettings(radius_px=5)))


@pytest.mark.parametrize("more", [(), ("--cumulative",), ("--margin", "7")])
@pytest.mark.parametrize("kind", ["image", "labels"])
def test_align_and_unalign_give_the_same_file(kind, more, source, stack, table, tmp_path, capsys):
    values, flags = stack, list(more)
    if kind == "labels":
        values = stack.astype(np.uint32) * 70001
        write_array(source, values, spacing_nm=SPACING)
        flags.append("--labels")
    assert run(capsys, "align", source, tmp_path / "a.zarr", "--table", table, *flags)[0] == 0
    assert open_array(tmp_path / "a.zarr")[0].shape[1] > 48
    assert run(capsys, "unalign", tmp_path / "a.zarr", tmp_path / "u.h5", "--table", table, *flags)[0] == 0
    found, spacing = open_array(tmp_path / "u.h5")
    assert spacing == SPACING
    assert np.array_equal(found[:], values)


def test_predictions_with_channels_find_their_way_back(stack, table, tmp_path, capsys):
    both = np.stack([stack, 255 - stack])
    write_array(tmp_path / "p.h5", both, axes="czyx")
    assert run(capsys, "align", tmp_path / "p.h5", tmp_path / "a.h5", "--table", table)[0] == 0
    assert run(capsys, "unalign", tmp_path / "a.h5", tmp_path / "u.zarr", "--table", table)[0] == 0
    assert np.array_equal(open_array(tmp_path / "u.zarr")[0][:], both)


def test_points_are_moved_and_other_columns_stay(table, tmp_path, capsys):
    (tmp_path / "p.csv").write_text("name,z_nm,y_nm,x_nm\na,75,40,80\nb,410,1e6,-3\n", "utf-8")
    words = (tmp_path / "p.csv", tmp_path / "q.csv", "--table", table, "--pixel-size", "50,4,4")
    assert "fractions" not in run(capsys, "align", *words)[1]
    halves = tmp_path / "halves.txt"
    halves.write_text(table.read_text("utf-8").replace("\n", ".25\n", 2), "utf-8")
    said = run(capsys, "align", words[0], tmp_path / "h.csv", "--table", halves, *words[4:])[1]
    assert "2 rows hold fractions of pixels, which are rounded\n" in said
    words = (tmp_path / "q.csv", tmp_path / "r.csv", "--table", table, "--pixel-size", "50,4,4")
    assert run(capsys, "unalign", *words)[0] == 0
    with (tmp_path / "r.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["name"] for r in rows] == ["a", "b"]
    found = [[float(r[k]) for k in ("z_nm", "y_nm", "x_nm")] for r in rows]
    assert np.allclose(found, [[75, 40, 80], [410, 1e6, -3]], atol=1e-3)
    assert run(capsys, "align", tmp_path / "p.csv", tmp_path / "x.csv", "--table", table)[0] == 1


def test_an_estimated_table_brings_the_sections_back(tmp_path, capsys):
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(np.random.default_rng(0).normal(size=(140, 150)), 2)
    field = np.clip(128 + 40 * field / field.std(), 1, 255)
    shifts = [(0, 0), (5, -3), (-4, 6), (2, 2)]
    stack = np.stack([field[20 - y : 116 - y, 20 - x : 116 - x] for y, x in shifts]).astype(np.uint8)
    write_array(tmp_path / "in.h5", stack)
    status, out, _ = run(
        capsys, "align", tmp_path / "in.h5", tmp_path / "a.h5", "--estimate", tmp_path / "e.txt"
    )
    assert status == 0
    assert "e.txt: the table" in out
    found = np.loadtxt(tmp_path / "e.txt") + shifts
    assert (found == found[0]).all()
    run(capsys, "unalign", tmp_path / "a.h5", tmp_path / "u.h5", "--table", tmp_path / "e.txt")
    assert np.array_equal(open_array(tmp_path / "u.h5")[0][:], stack)


def test_bad_sections_are_reported_then_replaced(source, stack, tmp_path, capsys):
    stack[4] = 0
    write_array(source, stack, spacing_nm=SPACING)
    for report in ("b.csv", "b.json"):
        status, out, _ = run(
            capsys, "detect-bad", source, tmp_path / report, "--pictures", tmp_path / "pictures"
        )
        assert status == 0
        assert "section 4: missing" in out
        assert (tmp_path / "pictures" / "0004-missing.png").is_file()
        words = (
            "replace-bad",
            source,
            tmp_path / "o.h5",
            "--report",
            tmp_path / report,
            "--table",
            tmp_path / "r.json",
        )
        assert run(capsys, *words)[0] == 0
        found = open_array(tmp_path / "o.h5")[0][:]
        assert np.array_equal(found[4], stack[3])
        assert np.array_equal(np.delete(found, 4, 0), np.delete(stack, 4, 0))
    assert json.loads((tmp_path / "r.json").read_text()) == [{"section": 4, "sources": [3]}]
    # what the person has called good stays
    (tmp_path / "b.csv").write_text((tmp_path / "b.csv").read_text().replace(",yes", ",no"), "utf-8")
    run(capsys, "replace-bad", source, tmp_path / "o.h5", "--report", tmp_path / "b.csv")
    assert np.array_equal(open_array(tmp_path / "o.h5")[0][:], stack)
    # without a list they are looked for; a table can be replayed on labels, which are never mixed
    assert "section 4 replaced by 3" in run(capsys, "replace-bad", source, tmp_path / "o.h5")[1]
    labels = stack.astype(np.uint32)
    write_array(tmp_path / "l.h5", labels)
    words = ("replace-bad", tmp_path / "l.h5", tmp_path / "m.h5", "--labels")
    assert run(capsys, *words)[0] == 1
    assert run(capsys, *words, "--replay", tmp_path / "r.json")[0] == 0
    assert np.array_equal(open_array(tmp_path / "m.h5")[0][4], labels[3])


def test_crack_and_back(tmp_path, capsys):
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(np.random.default_rng(0).normal(size=(3, 128, 128)), (0.4, 2, 2))
    stack = np.clip(120 + 30 * field / field.std(), 1, 230).astype(np.uint8)
    stack[1, 60:70] = 250
    write_array(tmp_path / "in.h5", stack)
    words = ("crack", tmp_path / "in.h5", tmp_path / "o.h5", "--sections", "1")
    status, out, err = run(capsys, *words)
    assert (status, err) == (0, "")
    assert "1 cracked section mended" in out
    mended = open_array(tmp_path / "o.h5")[0][:]
    assert mended[1, 64].max() < 245
    assert np.array_equal(mended[[0, 2]], stack[[0, 2]])
    labels = np.zeros(stack.shape, np.uint32)
    labels[:, 10:50, 10:100], labels[:, 80:120, 30:90] = 70001, 5
    write_array(tmp_path / "l.h5", labels)
    record = tmp_path / "o.h5.cracks.json"
    for a, b, step in (("l", "m", "crack"), ("m", "n", "uncrack")):
        words = (step, tmp_path / f"{a}.h5", tmp_path / f"{b}.h5", "--labels", "--table", record)
        assert run(capsys, *words)[0] == 0
    back = open_array(tmp_path / "n.h5")[0][:]
    assert (back == labels).mean() > 0.98
    status, _, err = run(capsys, "crack", tmp_path / "in.h5", tmp_path / "x.h5", "--sections", "0")
    assert status == 1
    assert "no crack that divides the section" in err
    assert not (tmp_path / "x.h5").exists()


@pytest.mark.parametrize("opened", [10, 14])
def test_a_crack_is_found_whatever_the_section_looks_like_at_first(opened, tmp_path, capsys):
    """Two halves of a section that have moved apart, with nothing between them: it also counts as shifted."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(np.random.default_rng(0).normal(size=(256, 300)), 2.5)
    wide = (90 + 150 * (field - field.min()) / np.ptp(field)).astype(np.uint8)
    stack = np.repeat(wide[None, :, 22:278], 7, axis=0)
    y, x = np.indices(stack.shape[1:])
    across = x - 128 - 0.15 * (y - 128)
    left, right = wide[:, 22 + opened : 278 + opened], wide[:, 22 - opened : 278 - opened]
    stack[3] = np.where(across < -opened, left, np.where(across > opened, right, 0))
    write_array(tmp_path / "in.h5", stack)
    status, out, _ = run(capsys, "crack", tmp_path / "in.h5", tmp_path / "o.h5")
    assert status == 0
    assert "section 3: 2 parts" in out
    mended = open_array(tmp_path / "o.h5")[0][:].astype(float)
    before, after = (
        np.abs(one[3] - stack[2].astype(float))[20:-20, 30:-30].mean() for one in (stack, mended)
    )
    assert after < 0.1 * before
    assert np.array_equal(np.delete(mended, 3, 0), np.delete(stack, 3, 0))


def test_resample_by_size_and_by_factor(source, stack, tmp_path, capsys):
    assert run(capsys, "resample", source, tmp_path / "o.h5", "--to", "8")[0] == 0
    found, spacing = open_array(tmp_path / "o.h5")
    assert spacing == (50, 8, 8)
    assert np.array_equal(found[:], np.rint(stack.reshape(9, 24, 2, 28, 2).mean((2, 4))).astype(np.uint8))
    labels = np.kron(np.arange(4, dtype=np.uint32).reshape(1, 2, 2), np.ones((2, 4, 4), np.uint32))
    write_array(tmp_path / "l.h5", labels)
    words = ("resample", tmp_path / "l.h5", tmp_path / "m.h5", "--factor", "2,4,4", "--labels")
    assert run(capsys, *words)[0] == 0
    assert open_array(tmp_path / "m.h5")[0][:].tolist() == [[[0, 1], [2, 3]]]
    assert run(capsys, "resample", tmp_path / "l.h5", tmp_path / "n.h5", "--to", "8")[0] == 1
    write_array(tmp_path / "long.h5", labels, spacing_nm=(50.0, 6.0, 4.0))
    words = ("resample", tmp_path / "long.h5", tmp_path / "q.h5", "--to", "12", "--labels")
    assert run(capsys, *words)[0] == 0
    assert open_array(tmp_path / "q.h5")[1] == (50, 12, 12)


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("resample", "--factor", "2"), "add --labels"),
        (("crack", "--sections", "1"), "add --labels"),
        (("uncrack", "--table", "c.json"), "add --labels"),
        (("align", "--table", "t.txt", "--elastic", "e.npz"), "add --labels"),
        (("unalign", "--table", "t.txt", "--elastic", "e.npz"), "add --labels"),
        (("deflicker",), "give the image"),
        (("normalize",), "give the image"),
    ],
)
def test_ids_are_never_mixed(words, remedy, stack, table, tmp_path, capsys, monkeypatch):
    from napari_emseg.preprocess.elastic import Warp, nodes_of, warp_as_bytes

    monkeypatch.chdir(tmp_path)
    write_array("ids.h5", stack.astype(np.uint64) * 10**12)
    straight = Warp(np.zeros((9, 2, *nodes_of((48, 56), 16)), np.float32), 16, (48, 56))
    (tmp_path / "e.npz").write_bytes(warp_as_bytes(straight))
    (tmp_path / "c.json").write_text("[]")
    status, _, err = run(capsys, words[0], "ids.h5", "o.h5", *words[1:])
    assert (status, err.count("\n")) == (1, 1)
    assert "these are object ids" in err
    assert remedy in err
    assert not (tmp_path / "o.h5").exists()


def test_ids_of_few_bits_are_seen_to_be_ids(tmp_path, capsys):
    """Once 16-bit ids were averaged, and nothing was said."""
    ids = np.kron(np.arange(1, 17, dtype=np.uint16).reshape(1, 4, 4) * 3, np.ones((2, 25, 25), np.uint16))
    write_array(tmp_path / "l.tif", ids)
    words = ("resample", tmp_path / "l.tif", tmp_path / "m.tif", "--factor", "2")
    status, _, err = run(capsys, *words)
    assert status == 1
    assert "add --labels, or --image if they are grey values" in err
    assert not (tmp_path / "m.tif").exists()
    assert run(capsys, *words, "--labels")[0] == 0
    assert set(np.unique(open_array(tmp_path / "m.tif")[0][:])) == set(range(3, 51, 3))
    assert run(capsys, *words, "--image")[0] == 0
    assert len(np.unique(open_array(tmp_path / "m.tif")[0][:])) > 16
    words = ("replace-bad", tmp_path / "l.tif", tmp_path / "m.tif", "--bad", "1", "--method")
    assert [run(capsys, *words, method)[0] for method in ("nearest", "flow")] == [0, 1]


def test_normalize_as_the_network_does(source, stack, tmp_path, capsys):
    from napari_emseg.core.stack import section_statistics

    assert run(capsys, "normalize", source, tmp_path / "o.h5")[0] == 0
    mean, std = section_statistics(stack[2])
    assert np.allclose(open_array(tmp_path / "o.h5")[0][2], (stack[2] - mean) / std, atol=1e-5)
    for kind in ("range", "window", "clahe"):
        assert run(capsys, "normalize", source, tmp_path / f"{kind}.tif", "--kind", kind)[0] == 0
    assert open_array(tmp_path / "clahe.tif")[0].dtype == np.uint8
    assert run(capsys, "normalize", source, tmp_path / "x.tif", "--kind", "window", "--low", 4)[0] == 2


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("1 2\n", "the table has 1 row and the stack 9 sections"),
        ("1 nan\n" * 9, "not a number"),
        ("", "is empty"),
    ],
)
def test_a_wrong_table_is_one_clear_line_and_leaves_nothing(rows, says, source, tmp_path, capsys):
    (tmp_path / "bad.txt").write_text(rows, "utf-8")
    status, out, err = run(capsys, "align", source, tmp_path / "a.zarr", "--table", tmp_path / "bad.txt")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("error: ")
    assert says in err
    assert not (tmp_path / "a.zarr").exists()


def test_nan_in_a_late_section_leaves_nothing_behind(tmp_path, capsys):
    values = np.random.default_rng(0).random((40, 24, 24), dtype=np.float32)
    values[33, 2, 2] = np.nan
    np.save(tmp_path / "x.npy", values)
    write_array(tmp_path / "in.h5", values)
    status, _, err = run(capsys, "deflicker", tmp_path / "in.h5", tmp_path / "o.h5")
    assert (status, err.count("\n")) == (1, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.h5", "x.npy"]


@pytest.mark.parametrize(
    "words", [[], ["deflicker"], ["align", "a", "b"], ["brush", "a", "b"], ["uncrack", "a", "b"]]
)
def test_a_wrong_call_is_2_with_usage(words, capsys):
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith("usage: napari-emseg preprocess")


def test_progress_may_stand_after_the_step(source, tmp_path, capsys):
    _, _, err = run(capsys, "deflicker", source, tmp_path / "o.h5", "--progress", "json")
    lines = [json.loads(line) for line in err.splitlines()]
    assert lines
    assert lines[0]["message"].startswith("evening out: section 1 of 9")


def test_bent_sections_are_aligned_and_everything_goes_back(tmp_path, capsys):
    """Shifts and displacements are estimated and written, applied to labels and points, and taken back."""
    from scipy.ndimage import gaussian_filter

    from napari_emseg.phantom.warps import draw_warps, warped

    rough = gaussian_filter(np.random.default_rng(2).normal(size=(128, 140)), 2)
    still = np.clip(128 + 40 * rough / rough.std(), 1, 255).astype(np.uint8)
    bent = warped(
        np.stack([still] * 8), draw_warps(np.random.default_rng(3), (8, 128, 140), sigma_px=2, length_px=50)
    )
    write_array(tmp_path / "in.h5", bent, spacing_nm=SPACING)
    labels = np.broadcast_to((np.indices((128, 140)).sum(0) // 40 * 1000 + 7).astype(np.uint32), bent.shape)
    write_array(tmp_path / "ids.h5", labels, spacing_nm=SPACING)
    files = ("--table", tmp_path / "t.txt", "--elastic", tmp_path / "e.npz")
    status, out, err = run(
        capsys, "align", tmp_path / "in.h5", tmp_path / "a.h5", "--estimate", tmp_path / "t.txt",
        "--elastic", tmp_path / "e.npz",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "displacements up to" in out
    aligned = open_array(tmp_path / "a.h5")[0][:].astype(float)
    inner = (slice(None), slice(30, -30), slice(30, -30))
    assert aligned[inner].std(axis=0).mean() < 0.75 * bent.astype(float)[inner].std(axis=0).mean()
    assert run(capsys, "align", tmp_path / "in.h5", tmp_path / "again.h5", *files)[0] == 0
    assert np.array_equal(open_array(tmp_path / "again.h5")[0][:], aligned)
    assert run(capsys, "align", tmp_path / "ids.h5", tmp_path / "moved.h5", "--labels", *files)[0] == 0
    assert run(capsys, "unalign", tmp_path / "moved.h5", tmp_path / "back.h5", "--labels", *files)[0] == 0
    back = open_array(tmp_path / "back.h5")[0][:]
    assert back.shape == labels.shape
    assert np.isin(back, np.append(0, labels[0])).all()
    assert (back == labels)[inner].mean() > 0.97
    (tmp_path / "p.csv").write_text("z,y,x,name\n1,60.25,70.5,a\n4,20,33,b\n")
    assert run(capsys, "align", tmp_path / "p.csv", tmp_path / "q.csv", *files)[0] == 0
    assert run(capsys, "unalign", tmp_path / "q.csv", tmp_path / "r.csv", *files)[0] == 0
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert [float(rows[0][c]) for c in "zyx"] == pytest.approx([1, 60.25, 70.5], abs=1e-3)
    assert rows[1]["name"] == "b"
    write_array(tmp_path / "other.h5", bent[:, :-2], spacing_nm=SPACING)
    status, _, err = run(capsys, "align", tmp_path / "other.h5", tmp_path / "x.h5", *files)
    assert (status, (tmp_path / "x.h5").exists()) == (1, False)
    assert "elastic alignment is for" in err
    status, _, err = run(
        capsys,
        "align",
        tmp_path / "in.h5",
        tmp_path / "x.h5",
        "--table",
        tmp_path / "t.txt",
        "--elastic",
        tmp_path / "p.csv",
    )
    assert status == 1
    assert "no elastic alignment" in err
