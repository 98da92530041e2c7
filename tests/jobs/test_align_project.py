"""The project of an aligned copy is there with its alignment, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import align
from napari_emseg.preprocess.alignment import Alignment
from napari_emseg.preprocess.shift_table import ShiftTable
from napari_emseg.session import Session

if TYPE_CHECKING:
    from pathlib import Path


def test_what_could_not_be_recorded_leaves_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = ImageStack(np.zeros((2, 20, 30), np.uint8), (50.0, 5.0, 5.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.volume[1, 2:5, 2:5] = 4
    session.commit_stroke()
    alignment = Alignment(ShiftTable(np.zeros((2, 2), int)))

    def full(*_: object) -> None:
        raise EmsegError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(align, "write_text", full)
        with pytest.raises(EmsegError, match="the disk is full"):
            align.start_project(session, alignment, image)
    assert not align.aligned_project(session.project.folder).exists()
    made = align.start_project(session, alignment, image)
    assert int(made.volume[1, 3, 3]) == 4
    assert align.alignment_of(made) is not None
    made.close()
    session.close()
