"""The speaking line: what just happened in numbers, and the next step as a link."""

from __future__ import annotations

import html

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QWidget

from napari_emseg.ui.long_words import Words, breakable
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.style import Look


class SpeakingLine(Words):
    """Shows a Saying and starts its next step when the link is clicked."""

    followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setProperty("role", "says")
        self.setObjectName("says")
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
            | Qt.TextInteractionFlag.TextSelectableByMouse
        )
        self.setOpenExternalLinks(False)
        self.linkActivated.connect(self.followed)
        self._saying = Saying("")
        self._link_colour = "#7fb2ff"

    @property
    def saying(self) -> Saying:
        """What is being said."""
        return self._saying

    def set_look(self, look: Look) -> None:
        """Take the link colour of the theme; rich text ignores style sheets."""
        self._link_colour = look.link
        self.say(self._saying)

    def say(self, saying: Saying) -> None:
        """Show another sentence."""
        self._saying = saying
        text = html.escape(breakable(saying.text))
        if saying.link:
            text += (
                f' <a href="{html.escape(saying.action)}" style="color:{self._link_colour}">'
                f"{html.escape(saying.link)}</a>"
            )
        self.setText(text)
        if self.property("tone") != saying.tone:
            self.setProperty("tone", saying.tone)
            self.style().unpolish(self)
            self.style().polish(self)
        self.setVisible(bool(saying.text))
