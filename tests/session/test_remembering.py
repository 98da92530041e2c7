"""What a project remembers, and how it finds its image."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import write_array
from napari_emseg.session import Session
from napari_emseg.settings import SeedSettings

SHAPE = (4, 40, 50)


def test_settings_and_model_are_remembered(session: Session, reopened: Any) -> None:
    session.set_settings(SeedSettings(threshold=0.7))
    own = session.project.models / "mine"
    own.mkdir()
    session.model = str(own)
    again = reopened(session)
    assert again.get_settings("seeds").threshold == 0.7
    assert again.settings["seeds"] == SeedSettings(threshold=0.7)
    assert again.model == str(own)
    assert json.loads((again.project.folder / "project.json").read_text())["model"] == "models/mine"
    again.close()


def test_a_voxel_size_is_asked_for_once(folder: Path) -> None:
    blank = ImageStack(np.zeros(SHAPE, np.uint8), None, "unknown", "toy", "sample:toy")
    session = Session.create(folder, blank)
    assert (session.image.spacing_nm, session.volume.spacing_nm) == (None, None)
    for wrong in ((50, 0, 4), (50, float("nan"), 4)):
        with pytest.raises(EmsegError, match="positive"):
            session.set_spacing(wrong)
    session.set_spacing((50, 4, 4.5))
    session.close()
    again = Session.open(folder, blank)
    assert (again.image.spacing_nm, again.image.spacing_source) == ((50, 4, 4.5), "you")
    assert again.volume.spacing_nm == (50, 4, 4.5)
    again.close()
    attributes = json.loads((folder / "labels.zarr/zarr.json").read_text())["attributes"]
    (level,) = attributes["ome"]["multiscales"][0]["datasets"]
    assert level["coordinateTransformations"] == [{"type": "scale", "scale": [50, 4, 4.5]}]
    assert attributes["ome"]["multiscales"][0]["axes"][0] == {
        "name": "z",
        "type": "space",
        "unit": "nanometer",
    }


def test_a_project_moves_with_its_image(tmp_path: Path, toy: Any) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "image.tif").touch()
    session = Session.open_or_create(toy(str(first / "image.tif")))
    assert session.project.folder == first / "image.emseg"
    session.close()
    second = first.rename(tmp_path / "second")
    again = Session.open_or_create(toy(str(second / "image.tif")))
    assert again.project.folder == second / "image.emseg"
    assert again.project.image.candidates(second / "image.emseg")[0] == str(second / "image.tif")
    again.close()


def test_another_image_of_the_same_name_gets_its_own_project(tmp_path: Path, toy: Any) -> None:
    for name in ("a.h5", "a.tif"):
        (tmp_path / name).touch()
    first = Session.open_or_create(toy(str(tmp_path / "a.h5")))
    second = Session.open_or_create(toy(str(tmp_path / "a.tif")))
    assert (first.project.folder.name, second.project.folder.name) == ("a.emseg", "a-2.emseg")
    first.close()
    second.close()
    again = Session.open_or_create(toy(str(tmp_path / "a.tif")))
    assert again.project.folder.name == "a-2.emseg"
    again.close()


def test_an_image_that_was_in_no_file_is_asked_for(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such are layers that somebody has made or converted in napari."""
    session = Session.create(tmp_path / "toy.emseg", toy(""))
    session.close()
    write_array(f"{tmp_path / 'here'}/", np.zeros(SHAPE, np.uint8))
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(EmsegError, match="was in no file") as refused:
        Session.open(tmp_path / "toy.emseg")
    assert refused.value.action == "find_image"
    Session.open(tmp_path / "toy.emseg", toy(str(tmp_path / "here"))).close()
    again = Session.open(tmp_path / "toy.emseg")
    assert Path(again.image.uri) == tmp_path / "here"
    again.close()


def test_samples_live_in_the_own_folder(toy: Any) -> None:
    session = Session.open_or_create(toy())
    assert (
        session.project.folder == Path(os.environ["NAPARI_EMSEG_HOME"]).resolve() / "projects" / "toy.emseg"
    )
    session.close()


def test_a_file_of_membranes_is_remembered_and_moves_with_the_project(tmp_path: Path, toy: Any) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "walls.tif").touch()
    session = Session.create(first / "toy.emseg", toy())
    session.take_membranes(first / "walls.tif::raw", shows_cells=True)
    session.close()
    first.rename(tmp_path / "second")
    again = Session.open(tmp_path / "second" / "toy.emseg", toy())
    assert again.membranes_path == f"{tmp_path / 'second' / 'walls.tif'}::raw"
    assert (again.membranes.name, again.membranes.shows_cells) == ("walls.tif::raw", True)
    again.model = again.model  # whoever was chosen last
    assert (again.membranes, again.membranes_path, again.project.source) == (None, "", again.project.model)
    again.close()
    last = Session.open(tmp_path / "second" / "toy.emseg", toy())
    assert (last.membranes, last.project.membranes.shows_cells) == (None, True)
    last.close()
