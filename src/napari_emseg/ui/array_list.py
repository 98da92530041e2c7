"""Arrays of a file that holds several, one of which is to be opened by a click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from napari_emseg.ui.long_words import NameButton, Words

if TYPE_CHECKING:
    from napari_emseg.io.choice import SeveralArrays

_BUTTONS, _ROWS = 12, 6
"""So many get a button each; more are in a list that can be searched, of which so many are seen: what is said stays in sight."""
_PATH = Qt.ItemDataRole.UserRole


class ArrayList(QWidget):
    """One button or row an array or channel, with its size."""

    picked = Signal(str)
    """Path of the file with the array inside it, ``file.h5::/volumes/raw``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: list[QPushButton] = []
        self._shown: SeveralArrays | None = None
        self._title = Words()
        self._title.setProperty("role", "heading")
        self.part = QLineEdit()
        self.part.setObjectName("array_part")
        self.part.setPlaceholderText("part of the name")
        self.part.setClearButtonEnabled(True)
        self.part.textChanged.connect(self._on_part)
        self.rows = QListWidget()
        self.rows.setObjectName("arrays")
        self.rows.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.itemActivated.connect(self._on_row)
        self.rows.itemClicked.connect(self._on_row)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 0, 0)
        self._column.setSpacing(1)
        for widget in (self._title, self.part, self.rows):
            self._column.addWidget(widget)
        self.setVisible(False)

    def show_arrays(self, found: SeveralArrays | None) -> None:
        """Offer these arrays; None offers nothing."""
        self.setVisible(found is not None)
        if found is self._shown:
            return
        self._shown = found
        while self.buttons:
            old = self.buttons.pop()
            self._column.removeWidget(old)
            old.deleteLater()
        self.rows.clear()
        self.part.clear()
        if found is None:
            return
        self._title.setText(f"Which {found.kind} of {found.path.name}?")
        are_many = len(found.arrays) > _BUTTONS
        self.part.setVisible(are_many)
        self.rows.setVisible(are_many)
        for name, shape in found.arrays.items():
            called = f"{name}  {found.names[name]}" if name in found.names else name
            words, path = f"{called}  ·  {' × '.join(str(n) for n in shape)}", f"{found.path}::{name}"
            if are_many:
                self._add_row(words, path)
            else:
                self._add_button(words, path)
        if are_many:
            self.rows.setFixedHeight(_ROWS * self.rows.sizeHintForRow(0) + 2 * self.rows.frameWidth())

    def _add_button(self, words: str, path: str) -> None:
        button = NameButton()
        button.setText(words)
        button.setObjectName("array")
        button.setProperty("role", "recent")
        button.setToolTip(path)
        button.clicked.connect(lambda: self.picked.emit(path))
        self._column.addWidget(button)
        self.buttons.append(button)

    def _add_row(self, words: str, path: str) -> None:
        item = QListWidgetItem(words)
        item.setData(_PATH, path)
        item.setToolTip(path)
        self.rows.addItem(item)

    def _on_part(self, text: str) -> None:
        for n in range(self.rows.count()):
            item = self.rows.item(n)
            item.setHidden(text.strip().casefold() not in item.text().casefold())

    def _on_row(self, item: QListWidgetItem) -> None:
        self.picked.emit(str(item.data(_PATH)))
