"""`tidy`, from file to file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, write_array
from napari_emseg.jobs.tidy import tidy_file
from napari_emseg.settings import TidySettings

if TYPE_CHECKING:
    from pathlib import Path

SPACING = (50.0, 4.0, 4.0)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two discs of radius 9 on a bridge of 3 pixels in both of two sections, as labels and as a noisy map."""
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[:40, :80]
    inside = ((y - 20) ** 2 + (x - 20) ** 2 <= 81) | ((y - 20) ** 2 + (x - 60) ** 2 <= 81)
    inside |= (abs(y - 20) <= 1) & (x > 20) & (x < 60)
    labels = np.repeat(inside[None], 2, 0) * np.uint64(2**40)
    write_array("l.h5", labels, spacing_nm=SPACING)
    noise = np.random.default_rng(0).normal(0, 0.1, labels.shape)
    write_array("p.h5", np.clip(inside * 0.8 + 0.1 + noise, 0, 1).astype(np.float32), spacing_nm=SPACING)
    write_array(
        "p8.h5", np.rint(np.clip(inside * 0.8 + 0.1 + noise, 0, 1) * 255).astype(np.uint8), spacing_nm=SPACING
    )
    return tmp_path


def test_a_bridge_is_opened_and_the_discs_are_two(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    assert main(["tidy", "l.h5", "o.h5", "--opening", "10", "--split-parts", "--progress", "none"]) == 0
    assert capsys.readouterr().out == "o.h5: 2 objects, 2 x 40 x 80\n"
    found, spacing = open_array("o.h5")
    assert spacing == SPACING
    assert [int(k) for k in np.unique(found[:])] == [0, 1, 2]
    assert not np.asarray(found[:])[:, :, 35:45].any()
    assert sorted(p.name for p in place.iterdir()) == ["l.h5", "o.h5", "p.h5", "p8.h5"]


def test_ids_stay_and_what_goes_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tidy", "l.h5", "o.h5", "--dilation", "8", "--max-volume", "1", "--progress", "none"]) == 0
    assert "1 object," in capsys.readouterr().out
    assert np.unique(open_array("o.h5")[0][:]).tolist() == [0, 2**40]
    assert main(["tidy", "l.h5", "o.h5", "--erosion", "60", "--progress", "none"]) == 0
    assert "1 object of which the change of shape left nothing" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "dtype"), [("p.h5", np.float32), ("p8.h5", np.uint8)])
@pytest.mark.parametrize("how", [["--median", "8"], ["--bilateral", "8", "--contrast", "0.3"]])
def test_a_map_is_smoothed_and_keeps_its_borders_and_type(name: str, dtype: type, how: list[str]) -> None:
    assert main(["tidy", name, "o.h5", *how, "--progress", "none"]) == 0
    before, after = (
        np.asarray(open_array(k)[0][:], float) / (255 if dtype is np.uint8 else 1) for k in (name, "o.h5")
    )
    assert open_array("o.h5")[0].dtype == dtype
    inside = np.s_[:, 15:25, 15:25]
    assert after[inside].std() < 0.5 * before[inside].std()
    assert abs(after[inside].mean() - 0.9) < 0.06
    assert abs(after[:, :8].mean() - 0.1) < 0.06


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("tidy l.h5 o.h5", 2, "nothing to do"),
        ("tidy p.h5 o.h5 --median 8 --fill-holes", 2, "a map has no objects"),
        ("tidy p.h5 o.h5 --fill-holes", 1, "labels are whole numbers"),
        ("tidy l.h5 l.h5 --fill-holes", 1, "replace what it is made of"),
        ("tidy l.h5 o.h5 --opening -3", 2, "out of bounds"),
        ("tidy l.h5 o.h5 --median 8", 1, "no probabilities"),
    ],
)
def test_refusals(
    words: str, status: int, said: str, capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    before = sorted(p.name for p in place.iterdir())
    assert main([*words.split(), "--progress", "none"]) == status
    assert said in capsys.readouterr().err
    assert sorted(p.name for p in place.iterdir()) == before


def test_negative_ids_are_refused() -> None:
    write_array("n.h5", np.full((1, 4, 4), -1, np.int32))
    with pytest.raises(EmsegError, match="negative"):
        tidy_file("n.h5", "o.h5", settings=TidySettings(fill_holes=True))
