"""Something that is not always needed, behind a small button that shows and hides it."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget


class Fold(QWidget):
    """A button above a widget that is hidden at first.

    Parameters
    ----------
    inner : QWidget
        What is shown and hidden.
    title : str
        Words on the button.
    less : str
        Words while it is open; the title by default.
    name : str
        Object name of the button.
    """

    def __init__(
        self, inner: QWidget, title: str, *, less: str = "", name: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.inner = inner
        self._title, self._less = title, less or title
        self.button = QPushButton()
        self.button.setObjectName(name)
        self.button.setProperty("role", "flat")
        self.button.setCheckable(True)
        self.button.toggled.connect(self._on_toggled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(inner)
        self._on_toggled(False)

    def open(self, opened: bool = True) -> None:
        """Show or hide what is inside."""
        self.button.setChecked(opened)

    def set_title(self, title: str) -> None:
        """Other words on the button, open or not."""
        if title != self._title:
            self._title = self._less = title
            self._on_toggled(self.button.isChecked())

    def _on_toggled(self, opened: bool) -> None:
        self.inner.setVisible(opened)
        self.button.setText(f"▾ {self._less}" if opened else f"▸ {self._title}")
