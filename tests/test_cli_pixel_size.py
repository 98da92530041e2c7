"""One number after --pixel-size is the pixel size in y and x, whatever the command.

The thickness then is the file's. Where the file has none it is unknown: what goes on without a voxel size goes on, with sections
as thick as pixels are wide, says so and writes no voxel size; what needs the thickness, and the window, ask for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_array, write_array

BARE, KNOWN = "bare.h5", "known.h5"
THROUGH_SECTIONS = {
    "segment": ("prob", "--dims", "3"),
    "instances": ("prob", "--min-volume-um3", "0.00001"),
    "tidy": ("labels", "--dims", "3", "--opening", "20"),
}
SAID = "sections are taken to be as thick as pixels are wide"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cells of 5 sections, each once with and once without a voxel size: z 50, y and x 8 nm."""
    monkeypatch.chdir(tmp_path)
    probability = np.zeros((5, 40, 60), np.float32)
    probability[:, :, 28:32] = probability[:, :2] = 1
    labels = (1 + (np.arange(60) > 29) * np.ones((5, 40, 1))).astype(np.uint32)
    labels[probability > 0.5] = 0
    for kind, array in {"prob": probability, "labels": labels}.items():
        write_array(f"{kind}-{BARE}", array)
        write_array(f"{kind}-{KNOWN}", array, spacing_nm=(50.0, 8.0, 8.0))


def run(command: str, file: str, out: str, *more: str) -> None:
    kind, *settings = THROUGH_SECTIONS[command]
    assert main([command, f"{kind}-{file}", out, *settings, *more]) == 0


@pytest.mark.parametrize("command", THROUGH_SECTIONS)
def test_an_unknown_thickness_is_that_of_cubes_and_said(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(command, BARE, "one.h5", "--pixel-size", "4.6")
    assert SAID in capsys.readouterr().out
    run(command, BARE, "cubes.h5", "--pixel-size", "4.6,4.6,4.6")
    assert SAID not in capsys.readouterr().out
    run(command, BARE, "none.h5")
    assert SAID in capsys.readouterr().out
    assert open_array("one.h5")[1] is None
    np.testing.assert_array_equal(open_array("one.h5")[0][:], open_array("cubes.h5")[0][:])


@pytest.mark.parametrize("command", THROUGH_SECTIONS)
def test_the_thickness_is_that_of_the_file(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(command, KNOWN, "one.h5", "--pixel-size", "4.6")
    assert SAID not in capsys.readouterr().out
    assert open_array("one.h5")[1] == (50.0, 4.6, 4.6)


@pytest.mark.parametrize(
    ("given", "file", "spacing"),
    [
        ("4.6", KNOWN, (50.0, 4.6, 4.6)),
        ("40,4.6,4.6", KNOWN, (40.0, 4.6, 4.6)),
        ("40,4.6,4.6", BARE, (40.0, 4.6, 4.6)),
    ],
)
def test_the_window_takes_it_alike(
    given: str, file: str, spacing: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []

    def launch(paths: list[str], *, spacing_nm: Any) -> int:
        opened.append((paths, spacing_nm))
        return 0

    monkeypatch.setattr("napari_emseg.ui.launch", launch)
    assert main([f"prob-{file}", "--pixel-size", given]) == 0
    assert opened == [([f"prob-{file}"], spacing)]


def test_the_window_asks_for_a_thickness_that_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"prob-{BARE}", "--pixel-size", "4.6"]) == 1
    assert capsys.readouterr().err.startswith("error: the section thickness is missing")
