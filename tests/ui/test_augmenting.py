"""Inspect augmentations, used as a person would: pick, tick, slide, flip, save."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QPushButton

from napari_emseg.augment.preview import PreviewRequest, preview
from napari_emseg.augment.recipe import NAMES, load_recipe, only, settings_class
from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.finetune import with_recipe
from napari_emseg.ui.augmenting import editor as editor_module
from napari_emseg.ui.augmenting import widget as widget_module
from napari_emseg.ui.augmenting.editor import RecipeEditor
from napari_emseg.ui.augmenting.source import check, on_screen
from napari_emseg.ui.augmenting.tiles import GRID_COLOUR, tile
from napari_emseg.ui.augmenting.widget import InspectAugmentations
from napari_emseg.ui.flows import augmenting


@pytest.fixture
def widget(viewer: Any, qtbot: Any) -> Any:
    """The widget beside a toy stack of 6 sections with striped labels."""
    rng = np.random.default_rng(0)
    viewer.add_image(rng.integers(30, 220, (6, 150, 170), dtype=np.uint8), name="toy")
    viewer.add_labels(np.indices((6, 150, 170))[2] // 20 + 1, name="stripes")
    made = InspectAugmentations(viewer)
    qtbot.addWidget(made)
    made.count.setValue(3)
    made.extent.setValue(64)
    settle(made, qtbot)
    yield made
    made.shut_down()
    made._executor.shutdown(wait=True)


def settle(made: InspectAugmentations, qtbot: Any) -> None:
    """Wait until what was asked last is shown."""
    made.refresh()
    qtbot.waitUntil(
        lambda: not made.runner.is_running("samples") and not made._timer.isActive(), timeout=20000
    )


def shown(made: InspectAugmentations) -> list[bytes]:
    return [s.after.tobytes() for s in made.sheet.preview.samples]


# ---------------------------------------------------------------- samples


def test_stack_and_labels_are_found_and_samples_drawn(widget):
    assert widget.stack.currentText() == "toy"
    assert widget.labels.currentText() == "stripes"
    assert len(widget.sheet.preview.samples) == 3
    assert widget.sheet.preview.samples[0].labels_after is not None
    assert widget.histogram.after.sum() == pytest.approx(1)
    assert widget.section.maximum() == 2
    assert widget.warnings.text()


def test_another_stack_at_the_address_of_one_that_has_gone_is_read(widget, qtbot, monkeypatch):
    monkeypatch.setattr(widget_module, "id", lambda _: 1, raising=False)
    widget.set_recipe(only())
    settle(widget, qtbot)
    assert all(sample.before.any() for sample in widget.sheet.preview.samples)
    widget.viewer.layers["toy"].data = np.full((6, 150, 170), 77, np.uint8)
    settle(widget, qtbot)
    assert not any(sample.before.any() for sample in widget.sheet.preview.samples)  # it has no contrast


def test_what_was_found_is_said_in_good_english_and_without_labels_it_is_not_promised(widget, qtbot):
    widget.set_recipe(only())
    settle(widget, qtbot)
    assert widget.warnings.text() == "Nothing false was found in these 3 samples."
    widget.count.setValue(1)
    widget.labels.setCurrentText("none")
    settle(widget, qtbot)
    assert widget.warnings.text().startswith("Nothing false was found in this sample. There are no labels")


def test_the_next_seed_draws_others_and_going_back_the_same(widget, qtbot):
    first = shown(widget)
    QTest.mouseClick(widget.findChild(QPushButton, "nextSeed"), Qt.MouseButton.LeftButton)
    settle(widget, qtbot)
    assert widget.seed.value() == 1
    assert shown(widget) != first
    widget.seed.setValue(0)
    settle(widget, qtbot)
    assert shown(widget) == first


def test_scrubbing_the_strength_to_nothing_shows_the_original(widget, qtbot):
    widget.set_recipe(only(scale_shift=settings_class("scale_shift")(clip=False)))
    widget.strength.setValue(0)
    settle(widget, qtbot)
    assert widget.strength_words.text() == "0 %"
    for sample in widget.sheet.preview.samples:
        np.testing.assert_allclose(sample.after, sample.before, atol=1e-3)


def test_flip_by_button_and_by_holding_the_mouse(widget):
    sheet = widget.sheet
    QTest.mouseClick(widget.findChild(QPushButton, "before"), Qt.MouseButton.LeftButton)
    assert sheet.before
    QTest.mouseClick(widget.findChild(QPushButton, "before"), Qt.MouseButton.LeftButton)
    assert not sheet.before
    QTest.mousePress(sheet, Qt.MouseButton.LeftButton)
    assert sheet.before
    QTest.mouseRelease(sheet, Qt.MouseButton.LeftButton)
    assert not sheet.before


def test_letters_typed_into_the_list_go_to_the_canvas_and_its_ticks_stay_its_own(widget):
    done: list[str] = []
    widget.viewer.bind_key("U", lambda _viewer: done.append("U"), overwrite=True)
    widget.editor.pick("blur")
    before = widget.editor.recipe.blur
    QTest.keyClick(widget.editor.list, Qt.Key.Key_U)
    QTest.keyClick(widget.editor.list, Qt.Key.Key_Space)
    widget.viewer.bind_key("U", None, overwrite=True)
    assert done == ["U"]
    assert widget.editor.picked == "blur"
    assert (widget.editor.recipe.blur is None) != (before is None)


def test_a_number_of_an_augmentation_gives_the_keys_back_after_return(widget, qtbot):
    widget.show()
    widget.editor.pick("mirror")
    widget.editor.pick("affine")
    number = widget.editor.form.findChild(QAbstractSpinBox)
    canvas = widget.viewer.window._qt_viewer.canvas.native
    with patch.object(canvas, "setFocus") as asked:
        QTest.keyClick(number, Qt.Key.Key_Return)
    asked.assert_called_once()


def test_the_section_slider_goes_through_z(widget):
    widget.show_grid.setChecked(True)
    widget.section.setValue(0)
    assert widget.sheet.section == 0
    assert widget.sheet.grid


def test_an_answer_that_comes_late_is_dropped(widget, qtbot, monkeypatch):
    gate = threading.Event()
    real = preview

    def slow(request: PreviewRequest) -> Any:
        if request.seed == 7:
            gate.wait(10)
        return real(request)

    monkeypatch.setattr("napari_emseg.ui.augmenting.widget.preview", slow)
    widget.seed.setValue(7)
    widget.refresh()
    widget.seed.setValue(8)
    widget.refresh()
    gate.set()
    settle(widget, qtbot)
    expected = shown(widget)
    widget.seed.setValue(8)
    settle(widget, qtbot)
    assert shown(widget) == expected


def test_the_window_waits_for_nothing_while_samples_are_drawn(widget, monkeypatch):
    started = threading.Event()
    gate = threading.Event()
    monkeypatch.setattr(
        "napari_emseg.ui.augmenting.widget.preview",
        lambda request: (started.set(), gate.wait(10), preview(request))[2],
    )
    widget.refresh()  # comes back at once, though the drawing waits at the gate
    assert started.wait(5)
    assert widget.runner.is_running("samples")
    gate.set()


def test_nothing_is_drawn_while_nobody_looks(widget, qtbot):
    before = widget.runner.generation("samples")
    widget.viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: not widget._timer.isActive())
    assert widget.runner.generation("samples") == before
    widget.show()
    qtbot.waitUntil(lambda: widget.runner.generation("samples") > before)
    settle(widget, qtbot)


def test_labels_of_another_shape_are_refused_in_words(widget, qtbot):
    widget.viewer.add_labels(np.zeros((2, 9, 9), int), name="other")
    widget.labels.setCurrentText("other")
    widget.refresh()
    assert "differ in shape" in widget.warnings.text()
    assert widget.sheet.preview is None
    widget.labels.setCurrentText("none")
    settle(widget, qtbot)
    assert widget.sheet.preview.samples[0].labels_after is None


def test_while_the_first_samples_are_made_that_is_said(widget, qtbot):
    """The panel was empty, and without a word; and after another stack had been opened it still asked for one."""
    widget.viewer.layers.clear()
    widget.refresh()
    assert (widget.warnings.text(), widget.warnings.property("tone")) == ("Open a stack first.", "")
    widget.viewer.add_image(np.full((6, 150, 170), 120, np.uint8), name="next")
    widget.refresh()
    assert (widget.warnings.text(), widget.warnings.property("tone")) == (
        "Samples are being made ...",
        "busy",
    )
    settle(widget, qtbot)
    assert widget.warnings.text() != "Samples are being made ..."
    assert widget.sheet.preview is not None


def test_a_removed_stack_leaves_an_invitation(widget):
    widget.viewer.layers.clear()
    widget.refresh()
    assert widget.warnings.text() == "Open a stack first."


def test_a_single_section_and_colours(make_napari_viewer):
    viewer = make_napari_viewer()  # a window of its own beside the shared one
    layer = viewer.add_image(np.random.default_rng(0).integers(0, 255, (90, 100), dtype=np.uint8))
    part = on_screen(viewer, layer, (3, 64, 64))
    assert part.of(layer.data).shape[0] == 1
    colour = viewer.add_image(np.zeros((20, 20, 3), np.uint8), rgb=True, name="colour")
    with pytest.raises(EmsegError, match="no stack of grey values, colour"):
        check(colour, None)


# ---------------------------------------------------------------- the recipe


def test_every_augmentation_has_a_title_and_a_form(qtbot):
    assert set(editor_module._TITLES) == set(NAMES)
    made = RecipeEditor()
    qtbot.addWidget(made)
    for name in NAMES:
        made.pick(name)
        assert made.picked == name
        assert type(made.form.value) is settings_class(name)


def test_ticks_and_sliders_change_the_recipe(qtbot):
    made = RecipeEditor()
    qtbot.addWidget(made)
    made.set_recipe(load_recipe("gentle"))
    item = made.list.item(NAMES.index("noise"))
    item.setCheckState(Qt.CheckState.Unchecked)
    assert made.recipe.noise is None
    item.setCheckState(Qt.CheckState.Checked)
    assert made.recipe.noise == settings_class("noise")()
    made.pick("lost")
    assert made.recipe.lost is None
    made.form.editor("per_section").focus_widget.setValue(0.5)
    assert made.recipe.lost.per_section == 0.5
    assert made.list.item(NAMES.index("lost")).checkState() == Qt.CheckState.Checked
    made.alone.setChecked(True)
    assert made.shown.active == ("lost",)
    assert made.shown.lost.per_section == 1.0
    made.alone.setChecked(False)
    assert made.shown == made.recipe


def test_a_recipe_is_kept_in_the_project_and_learned_with(desk, viewer, qtbot):
    made = InspectAugmentations(viewer, desk=desk)
    qtbot.addWidget(made)
    recipe = load_recipe("heavy").model_copy(update={"fold": None})
    made.set_recipe(recipe)
    made.name.setText("mine")
    QTest.mouseClick(made.findChild(QPushButton, "saveRecipe"), Qt.MouseButton.LeftButton)
    assert desk.session.get_settings("finetune").augmentation == "gentle"
    QTest.mouseClick(made.findChild(QPushButton, "useRecipe"), Qt.MouseButton.LeftButton)
    settings = desk.session.get_settings("finetune")
    assert made.says.text().startswith("“mine” is kept in the project. Samples are varied like this")
    assert settings.augmentation == "mine"
    assert load_recipe(with_recipe(settings, desk.session).augmentation) == recipe
    assert "mine" in [made.editor.choice.itemText(i) for i in range(made.editor.choice.count())]
    made.editor.choice.setCurrentText("gentle")
    made.editor.choice.activated.emit(0)
    made.editor.choice.setCurrentText("mine")
    made.editor.choice.activated.emit(0)
    assert made.editor.recipe == recipe
    made.name.setText("gentle")
    made.save.click()
    assert "a name of its own" in made.says.saying.text
    made.shut_down()


def test_an_unknown_recipe_is_refused_before_learning(desk):
    settings = desk.session.get_settings("finetune").model_copy(update={"augmentation": "gone"})
    with pytest.raises(EmsegError, match="no such augmentation recipe, gone"):
        with_recipe(settings, desk.session)


def test_the_train_stage_chooses_a_recipe_and_opens_the_sheet(opened):
    panel = opened.panels["train"]
    combo = panel.findChild(QComboBox, "learningRecipe")
    assert [combo.itemText(i) for i in range(combo.count())] == ["gentle", "heavy", "serial sections"]
    combo.setCurrentText("heavy")
    combo.activated.emit(combo.currentIndex())
    assert opened.desk.session.get_settings("finetune").augmentation == "heavy"
    augmenting.keep(opened.desk, "mine", load_recipe("heavy"), use=True)
    assert combo.currentText() == "mine"
    opened.desk.open_stage("train")
    opened.desk.do("inspect_augmentations")
    opened.desk.do("inspect_augmentations")  # a second time raises the first
    found = opened.desk.viewer.window._qt_window.findChildren(InspectAugmentations)
    assert len(found) == 1
    assert found[0].stack.currentText() == opened.desk.layers.image.name
    assert found[0].stack.count() == 1  # probabilities are no stack
    assert found[0].editor.recipe == load_recipe("heavy")


# ---------------------------------------------------------------- one tile


def test_a_tile_shows_grey_labels_and_grid():
    image = np.zeros((1, 40, 40), np.uint8)
    image[:, :, 20:] = 200
    labels = np.zeros((1, 40, 40), int)
    labels[0, :, 20:] = 1
    found = preview(PreviewRequest(image, labels, only(), size=(1, 40, 40), count=1)).samples[0]
    plain = tile(found, 0, labels=False)
    assert (plain[..., 0] == plain[..., 1]).all()
    assert plain[5, 30, 0] > plain[5, 5, 0]
    coloured = tile(found, 0)
    np.testing.assert_array_equal(coloured[:, :20], plain[:, :20])
    assert (coloured[5, 30] != plain[5, 30]).any()
    lines = tile(found, 0, labels=False, grid=True)
    on = found.grid_after[0]
    assert np.abs(lines[on].astype(int) - GRID_COLOUR).max() < 0.41 * 255
    np.testing.assert_array_equal(lines[~on], plain[~on])
