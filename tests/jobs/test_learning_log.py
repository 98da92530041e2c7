"""What a learning that fails leaves behind: nothing that says nothing, and its own error."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from napari_emseg.core import folder_lock
from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.learning_log import nothing_left
from napari_emseg.nn.curves import METRICS


def failing(folder, write):
    with nothing_left(folder, ("weights",)):
        write()
        raise ValueError("the loss is no number")


def test_the_reason_of_the_failure_is_told_also_where_files_cannot_be_removed(tmp_path, monkeypatch):
    """A log that another program holds open (as Windows does) must not hide why the learning failed."""

    def held(path, **_):
        raise PermissionError(13, "somebody reads it", str(path))

    monkeypatch.setattr(Path, "unlink", held)
    with pytest.raises(ValueError, match="the loss is no number"):
        failing(tmp_path, lambda: (tmp_path / "events").write_text(""))


def test_what_was_there_before_stays_and_the_rest_goes(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")

    def log():
        (tmp_path / "log").mkdir()
        (tmp_path / "log" / "events").write_text("1")

    with pytest.raises(ValueError, match="the loss is no number"):
        failing(tmp_path, log)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the folder cannot be written")]
)
def test_a_disk_that_takes_nothing_is_said_and_keeps_no_curves(tmp_path, number, said):
    """Curves are kept of a learning that failed for another reason: they show why."""
    folder = tmp_path / "made"

    def learn(error):
        with nothing_left(folder, ("last.ckpt", METRICS)):
            folder.mkdir(exist_ok=True)
            (folder / METRICS).write_text("{}\n")
            raise error

    with pytest.raises(EmsegError, match=f"{said}, {folder}, "):
        learn(OSError(number, "refused"))
    assert not folder.exists()
    with pytest.raises(ValueError, match="no number"):
        learn(ValueError("the loss is no number"))
    assert (folder / METRICS).exists()
    (folder / "last.ckpt").write_text("state")
    with pytest.raises(EmsegError, match=said):
        learn(OSError(number, "refused"))
    assert (folder / "last.ckpt").exists()


@pytest.mark.parametrize(
    ("asks", "told"), [("", "another window of this program"), ("process 7 on elsewhere", r"process \d+ on ")]
)
def test_two_do_not_learn_in_one_folder(tmp_path, monkeypatch, asks, told):
    folder = tmp_path / "model"
    with nothing_left(folder, ("weights",)):
        (folder / "curve").write_text("1")
        if asks:
            monkeypatch.setattr(folder_lock, "_own_name", lambda: asks)
        with pytest.raises(EmsegError, match=rf"something else learns in this folder \({told}"):
            failing(folder, lambda: (folder / "weights").write_text("of the second"))
        assert (folder / "curve").read_text() == "1"
    assert [path.name for path in folder.iterdir()] == ["curve"]
    with pytest.raises(ValueError, match="the loss is no number"):  # nobody learns there any longer
        failing(folder, lambda: None)
