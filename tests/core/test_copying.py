"""A project is copied without a byte being written beside it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core import copying
from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session


def test_also_from_a_folder_that_nobody_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = ImageStack(np.zeros((2, 30, 40), np.uint8), (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.volume[1, 2:9, 3:9] = 7
    session.commit_stroke()
    session.close()
    connect = sqlite3.connect
    theirs = str(tmp_path / "toy.emseg")

    def guarded(path: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        if str(path).startswith(theirs):
            raise sqlite3.OperationalError("unable to open database file")
        return connect(path, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(copying.sqlite3, "connect", guarded)
        copying.copy_project(tmp_path / "toy.emseg", tmp_path / "copy.emseg")
    copy = Session.open(tmp_path / "copy.emseg", image)
    assert int(copy.volume[1, 5, 5]) == 7
    assert copy.undo_name == "paint"
    copy.close()
