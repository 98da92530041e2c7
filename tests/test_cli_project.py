"""`napari-emseg project` as a shell sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_array, open_image, write_array
from napari_emseg.session import Session

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (3, 20, 30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image = np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE)
    write_array(tmp_path / "em.tif", image, spacing_nm=(50.0, 4.0, 4.0))
    session = Session.create(tmp_path / "em.emseg", open_image(tmp_path / "em.tif"))
    session.volume[1, 4:16, 4:16] = 7
    session.close()
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main(["project", *(str(word) for word in words)])
    said = capsys.readouterr()
    return status, said.out, said.err


def paint(folder: Path, z: int, rows: slice, value: int) -> None:
    session = Session.open(folder)
    session.volume[z, rows, 4:16] = value
    session.close()


def labels(folder: Path, z: int = 1) -> np.ndarray:
    session = Session.open(folder)
    found = session.volume[z].copy()
    session.close()
    return found


def test_looking_into_a_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = folder / "em.emseg"
    status, out, _ = call(capsys, "info", project, "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["edits"], found["shape"], found["spacing_nm"]) == (1, list(SHAPE), [50, 4, 4])
    out = call(capsys, "info", project)[1]
    assert "3 sections of 20 x 30 pixels, 50 x 4 x 4 nm (z, y, x)\n" in out
    assert "  sections: 0 predicted, 0 proofread, 0 excluded, of 3\n" in out
    assert "  edits: 1, the last at 20" in out
    status, out, _ = call(capsys, "history", project, "--json")
    (row,) = map(json.loads, out.splitlines())
    assert (row["name"], row["sections"], row["region"]) == ("paint", [1], [[1, 4, 4], [2, 16, 16]])
    assert "paint" in call(capsys, "history", project)[1]


def test_there_and_back_with_a_colleague(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = folder / "em.emseg"
    pack = folder / "em.emseg.zip"
    assert call(capsys, "pack", project, pack, "--no-image")[0] == 0
    assert call(capsys, "unpack", pack, folder / "theirs.emseg")[0] == 0
    paint(folder / "theirs.emseg", 1, slice(4, 10), 8)
    paint(project, 1, slice(8, 12), 9)
    status, out, _ = call(capsys, "import", project, folder / "theirs.emseg")
    assert status == 0
    assert "1 conflict" in out
    assert "1 conflicts" not in out
    assert ", 24 px" in out
    now = labels(project)
    assert set(now[4:8, 4:16].ravel()) == {10}  # their 8 is a new object of theirs
    assert (now[8:12, 4:16] == 9).all()
    status, out, _ = call(capsys, "import", project, folder / "theirs.emseg", "--conflicts", "theirs")
    assert status == 0
    assert "1 conflict decided: theirs" in out
    status, _, err = call(capsys, "pack", project, pack)
    assert status == 1
    assert err.startswith("error: there is already something here")


def test_copy_and_restore(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project, copy = folder / "em.emseg", folder / "copy.emseg"
    assert call(capsys, "copy", project, copy, "--with-image")[0] == 0
    paint(copy, 1, slice(0, 20), 3)
    assert call(capsys, "restore", copy, 1)[0] == 0
    np.testing.assert_array_equal(labels(copy), labels(project))
    status, _, err = call(capsys, "restore", copy, 99)
    assert (status, err.splitlines()) == (1, [err.strip()])
    assert "no such edit" in err


def test_a_project_that_is_open_is_not_copied(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session.open(folder / "em.emseg")
    status, _, err = call(capsys, "copy", folder / "em.emseg", folder / "copy.emseg")
    assert status == 1
    assert "this project is in use" in err
    status, _, err = call(capsys, "restore", folder / "em.emseg", 1)
    assert status == 1
    assert "cannot be changed" in err
    assert call(capsys, "history", folder / "em.emseg")[0] == 0
    session.close()


def test_labels_export_and_the_image_elsewhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = folder / "em.emseg"
    coarse = np.zeros((3, 10, 15), np.uint16)
    coarse[2, 2:4, 2:4] = 5
    write_array(folder / "coarse.h5", coarse, spacing_nm=(50.0, 8.0, 8.0))
    status, out, _ = call(capsys, "labels", project, folder / "coarse.h5")
    assert status == 0
    assert "labels of 1 section taken over, resampled" in out
    status, out, _ = call(
        capsys,
        "export",
        project,
        folder / "out.tif",
        "--methods",
        folder / "m.txt",
        "--sections",
        folder / "s.csv",
    )
    assert status == 0
    found, spacing = open_array(folder / "out.tif")
    assert spacing == (50, 4, 4)
    assert (found[1][4:16, 4:16] == 7).all()
    assert (found[2][4:8, 4:8] > 0).all()  # both begin at the same corner
    assert int((found[2] > 0).sum()) == 16
    assert "corrected by hand" in (folder / "m.txt").read_text("utf-8")
    assert len((folder / "s.csv").read_text("utf-8").splitlines()) == 4
    for option in ("--methods", "--sections"):
        status, _, err = call(capsys, "export", project, option, project / "project.json")
        assert (status, "inside a project" in err) == (1, True)
    (folder / "em.tif").rename(folder / "moved.tif")
    status, _, err = call(capsys, "export", project, folder / "out2.tif")
    assert status == 1
    assert "the image of this project is gone" in err
    assert not (folder / "out2.tif").exists()
    assert call(capsys, "find-image", project, folder / "moved.tif")[0] == 0
    assert call(capsys, "export", project, folder / "out2.tif")[0] == 0


def test_an_image_does_not_become_labels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = labels(folder / "em.emseg")
    grey = np.random.default_rng(0).integers(40, 220, SHAPE).astype(np.uint8)
    write_array(folder / "grey.tif", grey, spacing_nm=(50.0, 4.0, 4.0))
    status, _, err = call(capsys, "labels", folder / "em.emseg", folder / "grey.tif")
    assert (status, "this is an image and no labels" in err) == (1, True)
    np.testing.assert_array_equal(labels(folder / "em.emseg"), before)


def test_another_image_of_the_same_extent_is_taken_and_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, spacing = open_array(folder / "em.tif")
    write_array(folder / "other.tif", 255 - np.asarray(image[:]), spacing_nm=spacing)
    status, out, _ = call(capsys, "find-image", folder / "em.emseg", folder / "other.tif")
    assert (status, "not the one on which these labels were made" in out) == (0, True)
    status, out, _ = call(capsys, "find-image", folder / "em.emseg", folder / "em.tif")
    assert (status, "not the one" in out) == (0, False)


def test_a_lost_project_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = folder / "em.emseg"
    (project / "project.json").unlink()
    for what in (["info"], ["history"], ["export"]):
        status, _, err = call(capsys, *what, project, *([folder / "out.tif"] if what == ["export"] else []))
        assert status == 1
        assert "this project has lost its project.json" in err
        assert "find-image PROJECT IMAGE" in err
        assert err.count("\n") == 1
    status, out, _ = call(capsys, "find-image", project, folder / "em.tif")
    assert (status, "made anew" in out) == (0, True)
    assert call(capsys, "info", project)[0] == 0


def test_wrong_calls(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys)[0] == 2
    assert call(capsys, "paint", folder)[0] == 2
    assert call(capsys, "info")[0] == 2
    status, _, err = call(capsys, "export", folder / "em.emseg")
    assert (status, "nothing is asked for" in err) == (2, True)
    assert call(capsys, "history", folder / "nothing.emseg")[0] == 1


def test_the_place_of_an_image_is_not_noted_while_the_project_is_open(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = folder / "em.emseg"
    write_array(folder / "moved.tif", open_image(folder / "em.tif").data[:], spacing_nm=(50.0, 4.0, 4.0))
    session = Session.open(project)
    before = (project / "project.json").read_bytes()
    status, out, err = call(capsys, "find-image", project, folder / "moved.tif")
    session.close()
    assert (status, out) == (1, "")
    assert "this project cannot be changed" in err
    assert (project / "project.json").read_bytes() == before
