"""Pages of which one is shown; only that one asks for room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

_LATER_MS = 1500
_BETWEEN_MS = 50


class Pages(QWidget):
    """Like a stacked widget, but as high as the page that is shown and not as the highest of all.

    A page lies aside until it is first shown, or until a little after the window was: a style sheet is worked out for every
    widget in a dock whenever the dock gets another parent, and for hundreds of them that takes most of a second.

    Parameters
    ----------
    parent : QWidget, optional
    above : QWidget, optional
        What has the focus before a page gets it with Tab.
    """

    settled = Signal()
    """All pages are in place."""

    def __init__(self, parent: QWidget | None = None, *, above: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._above = above
        self._pages: list[QWidget] = []
        self._aside = QWidget()
        self.destroyed.connect(self._aside.deleteLater)
        self._later = QTimer(self)
        self._later.timeout.connect(self._place_one)

    def add(self, page: QWidget) -> None:
        """Take a page in, hidden."""
        page.setVisible(False)
        page.setParent(self._aside)
        self._pages.append(page)

    def show_page(self, page: QWidget) -> None:
        """Show one page and hide the others."""
        for other in self._pages:
            if other is not page:
                other.setVisible(False)
        self._place(page)
        page.setVisible(True)
        self._follow_tab(page)

    @property
    def all(self) -> tuple[QWidget, ...]:
        """Also those that lie aside."""
        return tuple(self._pages)

    @property
    def current(self) -> QWidget | None:
        """The page that is shown."""
        return next((page for page in self._pages if not page.isHidden()), None)

    @property
    def placed(self) -> list[QWidget]:
        """Pages that lie aside no longer: what they say of their size is true."""
        return [page for page in self._pages if page.parent() is self]

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Pages come to their place a little later."""
        super().showEvent(event)
        if len(self.placed) < len(self._pages):
            self._later.start(_LATER_MS)

    def _follow_tab(self, page: QWidget) -> None:
        """Tab goes from what stands above the pages into this one: Qt puts what comes later behind all else in the window."""
        above = before = self._above
        if above is None:
            return
        policy = above.focusPolicy()
        above.setFocusPolicy(
            Qt.FocusPolicy.TabFocus
        )  # a line that is not checked may have none: then Qt orders nothing
        one = page.nextInFocusChain()
        inside = []
        while one is not None and page.isAncestorOf(one):
            inside.append(one)
            one = one.nextInFocusChain()
        for part in inside:
            if part.focusPolicy() != Qt.FocusPolicy.NoFocus:
                QWidget.setTabOrder(before, part)
                before = part
        above.setFocusPolicy(policy)

    def _place(self, page: QWidget) -> None:
        if page.parent() is not self:
            self._column.addWidget(page)

    def _place_one(self) -> None:
        """One at a time, so that the window goes on."""
        waiting = [page for page in self._pages if page.parent() is not self]
        if waiting:
            self._place(waiting[0])
            self._later.setInterval(_BETWEEN_MS)
        else:
            self._later.stop()
            self.settled.emit()
