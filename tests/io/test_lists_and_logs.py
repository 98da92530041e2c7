from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.training_log import read_training_log, write_curve
from napari_emseg.io.volume_list import split_volumes


def test_names_join_the_folder_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / f"images/{name}.h5").touch()
    assert split_volumes("images/a.h5@b.h5@c.h5", tmp_path) == ("images/a.h5", "images/b.h5", "images/c.h5")
    assert split_volumes("images/a.h5@images/b.h5", tmp_path) == ("images/a.h5", "images/b.h5")
    assert split_volumes(f"{tmp_path}/images/a.h5@c.h5") == (
        f"{tmp_path}/images/a.h5",
        f"{tmp_path}/images/c.h5",
    )
    assert split_volumes("images/a.h5::raw@b.h5::/vol/raw", tmp_path) == (
        "images/a.h5::raw",
        "images/b.h5::/vol/raw",
    )
    assert split_volumes("images/a.h5", tmp_path) == ("images/a.h5",)
    assert split_volumes("sample:vnc") == ("sample:vnc",)


def test_a_file_with_an_at_in_its_name_is_one_volume(tmp_path: Path) -> None:
    (tmp_path / "me@work.h5").touch()
    assert split_volumes("me@work.h5", tmp_path) == ("me@work.h5",)


def test_a_list_with_a_gap_is_refused() -> None:
    with pytest.raises(EmsegError, match="name in the list of volumes is empty"):
        split_volumes("a@@b")


LOG = (
    "started\n"
    + "".join(f"[Volume {i}] train_loss={1 / (i + 1):.4f} lr={0.001:.5f}\n" for i in range(0, 50, 10))
    + "done\n"
)


def test_a_log_becomes_a_curve(tmp_path: Path) -> None:
    (tmp_path / "log_approx_01_02.txt").write_text(LOG)
    curve = read_training_log(tmp_path / "log_approx_01_02.txt")
    assert curve.step.tolist() == [0, 10, 20, 30, 40]
    np.testing.assert_allclose(curve.loss, [1.0, 0.0909, 0.0476, 0.0323, 0.0244])
    assert curve.learning_rate.tolist() == [0.001] * 5
    write_curve(tmp_path / "c.csv", curve)
    assert (tmp_path / "c.csv").read_text().splitlines()[:2] == ["step,loss,learning_rate", "0,1.0,0.001"]


def test_a_loss_that_blew_up_and_a_log_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("[Volume 3] train_loss=nan lr=1e-05\n")
    curve = read_training_log(tmp_path / "l.txt")
    assert np.isnan(curve.loss[0])
    assert curve.learning_rate.tolist() == [1e-5]
    (tmp_path / "l.txt").write_text("hello\n")
    with pytest.raises(EmsegError, match="no line of a training"):
        read_training_log(tmp_path / "l.txt")
