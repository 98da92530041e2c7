"""`measure` with an image of which sections cannot be read: sizes are measured, and what is lacking is named."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import write_array

SPACING = (50.0, 8.0, 8.0)
GREY = np.random.default_rng(0).integers(0, 255, (4, 16, 16), np.uint8)


@pytest.fixture(autouse=True)
def sections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Labels with one object in sections 0-3, and the files of an image `GREY` of noise."""
    monkeypatch.chdir(tmp_path)
    labels = np.zeros((4, 16, 16), np.uint32)
    labels[:, 2:12, 2:12] = 7
    write_array("seg.h5", labels, spacing_nm=SPACING)
    write_array("image/", GREY, spacing_nm=SPACING)
    return sorted(Path("image").glob("*.png"))


def cut(path: Path) -> None:
    """Only the first half of a file, with its head, is left."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def measured(
    capsys: pytest.CaptureFixture[str], image: str = "image"
) -> tuple[str, dict[str, str], dict[str, object], str]:
    """What is printed, the row of the object, the record and the methods of the report."""
    words = f"measure seg.h5 out.csv --image {image} --report rep --no-calibre --no-contact"
    assert main(words.split()) == 0
    with Path("out.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    record = json.loads(Path("rep/measurement.json").read_text())
    return capsys.readouterr().out, row, record, Path("rep/methods.txt").read_text()


def test_what_can_be_read_is_measured_and_the_rest_is_named(
    sections: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for z in (1, 2):  # the section in the middle too, which the report shows
        cut(sections[z])
    said, row, record, methods = measured(capsys)
    assert float(row["voxels"]) == 400
    assert float(row["grey_mean"]) == pytest.approx(GREY[[0, 3], 2:12, 2:12].mean())
    assert "grey values without sections 1, 2: the image cannot be read there" in said
    assert record["sections_without_grey_values"] == [1, 2]
    assert "Grey values are without sections 1, 2 of the image, which could not be read." in methods
    assert Path("rep/overlay.png").is_file()


def test_without_any_section_of_the_image_sizes_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File("torn.h5", "w") as file:
        data = file.create_dataset("main", data=GREY, chunks=(1, 16, 16), compression="gzip")
        chunks = [data.id.get_chunk_info(k) for k in range(data.id.get_num_chunks())]
    with Path("torn.h5").open("r+b") as torn:
        for chunk in chunks:
            torn.seek(chunk.byte_offset)
            torn.write(b"\0" * chunk.size)
    said, row, record, methods = measured(capsys, "torn.h5")
    assert float(row["voxels"]) == 400
    assert not row.get("grey_mean")
    assert "no grey values: the image cannot be read" in said
    assert record["sections_without_grey_values"] == [0, 1, 2, 3]
    assert "Grey values were not measured: the image could not be read." in methods
    assert not Path("rep/overlay.png").exists()


def test_with_a_whole_image_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    said, row, record, methods = measured(capsys)
    assert float(row["grey_mean"]) == pytest.approx(GREY[:, 2:12, 2:12].mean())
    assert "read" not in said
    assert "sections_without_grey_values" not in record
    assert "read" not in methods
