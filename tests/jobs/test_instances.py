"""Two squares of probability through four sections, and a crumb."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_array, write_array

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    probability = np.zeros((4, 60, 80), np.float32)
    probability[:, 5:35, 5:35] = 0.8
    probability[:, 20:50, 45:75] = 0.9
    probability[1, 55, 2] = 0.9
    write_array(tmp_path / "p.h5", probability, spacing_nm=(40.0, 8.0, 8.0))
    return tmp_path / "p.h5"


def test_from_a_file_to_objects(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = source.with_name("out.tif")
    assert main(["instances", str(source), str(output)]) == 0
    labels, spacing = open_array(output)
    assert np.unique(labels[:]).tolist() == [0, 1, 2]
    assert spacing == pytest.approx((40, 8, 8))
    said = capsys.readouterr().out
    assert "2 things" in said
    assert "1 part smaller than the smallest thing and dropped" in said


def test_a_label_file_is_no_probability(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = source.with_name("l.h5")
    write_array(labels, np.full((2, 8, 8), 300, np.uint32), spacing_nm=(40.0, 8.0, 8.0))
    assert main(["instances", str(labels), str(source.with_name("o.tif"))]) == 1
    assert "no probabilities" in capsys.readouterr().err
    assert not source.with_name("o.tif").exists()
