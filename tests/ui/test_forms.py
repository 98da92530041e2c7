"""A form grows from its settings model: titles, units, bounds, sliders, and what is folded away."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field
from qtpy.QtWidgets import QPushButton

from napari_emseg.session.remembering import STAGES
from napari_emseg.settings import FinetuneSettings, PredictSettings, SeedSettings, Settings
from napari_emseg.ui.fields import field_specs
from napari_emseg.ui.forms import SettingsForm

FORMS = [name for name in STAGES if name != "augmentation"]  # recipes have an editor of their own


class Toy(Settings):
    depth_nm: float = Field(
        15.0, title="Depth", description="how deep", ge=0, le=500, json_schema_extra={"unit": "nm"}
    )
    share: float = Field(0.5, title="Share", ge=0, le=1)
    many: int = Field(3, title="Many", ge=1, json_schema_extra={"more": True})
    grid: int = Field(64, title="Grid", ge=32, le=256, multiple_of=32)
    on: bool = Field(False, title="On")


def test_bounds_units_and_steps_are_read() -> None:
    specs = {s.name: s for s in field_specs(Toy)}
    depth = specs["depth_nm"]
    assert (depth.title, depth.unit, depth.low, depth.high, depth.decimals, depth.slider) == (
        "Depth", "nm", 0, 500, 0, True,
    )  # fmt: skip
    assert (specs["share"].decimals, specs["share"].step, specs["share"].slider) == (2, 0.01, True)
    assert (specs["many"].more, specs["many"].slider) == (True, False)
    assert specs["grid"].step == 32
    assert specs["on"].kind == "switch"


@pytest.mark.parametrize("stage", FORMS)
def test_every_setting_has_a_title_and_help(stage: str) -> None:
    for spec in field_specs(STAGES[stage]):
        assert spec.title
        assert spec.help


def test_a_slider_moves_number_and_settings(qtbot: Any) -> None:
    form = SettingsForm(Toy())
    qtbot.addWidget(form)
    seen: list[Toy] = []
    form.changed.connect(seen.append)
    form.editor("depth_nm").slider.setValue(40)
    assert seen == [Toy(depth_nm=40)]
    assert form.editor("depth_nm").focus_widget.text() == "40 nm"
    form.editor("on").focus_widget.click()
    assert form.value == Toy(depth_nm=40, on=True)


def test_shares_are_shown_in_per_cent_and_kept_as_they_are(qtbot: Any) -> None:
    form = SettingsForm(SeedSettings(threshold=0.375))
    qtbot.addWidget(form)
    editor = form.editor("threshold")
    assert editor.focus_widget.text() == "38 %"
    assert form.value == SeedSettings(threshold=0.375)  # shown rounded, not changed
    assert "From 1 to 99 %" in editor.toolTip()
    editor.slider.setValue(49)
    assert (editor.focus_widget.text(), form.value.threshold) == ("50 %", 0.5)
    editor.focus_widget.setValue(61)
    assert (editor.slider.value(), form.value.threshold) == (60, 0.61)


def test_a_number_that_stands_for_something_else_is_shown_in_words(qtbot: Any) -> None:
    form = SettingsForm(FinetuneSettings(learning_rate=0.001))
    qtbot.addWidget(form)
    rate = form.editor("learning_rate").focus_widget
    assert rate.text() == "0.001"
    rate.setValue(0)
    assert (rate.text(), form.value.learning_rate) == ("automatic", 0.0)
    assert form.editor("max_steps").focus_widget.text() == "no limit"


def test_a_value_that_does_not_fit_is_put_back(qtbot: Any) -> None:
    form = SettingsForm(Toy())
    qtbot.addWidget(form)
    form.editor("grid").focus_widget.setValue(70)  # no multiple of 32
    assert form.value.grid == 64
    assert form.editor("grid").focus_widget.value() == 64


def test_showing_other_settings_announces_nothing(qtbot: Any) -> None:
    form = SettingsForm(PredictSettings())
    qtbot.addWidget(form)
    with qtbot.assertNotEmitted(form.changed):
        form.set_value(PredictSettings(tta="flips"))
    assert form.editor("tta").focus_widget.currentText() == "4 sides"


def test_rare_settings_are_folded_away(qtbot: Any) -> None:
    form = SettingsForm(SeedSettings())
    qtbot.addWidget(form)
    form.show()
    assert form.editor("threshold").isVisible()
    assert not form.editor("dims").isVisible()
    form.findChild(QPushButton, "more").click()
    assert form.editor("dims").isVisible()


def test_hidden_settings_keep_their_value(qtbot: Any) -> None:
    form = SettingsForm(Toy(many=9), hidden=("many",))
    qtbot.addWidget(form)
    form.editor("share").focus_widget.setValue(0.25)
    assert form.value == Toy(many=9, share=0.25)


@pytest.mark.parametrize("stage", FORMS)
def test_choices_are_shown_in_words(stage: str) -> None:
    for spec in field_specs(STAGES[stage]):
        assert len(spec.words) == len(spec.choices)
        assert not {"none", "cpu", "flips", "auto", "head"} & set(spec.words), (
            f"{spec.title} shows a name of the program"
        )
