"""A field for numbers with decimals that reads 4.6 and 4,6 alike, whatever is usual where the program runs."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QLocale
from qtpy.QtWidgets import QDoubleSpinBox, QWidget


class DecimalBox(QDoubleSpinBox):
    """Shows a point, as all our sentences and tables do, and takes a comma for one.

    Qt takes the other sign for a separator of thousands and leaves it out: 4.6 nm typed in a German window, or 4,6 nm in an
    English one, would be 46 nm.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        plain = QLocale.c()
        plain.setNumberOptions(
            QLocale.NumberOption.OmitGroupSeparator | QLocale.NumberOption.RejectGroupSeparator
        )
        self.setLocale(plain)

    def validate(self, text: str, position: int) -> Any:
        """As Qt's, with commas as points; PyQt and PySide give state, text and position."""
        return super().validate(text.replace(",", "."), position)

    def valueFromText(self, text: str) -> float:  # noqa: N802 - Qt's name
        """The number, without its unit."""
        return float(super().valueFromText(text.replace(",", ".")))
