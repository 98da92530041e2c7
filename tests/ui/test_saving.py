"""Nothing that is there already is replaced by an export that nobody was asked about, the stack and the project least."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_image, write_array
from napari_emseg.io.movies import SUFFIXES
from napari_emseg.session import Session
from napari_emseg.ui.flows import exporting, opening, sharing
from napari_emseg.ui.saving import ask_name

YES, NO = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No


@pytest.fixture
def parent(qtbot: Any) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.mark.parametrize("answer", [YES, NO])
def test_a_name_that_only_its_suffix_makes_an_existing_file_is_asked_about(
    parent: QWidget, monkeypatch: Any, tmp_path: Path, answer: Any
) -> None:
    (tmp_path / "cells.tif").write_bytes(b"the work of a week")
    asked: list[str] = []

    def question(_parent: Any, _title: str, words: str) -> Any:
        asked.append(words)
        return answer

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "cells"), ""))
    monkeypatch.setattr(QMessageBox, "question", question)
    found = ask_name(parent, "Export labels", "", "*.tif", ".tif")
    assert found == (str(tmp_path / "cells.tif") if answer == YES else "")
    assert asked == [f"“cells.tif” exists already in {tmp_path}. Replace it?"]


@pytest.mark.parametrize(
    ("typed", "name"), [("m.MP4", "m.MP4"), ("m.gif", "m.gif"), ("m", "m.gif"), ("m.avi", "m.avi.gif")]
)
def test_a_movie_may_have_either_suffix(
    parent: QWidget, monkeypatch: Any, tmp_path: Path, typed: str, name: str
) -> None:
    movie = exporting.RESULTS["movie"]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / typed), ""))
    found = ask_name(parent, "Export section movie", "", "", movie.suffix, also=movie.also)
    assert found == str(tmp_path / name)
    assert {movie.suffix, *movie.also} == set(SUFFIXES)


@pytest.mark.parametrize(
    ("typed", "suffix", "name"),
    [
        ("new", ".tif", "new.tif"),
        ("old.tif", ".tif", "old.tif"),
        ("pngs", "/", "pngs/"),
        ("pngs/", "/", "pngs/"),
    ],
)
def test_nobody_is_asked_twice(
    parent: QWidget, monkeypatch: Any, tmp_path: Path, typed: str, suffix: str, name: str
) -> None:
    (tmp_path / "old.tif").touch()  # the dialog itself has asked about this one
    (tmp_path / "pngs").mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (f"{tmp_path}/{typed}", ""))
    monkeypatch.setattr(QMessageBox, "question", lambda *_: pytest.fail("asked"))
    assert ask_name(parent, "Export", "", "", suffix) == f"{tmp_path}/{name}"


def test_a_dialog_that_is_closed_gives_no_name(parent: QWidget, monkeypatch: Any) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    assert ask_name(parent, "Export", "", "", ".tif") == ""


def test_an_export_does_not_replace_the_stack_that_it_is_made_of(desk: Any, tmp_path: Path) -> None:
    path = tmp_path / "raw.tif"
    write_array(path, np.full((3, 32, 32), 7, np.uint8))
    stack = replace(open_image(path), spacing_nm=(40.0, 8.0, 8.0))
    opening.show(desk, Session.create(tmp_path / "raw.emseg", stack))
    before = path.read_bytes()
    with pytest.raises(EmsegError, match="replace what it is made of"):
        exporting.export(desk, "labels", str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["labels.zarr", "mine.tif", "models/pngs/", "methods.txt"])
def test_an_export_into_the_project_is_refused(labelled: Any, name: str) -> None:
    folder = labelled.session.project.folder
    labelled.session.save()
    before = sorted(str(p) for p in folder.rglob("*") if p.is_file())
    what = "methods" if name.endswith(".txt") else "labels"
    with pytest.raises(EmsegError, match="inside a project"):
        exporting.export(labelled, what, f"{folder}/{name}")
    assert sorted(str(p) for p in folder.rglob("*") if p.is_file()) == before


def test_an_export_into_another_volume_is_refused(labelled: Any, tmp_path: Path) -> None:
    """A file dialog goes into a folder that is chosen: the next click would write the volume into itself."""
    exporting.export(labelled, "labels", str(tmp_path / "a.zarr"))
    assert labelled.sayings["export"].tone == "done", labelled.sayings["export"]
    with pytest.raises(EmsegError, match=r"a\.zarr is a volume itself"):
        exporting.export(labelled, "labels", str(tmp_path / "a.zarr" / "a.zarr"))
    assert not (tmp_path / "a.zarr" / "a.zarr").exists()


def test_mrc_takes_ids_that_fit(labelled: Any, tmp_path: Path) -> None:
    exporting.export(labelled, "labels", str(tmp_path / "a.mrc"))
    assert labelled.sayings["export"].tone == "done", labelled.sayings["export"]
    found, _ = open_array(tmp_path / "a.mrc")
    np.testing.assert_array_equal(np.asarray(found[2]), np.asarray(labelled.session.volume[2]))


def test_both_kinds_of_labels_do_not_have_one_name(labelled: Any) -> None:
    names = {exporting.suggested_name(labelled, what, ".zarr") for what in ("labels", "proofread")}
    assert len(names) == 2


def test_a_pack_on_a_full_disk_is_refused_in_one_sentence(
    labelled: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise shutil.Error([("/a", "/b", "[Errno 28] No space left on device: '/a' -> '/b'")] * 20)

    monkeypatch.setattr("napari_emseg.core.packing.shutil.copytree", full)
    sharing.pack_to(labelled, tmp_path / "p.emseg.zip", with_image=False)
    text = f"The pack is not made: the disk is full ({tmp_path / 'p.emseg.zip'}): free space or choose another place."
    assert labelled.sayings["data"].text == text
    assert not list(tmp_path.glob("*.zip*"))


def test_corrections_of_another_kind_are_told_where_they_belong(labelled: Any, tmp_path: Path) -> None:
    path = tmp_path / "theirs.tif"
    write_array(path, np.ones((6, 48, 64), np.uint16))
    sharing.import_from(labelled, path)
    assert labelled.sayings["data"].text.startswith("This is neither a pack nor a project")


def test_a_project_on_a_disk_that_can_only_be_read_is_copied(
    labelled: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    labelled.session.save()
    monkeypatch.setattr(labelled.session, "read_only", True)
    monkeypatch.setattr("napari_emseg.ui.flows.sharing.may_write", lambda *_: False)
    sharing.copy_to(labelled, tmp_path / "copy.emseg")
    assert labelled.sayings["data"].tone == "done", labelled.sayings["data"]
    assert labelled.sayings["data"].text.endswith("Open it to go on."), "nothing can be imported here"
    again = Session.open(tmp_path / "copy.emseg", labelled.session.image)
    np.testing.assert_array_equal(np.asarray(again.volume[2]), np.asarray(labelled.session.volume[2]))
    again.close()


def test_an_export_that_is_stopped_leaves_what_was_there(
    labelled: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    exporting.export(labelled, "labels", str(tmp_path / "a.tif"))
    before = (tmp_path / "a.tif").read_bytes()

    def half(*_: Any, progress: Any, **__: Any) -> int:
        labelled.stop("export")
        progress.report(0.5)
        return 0

    waiting: list[Any] = []
    monkeypatch.setattr(labelled.runner._executor, "submit", waiting.append)
    monkeypatch.setattr("napari_emseg.jobs.export.export_labels", half)
    exporting.export(labelled, "labels", str(tmp_path / "a.tif"))
    waiting.pop()()
    assert labelled.sayings["export"].text == "Stopped. a.tif is as it was before."
    assert (tmp_path / "a.tif").read_bytes() == before
    assert [path.name for path in tmp_path.glob("*a.tif*")] == ["a.tif"]


def test_a_tree_without_a_suffix_is_a_skeleton(opened: Any, monkeypatch: Any, tmp_path: Path) -> None:
    saved: list[str] = []
    monkeypatch.setattr(opened.branch_page, "save_tree", saved.append)
    for typed in ("cell", "cell.GraphML"):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, name=typed: (f"{tmp_path}/{name}", ""))
        opened.branch_page._on_save()
    assert saved == [f"{tmp_path}/cell.swc", f"{tmp_path}/cell.GraphML"]
