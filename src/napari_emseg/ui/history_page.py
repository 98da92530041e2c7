"""The history page: every edit in words, newest first; it takes the place of the open stage while it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QPainter
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QListView,
    QPushButton,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.ui.flows import history
from napari_emseg.ui.history_model import EVENT_ROLE, HistoryModel, details, line, title
from napari_emseg.ui.panels.base import faint, heading
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine
from napari_emseg.ui.style import DARK, Look

if TYPE_CHECKING:
    from napari_emseg.core.chronicle import Event
    from napari_emseg.ui.desk import Desk

_LOWEST = 110
_HINT = "Click an edit to go there. Restoring is itself an edit: Ctrl+Z takes it back."


class TwoLines(QStyledItemDelegate):
    """An edit in two lines: what, and below it who, where and when."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look = DARK

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802 - Qt's name
        """The same for every row, so that none has to be read to lay out the list."""
        return QSize(100, 2 * QFontMetrics(option.font).height() + 8)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw one edit."""
        event: Event | None = index.data(EVENT_ROLE)
        if event is None:
            return
        chosen = bool(option.state & option.state.__class__.State_Selected)
        painter.save()
        if chosen:
            painter.fillRect(option.rect, QColor(self.look.accent))
        body = option.rect.adjusted(8, 3, -8, -3)
        metrics = QFontMetrics(option.font)
        font = option.font
        font.setStrikeOut(event.undone)
        painter.setFont(font)
        first = self.look.on_accent if chosen else self.look.faint if event.undone else self.look.text
        painter.setPen(QColor(first))
        elide = Qt.TextElideMode.ElideRight
        painter.drawText(
            body, Qt.AlignmentFlag.AlignTop, metrics.elidedText(title(event), elide, body.width())
        )
        font.setStrikeOut(False)
        painter.setFont(font)
        painter.setPen(QColor(self.look.on_accent if chosen else self.look.faint))
        words = metrics.elidedText(line(event), elide, body.width())
        painter.drawText(body, Qt.AlignmentFlag.AlignBottom, words)
        painter.restore()


class HistoryPage(QWidget):
    """The list, what is known of the chosen edit, and one button.

    Parameters
    ----------
    desk : Desk
        Whose session is shown.
    """

    closed = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("historyPage")
        self.desk = desk
        self.model = HistoryModel(self)
        self.list = QListView()
        self.list.setObjectName("history")
        self.list.setModel(self.model)
        self.list.setUniformItemSizes(True)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # as much room as is left over, so that the stage area never needs a scroll bar beside the list's own
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.list.setMinimumHeight(_LOWEST)
        self.rows = TwoLines(self.list)
        self.list.setItemDelegate(self.rows)
        self.list.clicked.connect(self._on_picked)
        self.list.activated.connect(self._on_picked)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.people = QCheckBox("People only")
        self.people.setObjectName("people_only")
        self.people.setToolTip("Leave out what models and propagation wrote")
        self.people.toggled.connect(self._show_all)
        back = QPushButton("Close    Esc")
        back.setObjectName("close_history")
        back.clicked.connect(self.closed)
        self.count = faint()
        self.count.setWordWrap(False)
        top = QHBoxLayout()
        top.addWidget(heading("History"))
        top.addWidget(self.count, 1)
        top.addWidget(self.people)
        top.addWidget(back)
        self.more = faint()
        self.restore = QPushButton("Restore this moment")
        self.restore.setObjectName("restore_moment")
        self.restore.setProperty("role", "primary")
        self.restore.setToolTip(
            "Labels and section states as they were right after this edit, as one new edit"
        )
        self.restore.clicked.connect(self._on_restore)
        self.says = SpeakingLine()
        self.says.followed.connect(desk.do)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addLayout(top)
        column.addWidget(self.list, 1)
        column.addWidget(self.more)
        column.addWidget(self.restore)
        column.addWidget(self.says)
        desk.session_changed.connect(self._show_all)
        desk.state_changed.connect(self.follow)
        desk.said.connect(self._on_said)
        self._show_all()

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self.rows.look = look
        self.says.set_look(look)
        self.list.viewport().update()

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Begin with what is true now."""
        super().showEvent(event)
        self.follow()

    def follow(self) -> None:
        """Show what was done meanwhile; nothing is read while the page is hidden."""
        if self.isVisible() and self.desk.session is not None:
            self.model.update()
            self._count()

    def chosen(self) -> Event | None:
        """The chosen edit."""
        found: Event | None = self.model.at(self.list.currentIndex().row())
        return found

    def _show_all(self, *_: object) -> None:
        session = self.desk.session
        self.model.show_journal(session.journal if session else None, people_only=self.people.isChecked())
        self.says.say(Saying(_HINT if self.model.rowCount() else "Nothing has been edited yet."))
        self._count()
        self._on_current()

    def _count(self) -> None:
        n = self.model.rowCount()
        self.count.setText(f"{n:,} edit{'s' * (n != 1)}".replace(",", " ") if n else "")
        if n and self.says.saying.text.startswith("Nothing has been"):
            self.says.say(Saying(_HINT))

    def _on_current(self, *_: object) -> None:
        event = self.chosen()
        session = self.desk.session
        self.more.setText("\n".join(details(event)) if event else "")
        self.more.setVisible(event is not None)
        self.restore.setEnabled(event is not None and session is not None and not session.read_only)

    def _on_picked(self, index: QModelIndex) -> None:
        event = self.model.at(index.row())
        if event is not None:
            history.go_there(self.desk, event)

    def _on_said(self, stage: str, saying: Saying) -> None:
        """Keys work here, too: what was restored may have been taken back."""
        if self.isVisible() and saying.text:
            self.says.say(saying)

    def _on_restore(self) -> None:
        event = self.chosen()
        if event is None:
            return
        text, tone = history.try_restore(self.desk, event)
        self.follow()
        link = ("Take that back", "undo") if tone == "done" else ("", "")
        self.says.say(Saying(text, tone=tone, link=link[0], action=link[1]))  # type: ignore[arg-type]
