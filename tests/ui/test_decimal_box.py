"""Numbers with decimals are read alike in windows of all languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from qtpy.QtCore import QLocale
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDoubleSpinBox, QToolTip

from napari_emseg.ui.decimal_box import DecimalBox, WholeBox


@pytest.fixture(params=["de_DE", "en_US", "fr_FR"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("4.6", 4.6),
        ("4,6", 4.6),
        ("1234.5", 1234.5),
        (".5", 0.5),
        (",5", 0.5),
        ("4.", 4),
        ("4.5678", 4.57),
        ("0.125", 0.12),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("12.345.678,9", None),
        ("1.234", None),
        ("1,234", None),
        ("1.2.3", None),
        ("1.234.5", None),
        (".", None),
    ],
)
def test_a_point_and_a_comma_are_the_same(language: str, typed: str, value: float | None, qtbot: Any) -> None:
    """Once 4.6 typed in a German window was 46, ten times the voxel; what may be two numbers is not taken."""
    box = DecimalBox()
    qtbot.addWidget(box)
    box.setRange(0.01, 1e5)
    box.setValue(50)
    box.setSuffix(" nm")
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), typed)
    box.interpretText()
    assert box.value() == (50 if value is None else value)
    assert box.text() == f"{box.value():.2f} nm"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("3.7425", "3.7425 nm"),
        ("4,125", "4.125 nm"),
        ("4.10", "4.1 nm"),
        ("50", "50 nm"),
        ("1234.5", "1234.5 nm"),
    ],
)
def test_a_field_for_many_digits_shows_no_zeros_after_them(
    language: str, typed: str, shown: str, qtbot: Any
) -> None:
    box = DecimalBox()
    qtbot.addWidget(box)
    box.setDecimals(6)
    box.setRange(0.01, 1e5)
    box.setSuffix(" nm")
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), typed)
    box.interpretText()
    assert box.text() == shown
    assert box.value() == float(typed.replace(",", "."))


@pytest.mark.parametrize(
    ("typed", "value"),
    [("22", 22), ("22.5", 22), ("22,7", 23), ("2.000", 2000), ("1,234,567", 1234567), ("12.34.5", None)],
)
def test_a_field_for_whole_numbers_drops_no_point(typed: str, value: int | None, qtbot: Any) -> None:
    """Once 22.5 nm was 225."""
    box = WholeBox()
    qtbot.addWidget(box)
    box.setRange(0, 10_000_000)
    box.setValue(7)
    box.setSuffix(" nm")
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), typed)
    box.interpretText()
    assert box.value() == (7 if value is None else value)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "1.234",
            "1.234 can be read in two ways: write at most 2 digits after the point, and nothing between thousands.",
        ),
        (
            "1.2.3",
            "1.2.3 is not taken: write the number with one point, none between thousands, from 0.01 to 100000 nm.",
        ),
    ],
)
def test_a_number_that_is_not_taken_is_said(typed: str, said: str, qtbot: Any) -> None:
    box = DecimalBox()
    qtbot.addWidget(box)
    box.setRange(0.01, 1e5)
    box.setSuffix(" nm")
    box.show()
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), typed)
    box.interpretText()
    assert QToolTip.text() == said
    QToolTip.hideText()


def test_all_fields_for_decimals_do_so(opened: Any) -> None:
    boxes = opened.findChildren(QDoubleSpinBox)
    assert {type(box) for box in boxes} == {DecimalBox}
    assert {"voxel_x", "voxel_y", "voxel_z"} <= {box.objectName() for box in boxes}
