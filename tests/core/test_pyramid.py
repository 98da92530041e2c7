"""Coarse views are exactly every second, fourth ... pixel, whatever happened and wherever they come from."""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.core import following
from napari_emseg.core.chunks import ChunkStore
from napari_emseg.core.edit import Edit, Relabel
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.stack import ImageStack
from napari_emseg.core.volume import LabelVolume
from napari_emseg.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_emseg.core.page import Page

SHAPE = (3, 1100, 600)  # three by two pages; two levels above them


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    image = ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 4.6, 4.6), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.volume.pages.out.delay_s = 1e6
    yield session
    session.close()


def paint(session: Session, z: int, y: int, x: int, value: int, side: int = 40) -> None:
    session.volume[z, y : y + side, x : x + side] = value
    session.commit_stroke()


def check(volume: LabelVolume) -> None:
    full = np.asarray(volume)
    for level in range(volume.pyramid.top + 1):
        step = 2**level
        np.testing.assert_array_equal(np.asarray(volume.coarse(level)), full[:, ::step, ::step])


def settle(session: Session) -> None:
    """Everything that idle time does."""
    session.volume.flush()
    while session.volume.pages.out.idle():  # type: ignore[misc]
        pass


def files(session: Session) -> list[str]:
    root = session.project.labels / ".coarse"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_levels_end_where_a_section_is_one_tile(session: Session) -> None:
    assert session.volume.pyramid.top == 2
    assert session.volume.coarse(2).shape == (3, 275, 150)
    assert session.volume.coarse(1, every=2).shape == (2, 550, 300)


def test_every_nth_section(session: Session) -> None:
    paint(session, 2, 500, 500, 7)
    expected = np.asarray(session.volume)[::2, ::4, ::4]
    np.testing.assert_array_equal(np.asarray(session.volume.coarse(2, every=2)), expected)
    assert session.volume.coarse(2, every=2)[1, 128, 128] == 7


def test_idle_time_keeps_tiles_and_changes_throw_them_away(session: Session) -> None:
    paint(session, 0, 500, 500, 3)
    settle(session)
    assert files(session) == ["1/0/c/0/0/0", "1/0/c/0/1/0", "2/0/c/0/0/0"]
    session.volume.pyramid._tiles.clear()
    check(session.volume)  # from the files
    paint(session, 0, 0, 0, 4)
    check(session.volume)
    session.volume.flush()
    assert files(session) == ["1/0/c/0/1/0"]
    settle(session)
    session.volume.pyramid._tiles.clear()
    check(session.volume)


def test_a_stroke_that_is_not_finished_never_reaches_a_file(session: Session) -> None:
    paint(session, 0, 0, 0, 3)
    session.volume[0, 0:100, 0:100] = 9
    check(session.volume)
    settle(session)
    assert files(session) == ["1/0/c/0/1/0"]  # of the two of level 1, the one that the stroke is not on


def test_a_merge_outdates_nothing(session: Session) -> None:
    paint(session, 0, 0, 0, 3)
    paint(session, 0, 100, 100, 4)
    settle(session)
    before = files(session)
    session.commit(Edit("merge", "human", relabel=Relabel(((4, 3),))))
    session.volume.pyramid._tiles.clear()
    check(session.volume)
    session.undo()
    check(session.volume)
    session.redo()
    settle(session)
    assert files(session) == before
    check(session.volume)


def test_damaged_tiles_are_made_again(session: Session) -> None:
    paint(session, 0, 0, 0, 3)
    settle(session)
    for name in files(session):
        path = session.project.labels / ".coarse" / name
        path.write_bytes(path.read_bytes()[:-5])
    session.volume.pyramid._tiles.clear()
    check(session.volume)


STEPS = st.one_of(
    st.tuples(
        st.just("paint"),
        st.integers(0, 2),
        st.sampled_from([0, 490, 1030]),
        st.integers(0, 560),
        st.integers(0, 5),
    ),
    st.tuples(st.just("swap"), st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from([("undo",), ("redo",), ("settle",), ("look",), ("flush",), ("forget",)]),
)


@given(script=st.lists(STEPS, max_size=15))
@settings(max_examples=6, deadline=None)
def test_true_after_any_script(tmp_path_factory: pytest.TempPathFactory, script: list[tuple]) -> None:
    image = ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 4.6, 4.6), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path_factory.mktemp("p") / "toy.emseg", image)
    session.volume.pages.out.delay_s = 1e6
    try:
        for kind, *what in script:
            if kind == "paint":
                paint(session, *what)
            elif kind == "swap" and what[0] != what[1]:
                pairs = ((what[0], what[1]), (what[1], what[0]))
                session.commit(Edit("swap", "human", relabel=Relabel(pairs)))
            elif kind in ("undo", "redo"):
                getattr(session, kind)()
            elif kind == "settle":
                settle(session)
            elif kind == "look":
                check(session.volume)
            elif kind == "flush":
                session.volume.flush()
            else:
                session.volume.pyramid._tiles.clear()
        check(session.volume)
    finally:
        session.close()


def test_a_disk_that_takes_no_tile_stops_neither_writing_nor_looking(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ChunkStore.write

    def full(store: ChunkStore, key: tuple[int, int, int], page: Page) -> None:
        if store._is_part:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(store, key, page)

    monkeypatch.setattr(ChunkStore, "write", full)
    out = session.volume.pages.out
    out.delay_s = 0.01
    paint(session, 0, 500, 500, 3)
    deadline = time.monotonic() + 10
    while session.volume.pyramid._waiting or session.volume.pages.dirty:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.05)
    assert files(session) == []
    check(session.volume)
    assert out._thread is not None
    assert out._thread.is_alive()
    paint(session, 1, 0, 0, 4)
    while session.volume.pages.dirty:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_window_that_only_reads_does_not_keep_coarse_views_of_before(session: Session) -> None:
    paint(session, 0, 0, 0, 3)
    session.save()
    reader = Session.open(session.project.folder, session.image)
    assert reader.read_only
    check(reader.volume)
    reader.volume.pages.pages.clear()  # as a cache does that is full of other pages
    paint(session, 0, 0, 0, 4)
    session.save()
    assert reader.refresh() == 1
    assert reader.volume.coarse(2)[0, 0, 0] == 4
    check(reader.volume)
    reader.close()


def test_a_window_that_loads_everything_again_does_not_keep_coarse_views_of_before(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(session, 0, 0, 0, 3)
    session.save()
    reader = Session.open(session.project.folder, session.image)
    check(reader.volume)
    paint(session, 0, 0, 0, 4)
    session.save()

    def gone(*_: object) -> None:
        raise EmsegError("this edit was forgotten")

    with monkeypatch.context() as patched:
        patched.setattr(reader._journal, "since", gone)
        patched.setattr(following, "replay", lambda journal, volume: None)
        reader.refresh()
    check(reader.volume)
    reader.close()
