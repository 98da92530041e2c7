"""Fields for numbers that read 4.6 and 4,6 alike, whatever is usual where the program runs, and drop no digit."""

from __future__ import annotations

import re
from typing import Any

from qtpy.QtCore import QLocale
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox, QToolTip, QWidget

_Box: Any = object  # mixed in with one that has all that it calls

_GROUPED = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*(?:(?!\1)[.,](\d*))?")
_NUMERIC = re.compile(r"[\d.,]*[.,][\d.,]*")
_ALIGNED = 2  # so many digits after the point are always shown; zeros after more would only be noise


def number(text: str, *, decimals: int) -> float | None:
    """What a person means by a number with points or commas; None if that may be two numbers, or none.

    Parameters
    ----------
    text : str
        Digits, points and commas.
    decimals : int
        Digits after the point that are asked for. Where there are none, 2.000 is two thousand.

    Examples
    --------
    >>> number("4,6", decimals=2), number("1.234,5", decimals=2), number("1,234.5", decimals=2)
    (4.6, 1234.5, 1234.5)
    >>> number("1.234", decimals=2), number("1.234", decimals=0), number("0.125", decimals=2)
    (None, 1234.0, 0.125)
    """
    signs = len(re.findall(r"[.,]", text))
    grouped = _GROUPED.fullmatch(text)
    if signs == 1 and grouped is not None and not text.startswith("0") and decimals < 3:
        return None if decimals else float(re.sub("[.,]", "", text))
    if signs <= 1:
        plain = text.replace(",", ".")
        return float(plain) if re.search(r"\d", plain) else None
    if grouped is None:
        return None
    after = grouped[2]
    whole = text if after is None else text[: -len(after) - 1]
    return float(f"{re.sub('[.,]', '', whole)}.{after or 0}")


class _Reading(_Box):
    """What both kinds of fields share.

    Qt takes the sign that is not usual in a country for one between thousands and leaves it out, and refuses digits that are too
    many while they are typed: 4.6 nm would be 46 nm in a German window or in a field for whole numbers, and 1.234,5 is 1.23.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setKeyboardTracking(False)  # else the one before, which comes back, is what the first digits say

    def _written(self, text: str) -> str:
        """The number without its unit, if it holds a point or a comma; else nothing."""
        bare = text.removesuffix(self.suffix()).strip()
        return bare if _NUMERIC.fullmatch(bare) else ""

    def validate(self, text: str, position: int) -> Any:
        """As Qt's, but nothing is refused while it is typed; PyQt and PySide give state, text and position."""
        written = self._written(text)
        if not written:
            return super().validate(text, position)
        value = number(written, decimals=self._places())
        is_read = value is not None and self.minimum() <= round(value, self._places()) <= self.maximum()
        state = QValidator.State.Acceptable if is_read else QValidator.State.Intermediate
        return state, text, position

    def fixup(self, text: str) -> str:
        """Say why a number is not taken; Qt brings the old one back."""
        if written := self._written(text):
            if _GROUPED.fullmatch(written) and number(written, decimals=self._places()) is None:
                words = (
                    f"{written} can be read in two ways: write at most {self._places()} digits after the point, "
                    "and nothing between thousands."
                )
            else:
                words = (
                    f"{written} is not taken: write the number with one point, none between thousands, "
                    f"from {self.minimum():g} to {self.maximum():g}{self.suffix()}."
                )
            QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), words, self)
            return text  # Qt would leave out what it takes for a sign between thousands
        return str(super().fixup(text) or text)

    def _places(self) -> int:
        return self.decimals() if isinstance(self, QDoubleSpinBox) else 0


class DecimalBox(_Reading, QDoubleSpinBox):  # type: ignore[misc] # Qt has no types for these
    """Shows a point, as all our sentences and tables do, and takes a comma for one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        plain = QLocale.c()
        plain.setNumberOptions(
            QLocale.NumberOption.OmitGroupSeparator | QLocale.NumberOption.RejectGroupSeparator
        )
        self.setLocale(plain)

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        """The number; of a field for many digits without the zeros at its end."""
        text = str(super().textFromValue(value))
        return text.rstrip("0").removesuffix(".") if self.decimals() > _ALIGNED else text

    def valueFromText(self, text: str) -> float:  # noqa: N802 - Qt's name
        """The number, without its unit."""
        written = self._written(text)
        value = number(written, decimals=self.decimals()) if written else None
        return float(super().valueFromText(text)) if value is None else round(value, self.decimals())


class WholeBox(_Reading, QSpinBox):  # type: ignore[misc]
    """For whole numbers: 22.5 is rounded, and not 225."""

    def valueFromText(self, text: str) -> int:  # noqa: N802 - Qt's name
        """The number, without its unit."""
        written = self._written(text)
        value = number(written, decimals=0) if written else None
        return int(super().valueFromText(text)) if value is None else round(value)
