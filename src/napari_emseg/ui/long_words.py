"""Names of files have no blanks: words that may be broken, and buttons that show both ends of a name."""

from __future__ import annotations

import re

from qtpy.QtCore import Qt
from qtpy.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence, QMouseEvent, QResizeEvent
from qtpy.QtWidgets import QApplication, QLabel, QMenu, QPushButton, QSizePolicy, QWidget

_BREAK = "\u200b"  # a space without width
_PIECE = re.compile(r"(\S{6,19}[_./\\-]|\S{20})(?=\S)")  # up to a sign that parts words, if there is one
_EDGES = 24  # pixels of a button beside its words


def breakable(text: str) -> str:
    """The same words, of which long ones may go on in the next line.

    Qt breaks lines at blanks only, and makes everything as wide as the longest word: a dock, half of the screen.
    """
    return _PIECE.sub(rf"\1{_BREAK}", text)


def unbroken(text: str) -> str:
    """The words as they were given."""
    return text.replace(_BREAK, "")


def short(name: str, most: int = 34) -> str:
    """A name without its middle, where it has more letters; what stands beside it is then seen.

    Examples
    --------
    >>> short("stack1"), short("a-very-long-name-of-a-stack", 13)
    ('stack1', 'a-very…-stack')
    """
    if len(name) <= most:
        return name
    return f"{name[: most // 2]}…{name[len(name) - (most - 1 - most // 2) :]}"


class Words(QLabel):
    """A label of several lines that is as narrow as its place; what is copied from it is what was said."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Show other words; of rich text the caller breaks those outside of its tags."""
        super().setText(breakable(text) if self.textFormat() == Qt.TextFormat.PlainText else text)

    def text(self) -> str:
        """The words as they were given."""
        return unbroken(super().text())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Ctrl+C."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """What is marked can be pasted with the middle button where the system does that."""
        super().mouseReleaseEvent(event)
        clipboard = QApplication.clipboard()
        if self.hasSelectedText() and clipboard is not None and clipboard.supportsSelection():
            clipboard.setText(unbroken(self.selectedText()), clipboard.Mode.Selection)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 - Qt's name
        """Qt's own menu would copy the signs at which words are broken."""
        if self.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse:
            menu = QMenu(self)
            copy = menu.addAction("Copy")
            copy.setEnabled(self.hasSelectedText())
            copy.triggered.connect(self.copy)
            menu.exec(event.globalPos())
            menu.deleteLater()

    def copy(self) -> None:
        """Put what is marked on the clipboard."""
        clipboard = QApplication.clipboard()
        if self.hasSelectedText() and clipboard is not None:
            clipboard.setText(unbroken(self.selectedText()))


class NameButton(QPushButton):
    """A button with a name in its words: as wide as its place, the middle left out where that is too narrow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = self._help = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Show other words."""
        self._words = text
        self._fit()

    def text(self) -> str:
        """All of the words."""
        return self._words

    def setToolTip(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Help; below the words where these are not all seen."""
        self._help = text
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width shows more or less."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.width() - _EDGES
        shown = self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideMiddle, room)
        super().setText(shown.replace("&", "&&"))
        super().setToolTip(self._help if shown == self._words else f"{self._words}\n{self._help}".strip())
