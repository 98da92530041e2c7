"""Tables whose rows lead somewhere."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QRect, Qt
from qtpy.QtWidgets import QStyle, QStyleOptionHeader, QTableView

from napari_emseg.ui.measuring.table import MeasureModel
from napari_emseg.ui.rows_model import RowsModel
from napari_emseg.ui.rows_table import KEY_ROLE, SORT_ROLE, RowsTable
from napari_emseg.ui.style import DARK, style_sheet

HEADS = [("Key", "Of the row"), ("Size", "How large it is")]


class Cells(RowsModel):
    """Rows of a key and a size."""

    def data(self, index, role=Qt.ItemDataRole.DisplayRole):
        key, size = self.rows[index.row()]
        if role == KEY_ROLE:
            return key
        if role == SORT_ROLE:
            return size
        return str((key, size)[index.column()]) if role == Qt.ItemDataRole.DisplayRole else None


@pytest.fixture
def table(qtbot):
    found = RowsTable(Cells(HEADS), "cells", 20)
    qtbot.addWidget(found)
    found.show_rows([((1, 2), 30.0), ((3, 4), 10.0), ((5, 6), 20.0)])
    found.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    found.show()
    return found


def test_heads_are_titles_and_what_they_mean(table):
    model = table.model()
    horizontal, shown, told = (
        Qt.Orientation.Horizontal,
        Qt.ItemDataRole.DisplayRole,
        Qt.ItemDataRole.ToolTipRole,
    )
    assert [model.headerData(k, horizontal, shown) for k in (0, 1)] == ["Key", "Size"]
    assert model.headerData(1, horizontal, told) == "How large it is"
    assert model.headerData(0, Qt.Orientation.Vertical, shown) is None


def chosen(table):
    return [index.data(KEY_ROLE) for index in table.selectionModel().selectedRows()]


def test_a_row_is_selected_by_its_key_however_rows_are_sorted(table):
    assert table.select((1, 2))
    assert chosen(table) == [(1, 2)]
    assert table.selectionModel().selectedRows()[0].row() == 2  # the largest comes last
    assert not table.select((7, 8))
    assert chosen(table) == []


def test_a_clicked_row_says_its_key(table, qtbot):
    with qtbot.waitSignal(table.picked, timeout=1000) as said:
        at = table.visualRect(table.model().index(0, 1)).center()
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert said.args == [(3, 4)]
    assert chosen(table) == [(3, 4)]


def test_the_order_stays_when_rows_change(table):
    table.show_rows([((9, 9), 5.0), ((8, 8), 50.0), ((7, 7), 7.0)])
    assert [table.model().index(k, 0).data(KEY_ROLE) for k in range(3)] == [(9, 9), (7, 7), (8, 8)]


def test_what_is_selected_stays_so_when_the_order_changes(table):
    table.select((3, 4))
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert [table.model().index(k, 0).data(KEY_ROLE) for k in range(3)] == [(1, 2), (5, 6), (3, 4)]
    assert chosen(table) == [(3, 4)]


def test_a_row_changes_by_itself_where_it_stays_in_its_place(table, qtbot):
    table.select((3, 4))
    with (
        qtbot.waitSignal(table.rows.dataChanged, timeout=1000) as said,
        qtbot.assertNotEmitted(table.rows.modelReset),
    ):
        assert table.change_rows({(5, 6): ((5, 6), 20.0)})
    assert [index.row() for index in said.args[:2]] == [1, 1]
    assert chosen(table) == [(3, 4)]
    for refused in ({(5, 6): ((5, 6), 40.0)}, {(7, 8): ((7, 8), 20.0)}):  # it would move; there is none
        assert not table.change_rows(refused)
    assert [row[1] for row in table.rows.rows] == [10.0, 20.0, 30.0]
    table.show_rows([((1, 2), 30.0), ((1, 2), 10.0)])
    assert not table.change_rows({(1, 2): ((1, 2), 30.0)})  # which of the two


def test_every_row_is_asked_once_for_its_order(qtbot):
    asked = []

    class Counted(Cells):
        def value(self, row, column):
            asked.append(row)
            return super().value(row, column)

    found = RowsTable(Counted(HEADS), "cells", 20)
    qtbot.addWidget(found)
    found.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    found.show_rows([((k, k), float(-k)) for k in range(2000)])
    assert len(asked) == 2000
    assert found.select((3, 3))
    assert chosen(found) == [(3, 3)]


def test_ids_that_no_float_tells_apart_are_sorted():
    model = MeasureModel()
    model.put([{"id": 2**60 + k} for k in (2, 0, 1)])
    model.sort(0)
    assert [row["id"] - 2**60 for row in model.rows] == [0, 1, 2]


def test_the_arrow_of_the_sorted_column_lies_below_its_heading(qtbot):
    """It stood on the last letters of what is aligned to the right."""
    table = QTableView()
    qtbot.addWidget(table)
    napari = "QHeaderView::section { background-color: #555; padding: 2px; margin: 0px; }"
    table.setStyleSheet(napari + style_sheet(DARK))
    header = table.horizontalHeader()
    option = QStyleOptionHeader()
    option.initFrom(header)
    option.rect, option.text = QRect(0, 0, 50, 26), "Sure"
    option.sortIndicator = QStyleOptionHeader.SortIndicator.SortDown
    style = header.style()
    arrow = style.subElementRect(QStyle.SubElement.SE_HeaderArrow, option, header)
    label = style.subElementRect(QStyle.SubElement.SE_HeaderLabel, option, header)
    assert not arrow.isEmpty()
    assert not label.intersects(arrow), (label, arrow)
    assert label.height() >= header.fontMetrics().height()
