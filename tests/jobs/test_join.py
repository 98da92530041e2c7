"""Two tubes through twelve sections, in files that were numbered apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_array, write_array
from napari_emseg.io.opening import open_volume

if TYPE_CHECKING:
    from pathlib import Path

SPACING = (40.0, 8.0, 8.0)


@pytest.fixture(autouse=True)
def truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.chdir(tmp_path)
    truth = np.zeros((12, 30, 60), np.uint64)
    truth[:, 5:25, 4:24] = 1
    truth[:, 5:25, 34:54] = 2
    return truth


def parts(truth: np.ndarray, overlap: int) -> list[str]:
    """Three files; every other one has the two ids exchanged, and all are large."""
    names = []
    for n, start in enumerate((0, 4, 8)):
        chunk = truth[max(0, start - overlap) : start + 4]
        swapped = np.where(chunk > 0, 3 - chunk, 0) if n % 2 else chunk
        write_array(
            f"{n}.h5", np.where(swapped > 0, swapped + 2**40, 0).astype(np.uint64), spacing_nm=SPACING
        )
        names.append(f"{n}.h5")
    return names


@pytest.mark.parametrize("overlap", [0, 2])
def test_chunks_follow_each_other(
    truth: np.ndarray, overlap: int, capsys: pytest.CaptureFixture[str]
) -> None:
    names = parts(truth, overlap)
    assert main(["join", *names, "o.h5", "--overlap", str(overlap), "--progress", "none"]) == 0
    assert capsys.readouterr().out == "o.h5: 2 objects, 12 x 30 x 60\n"
    found, spacing = open_array("o.h5")
    np.testing.assert_array_equal(found[:], truth)
    assert spacing == SPACING


def test_regions_lie_where_their_files_say(truth: np.ndarray) -> None:
    for n, (x0, x1) in enumerate(((0, 30), (20, 60))):
        at = (400.0, 0.0, 8.0 * x0)
        write_array(
            f"{n}.h5", (truth[:, :, x0:x1] > 0).astype(np.uint8) * 9, spacing_nm=SPACING, offset_nm=at
        )
    assert main(["join", "1.h5", "0.h5", "o.zarr", "--progress", "none"]) == 0
    opened = open_volume("o.zarr")
    assert opened.offset_nm == (400.0, 0.0, 0.0)
    labels = np.asarray(opened.array[:])
    np.testing.assert_array_equal(labels > 0, truth > 0)
    # In the first file both tubes are one id.
    assert np.unique(labels).tolist() == [0, 1]
    assert (
        main(["join", "0.h5", "1.h5", "o.h5", "--at", "0,0,0", "--at", "12,30,60", "--progress", "none"]) == 0
    )
    assert open_array("o.h5")[0].shape == (24, 60, 100)


def test_the_volume_begins_where_the_first_of_its_files_does(truth: np.ndarray) -> None:
    for n, x0 in enumerate((30, 0)):
        at = (80.0, 16.0, 24.0 + 8.0 * x0)
        write_array(f"{n}.h5", truth[:, :, x0 : x0 + 30], spacing_nm=SPACING, offset_nm=at)
    assert main(["join", "0.h5", "1.h5", "o.h5", "--progress", "none"]) == 0
    opened = open_volume("o.h5")
    assert (opened.offset_nm, opened.holds_ids) == ((80, 16, 24), True)
    np.testing.assert_array_equal(np.asarray(opened.array[:]) > 0, truth > 0)
    write_array("corner.h5", truth[:2, :2, :2], spacing_nm=SPACING)  # says nothing: it lies at the corner
    assert main(["join", "1.h5", "corner.h5", "p.h5", "--progress", "none"]) == 0
    assert open_array("p.h5")[0].shape == (14, 32, 33)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("join 0.h5 bare.h5 o.h5", 1, "voxel sizes differ"),
        ("join 0.h5 1.h5 o.h5 --at 0,0,0", 2, "one for each"),
        ("join 0.h5 1.h5 o.h5 --at 0,0 --at 1,1,1", 2, "no Z,Y,X"),
        ("join 0.h5 1.h5 o.h5 --overlap -1", 2, "cannot be shared"),
        ("join 0.h5 1.h5 o.h5 --overlap 4", 1, "shares 4"),
        ("join 0.h5 1.h5 1.h5", 1, "replace what it is made of"),
        ("join 0.h5 other.h5 o.h5", 1, "voxel sizes differ"),
        ("join 0.h5 narrow.h5 o.h5", 1, "do not follow"),
        ("join 0.h5 float.h5 o.h5", 1, "whole numbers"),
        ("join 0.h5 between.h5 o.h5", 1, "between voxels"),
        ("join o.h5", 2, "required"),
    ],
)
def test_refusals(
    words: str, status: int, said: str, truth: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts(truth, 0)
    write_array("other.h5", truth[:4], spacing_nm=(40.0, 4.0, 4.0))
    write_array("bare.h5", truth[:4])
    write_array("narrow.h5", truth[:4, :, :9], spacing_nm=SPACING)
    write_array("float.h5", truth[:4].astype(np.float32), spacing_nm=SPACING)
    write_array("between.h5", truth[:4], spacing_nm=SPACING, offset_nm=(20.0, 0.0, 0.0))
    before = sorted(p.name for p in tmp_path.iterdir())
    assert main([*words.split(), "--progress", "none"]) == status
    assert said in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == before
