"""The find page: one line to type into, and what it may mean; it takes the place of the open stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.finding import EXAMPLES
from napari_emseg.ui.flows import finding
from napari_emseg.ui.panels.base import faint, heading, page_top
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.finding import Found
    from napari_emseg.ui.style import Look

_FOUND = Qt.ItemDataRole.UserRole
_STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
_HELP = (
    "An object by its id, a section by its number (s 12), a place as z y x in voxels, or in nm or µm with the unit; "
    "or a word: of a mark, of an edit, of a note in a points layer. Enter goes there, Esc closes."
)


class FindPage(QWidget):
    """Used by keys alone: type, choose with the arrows, Enter.

    Parameters
    ----------
    desk : Desk
        Whose project is searched.
    """

    closed = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("findPage")
        self.desk = desk
        self.line = QLineEdit()
        self.line.setObjectName("find_line")
        self.line.setPlaceholderText(EXAMPLES)
        self.line.setClearButtonEnabled(True)
        self.line.textChanged.connect(self._on_text)
        self.line.returnPressed.connect(self._on_enter)
        self.line.installEventFilter(self)
        self.list = QListWidget()
        self.list.setObjectName("found")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.list.setMinimumHeight(120)
        self.list.itemClicked.connect(self._go)
        self.says = SpeakingLine()
        self.help = faint(_HELP)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addLayout(page_top(self, "find", heading("Find")))
        column.addWidget(self.line)
        column.addWidget(self.list, 1)
        column.addWidget(self.says)
        column.addWidget(self.help)
        self.says.say(Saying(""))

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self.says.set_look(look)

    def begin(self) -> None:
        """Ready to be typed into."""
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Arrows choose in the list and Esc closes, while the line keeps the keyboard."""
        if watched is self.line and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = Qt.Key(event.key())
            if key in _STEPS and self.list.count():
                row = self.list.currentRow() + _STEPS[key]
                self.list.setCurrentRow(max(0, min(row, self.list.count() - 1)))
                return True
            if key == Qt.Key.Key_Escape:
                self.closed.emit()
                return True
        return bool(super().eventFilter(watched, event))

    def _on_text(self, text: str) -> None:
        self.list.clear()
        if not text.strip() or self.desk.session is None:
            self.says.say(Saying(""))
            return
        try:
            found = finding.look_up(self.desk, text)
        except EmsegError as error:
            self._say(str(error), "error")
            return
        for one in found:
            item = QListWidgetItem(f"{one.title}   {one.more}" if one.more else one.title)
            item.setData(_FOUND, one)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self._say("" if found else "Nothing like that is here.", "quiet")

    def _on_enter(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self._go(item)
            self.line.selectAll()

    def _go(self, item: QListWidgetItem) -> None:
        found: Found = item.data(_FOUND)
        try:
            finding.go(self.desk, found, self._say)
        except EmsegError as error:
            self._say(str(error), "error")

    def _say(self, text: str, tone: str) -> None:
        self.says.say(Saying(text[:1].upper() + text[1:], tone=tone))  # type: ignore[arg-type]
