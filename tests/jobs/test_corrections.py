"""A colleague's corrections come in; where both changed the same pixels, nothing is overwritten.

The common start, one section (ids)::

    1 1 2 2
    1 1 2 2
    3 3 4 4
    3 3 4 4     each letter a block of 10 x 10 pixels
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.conflicts import FILE, load_conflicts
from napari_emseg.core.copying import copy_project
from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.packing import pack_project
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs.corrections import bring_in, find_corrections, keep_all
from napari_emseg.proofread.merge import merge
from napari_emseg.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (3, 40, 40)
START = np.kron(np.array([[1, 2], [3, 4]], np.uint32), np.ones((20, 20), np.uint32))


def image() -> ImageStack:
    return ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 5.0, 5.0), "file", "toy", "")


def write(session: Session, z: int, rows: slice, columns: slice, value: int) -> None:
    session.volume[z, rows, columns] = value
    session.commit_stroke()


def section(session: Session, z: int = 1) -> np.ndarray:
    return session.volume.read(Region((z, 0, 0), (z + 1, *SHAPE[1:])))[0]


class Pair:
    """My project and the colleague's copy of it, both open."""

    def __init__(self, folder: Path) -> None:
        self.mine = Session.create(folder / "mine.emseg", image())
        region = Region((1, 0, 0), (2, 40, 40))
        before = np.zeros(region.shape, np.uint32)
        self.mine.commit(Edit("segment", "model", (Patch(region, before, START[None]),)))
        self.mine.save()
        copy_project(folder / "mine.emseg", folder / "theirs.emseg")
        self.theirs = Session.open(folder / "theirs.emseg", image())

    def import_(self):  # type: ignore[no-untyped-def]
        self.theirs.save()
        return bring_in(self.mine, find_corrections(self.mine, self.theirs.project.folder))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.mine.close()
    made.theirs.close()


def test_what_only_they_changed_comes_in_as_one_edit(pair: Pair) -> None:
    write(pair.theirs, 1, slice(0, 20), slice(20, 40), 1)  # merges 2 into 1
    write(pair.theirs, 2, slice(5, 9), slice(5, 9), 3)
    pair.theirs.mark(1, Status.PROOFREAD)
    write(pair.mine, 1, slice(30, 40), slice(30, 40), 3)  # I work elsewhere
    mine = section(pair.mine)
    done = pair.import_()
    assert done.conflicts == pair.mine.conflicts == ()
    assert done.edits == 3
    expected = mine.copy()
    expected[:20, 20:] = 1
    np.testing.assert_array_equal(section(pair.mine), expected)
    assert (section(pair.mine, 2)[5:9, 5:9] == 3).all()
    assert pair.mine.sections[1].status is Status.PROOFREAD
    pair.mine.undo()
    np.testing.assert_array_equal(section(pair.mine), mine)
    assert pair.mine.sections[1].status is Status.UNSEEN


@pytest.mark.parametrize("is_passed_on", [False, True])
def test_new_objects_of_both_stay_different(pair: Pair, tmp_path: Path, is_passed_on: bool) -> None:
    """Both give id 5 to something else, and a copy of theirs was made with it."""
    write(pair.mine, 1, slice(0, 10), slice(0, 10), 5)
    write(pair.theirs, 1, slice(30, 40), slice(30, 40), 5)
    pair.theirs.save()
    theirs = pair.theirs.project.folder
    if is_passed_on:
        copy_project(theirs, tmp_path / "third.emseg")
        theirs = tmp_path / "third.emseg"
    bring_in(pair.mine, find_corrections(pair.mine, theirs))
    now = section(pair.mine)
    assert set(now[:10, :10].ravel()) == {5}
    assert set(now[30:, 30:].ravel()) == {6}
    assert pair.mine.volume.next_ids() == 7


