"""Pages of which one is shown; only that one asks for room."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget


class Pages(QWidget):
    """Like a stacked widget, but as high as the page that is shown and not as the highest of all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._pages: list[QWidget] = []

    def add(self, page: QWidget) -> None:
        """Take a page in, hidden."""
        page.setVisible(False)
        self._column.addWidget(page)
        self._pages.append(page)

    def show_page(self, page: QWidget) -> None:
        """Show one page and hide the others."""
        for other in self._pages:
            if other is not page:
                other.setVisible(False)
        page.setVisible(True)

    @property
    def current(self) -> QWidget | None:
        """The page that is shown."""
        return next((page for page in self._pages if not page.isHidden()), None)
