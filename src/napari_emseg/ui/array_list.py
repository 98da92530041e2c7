"""Arrays of a file that holds several, one of which is to be opened by a click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_emseg.ui.long_words import NameButton, Words

if TYPE_CHECKING:
    from napari_emseg.io.choice import SeveralArrays

_SHOWN = 12


class ArrayList(QWidget):
    """One button an array, with its size."""

    picked = Signal(str)
    """Path of the file with the array inside it, ``file.h5::/volumes/raw``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: list[QPushButton] = []
        self._shown: SeveralArrays | None = None
        self._title = Words()
        self._title.setProperty("role", "heading")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 0, 0)
        self._column.setSpacing(1)
        self._column.addWidget(self._title)
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
        if found is None:
            return
        self._title.setText(f"Which array of {found.path.name}?")
        for name, shape in list(found.arrays.items())[:_SHOWN]:
            button = NameButton()
            button.setText(f"{name}  ·  {' × '.join(str(n) for n in shape)}")
            button.setObjectName("array")
            button.setProperty("role", "recent")
            path = f"{found.path}::{name}"
            button.setToolTip(path)
            button.clicked.connect(lambda *_, path=path: self.picked.emit(path))
            self._column.addWidget(button)
            self.buttons.append(button)
