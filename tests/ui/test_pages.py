"""Pages of which one is shown, and those that wait for it."""

from __future__ import annotations

import gc

import pytest
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QApplication, QLabel

from napari_emseg.ui import pages as module
from napari_emseg.ui.pages import Pages


@pytest.fixture
def pages(qtbot, monkeypatch):
    monkeypatch.setattr(module, "_LATER_MS", 60)
    monkeypatch.setattr(module, "_BETWEEN_MS", 5)
    found = Pages()
    qtbot.addWidget(found)
    for words in ("one", "two\ntwo", "three\nthree\nthree"):
        found.add(QLabel(words))
    return found


def words(shown):
    return [page.text().split()[0] for page in shown]


def test_one_page_is_shown_and_asks_for_room(pages):
    one, _, three = pages.all
    pages.show()
    assert pages.current is None
    for page in (three, one):
        pages.show_page(page)
        assert pages.current is page
        assert [p.isVisible() for p in pages.all] == [p is page for p in pages.all]
        assert pages.sizeHint().height() == page.sizeHint().height()


def test_a_page_lies_aside_until_it_is_shown(pages):
    pages.setStyleSheet("QLabel { font-size: 40px; }")
    assert pages.placed == []
    assert all(page.parent() is not None for page in pages.all)  # none is a window of its own
    high = pages.all[1].sizeHint().height()
    pages.show_page(pages.all[1])
    assert words(pages.placed) == ["two"]
    pages.show()
    assert pages.all[1].sizeHint().height() > high  # styled now


def test_pages_come_to_their_place_a_little_after_the_window_is_shown(pages, qtbot):
    pages.show_page(pages.all[0])
    with qtbot.assertNotEmitted(pages.settled, wait=150):
        pass  # not in a window yet
    with qtbot.waitSignal(pages.settled, timeout=3000):
        pages.show()
        assert words(pages.placed) == ["one"]
    assert words(pages.placed) == ["one", "two", "three"]
    assert pages.current is pages.all[0]
    with qtbot.assertNotEmitted(pages.settled, wait=100):
        pages.hide()
        pages.show()


def test_nothing_of_it_outlives_it(qtbot):
    before = set(QApplication.topLevelWidgets())
    made = Pages()
    made.add(QLabel("one"))
    made.deleteLater()
    del made
    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert set(QApplication.topLevelWidgets()) <= before
