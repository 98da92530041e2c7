"""Keys belong to the canvas: what is clicked or chosen in the dock gives them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable


def give_back(root: QWidget, to_canvas: Callable[[], None]) -> None:
    """Let the mouse use a widget's buttons, choices and numbers without taking the keys away from the canvas.

    A button that is used with the keyboard, after Tab, keeps the focus. A number has it until Return, or until
    something else is clicked.

    Parameters
    ----------
    root : QWidget
        Whose children are meant.
    to_canvas : callable
        Gives the canvas the focus.
    """
    for button in root.findChildren(QAbstractButton):
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.pressed.connect(lambda b=button: None if b.hasFocus() else to_canvas())
    for choice in root.findChildren(QComboBox):
        if not choice.isEditable():
            choice.activated.connect(lambda _index: to_canvas())
    for number in root.findChildren(QAbstractSpinBox):
        number.lineEdit().returnPressed.connect(to_canvas)
