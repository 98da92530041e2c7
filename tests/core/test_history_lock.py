"""Undo stacks and the folder lock."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_emseg.core.folder_lock import FolderLock
from napari_emseg.core.history import History
from napari_emseg.core.journal import Entry


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


def test_what_was_dropped_is_forgotten_in_its_turn_after_reopening() -> None:
    history = History([entry(1), entry(2, state="dropped"), entry(3)], limit_bytes=25)
    assert history.nbytes == 30
    assert history.push(entry(4)) == [entry(1), entry(2, state="dropped")]
    assert history.push(entry(5)) == [entry(3)]
    assert (history.names(), history.nbytes) == (["edit 4", "edit 5"], 20)


def test_one_writer(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    assert first.acquire() == ""
    assert second.acquire() == "it is open in another window of this program"
    first.release()
    first.release()
    assert second.acquire() == ""
    second.release()
    assert (tmp_path / "lock").read_text() == ""


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    assert FolderLock(tmp_path / "missing" / "lock").acquire() == "the folder cannot be written"


def test_a_lock_holds_where_the_disk_has_no_room_for_its_holders_name() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    lock = FolderLock(full)
    assert lock.acquire() == ""
    lock.release()
    assert lock.acquire() == ""
    lock.release()


class Plain:
    """What a history is, written down as simply as it can be."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.state: dict[int, str] = {}
        self.size: dict[int, int] = {}

    def those(self, *states: str) -> list[int]:
        return sorted(n for n, s in self.state.items() if s in states)

    @property
    def nbytes(self) -> int:
        return sum(self.size[n] for n in self.those("done", "dropped"))

    def push(self, number: int, nbytes: int) -> list[int]:
        self.state |= dict.fromkeys(self.those("undone"), "dropped")
        self.state[number], self.size[number] = "done", nbytes
        gone = []
        for old in self.those("done", "dropped")[:-1]:
            if self.nbytes <= self.limit:
                break
            self.state[old] = "forgotten"
            gone.append(old)
        return gone


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(1, 100)),
        st.tuples(st.just("undo"), st.just(0)),
        st.tuples(st.just("redo"), st.just(0)),
        st.tuples(st.just("grow"), st.integers(1, 30)),
    ),
    max_size=60,
)


@given(steps=STEPS, limit=st.integers(0, 200))
def test_it_forgets_exactly_the_oldest_whatever_was_undone_and_has_grown(
    steps: list[tuple[str, int]], limit: int
) -> None:
    history, plain, last = History(limit_bytes=limit), Plain(limit), 0
    for what, number in steps:
        if what == "push":
            last += 1
            assert [old.id for old in history.push(entry(last, number))] == plain.push(last, number)
        elif what == "undo" and plain.those("done"):
            assert history.undoable is not None
            assert history.undoable.id == plain.those("done")[-1]
            plain.state[plain.those("done")[-1]] = "undone"
            history.undo()
        elif what == "redo" and plain.those("undone"):
            assert history.redoable is not None
            assert history.redoable.id == plain.those("undone")[0]
            plain.state[plain.those("undone")[0]] = "done"
            history.redo()
        elif what == "grow" and last:
            which = 1 + number % last
            plain.size[which] += number
            history.grow({which: number})
        assert history.numbers() == plain.those("done")
        assert history.nbytes == plain.nbytes


class Counting(list[Entry]):
    """Says how often it was gone through."""

    walks = 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        Counting.walks += 1
        return super().__iter__()


def test_a_stroke_does_not_go_through_the_work_of_months() -> None:
    history = History([entry(n) for n in range(1, 1000)])
    history._done, Counting.walks = Counting(history._done), 0
    history.push(entry(1000))
    history.undo()
    history.redo()
    assert Counting.walks == 0
