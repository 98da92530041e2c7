"""What all panels have: a form, one primary button, the speaking line, progress."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_emseg.ui.actions import ACTIONS
from napari_emseg.ui.forms import SettingsForm
from napari_emseg.ui.long_words import Words
from napari_emseg.ui.progress_line import ProgressLine
from napari_emseg.ui.says import SpeakingLine

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent

    from napari_emseg.settings import Settings
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.saying import Saying
    from napari_emseg.ui.state import StageState
    from napari_emseg.ui.style import Look


def page_top(page: Any, name: str, *left: QWidget) -> QHBoxLayout:
    """The first line of a page that takes the place of a stage, with the button that closes it; the last of `left` is wide.

    Parameters
    ----------
    page : QWidget
        Has a signal ``closed``.
    name : str
        Of the page; the button is called ``close_NAME``.
    """
    back = QPushButton("Close    Esc")
    back.setObjectName(f"close_{name}")
    back.clicked.connect(page.closed)
    top = QHBoxLayout()
    for n, widget in enumerate(left, 1):
        top.addWidget(widget, int(n == len(left)))
    top.addWidget(back)
    return top


class StagePanel(QWidget):
    """Body of one stage.

    Parameters
    ----------
    desk : Desk
        What the panel shows and acts on.
    """

    stage: str
    primary: str = ""
    """Name of the action on the primary button."""
    primary_waits: bool = True
    """Whether the primary button rests while the stage works: not where it does something else."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"panel_{self.stage}")
        self.desk = desk
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(12, 8, 12, 8)
        self.column.setSpacing(8)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        self.column.addLayout(self.body)
        self.build()
        if self.primary:
            self.button = action_button(desk, self.primary, primary=True)
            self.column.addWidget(self.button)
        self.after_button()
        self.progress = ProgressLine()
        self.progress.stopped.connect(lambda: desk.stop(self.stage))
        self.column.addWidget(self.progress)
        self.says = SpeakingLine()
        self.says.followed.connect(desk.do)
        self.progress.turned.connect(self._make_room)
        self.column.addWidget(self.says)
        self.needs = QPushButton()
        self.needs.setObjectName("needs")
        self.needs.setVisible(False)
        self.needs.clicked.connect(lambda: desk.open_stage(self._needed))
        self.column.addWidget(self.needs)
        self.column.addStretch(1)
        self._needed = ""

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """With all lines of what is said: Qt counts one, and takes the others from what stands above."""
        least = super().minimumSizeHint()
        height = self.column.minimumHeightForWidth(max(self.width(), least.width()))
        return least.expandedTo(QSize(0, height))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width needs another number of lines."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def build(self) -> None:
        """Put the stage's own widgets into ``self.body``."""

    def after_button(self) -> None:
        """Put widgets below the primary button into ``self.column``."""

    def refresh(self) -> None:
        """Show what is on the desk now; called when anything has changed and the panel is open."""

    def hint(self) -> str:
        """What to say before anything has happened."""
        return ""

    def show_state(self, state: StageState, needed_title: str) -> None:
        """Follow the state of the stage: what it needs first, and whether its button works."""
        self._needed = state.needs
        self.needs.setVisible(bool(state.needs) and state.tone != "busy")
        self.needs.setText(f"First: {needed_title}".replace("&", "&&"))
        if self.primary:
            self.button.setEnabled(state.can_start and not (self.primary_waits and state.tone == "busy"))
        self.refresh()
        if not self.says.saying.text and self.hint():
            self.say_hint()

    def say_hint(self) -> None:
        """Show the hint in the speaking line."""
        from napari_emseg.ui.saying import Saying

        self.says.say(Saying(self.hint()))
        self._make_room()

    def _make_room(self) -> None:
        """What to do first is not said while it is being done: on a small screen both have no room."""
        is_hint = self.says.saying.text == self.hint()
        self.says.setVisible(bool(self.says.saying.text) and not (is_hint and not self.progress.isHidden()))

    def show_own_saying(self) -> None:
        """Show what this stage said last, in place of what another one has said meanwhile."""
        own = self.desk.sayings.get(self.stage)
        if own is not None and own.text:
            self.show_saying(own)
        else:
            self.say_hint()

    def show_saying(self, saying: Saying) -> None:
        """Show what happened; a link that leads here is left out."""
        if saying.action == f"stage:{self.stage}":
            saying = replace(saying, link="", action="")
        self.says.say(saying)

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self.says.set_look(look)
        self.progress.bar.set_look(look)

    def settings_form(self, stage: str, *, hidden: tuple[str, ...] = (), more: str = "") -> SettingsForm:
        """A form for the settings of a stage that keeps them in the project.

        Parameters
        ----------
        stage : str
            Name of the settings in the project.
        hidden : tuple of str
            Fields that are not shown.
        more : str
            What is behind the fold of rare ones, where the panel has several.
        """
        from napari_emseg.session.remembering import STAGES

        form = SettingsForm(STAGES[stage](), hidden=hidden, more=more)

        def _on_session() -> None:
            form.setEnabled(self.desk.session is not None)
            if self.desk.session is not None:
                form.set_value(self.desk.settings(stage))

        def _on_changed(value: Settings) -> None:
            if self.desk.session is not None:
                self.desk.set_settings(stage, value)

        def _on_elsewhere(changed: str) -> None:
            if changed == stage and self.desk.session is not None:
                form.set_value(self.desk.settings(stage))

        form.changed.connect(_on_changed)
        self.desk.settings_changed.connect(_on_elsewhere)
        self.desk.session_changed.connect(_on_session)
        form.setEnabled(self.desk.session is not None)
        return form


def action_button(
    desk: Desk, name: str, *, primary: bool = False, text: str = "", kind: type[QPushButton] = QPushButton
) -> QPushButton:
    """A button for an action of the table, with its key on it."""
    action = ACTIONS[name]
    button = kind()
    button.setObjectName(f"do_{name}")
    if primary:
        button.setProperty("role", "primary")
    set_words(button, name, text or action.title)
    button.setToolTip(action.help)
    button.clicked.connect(lambda: desk.do(name))
    return button


def set_words(button: QPushButton, name: str, text: str) -> None:
    """Change the words on an action's button; the key stays."""
    key = ACTIONS[name].key_words
    words = f"{text}   {key}" if key else text
    if button.text() != words:
        button.setText(words)


def set_role(widget: QWidget, role: str) -> None:
    """Change how the style sheet draws a widget."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def heading(text: str) -> QLabel:
    """A small heading inside a panel."""
    label = QLabel(text)
    label.setProperty("role", "heading")
    return label


def faint(text: str = "") -> Words:
    """Secondary words, in as many lines as they need."""
    label = Words(text)
    label.setProperty("role", "faint")
    return label


def rule() -> QFrame:
    """A thin line."""
    line = QFrame()
    line.setProperty("role", "rule")
    return line


def row(*widgets: QWidget, equal: bool = True) -> QHBoxLayout:
    """Widgets side by side, with equal shares or as wide as their words."""
    layout = QHBoxLayout()
    layout.setSpacing(6)
    for widget in widgets:
        layout.addWidget(widget, int(equal))
    return layout
