"""The history page and the header in the real window."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

from napari_emseg.core.chronicle import Event
from napari_emseg.core.edit import Region
from napari_emseg.session import Session
from napari_emseg.ui.history_model import HistoryModel, details, line, title, when

NOW = time.mktime((2026, 5, 14, 15, 0, 0, 0, 0, -1))
EVENT = Event(
    7,
    "merge 4 into 7",
    "human",
    "anna",
    NOW - 200,
    2.5,
    "membrane",
    (3, 9),
    Region((3, 0, 10), (10, 20, 30)),
    "done",
)


def many(session: Session, n: int) -> None:
    db: sqlite3.Connection = session.journal._db
    db.execute("BEGIN")
    db.executemany(
        "INSERT INTO edits (name, source, author, time, model, seconds, state, nbytes, extras) "
        "VALUES ('paint', ?, 'anna', ?, 'membrane', 1.0, 'done', 20, '')",
        (("human" if i % 2 else "model", 1.7e9 + 30 * i) for i in range(n)),
    )
    db.execute("COMMIT")


def test_an_edit_in_words() -> None:
    assert title(EVENT) == "Merge 4 into 7"
    assert line(EVENT, NOW) == "anna  ·  sections 3 to 9  ·  3 min ago"
    taken_back = replace(EVENT, state="undone", source="model", sections=(3,))
    assert line(taken_back, NOW) == "model  ·  section 3  ·  3 min ago  ·  taken back"
    text = "\n".join(details(EVENT))
    assert "sections 3 to 9, around y 9, x 19" in text
    assert "took 2.5 s" in text
    assert "model: membrane" in text


@pytest.mark.parametrize(
    ("age", "words"),
    [(5, "just now"), (60, "1 min ago"), (3 * 3600, "today 12:00"), (16 * 3600, "yesterday 23:00"),
     (86400 * 10, "4 May, 15:00"), (86400 * 400, "9 Apr 2025, 15:00")],
)  # fmt: skip
def test_times_are_for_people(age: float, words: str) -> None:
    assert when(NOW - age, NOW) == words


def test_rows_are_read_when_they_are_looked_at(session: Session, qtbot: Any) -> None:
    many(session, 100_000)
    model = HistoryModel()
    model.show_journal(session.journal)
    assert model.rowCount() == 100_000
    assert model.pages_read == 0
    assert model.at(0).id == 100_000
    assert model.at(99_999).id == 1
    assert model.pages_read == 2
    model.show_journal(session.journal, people_only=True)
    assert model.rowCount() == 50_000
    assert {model.at(row).source for row in range(5)} == {"human"}


def test_new_edits_come_in_on_top(desk: Any, make_labels: Any, qtbot: Any) -> None:
    model = HistoryModel()
    desk.session.commit(make_labels(desk.session, (1,)))
    model.show_journal(desk.session.journal)
    inserted: list[tuple[int, int]] = []
    model.rowsInserted.connect(lambda _parent, first, last: inserted.append((first, last)))
    desk.session.lock(1)
    model.update()
    assert inserted == [(0, 0)]
    assert [model.at(row).name for row in range(2)] == ["lock object 1", "segment"]
    desk.session.undo()
    model.update()
    assert model.at(0).undone


def test_the_page_in_the_window(opened: Any, qtbot: Any, make_labels: Any) -> None:
    desk = opened.desk
    page = opened.history_page
    many(desk.session, 3000)
    button = opened.findChild(QPushButton, "history_button")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert page.isVisible()
    qtbot.waitUntil(lambda: page.model.pages_read >= 1, timeout=3000)
    qtbot.wait(50)
    assert page.model.pages_read <= 2  # only what is on screen
    assert page.count.text() == "3 000 edits"
    # an edit that is made while it is open appears
    desk.session.commit(make_labels(desk.session, (4,), "human"))
    painted = desk.session.volume.read(Region.full(desk.session.volume.shape))
    qtbot.waitUntil(lambda: page.model.rowCount() == 3001, timeout=3000)
    # a click goes there
    desk.viewer.dims.set_current_step(0, 0)
    page.list.scrollToTop()
    qtbot.mouseClick(
        page.list.viewport(),
        Qt.MouseButton.LeftButton,
        pos=page.list.visualRect(page.model.index(0)).center(),
    )
    assert desk.section == 4
    assert page.chosen().name == "segment"
    y, x = np.asarray(desk.viewer.scene.camera.center)[-2:] / 8
    assert (round(y), round(x)) == (23, 31)
    # an earlier moment comes back as a new edit
    desk.session.volume[4, 20, 10:20] = 9
    desk.sweep()
    qtbot.waitUntil(lambda: page.model.rowCount() == 3002, timeout=3000)
    page.list.setCurrentIndex(page.model.index(1))
    qtbot.mouseClick(page.restore, Qt.MouseButton.LeftButton)
    assert page.says.saying.tone == "done", page.says.saying.text
    np.testing.assert_array_equal(desk.session.volume.read(Region.full(painted.shape)), painted)
    assert page.model.rowCount() == 3003
    desk.do("undo")
    assert int(desk.session.volume[4, 20, 15]) == 9
    assert page.says.saying.text.startswith("Taken back: restore the moment after"), (
        "Ctrl-Z takes that back no longer"
    )
    qtbot.mouseClick(opened.findChild(QPushButton, "close_history"), Qt.MouseButton.LeftButton)
    assert not page.isVisible()
    assert opened.panels[desk.stage].isVisible()


def test_what_restoring_has_changed_is_counted(labelled: Any) -> None:
    from napari_emseg.core.chronicle import event
    from napari_emseg.ui.flows.history import restore

    session = labelled.session
    first = event(session.journal, session.history.undoable.id)
    assert first is not None
    session.lock(1)
    assert ": 1 lock changed." in restore(labelled, first)
    assert session.locked == set()
    session.undo()
    session.lock(2)
    session.mark(2, "proofread")
    assert ": 1 section and 2 locks changed." in restore(labelled, first)
    assert "Nothing has changed since" in restore(labelled, first)


def test_a_second_window_says_that_it_reads_only_and_keeps_up(
    opened: Any, qtbot: Any, session: Session, tmp_path: Path, make_labels: Any
) -> None:
    """The folder is held by the first session, as by another process; the locks of Linux are per open file."""
    from napari_emseg.ui.flows.opening import show

    desk = opened.desk
    first = Session.create(tmp_path / "shared.emseg", session.image)
    show(desk, Session.open(tmp_path / "shared.emseg", session.image))
    qtbot.waitUntil(
        lambda: "Read-only: it is open in another window" in opened.header.notes.text(), timeout=3000
    )
    assert opened.header.notes.isVisible()
    assert opened.follower.timer.isActive()
    opened.follower.timer.setInterval(20)
    first.commit(make_labels(first, (3,)))
    qtbot.waitUntil(lambda: int(desk.session.volume[3, 20, 15]) == 1, timeout=3000)
    assert 3 in desk.labelled
    first.close()
    qtbot.waitUntil(lambda: "Open it for editing" in opened.header.notes.text(), timeout=3000)
    opened.header.followed.emit("reopen")
    assert not desk.session.read_only
    qtbot.waitUntil(lambda: not opened.header.notes.isVisible(), timeout=3000)
    assert not opened.follower.timer.isActive()


def test_pixel_sizes_that_differ_are_always_shown(opened: Any, qtbot: Any, model: Path) -> None:
    desk = opened.desk
    card = model / "card.json"
    card.write_text(
        card.read_text("utf-8").replace("[2.0,20.0]", "[3.0,5.0]").replace(":8.0", ":4.0"), "utf-8"
    )
    desk.state_changed.emit()
    qtbot.waitUntil(
        lambda: "Model for 4 nm, image 8 nm: resampled" in opened.header.notes.text(), timeout=3000
    )
    assert "8 × 8 × 40 nm" in opened.header.subtitle.text()
    # a label layer of half the resolution is named, and taken over on demand
    coarse = np.zeros((6, 24, 32), np.uint8)
    coarse[2, 4:8, 4:8] = 3
    layer = desk.viewer.add_labels(
        coarse, name="truth", scale=(40, 16, 16), translate=(0, 4, 4), units=("nm",) * 3
    )
    qtbot.waitUntil(lambda: "“truth”" in opened.header.notes.text(), timeout=3000)
    opened.header.followed.emit("take_labels")
    qtbot.waitUntil(lambda: desk.session.can_undo, timeout=3000)
    found = desk.session.volume.read(Region((2, 0, 0), (3, 48, 64)))[0]
    assert (found[8:16, 8:16] == 3).all()
    assert int((found == 3).sum()) == 64
    assert not layer.visible
    assert desk.viewer.layers.selection.active is desk.layers.labels, "the hidden one takes no strokes"
