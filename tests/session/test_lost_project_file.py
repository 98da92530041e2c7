"""A project that has lost its ``project.json`` is said, mended on demand, and never worked beside in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.remaking import DamagedProject
from napari_emseg.core.sections import Status
from napari_emseg.session import Session


@pytest.fixture
def project(tmp_path: Path, toy: Any, fill: Any) -> Path:
    """``image.emseg`` beside ``image.tif``, with labels and a proofread section, closed."""
    (tmp_path / "image.tif").touch()
    session = Session.open_or_create(toy(str(tmp_path / "image.tif")))
    session.commit(fill(session, 6))
    session.mark(1, Status.PROOFREAD)
    session.close()
    return session.project.folder


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (lambda path: path.unlink(), "has lost its project.json"),
    "half": (_half, "project.json is damaged"),
    "empty": (lambda path: path.write_bytes(b""), "project.json is damaged"),
    "binary": (lambda path: path.write_bytes(b"\xff\x00" * 40), "project.json is damaged"),
    "foreign": (lambda path: path.write_text("[1, 2]"), "project.json is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_nothing_is_begun_beside_a_damaged_project(project: Path, toy: Any, damage: str) -> None:
    spoil, words = DAMAGES[damage]
    spoil(project / "project.json")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    with pytest.raises(DamagedProject, match=words) as caught:
        Session.open_or_create(toy(str(project.parent / "image.tif")))
    assert caught.value.folder == project
    assert "put the file back from a backup" in str(caught.value)
    assert [path.name for path in project.parent.glob("*.emseg")] == ["image.emseg"]
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_is_made_anew_with_all_work_in_it(project: Path, toy: Any, labels: Any, damage: str) -> None:
    DAMAGES[damage][0](project / "project.json")
    session = Session.remake(project, toy(str(project.parent / "image.tif")))
    assert labels(session).min() == 6
    assert session.sections.proofread == (1,)
    assert "made anew" in session.notices[-1]
    assert (project / "project.json.damaged").exists() == (damage != "gone")
    session.undo()  # the mark
    session.undo()
    assert not np.any(labels(session))
    session.close()
    Session.open_or_create(toy(str(project.parent / "image.tif"))).close()
    assert len(list(project.parent.glob("*.emseg"))) == 1


def test_another_image_does_not_take_it_over(project: Path, toy: Any) -> None:
    _half(project / "project.json")
    left = (project / "project.json").read_bytes()
    with pytest.raises(EmsegError, match="another shape"):
        Session.remake(project, toy(shape=(4, 40, 51)))
    assert (project / "project.json").read_bytes() == left


def test_a_newer_project_of_the_same_image_is_not_worked_beside(project: Path, toy: Any) -> None:
    path = project / "project.json"
    path.write_text(path.read_text().replace('"version": 2', '"version": 7'))
    with pytest.raises(EmsegError, match="a newer napari-emseg wrote this project"):
        Session.open_or_create(toy(str(project.parent / "image.tif")))


def test_an_own_second_project_is_opened_past_a_damaged_one(tmp_path: Path, toy: Any) -> None:
    for name in ("a.h5", "a.tif"):
        (tmp_path / name).touch()
        Session.open_or_create(toy(str(tmp_path / name))).close()
    (tmp_path / "a.emseg" / "project.json").unlink()
    session = Session.open_or_create(toy(str(tmp_path / "a.tif")))
    assert session.project.folder.name == "a-2.emseg"
    session.close()


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("settings",), [1]),
        (("settings",), {"seeds": 3}),
        (("model",), None),
        (("identity",), 5),
        (("image", "uri"), None),
        (("image", "name"), 7),
        (("image", "shape"), [4, -40, 50]),
        (("image", "spacing_nm"), [0, 0, 0]),
        (("image", "spacing_nm"), [float("nan"), 1, 1]),
        (("origin",), {"a": 1}),
    ],
)
def test_values_of_another_kind_are_damage(
    project: Path, toy: Any, where: tuple[str, ...], value: object
) -> None:
    path = project / "project.json"
    content = json.loads(path.read_text())
    inner = content
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    path.write_text(json.dumps(content))
    with pytest.raises(DamagedProject, match="is damaged"):
        Session.open(project, toy())


def test_an_empty_folder_of_that_name_is_left_alone(tmp_path: Path, toy: Any) -> None:
    (tmp_path / "image.tif").touch()
    (tmp_path / "image.emseg").mkdir()
    session = Session.open_or_create(toy(str(tmp_path / "image.tif")))
    assert session.project.folder.name == "image-2.emseg"
    session.close()
