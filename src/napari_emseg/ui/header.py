"""The top of the dock: what is open, at which voxel size, and what does not fit together."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_emseg.ui.long_words import Words, breakable
from napari_emseg.ui.style import DARK, Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.ui.notes import Note


class Header(QWidget):
    """Title, the buttons that are always there, one line about the stack, and notes below it.

    The line wraps and is never cut: the voxel size stands in it.
    """

    followed = Signal(str)
    """Name of the action behind a link."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel("EM proofreading")
        self.title.setProperty("role", "title")
        self.history = QPushButton("History")
        self.history.setObjectName("history_button")
        self.history.setToolTip("Who did what, where and when; bring an earlier moment back")
        self.history.clicked.connect(lambda: self.followed.emit("show_history"))
        self.seek = QPushButton("Find")
        self.seek.setObjectName("find_button")
        self.seek.setToolTip("Go to an object, a section, a place, or a word of the history (Shift+F)")
        self.seek.clicked.connect(lambda: self.followed.emit("find"))
        self.help = QPushButton("?")
        self.help.setObjectName("help")
        self.help.setMinimumWidth(28)
        self.help.setToolTip("All keys (? or F1)")
        self.help.clicked.connect(lambda: self.followed.emit("show_keys"))
        for button in (self.seek, self.history, self.help):
            button.setProperty("role", "tool")
        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 12, 0)
        top.setSpacing(6)
        top.addWidget(self.title, 1)
        top.addWidget(self.seek)
        top.addWidget(self.history)
        top.addWidget(self.help)
        self.subtitle = Words()
        self.subtitle.setProperty("role", "faint")
        self.subtitle.setObjectName("subtitle")
        self.notes = Words()
        self.notes.setObjectName("notes")
        self.notes.setProperty("role", "note")
        self.notes.setTextFormat(Qt.TextFormat.RichText)
        self.notes.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.notes.linkActivated.connect(self.followed)
        self.notes.setVisible(False)
        under = QVBoxLayout()
        under.setContentsMargins(12, 0, 12, 6)
        under.setSpacing(4)
        under.addWidget(self.subtitle)
        under.addWidget(self.notes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addLayout(under)
        self._shown: tuple[Note, ...] = ()
        self._look = DARK

    def set_look(self, look: Look) -> None:
        """Take the link colour of the theme; rich text ignores style sheets."""
        self._look = look
        shown, self._shown = self._shown, ()
        self.show_notes(shown)

    def show_line(self, text: str) -> None:
        """Show another line about the stack."""
        if self.subtitle.text() != text:
            self.subtitle.setText(text)

    def show_notes(self, notes: Sequence[Note]) -> None:
        """Show what does not fit together; nothing where all is well."""
        if tuple(notes) == self._shown:
            return
        self._shown = tuple(notes)
        self.notes.setText("<br>".join(self._words(note) for note in notes))
        self.notes.setToolTip("\n".join(note.more for note in notes if note.more))
        self.notes.setVisible(bool(notes))

    def _words(self, note: Note) -> str:
        text = html.escape(breakable(note.text))
        if note.link:
            text += (
                f' <a href="{html.escape(note.action)}" style="color:{self._look.link}">'
                f"{html.escape(note.link)}</a>"
            )
        return text