def test_long_histories_are_compared_to_their_end(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_emseg.jobs.corrections._ROWS", 1)
    write(pair.mine, 2, slice(0, 5), slice(0, 5), 5)
    pair.mine.save()
    later = pair.mine.project.folder.with_name("later.emseg")
    copy_project(pair.mine.project.folder, later)
    assert find_corrections(pair.mine, later).edits == 0


def test_pixels_that_both_changed_stay_and_become_conflicts(pair: Pair, tmp_path: Path) -> None:
    write(pair.mine, 1, slice(0, 10), slice(0, 40), 4)
    write(pair.theirs, 1, slice(5, 15), slice(0, 40), 3)
    pair.mine.mark(2, Status.PROOFREAD)
    pair.theirs.mark(2, Status.EXCLUDED, "fold")
    mine = section(pair.mine)
    done = pair.import_()
    now = section(pair.mine)
    np.testing.assert_array_equal(now[:10], mine[:10])  # mine is kept where both painted
    assert (now[10:15] == 3).all()  # only they were here
    labels, state = done.conflicts
    assert (labels.section, labels.mine, labels.theirs, labels.pixels) == (1, 4, 3, 5 * 40)
    assert labels.region == Region((1, 5, 0), (2, 10, 40))
    assert labels.place == (1, 7, 19)
    assert state.states is not None
    assert [s.status for s in state.states] == [Status.PROOFREAD, Status.EXCLUDED]
    assert state.words.startswith("you: proofread, ")
    assert state.words.endswith(": left out (fold)")
    # they wait in the project until they are decided, also on another day
    folder = pair.mine.project.folder
    pair.mine.close()
    pair.mine = Session.open(folder, image())
    assert [c.words for c in pair.mine.conflicts] == [c.words for c in done.conflicts]
    # theirs, and back to mine, and theirs again: a decision can be revised until the last is taken
    pair.mine.decide_conflict(0, "theirs")
    assert (section(pair.mine)[5:15] == 3).all()
    pair.mine.decide_conflict(0, "mine")
    np.testing.assert_array_equal(section(pair.mine), now)
    pair.mine.decide_conflict(0, "theirs")
    assert [c.decision for c in load_conflicts(folder)] == ["theirs", ""]
    pair.mine.decide_conflict(1, "theirs")
    assert (pair.mine.sections[2].status, pair.mine.sections[2].reason) == (Status.EXCLUDED, "fold")
    assert not (folder / FILE).exists()
    pair.mine.undo()
    assert pair.mine.sections[2].status is Status.PROOFREAD
    # what is undone waits again, and redo decides it again
    assert [c.decision for c in load_conflicts(folder)] == ["theirs", ""]
    pair.mine.redo()
    assert [c.decision for c in pair.mine.conflicts] == ["theirs", "theirs"]
    assert not (folder / FILE).exists()


def test_the_same_correction_twice_is_no_conflict(pair: Pair) -> None:
    for session in (pair.mine, pair.theirs):
        write(session, 1, slice(0, 20), slice(20, 40), 1)
    before = section(pair.mine)
    assert pair.import_().conflicts == ()
    np.testing.assert_array_equal(section(pair.mine), before)
    # and importing again brings nothing new
    assert pair.import_().edit.is_empty


def test_importing_again_brings_only_what_is_new_since(pair: Pair) -> None:
    write(pair.mine, 1, slice(0, 10), slice(0, 10), 5)  # both give id 5 to something else
    write(pair.theirs, 1, slice(30, 40), slice(30, 40), 5)
    write(pair.mine, 1, slice(15, 20), slice(0, 20), 4)
    write(pair.theirs, 1, slice(15, 20), slice(0, 20), 3)
    pair.mine.mark(2, Status.PROOFREAD)
    pair.theirs.mark(2, Status.EXCLUDED, "fold")
    assert len(pair.import_().conflicts) == 2
    keep_all(pair.mine, "mine")
    write(pair.mine, 1, slice(38, 40), slice(30, 40), 4)  # I go on where theirs came in
    before = section(pair.mine)
    again = pair.import_()
    assert again.edit.is_empty
    assert again.conflicts == ()
    np.testing.assert_array_equal(section(pair.mine), before)
    # their new object grows, another one appears, one mark is taken back, and I have changed one of these places
    write(pair.theirs, 1, slice(28, 30), slice(30, 40), 5)
    write(pair.theirs, 1, slice(36, 40), slice(38, 40), 6)
    pair.theirs.mark(2, Status.UNSEEN)
    done = pair.import_()
    assert done.edits == 3
    now = section(pair.mine)
    assert set(now[28:38, 30:38].ravel()) == {6}  # the object that came as 6 the first time
    assert set(now[36:38, 38:].ravel()) == {7}
    assert set(now[38:, 30:].ravel()) == {4}
    assert [(c.mine, c.theirs, c.pixels) for c in done.conflicts if c.states is None] == [(4, 7, 4)]
    assert pair.mine.sections[2].status is Status.PROOFREAD
    assert [c.states is not None for c in done.conflicts].count(True) == 1


def test_an_import_that_was_taken_back_can_be_made_again(pair: Pair) -> None:
    write(pair.theirs, 1, slice(30, 40), slice(30, 40), 5)
    pair.theirs.mark(0, Status.PROOFREAD)
    pair.import_()
    after = section(pair.mine)
    pair.mine.undo()
    done = pair.import_()
    assert done.conflicts == ()
    assert done.edits == 2
    np.testing.assert_array_equal(section(pair.mine), after)
    assert pair.mine.sections[0].status is Status.PROOFREAD


def test_conflicts_of_an_import_that_is_undone_wait_no_longer(pair: Pair) -> None:
    write(pair.mine, 1, slice(0, 10), slice(0, 40), 4)
    write(pair.theirs, 1, slice(5, 15), slice(0, 40), 3)
    pair.mine.mark(2, Status.PROOFREAD)
    pair.theirs.mark(2, Status.EXCLUDED, "fold")
    pair.import_()
    said = [c.words for c in pair.mine.conflicts]
    assert len(said) == 2
    folder = pair.mine.project.folder
    for reopened in (False, True):
        pair.mine.undo()
        if reopened:
            pair.mine.close()
            pair.mine = Session.open(folder, image())
        assert pair.mine.conflicts == ()
        pair.mine.redo()
        assert [c.words for c in pair.mine.conflicts] == said
    pair.mine.undo()
    write(pair.mine, 0, slice(0, 4), slice(0, 4), 4)  # now it cannot be made again
    assert load_conflicts(folder) == ()
    # brought in once more, they wait again, and once
    pair.import_()
    assert [c.words for c in pair.mine.conflicts] == said
    pair.mine.decide_conflict(0, "theirs")
    pair.mine.undo()
    pair.mine.undo()
    assert pair.mine.conflicts == ()


def test_an_import_that_is_undone_leaves_what_an_earlier_one_has_decided(pair: Pair) -> None:
    write(pair.mine, 1, slice(0, 10), slice(0, 20), 4)
    write(pair.theirs, 1, slice(5, 15), slice(0, 20), 3)
    pair.import_()
    keep_all(pair.mine, "mine")
    write(pair.mine, 1, slice(20, 25), slice(0, 20), 4)
    write(pair.theirs, 1, slice(20, 30), slice(0, 20), 1)
    later = [c.words for c in pair.import_().conflicts]
    assert len(later) == 1
    pair.mine.undo()
    assert [c.words for c in pair.import_().conflicts] == later


def test_what_came_in_and_was_taken_back_there_is_taken_back_here(pair: Pair) -> None:
    before = section(pair.mine)
    write(pair.theirs, 1, slice(0, 20), slice(20, 40), 1)
    pair.import_()
    pair.theirs.undo()
    assert pair.import_().conflicts == ()
    np.testing.assert_array_equal(section(pair.mine), before)


def test_what_they_add_to_an_object_that_was_merged_here_belongs_to_the_merged_one(pair: Pair) -> None:
    pair.mine.commit(merge(pair.mine.volume, [1, 2]))
    write(pair.theirs, 2, slice(5, 9), slice(5, 9), 2)
    write(pair.theirs, 1, slice(0, 4), slice(36, 40), 0)  # and they take a corner of it away
    done = pair.import_()
    assert done.conflicts == ()
    assert (section(pair.mine, 2)[5:9, 5:9] == 1).all()
    now = section(pair.mine)
    assert set(now[:20, :36].ravel()) == {1}
    assert not now[:4, 36:].any()
    # a new object of theirs that was merged here after it came in
    write(pair.theirs, 2, slice(20, 24), slice(20, 24), 9)
    pair.import_()
    new = int(section(pair.mine, 2)[20, 20])
    pair.mine.commit(merge(pair.mine.volume, [3, new]))
    write(pair.theirs, 2, slice(20, 30), slice(20, 24), 9)
    pair.import_()
    assert (section(pair.mine, 2)[20:30, 20:24] == 3).all()


def test_what_was_added_here_to_an_object_that_they_merged_goes_with_it(pair: Pair) -> None:
    pair.theirs.commit(merge(pair.theirs.volume, [1, 2]))
    write(pair.mine, 2, slice(5, 9), slice(5, 9), 2)
    write(pair.mine, 1, slice(30, 40), slice(30, 40), 9)  # an object of mine
    before = [section(pair.mine, z) for z in range(3)]
    done = pair.import_()
    assert done.conflicts == ()
    assert (section(pair.mine, 2)[5:9, 5:9] == 1).all()
    assert set(section(pair.mine)[:20].ravel()) == {1}
    assert (section(pair.mine)[30:, 30:] == 9).all()
    pair.mine.undo()
    for z in range(3):
        np.testing.assert_array_equal(section(pair.mine, z), before[z])


def test_a_merge_that_was_undone_is_none(pair: Pair) -> None:
    pair.mine.commit(merge(pair.mine.volume, [1, 2]))
    pair.mine.undo()
    pair.theirs.commit(merge(pair.theirs.volume, [3, 4]))
    pair.theirs.undo()
    write(pair.theirs, 2, slice(5, 9), slice(5, 9), 2)
    write(pair.mine, 2, slice(15, 19), slice(5, 9), 4)
    pair.import_()
    now = section(pair.mine, 2)
    assert (now[5, 5], now[15, 5]) == (2, 4)


def test_records_of_imports_that_cannot_be_read_only_ask_more(pair: Pair) -> None:
    write(pair.theirs, 1, slice(30, 40), slice(30, 40), 5)
    pair.import_()
    (pair.mine.project.folder / "imports.json").write_text('{"version": 1, "imports": [{"seen"')
    assert len(pair.import_().conflicts) == 1
    assert pair.import_().conflicts == ()


def test_what_they_took_back_is_not_brought_in(pair: Pair) -> None:
    write(pair.theirs, 1, slice(0, 5), slice(0, 5), 4)
    pair.theirs.undo()
    found = find_corrections(pair.mine, pair.theirs.project.folder)
    assert found.is_nothing
    assert found.edits == 0


def test_work_that_was_done_while_comparing_is_not_overwritten(pair: Pair) -> None:
    write(pair.theirs, 1, slice(0, 5), slice(0, 5), 4)
    pair.theirs.save()
    found = find_corrections(pair.mine, pair.theirs.project.folder)
    write(pair.mine, 1, slice(0, 3), slice(0, 3), 2)
    before = section(pair.mine)
    with pytest.raises(EmsegError, match="import the corrections again"):
        bring_in(pair.mine, found)
    np.testing.assert_array_equal(section(pair.mine), before)


def test_a_pack_is_imported_as_it_is(pair: Pair, tmp_path: Path) -> None:
    write(pair.theirs, 1, slice(0, 5), slice(0, 5), 4)
    pair.theirs.close()
    pack = pack_project(pair.theirs.project.folder, tmp_path / "back.emseg.zip", with_image=False)
    bring_in(pair.mine, find_corrections(pair.mine, pack))
    assert (section(pair.mine)[:5, :5] == 4).all()


def test_all_conflicts_at_once(pair: Pair) -> None:
    write(pair.mine, 1, slice(0, 10), slice(0, 10), 4)
    write(pair.theirs, 1, slice(0, 10), slice(0, 10), 3)
    pair.import_()
    assert keep_all(pair.mine, "theirs") == 1
    assert (section(pair.mine)[:10, :10] == 3).all()


def test_other_projects_are_refused(pair: Pair, tmp_path: Path) -> None:
    other = Session.create(tmp_path / "other.emseg", image())
    other.close()
    with pytest.raises(EmsegError, match="no copy of the open project"):
        find_corrections(pair.mine, tmp_path / "other.emseg")
    with pytest.raises(EmsegError, match="the open project itself"):
        find_corrections(pair.mine, pair.mine.project.folder)
    with pytest.raises(EmsegError, match="no such file"):
        find_corrections(pair.mine, tmp_path / "nothing.zip")


def test_a_damaged_list_of_conflicts_does_not_keep_a_project_shut(tmp_path: Path) -> None:
    Session.create(tmp_path / "p.emseg", image()).close()
    (tmp_path / "p.emseg" / FILE).write_bytes(b"nonsense")
    session = Session.open(tmp_path / "p.emseg", image())
    assert "conflicts is damaged" in session.notices[0]
    session.close()


def test_random_work_of_two_people_never_loses_a_pixel(pair: Pair) -> None:
    """Against the definition, pixel by pixel."""
    rng = np.random.default_rng(3)
    for session in (pair.mine, pair.theirs):
        for _ in range(12):
            y, x = rng.integers(0, 35, 2)
            value = int(rng.integers(0, 5))
            write(
                session,
                1,
                slice(y, y + int(rng.integers(1, 9))),
                slice(x, x + int(rng.integers(1, 9))),
                value,
            )
    mine, theirs = section(pair.mine), section(pair.theirs)
    done = pair.import_()
    now = section(pair.mine)
    conflict = np.zeros((40, 40), bool)
    for c in done.conflicts:
        conflict[c.region.slices[1:]] |= c.mask
    wanted = np.where(mine == START, theirs, mine)
    np.testing.assert_array_equal(now, wanted)
    np.testing.assert_array_equal(conflict, (mine != START) & (theirs != START) & (mine != theirs))
    assert conflict.any()
    keep_all(pair.mine, "theirs")
    np.testing.assert_array_equal(section(pair.mine), np.where(theirs != START, theirs, mine))
