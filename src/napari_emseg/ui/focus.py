"""Keys belong to the canvas: what is clicked or chosen in the dock gives them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGNS = range(Qt.Key.Key_Exclam, Qt.Key.Key_AsciiTilde + 1)
_COMMANDS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


def give_back(root: QWidget, to_canvas: Callable[[], None], canvas: Callable[[], QWidget]) -> None:
    """Let the mouse use a widget's buttons, choices and numbers without taking the keys away from the canvas.

    A button that is used with the keyboard, after Tab, keeps the focus. A number has it until Return, or until
    something else is clicked. A list keeps the arrows and the keys of its own (its attribute ``own_keys``); letters, and Ctrl+Z,
    go to the canvas: Qt would look for a row that begins with them.

    Parameters
    ----------
    root : QWidget
        Whose children are meant.
    to_canvas : callable
        Gives the canvas the focus.
    canvas : callable
        The widget that takes keys there.
    """
    for part in root.findChildren(QWidget):
        if hasattr(part, "own_keys") or _is_list(part):
            part.installEventFilter(_Letters(part, canvas))
    for button in root.findChildren(QAbstractButton):
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.pressed.connect(lambda b=button: None if b.hasFocus() else to_canvas())
    for choice in root.findChildren(QComboBox):
        if not choice.isEditable():
            choice.activated.connect(lambda _index: to_canvas())
    for number in root.findChildren(QAbstractSpinBox):
        # its own, lineEdit(), is barred where Qt has made it or Python has let go of it
        for line in number.findChildren(QLineEdit):
            line.returnPressed.connect(to_canvas)


def _is_list(part: QWidget) -> bool:
    """Whether rows are chosen in it, and nothing is typed."""
    types = QAbstractItemView.EditTrigger.AnyKeyPressed
    if not isinstance(part, QAbstractItemView) or part.editTriggers() & types:
        return False
    return not isinstance(part.window(), QComboBox) and not isinstance(part.parent(), QComboBox)


class _Letters(QObject):
    """Hands the canvas what a list has no use for."""

    def __init__(self, part: QWidget, canvas: Callable[[], QWidget]) -> None:
        super().__init__(part)
        self._canvas = canvas
        self._own = frozenset(getattr(part, "own_keys", ()))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Letters, digits and signs."""
        if not isinstance(event, QKeyEvent) or event.type() not in (
            QEvent.Type.KeyPress,
            QEvent.Type.KeyRelease,
        ):
            return False
        if event.key() not in _SIGNS or event.key() in self._own:
            return False
        if event.modifiers() & _COMMANDS and event.key() != Qt.Key.Key_Z:  # copying a row, say
            return False
        QApplication.sendEvent(self._canvas(), event)
        return True
