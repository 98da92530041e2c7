"""Undo stacks and the folder lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.folder_lock import FolderLock
from napari_emseg.core.history import History
from napari_emseg.core.journal import Entry

if TYPE_CHECKING:
    from pathlib import Path


def entry(number: int, nbytes: int = 10, state: str = "done") -> Entry:
    return Entry(number, f"edit {number}", "human", nbytes, state)  # type: ignore[arg-type]


def test_continues_where_it_was() -> None:
    history = History([entry(1), entry(2), entry(3, state="undone"), entry(4, state="undone")])
    assert (history.undoable, history.redoable) == (entry(2), entry(3, state="undone"))
    history.redo()
    assert history.redoable == entry(4, state="undone")
    history.undo()
    history.undo()
    assert (history.undoable, history.redoable) == (entry(1), entry(2))


def test_new_work_ends_redo() -> None:
    history = History([entry(1), entry(2)])
    history.undo()
    assert history.push(entry(3)) == []
    assert history.redoable is None
    assert history.names() == ["edit 1", "edit 3"]


def test_the_oldest_go_first_and_the_newest_stays() -> None:
    history = History(limit_bytes=25)
    assert history.push(entry(1)) == []
    assert history.push(entry(2)) == []
    assert history.push(entry(3)) == [entry(1)]
    assert history.push(entry(4, nbytes=1000)) == [entry(2), entry(3)]
    assert history.names() == ["edit 4"]


def test_one_writer(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    assert first.acquire() == ""
    assert second.acquire().startswith("it is open in process ")
    first.release()
    first.release()
    assert second.acquire() == ""
    second.release()
    assert (tmp_path / "lock").read_text() == ""


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    assert FolderLock(tmp_path / "missing" / "lock").acquire() == "the folder cannot be written"
