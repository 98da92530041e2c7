"""The tree of an object in the dock: drawn, clicked, walked along by keys, saved."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest

from napari_emseg.algorithms.branches import BranchGraph
from napari_emseg.jobs.branch_view import BranchView
from napari_emseg.ui.branch_tree import DOUBT, BranchTree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def page(opened: Any, make_labels: Any, qtbot: Any) -> Any:
    """The tree of cell 1, which lies in sections 1 to 3."""
    opened.desk.session.commit(make_labels(opened.desk.session, (1, 2, 3)))
    opened.desk.layers.labels.selected_label = 1
    opened.desk.viewer.mouse_over_canvas = False
    opened.desk.do("show_branches")
    found = opened.branch_page
    qtbot.waitUntil(lambda: found.view is not None, timeout=10000)
    return found


def click(page: Any, piece: int) -> None:
    at = page.tree.position(piece)
    QTest.mouseClick(
        page.tree.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(round(at.x()), round(at.y()))
    )


def test_pieces_lead_to_their_section(page: Any, opened: Any) -> None:
    assert page.view.section.tolist() == [1, 2, 3]
    assert page.says.saying.text.startswith("3 pieces in sections 1 to 3. It does not branch. ")
    click(page, 2)
    assert opened.desk.section == 3
    assert page.tree.chosen == 2
    assert page.tree.section == 3
    QTest.keyClick(page.tree, Qt.Key.Key_Up)
    assert opened.desk.section == 2
    QTest.keyClick(page.tree, Qt.Key.Key_Home)
    assert opened.desk.section == 1
    QTest.keyClick(page.tree, Qt.Key.Key_Up)
    assert opened.desk.section == 1
    assert opened.desk.layers.labels.selected_label == 1


def test_asked_again_it_closes_and_another_object_is_drawn(page: Any, opened: Any, qtbot: Any) -> None:
    opened.desk.layers.labels.selected_label = 2
    opened.desk.do("show_branches")
    qtbot.waitUntil(lambda: page.view is not None and page.view.object_id == 2, timeout=10000)
    assert opened.pages.current is page
    opened.desk.do("show_branches")
    assert opened.pages.current is opened.panels[opened.desk.stage]


def test_saved_as_both(page: Any, tmp_path: Path) -> None:
    for suffix in ("swc", "graphml"):
        page.save_tree(str(tmp_path / f"cell.{suffix}"))
        assert (tmp_path / f"cell.{suffix}").stat().st_size > 100
        assert page.says.saying.text == f"cell.{suffix}: 3 pieces, 2 links."
    session = page.desk.session
    session.image = replace(session.image, offset_nm=(4e6, 42.0, -8.0))  # a part of a larger volume
    page.save_tree(str(tmp_path / "there.swc"))
    here, there = (
        [line.split()[4] for line in (tmp_path / name).read_text().splitlines() if line[0] != "#"]
        for name in ("cell.swc", "there.swc")
    )
    assert [float(z) for z in there] == [float(z) + 4000 for z in here]
    page.save_tree(str(tmp_path / "cell.txt"))
    assert page.says.saying.tone == "error"


def test_no_object_is_said(opened: Any) -> None:
    opened.desk.layers.labels.selected_label = 0
    opened.desk.viewer.mouse_over_canvas = False
    opened.desk.do("show_branches")
    assert "no object" in opened.desk.sayings[opened.desk.stage].text


def large(n: int) -> BranchView:
    """A trunk of n sections with a side branch in every tenth, and a doubtful link in the middle."""
    side = np.arange(5, n, 10)
    section = np.r_[np.arange(n), side]
    order = np.argsort(section, kind="stable")
    section = section[order]
    trunk = np.flatnonzero(np.r_[True, np.diff(section) > 0])
    edges = np.stack([trunk[:-1], trunk[1:]], 1)
    sure = np.full(len(edges), 0.99)
    sure[n // 2] = 0.3
    lane = np.zeros(section.size, np.int64)
    lane[np.setdiff1d(np.arange(section.size), trunk)] = 1
    graph = BranchGraph(
        np.ones(section.size, np.int64), np.zeros((section.size, 3)), np.ones(section.size), edges, sure
    )
    return BranchView(
        1, graph, section, np.ones((section.size, 2), int), np.full(section.size, 50), lane, 0.8
    )


@pytest.fixture
def tree(qtbot: Any) -> BranchTree:
    made = BranchTree()
    qtbot.addWidget(made)
    made.resize(340, 320)
    made.show()
    return made


def test_a_thousand_sections_are_drawn_quickly_and_can_be_walked(tree: BranchTree) -> None:
    tree.show_view(large(2000))
    drawn = []
    for row in (14.0, 0.2):
        tree.zoom(row)
        began = time.perf_counter()
        tree.grab()
        drawn.append(time.perf_counter() - began)
    assert max(drawn) < 2  # seconds, on a busy machine; it takes some ten milliseconds
    tree.zoom(14)
    tree.choose(1500)
    at = tree.position(1500)
    assert 0 <= at.y() <= tree.viewport().height()
    assert tree.piece_at(at.x(), at.y()) == 1500
    assert tree.piece_at(at.x() + 300, at.y()) == -1
    gone = []
    tree.picked.connect(gone.append)
    QTest.keyClick(tree, Qt.Key.Key_Plus)
    assert tree.row == pytest.approx(17.5)
    QTest.keyClick(tree, Qt.Key.Key_End)
    assert gone == [tree.view.section.size - 1]


def test_doubtful_links_are_drawn_in_their_colour(tree: BranchTree) -> None:
    wanted = np.array([int(DOUBT[k : k + 2], 16) for k in (1, 3, 5)])

    def vermilion() -> int:
        image = tree.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        bits = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
        pixels = bits.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()].reshape(-1, 3)
        return int((pixels == wanted).all(1).sum())

    view = large(12)
    tree.show_view(view)
    assert vermilion() > 10
    view.graph.confidence[:] = 0.99
    tree.viewport().update()
    assert vermilion() == 0
    link = int(large(12).doubtful[0])
    assert "30% sure" in large_words(tree, link)


def large_words(tree: BranchTree, link: int) -> str:
    """What the tree says of the lower end of a link."""
    tree.show_view(large(12))
    return tree.words(int(tree.view.graph.edges[link, 1]))


def test_drawn_again_where_nothing_is_meant_is_said(page: Any, opened: Any) -> None:
    opened.desk.layers.labels.selected_label = 0
    QTest.mouseClick(page.again, Qt.MouseButton.LeftButton)
    assert "no object under the mouse" in page.says.saying.text
    assert page.title.text() == "Branches of object 1"
    assert page.view is not None


def test_nothing_is_drawn_any_more_when_the_project_is_closed(
    page: Any, opened: Any, engine: Any, qtbot: Any
) -> None:
    engine.hold = True
    page.begin(1)
    qtbot.waitUntil(lambda: not page.progress.isHidden() and bool(engine.held), timeout=5000)
    opened.desk.clear()
    assert page.progress.isHidden()
