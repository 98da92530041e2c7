"""What other programs have open, as Windows treats it: it can neither be replaced meanwhile, nor read while it is replaced."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core import atomic
from napari_emseg.core.atomic import may_write, patiently, write_atomic
from napari_emseg.core.chunks import ChunkStore
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.page import Page
from napari_emseg.core.project import SUFFIX, default_folder, home
from napari_emseg.core.written_mark import read_mark, write_mark
from napari_emseg.io import write_array
from napari_emseg.io.atomic import check_place, write_text

Refuse = Callable[[str, int], None]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Refuses what a path can do, some times, as Windows does with what somebody has open."""

    def begin(name: str, times: int) -> None:
        true, left = getattr(Path, name), [times]

        def refusing(path: Path, *args: Any, **kwargs: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise PermissionError(errno.EACCES, "Access is denied", str(path), 5, *map(str, args[:1]))
            return true(path, *args, **kwargs)

        monkeypatch.setattr(Path, name, refusing)

    monkeypatch.setattr(atomic, "_PATIENCE_S", 0.5)
    return begin


def test_a_file_is_replaced_when_others_have_read_it(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "project.json"
    path.write_bytes(b"old")
    refuse("replace", 3)
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_is_read_when_it_is_replaced(tmp_path: Path, refuse: Refuse) -> None:
    store = ChunkStore.create(tmp_path / "labels.zarr", (1, 512, 512), np.dtype(np.uint32), None)
    store.write((0, 0, 0), Page(np.full((512, 512), 7, np.uint32)))
    refuse("read_bytes", 3)
    page = store.read((0, 0, 0))
    assert page is not None
    assert (page.data == 7).all()


def test_what_lies_beside_the_pages_is_read_when_it_is_replaced(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "labels.zarr"
    ChunkStore.create(path, (1, 512, 512), np.dtype(np.uint32), None)
    write_mark(path, (7, 2))
    refuse("read_text", 3)
    assert read_mark(path) == (7, 2)
    refuse("read_text", 3)
    assert ChunkStore.open(path).shape == (1, 512, 512)


def test_what_stays_open_is_refused_in_the_end(tmp_path: Path, refuse: Refuse) -> None:
    refuse("replace", 10**6)
    with pytest.raises(PermissionError):
        write_atomic(tmp_path / "notes", b"new")
    assert not list(tmp_path.iterdir())


def test_elsewhere_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_PATIENCE_S", 0.0)
    asked = []

    def act() -> None:
        asked.append(1)
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(PermissionError):
        patiently(act)
    assert len(asked) == 1


def test_a_table_that_is_open_in_another_program_is_named(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "cells.tif"
    path.write_bytes(b"open elsewhere")
    refuse("replace", 10**6)
    with pytest.raises(EmsegError, match="close it in the program that has it open") as error:
        write_array(path, np.zeros((2, 8, 8), np.uint8))
    assert error.value.where == str(path)
    with pytest.raises(EmsegError, match="close it in the program that has it open"):
        write_text(path, "z,y,x\n")
    assert path.read_bytes() == b"open elsewhere"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that can only be read, of which Windows says that it may be written."""
    folder, true = tmp_path / "share", Path.open
    folder.mkdir()

    def open_(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if path.parent == folder and mode[0] != "r":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return true(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", open_)
    monkeypatch.setattr(os, "access", lambda *_: True)
    return folder


def test_a_folder_that_cannot_be_written_is_found_out(share: Path, tmp_path: Path) -> None:
    assert not may_write(share)
    assert may_write(tmp_path)
    assert list(tmp_path.iterdir()) == [share]
    with pytest.raises(EmsegError, match="the folder cannot be written"):
        check_place(share / "out.zarr")


def test_the_project_of_an_image_on_a_share_is_made_at_home(share: Path) -> None:
    image = share / "stack.tif"
    image.touch()
    assert default_folder(str(image), "stack") == home() / "projects" / f"stack{SUFFIX}"
