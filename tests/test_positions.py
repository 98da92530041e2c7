"""Where results of commands lie that are no copies voxel by voxel: in space, their tissue stays where it was.

A stack of four sections of 40 x 48 pixels of 4 nm, 50 nm apart, whose first voxel lies at (150, 42, -8) nm.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.core.progress import Silent
from napari_emseg.io import open_volume, write_array

SPACING, OFFSET = (50.0, 4.0, 4.0), (150.0, 42.0, -8.0)
SHAPE = (4, 40, 48)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    grey = np.random.default_rng(0).integers(60, 200, SHAPE).astype(np.uint8)
    labels = np.zeros(SHAPE, np.uint32)
    labels[:, 5:20, 5:20], labels[:, 22:38, 10:44] = 3, 9
    for name, array in (("grey", grey), ("labels", labels)):
        write_array(f"{name}.h5", array, spacing_nm=SPACING, offset_nm=OFFSET)
        write_array(f"{name}-nowhere.h5", array, spacing_nm=SPACING)
    Path("shifts.txt").write_text("0 0\n3 -2\n-1 5\n2 2\n")
    Path("clicks.txt").write_text("0 3 3 1\n0 30 30 0\n")
    return tmp_path


def lies_at(path: str) -> tuple[float, ...] | None:
    return open_volume(path).offset_nm


def done(words: str) -> None:
    assert main(words.split()) == 0


def test_a_resampled_stack_lies_with_its_corner_where_it_was() -> None:
    done("preprocess resample grey.h5 out.h5 --factor 1,2,2")
    assert lies_at("out.h5") == (150, 44, -6)  # the middle of a voxel of two is half an old one further
    done("preprocess resample labels.h5 out2.h5 --to 100,8,8 --labels")
    assert lies_at("out2.h5") == (175, 44, -6)
    done("preprocess resample grey-nowhere.h5 out3.h5 --factor 2")
    assert lies_at("out3.h5") is None


def test_aligned_tissue_that_was_not_shifted_stays_where_it_was_and_all_comes_back() -> None:
    done("preprocess align grey.h5 aligned.h5 --table shifts.txt --margin 1")
    found, before = open_volume("aligned.h5"), open_volume("grey.h5")
    assert found.offset_nm == (150, 42 - 2 * 4, -8 - 3 * 4)
    voxel = tuple(
        round((o - f) / s) for o, f, s in zip(OFFSET, found.offset_nm or OFFSET, SPACING, strict=True)
    )
    assert found.array[voxel] == before.array[0, 0, 0]
    done("preprocess unalign aligned.h5 back.h5 --table shifts.txt --margin 1")
    back = open_volume("back.h5")
    np.testing.assert_array_equal(back.array[:], before.array[:])
    assert back.offset_nm == OFFSET
    done("preprocess align grey-nowhere.h5 out.h5 --table shifts.txt")
    assert lies_at("out.h5") is None
    done("preprocess align grey.h5 out.wk --table shifts.txt")  # counts in voxels from 0, and says none
    assert lies_at("out.wk") in (None, (0, 0, 0))


def test_mended_and_brought_back_stacks_lie_where_they_did() -> None:
    done("preprocess crack grey.h5 mended.h5")
    assert lies_at("mended.h5") == OFFSET
    done("preprocess crack labels.h5 labels-mended.h5 --labels --table mended.h5.cracks.json")
    assert lies_at("labels-mended.h5") == OFFSET
    done("preprocess uncrack mended.h5 back.h5 --table mended.h5.cracks.json")
    assert lies_at("back.h5") == OFFSET


def test_what_is_found_by_clicks_lies_where_the_stack_does() -> None:
    done("fewshot grey.h5 out.h5 --clicks clicks.txt --model membrane-phantom")
    assert lies_at("out.h5") == OFFSET


@pytest.mark.parametrize(
    ("sections", "where"), [("", OFFSET), ("1-2", (200.0, 42.0, -8.0)), ("0,2", None), ("0", OFFSET)]
)
def test_errors_lie_where_the_truth_does(sections: str, where: tuple[float, ...] | None) -> None:
    words = f"evaluate segmentation labels.h5 labels.h5 --error-map out.h5 --sections {sections}"
    done(words if sections else words.removesuffix("--sections "))
    assert lies_at("out.h5") == where


def test_errors_of_some_sections_lie_behind_the_others() -> None:
    done("evaluate segmentation labels-nowhere.h5 labels.h5 --error-map out.h5 --sections 2-3")
    assert lies_at("out.h5") == (100, 0, 0)


def test_branches_lie_in_their_objects_and_runs_are_counted_there(capsys: pytest.CaptureFixture[str]) -> None:
    done("propagate labels.h5 out.h5 --graph out.swc")
    rows = [line.split() for line in Path("out.swc").read_text().splitlines() if line[0] != "#"]
    first = [float(value) * 1000 for value in rows[0][2:5]]
    assert first == pytest.approx([-8 + 4 * 12, 42 + 4 * 12, 150])  # x, y, z: the middle of object 3
    capsys.readouterr()
    done("evaluate segmentation out.h5 out.h5 --skeletons out.swc --json")
    assert json.loads(capsys.readouterr().out)["run_length_part"] == 1


def test_copies_of_a_project_lie_where_its_stack_does(place: Path) -> None:
    from napari_emseg.io import open_image
    from napari_emseg.jobs import align, preprocess
    from napari_emseg.preprocess.alignment import Alignment
    from napari_emseg.preprocess.shift_table import read_shifts
    from napari_emseg.session import Session

    image = open_image("grey.h5")
    session = Session.create(place / "toy.emseg", image)
    try:
        cleaned = preprocess.run(preprocess.prepare(session, image), Silent())
        assert lies_at(str(cleaned.output)) == OFFSET
        alignment = Alignment(read_shifts(Path("shifts.txt")))
        aligned = align.run(align.prepare(session, alignment), Silent())
        assert lies_at(str(aligned)) == (150, 42 - 4, -8 - 2 * 4)
    finally:
        session.close()
