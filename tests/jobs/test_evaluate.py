"""Scores from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import write_array
from napari_emseg.jobs.evaluate import evaluate_files

if TYPE_CHECKING:
    from pathlib import Path

SPACING = (50.0, 4.0, 4.0)


@pytest.fixture
def cells() -> np.ndarray:
    """Three sections of two cells, 20 x 20 pixels, with a border of two pixels between them."""
    cells = np.ones((3, 20, 42), np.uint8)
    cells[:, :, 20:22] = 0
    return cells


def test_boundary(tmp_path: Path, cells: np.ndarray) -> None:
    write_array(tmp_path / "t.tif", cells, spacing_nm=SPACING)
    write_array(tmp_path / "m.tif", 1 - cells, spacing_nm=SPACING)
    write_array(tmp_path / "p.h5", (1 - cells).astype(np.float32), spacing_nm=SPACING)
    scores = evaluate_files("boundary", tmp_path / "t.tif", tmp_path / "p.h5")
    assert scores["v_rand"] == pytest.approx(1)
    assert scores["edits_per_100_objects"] == 0
    assert scores == evaluate_files("boundary", tmp_path / "m.tif", tmp_path / "p.h5", border_is_nonzero=True)


def test_sections_are_picked(tmp_path: Path, cells: np.ndarray) -> None:
    truth = cells.copy()
    truth[0] = 1
    write_array(tmp_path / "t.tif", truth, spacing_nm=SPACING)
    write_array(tmp_path / "p.h5", (1 - cells[1:]).astype(np.float32), spacing_nm=SPACING)
    scores = evaluate_files("boundary", tmp_path / "t.tif", tmp_path / "p.h5", sections=[1, 2])
    assert scores["v_rand"] == pytest.approx(1)
    with pytest.raises(EmsegError, match="--sections"):
        evaluate_files("boundary", tmp_path / "t.tif", tmp_path / "p.h5")
    with pytest.raises(EmsegError, match="no section 7"):
        evaluate_files("boundary", tmp_path / "t.tif", tmp_path / "p.h5", sections=[7])


def test_segmentation_and_its_border(tmp_path: Path, cells: np.ndarray) -> None:
    truth = cells.astype(np.uint32)
    truth[:, :, 22:] *= 2
    other = truth.copy()
    other[:, 0, 22] = 1
    write_array(tmp_path / "t.h5", truth, spacing_nm=SPACING)
    write_array(tmp_path / "s.h5", other, spacing_nm=SPACING)
    assert evaluate_files("segmentation", tmp_path / "t.h5", tmp_path / "t.h5")["adapted_rand_error"] == 0
    assert evaluate_files("segmentation", tmp_path / "t.h5", tmp_path / "s.h5")["voi_merge"] != 0
    masked = evaluate_files("segmentation", tmp_path / "t.h5", tmp_path / "s.h5", border_nm=4)
    assert masked["voi_merge"] == 0


def test_semantic(tmp_path: Path, cells: np.ndarray) -> None:
    write_array(tmp_path / "t.tif", cells * 200, spacing_nm=SPACING)
    write_array(tmp_path / "p.h5", cells.astype(np.float32), spacing_nm=SPACING)
    assert evaluate_files("semantic", tmp_path / "t.tif", tmp_path / "p.h5", truth_above=127)["dice"] == 1


def test_unknown_scores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="boundary, segmentation, semantic"):
        evaluate_files("beauty", tmp_path / "a", tmp_path / "b")
