"""Numbers with decimals are read alike in windows of all languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from qtpy.QtCore import QLocale
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDoubleSpinBox

from napari_emseg.ui.decimal_box import DecimalBox


@pytest.fixture(params=["de_DE", "en_US", "fr_FR"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


@pytest.mark.parametrize(
    ("typed", "value"), [("4.6", 4.6), ("4,6", 4.6), ("1234.5", 1234.5), (".5", 0.5), (",5", 0.5)]
)
def test_a_point_and_a_comma_are_the_same(language: str, typed: str, value: float, qtbot: Any) -> None:
    """Once 4.6 typed in a German window was 46: ten times the voxel."""
    box = DecimalBox()
    qtbot.addWidget(box)
    box.setRange(0.01, 1e5)
    box.setSuffix(" nm")
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), typed)
    box.interpretText()
    assert box.value() == value
    assert box.text() == f"{value:.2f} nm"


def test_all_fields_for_decimals_do_so(opened: Any) -> None:
    boxes = opened.findChildren(QDoubleSpinBox)
    assert {type(box) for box in boxes} == {DecimalBox}
    assert {"voxel_x", "voxel_y", "voxel_z"} <= {box.objectName() for box in boxes}
