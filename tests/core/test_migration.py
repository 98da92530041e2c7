"""A project that an older version wrote opens; one of a newer version says so in one sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.migration import MIGRATIONS, VERSION, migrated
from napari_emseg.core.project import load_project
from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session

if TYPE_CHECKING:
    from pathlib import Path

LAYOUT_1 = {
    "format": "napari-emseg project",
    "version": 1,
    "identity": "0123456789abcdef",
    "created": "2026-01-02T03:04:05Z",
    "program": "napari-emseg 0.1.0",
    "image": {
        "uri": "/data/em.tif",
        "relative": "../em.tif",
        "shape": [3, 40, 50],
        "spacing_nm": [50.0, 4.0, 4.0],
        "spacing_source": "file",
        "name": "em",
    },
    "model": "membrane",
    "settings": {"predict": {"tta": "flips"}},
}
"""As version 0.1.0 wrote it."""


def stored(folder: Path, **changes: object) -> Path:
    """A project folder whose project.json is of layout 1."""
    image = ImageStack(np.zeros((3, 40, 50), np.uint8), (50.0, 4.0, 4.0), "file", "em", "/data/em.tif")
    session = Session.create(folder, image)
    session.volume[1, 5:9, 5:9] = 7
    session.close()
    (folder / "project.json").write_text(json.dumps({**LAYOUT_1, **changes}), "utf-8")
    return folder


def test_there_is_a_step_from_every_version() -> None:
    assert sorted(MIGRATIONS) == list(range(1, VERSION))


def test_an_older_project_opens_and_is_brought_up_to_date(tmp_path: Path) -> None:
    folder = stored(tmp_path / "old.emseg")
    project = load_project(folder)
    assert (project.identity, project.origin) == ("0123456789abcdef", None)
    assert json.loads((folder / "project.json").read_text())["version"] == 1  # looking changes nothing
    image = ImageStack(np.zeros((3, 40, 50), np.uint8), (50.0, 4.0, 4.0), "file", "em", "/data/em.tif")
    session = Session.open(folder, image)
    assert int(session.volume[1, 6, 6]) == 7
    assert session.get_settings("predict").tta == "flips"
    session.model = "another"
    session.close()
    content = json.loads((folder / "project.json").read_text())
    assert (content["version"], content["origin"], content["model"]) == (VERSION, None, "another")


def test_migrating_leaves_what_was_read_alone(tmp_path: Path) -> None:
    before = json.dumps(LAYOUT_1)
    assert migrated(LAYOUT_1, tmp_path)["version"] == VERSION
    assert json.dumps(LAYOUT_1) == before


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (VERSION + 1, "a newer napari-emseg wrote this project"),
        (0, "nobody knows the layout"),
        ("2", "nobody knows"),
    ],
)
def test_versions_that_are_not_known_are_one_sentence(tmp_path: Path, version: object, words: str) -> None:
    folder = stored(tmp_path / "odd.emseg", version=version)
    with pytest.raises(EmsegError, match=words):
        load_project(folder)
