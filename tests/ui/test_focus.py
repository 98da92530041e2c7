"""Keys go back to the canvas."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QInputDialog, QSpinBox, QWidget

from napari_emseg.ui.focus import give_back


def test_return_in_a_number_that_qt_has_made_gives_them_back(qtbot: Any) -> None:
    """As one that Python has let go of: what is protected in Qt is barred there."""
    dialog = QInputDialog()
    qtbot.addWidget(dialog)
    dialog.setInputMode(QInputDialog.InputMode.IntInput)
    back: list[str] = []
    give_back(dialog, lambda: back.append("canvas"), QWidget)
    (number,) = dialog.findChildren(QSpinBox)
    dialog.show()
    QTest.keyClick(number, Qt.Key.Key_Return)
    assert back == ["canvas"]
