"""The key sheet: every key and what it does, generated from the table of actions."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from napari_emseg.ui.keys import sheet
from napari_emseg.ui.panels.base import heading


class KeySheet(QWidget):
    """Takes the place of the open stage while it is shown."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("keySheet")
        top = QHBoxLayout()
        top.addWidget(heading("Keys"), 1)
        back = QPushButton("Close    Esc")
        back.setObjectName("close_keys")
        back.clicked.connect(self.closed)
        top.addWidget(back)
        grid = QGridLayout()
        grid.setVerticalSpacing(3)
        grid.setHorizontalSpacing(10)
        grid.setContentsMargins(0, 4, 0, 4)
        for line, (key, words, help_text) in enumerate(sheet()):
            left, right = QLabel(key), QLabel(words)
            left.setProperty("role", "heading")
            left.setTextFormat(Qt.TextFormat.PlainText)
            right.setToolTip(help_text)
            if help_text == "napari's own":
                right.setProperty("role", "faint")
            grid.addWidget(left, line, 0)
            grid.addWidget(right, line, 1)
        grid.setColumnStretch(1, 1)
        inner = QWidget()
        inner.setObjectName("emsegPanel")
        inner.setLayout(grid)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addLayout(top)
        column.addWidget(scroll, 1)
