"""Compare two segmentations, used as a person would: pick, compare, click, filter, save."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QLabel

from napari_emseg.algorithms.metrics.error_map import EXTRA, MERGE, MISSED, SPLIT
from napari_emseg.io import write_array
from napari_emseg.ui.comparing.error_list import ErrorList
from napari_emseg.ui.comparing.scores import ScoreGrid
from napari_emseg.ui.comparing.widget import CompareSegmentations
from napari_emseg.ui.comparing.words import COLOURS, score_lines
from napari_emseg.ui.flows import comparing
from napari_emseg.ui.shown import as_it_is

if TYPE_CHECKING:
    from pathlib import Path

SPACING = (50.0, 4.0, 4.0)


def truth() -> np.ndarray:
    """Blocks of 20 x 20 pixels in 4 sections, ids 1 to 16."""
    return np.stack([np.kron(np.arange(1, 17).reshape(4, 4), np.ones((20, 20), int))] * 4).astype(np.uint32)


def wrong() -> np.ndarray:
    """6 is split from section 2 on, 11 merged with 10, 16 missed."""
    made = truth()
    made[2:][made[2:] == 6] = 60
    made[made == 11] = 10
    made[made == 16] = 0
    return made


@pytest.fixture
def widget(viewer: Any, engine: Any) -> Any:
    place = {"scale": SPACING, "units": ("nm",) * 3, "axis_labels": ("z", "y", "x")}
    viewer.add_labels(wrong(), name="mine", **place)
    viewer.add_labels(truth(), name="truth", **place)
    made = CompareSegmentations(viewer, engine=lambda: engine)
    viewer.window.add_dock_widget(made, name="compare", area="right", add_vertical_stretch=False)
    yield made
    made.shut_down()


def compare(widget: Any, qtbot: Any) -> None:
    QTest.mouseClick(widget.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.button.isEnabled(), timeout=20000)


def listed(widget: Any) -> list[tuple[str, str]]:
    model = widget.list.model
    return [(model.index(k, 0).data(), model.index(k, 1).data()) for k in range(model.rowCount())]


def click(widget: Any, row: int) -> None:
    index = widget.list.model.index(row, 0)
    widget.list.table.scrollTo(index)
    QTest.mouseClick(
        widget.list.table.viewport(),
        Qt.MouseButton.LeftButton,
        pos=widget.list.table.visualRect(index).center(),
    )


def test_scores_table_and_map(widget: Any, qtbot: Any) -> None:
    assert (widget.form.truth.currentText(), widget.form.other.currentText()) == ("truth", "mine")
    compare(widget, qtbot)
    rows = listed(widget)
    assert rows[0] == ("Missed", "16")
    assert sorted(rows[1:]) == [("Merged 2", "10"), ("Merged 2", "11"), ("Split in 2", "6")]
    assert widget.says.saying.text == "4 of 16 objects have an error. Click one to go there."
    lines = score_lines(widget.result.scores)
    assert lines[0].value == "3"
    assert lines[0].meaning == "merge 1, cut 1, missed 1"
    assert lines[1].value.endswith(" bit")
    shown = [widget.findChild(QLabel, f"score_{k}").text() for k in range(len(lines))]
    assert shown == [line.value for line in lines]
    assert {k: b.text().split()[-1] for k, b in widget.list.legend.buttons.items()} == {
        SPLIT: "1", MERGE: "2", MISSED: "1", EXTRA: "0",
    }  # fmt: skip
    errors = widget.errors.data[:]
    assert set(np.unique(errors[2][truth()[2] == 6])) == {SPLIT}
    assert not errors[1][truth()[1] == 6].any()
    assert set(np.unique(errors[:, truth()[0] == 16])) == {MISSED}
    assert set(np.unique(errors[:, truth()[0] == 11])) == {MERGE}
    colour = widget.errors.colormap.map(np.array([SPLIT]))[0]
    np.testing.assert_allclose(
        colour[:3], [int(COLOURS[SPLIT][k : k + 2], 16) / 255 for k in (1, 3, 5)], atol=0.01
    )


def test_a_click_goes_there(widget: Any, qtbot: Any) -> None:
    compare(widget, qtbot)
    viewer = widget.viewer
    row = next(k for k, (_, name) in enumerate(listed(widget)) if name == "6")
    click(widget, row)
    assert round(viewer.dims.point[0] / 50) == 2
    np.testing.assert_allclose(np.asarray(viewer.scene.camera.center)[-2:], [30 * 4, 30 * 4], atol=4)
    outlines = [layer for layer in viewer.layers if layer.metadata.get(comparing.MARK) == "outline"]
    assert outlines[0].name == "object 6"
    assert widget.says.saying.text.startswith("Object 6 is 50.0 % in segment")
    click(widget, 0)
    assert "no segment" in widget.says.saying.text
    outlines = [layer.name for layer in viewer.layers if layer.metadata.get(comparing.MARK) == "outline"]
    assert outlines == ["object 16"]


def test_letters_typed_into_the_table_go_to_the_canvas(widget: Any, qtbot: Any) -> None:
    compare(widget, qtbot)
    click(widget, 0)
    done: list[str] = []
    widget.viewer.bind_key("U", lambda _viewer: done.append("U"), overwrite=True)
    QTest.keyClick(widget.list.table, Qt.Key.Key_U)
    widget.viewer.bind_key("U", None, overwrite=True)
    assert done == ["U"]


def test_sorting_and_kinds(widget: Any, qtbot: Any) -> None:
    compare(widget, qtbot)
    widget.list.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert [name for _, name in listed(widget)] == ["6", "10", "11", "16"]
    QTest.mouseClick(widget.list.legend.buttons[MERGE], Qt.MouseButton.LeftButton)
    assert [name for _, name in listed(widget)] == ["6", "16"]
    click(widget, 1)
    widget.list.with_right.setChecked(True)
    assert len(listed(widget)) == 14
    assert [index.data() for index in widget.list.table.selectionModel().selectedRows(1)] == ["16"]
    widget.list.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert widget.list.model.index(0, 2).data() == "0.0013"  # 4 x 400 voxels of 800 nm³


def test_an_object_that_is_as_good_as_missed_is_called_so_and_objects_are_listed_with_three_dots() -> None:
    from napari_emseg.algorithms.metrics.object_errors import object_errors
    from napari_emseg.ui.comparing.table import ErrorModel, about

    true = np.repeat(np.arange(1, 9), 1000).reshape(8, 1000)
    one = np.ones_like(true)
    one[0, 5:] = 0  # of the first object half a hundredth lies in the segment of all others
    model = ErrorModel()
    model.show_rows(object_errors(true, one), None)
    words = {row.object_id: model.index(k, 0).data() for k, row in enumerate(model.rows)}
    assert words[1] == "Missed"
    assert words[2] == f"Merged {next(row.n_merged for row in model.rows if row.object_id == 2) + 1}"
    assert about(model.rows[words_of(model, 2)]).endswith(" ...")


def words_of(model: Any, name: int) -> int:
    return next(k for k, row in enumerate(model.rows) if row.object_id == name)


def test_no_score_is_cut_off_at_the_width_of_the_dock(qtbot: Any) -> None:
    made = ScoreGrid()
    qtbot.addWidget(made)
    scores = dict.fromkeys(("voi_split", "voi_merge", "adapted_rand_error", "v_rand", "v_info"), 0.5)
    counts = {"merges_needed": 1204, "splits_needed": 2222, "missed": 33, "objects": 4000, "links": 511}
    made.show_scores({**scores, **counts, "link_accuracy": 0.5})
    made.resize(280, 300)  # without the window's own fonts, which are wider
    made.show()
    qtbot.waitExposed(made)
    for label in made.findChildren(QLabel):
        fits = label.sizeHint().width() <= label.width()
        assert fits or (label.wordWrap() and label.heightForWidth(label.width()) <= label.height()), (
            label.text()
        )


def test_what_is_wrong_is_read_at_the_width_of_the_dock(qtbot: Any) -> None:
    from napari_emseg.algorithms.metrics.object_errors import object_errors

    made = ErrorList()
    qtbot.addWidget(made)
    true = np.repeat(np.arange(1, 301), 100).reshape(300, 100)
    made.show_rows(object_errors(true, np.ones_like(true)), 800.0)
    made.resize(362, 300)
    made.show()
    index = made.model.index(0, 0)
    assert index.data() == "Merged 300"
    assert made.table.columnWidth(0) >= made.table.sizeHintForIndex(index).width()


def test_the_table_is_saved(widget: Any, qtbot: Any, tmp_path: Path) -> None:
    compare(widget, qtbot)
    widget.save_table(str(tmp_path / "errors.csv"))
    with (tmp_path / "errors.csv").open() as text:
        rows = {int(row["object_id"]): row for row in csv.DictReader(text)}
    assert len(rows) == 16
    assert rows[6]["error"] == "split"
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.csv" / "thesis.txt").write_text("mine")
    widget.save_table(str(tmp_path / "folder.csv"))
    assert widget.says.saying.tone == "error"


def test_only_some_sections_and_what_is_on_the_screen(widget: Any, engine: Any, qtbot: Any) -> None:
    widget.form.first.setValue(2)
    widget.form.last.setValue(3)
    compare(widget, qtbot)
    assert "6" not in dict(map(reversed, listed(widget)))  # it is whole in these
    assert engine.asked[-1][1].region.start == (2, 0, 0)
    widget.form.on_screen.setChecked(True)
    widget.viewer.scene.camera.zoom *= 4
    compare(widget, qtbot)
    region = engine.asked[-1][1].region
    assert 0 < region.start[1] < region.stop[1] < 80


def test_what_does_not_fit_is_said(widget: Any, qtbot: Any) -> None:
    widget.form.other.setCurrentIndex(widget.form.truth.currentIndex())
    QTest.mouseClick(widget.button, Qt.MouseButton.LeftButton)
    assert widget.says.saying.text.startswith("This is the same layer twice (")
    widget.viewer.add_labels(truth()[:2], name="short")
    widget.form.other.setCurrentText("short")
    QTest.mouseClick(widget.button, Qt.MouseButton.LeftButton)
    assert "differ in shape" in widget.says.saying.text
    assert widget.says.saying.tone == "error"


def test_a_mask_on_one_side_is_told(widget: Any, qtbot: Any) -> None:
    widget.viewer.add_labels((truth() > 4).astype(np.uint8), name="mask", scale=SPACING, units=("nm",) * 3)
    widget.form.other.setCurrentText("mask")
    compare(widget, qtbot)
    assert widget.says.saying.text == (
        "The other segmentation holds a single id, as a mask does, and counts as one object: "
        "give each of its objects an id first (napari-emseg instances)."
    )
    assert widget.says.saying.tone == "error"
    assert listed(widget)  # what was found is shown all the same


def test_a_cremi_file_opens_with_its_neurons(widget: Any, tmp_path: Path) -> None:
    for name in ("volumes/raw", "volumes/labels/clefts", "volumes/labels/neuron_ids"):
        kind = np.uint8 if "raw" in name else np.uint64
        write_array(f"{tmp_path}/a.hdf::{name}", truth().astype(kind), spacing_nm=SPACING)
    layer = comparing.open_file(widget.viewer, f"{tmp_path}/a.hdf")
    assert layer.name == "neuron_ids"
    np.testing.assert_array_equal(np.asarray(layer.data[1]), truth()[1])


def test_stopping(widget: Any, engine: Any, qtbot: Any) -> None:
    engine.hold = True
    QTest.mouseClick(widget.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(engine.held), timeout=10000)
    assert not widget.button.isEnabled()
    from napari_emseg.core.errors import Cancelled

    def cancelled(request: Any, progress: Any) -> None:
        raise Cancelled

    engine.answers["napari_emseg.jobs.compare:run"] = cancelled
    widget.progress.stopped.emit()
    engine.held.clear()
    engine.hold = False
    compare_again = widget.runner.is_running("comparison")
    assert compare_again
    widget.compare()
    qtbot.waitUntil(lambda: widget.says.saying.text.startswith("Stopped"), timeout=10000)
    assert widget.button.isEnabled()


def test_the_bar_and_stop_are_seen_while_it_compares(widget: Any, engine: Any, qtbot: Any) -> None:
    """The form was as high as before the bar came: *Stop* lay below its edge, and all below that was empty."""
    engine.hold = True
    QTest.mouseClick(widget.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(widget.progress.isVisible, timeout=5000)
    qtbot.waitUntil(lambda: widget.upper.verticalScrollBar().maximum() == 0, timeout=2000)
    assert widget.progress.stop.visibleRegion().boundingRect() == widget.progress.stop.rect()


def test_files_are_not_copied(
    widget: Any, engine: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_emseg.io.lazy import LazyStack
    from napari_emseg.io.packed import PackedStack

    write_array(tmp_path / "truth.zarr", truth(), spacing_nm=SPACING)
    # a zarr store is a folder, and no dialog of files lets people choose one
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(tmp_path / "truth.zarr"))
    _, folder = widget.form.truth_file.menu().actions()
    folder.trigger()
    layer = widget.form.truth.currentData()
    assert layer.name == "truth.zarr"
    widget.form.other.setCurrentText("mine")
    compare(widget, qtbot)
    request = engine.asked[-1][1]
    assert request.truth is as_it_is(layer.data)
    assert isinstance(request.truth, LazyStack)
    assert isinstance(request.other, PackedStack)
    assert len(listed(widget)) == 4


def test_the_comparison_is_no_candidate_and_goes_with_the_panel(widget: Any, qtbot: Any) -> None:
    compare(widget, qtbot)
    assert [layer.name for layer in comparing.candidates(widget.viewer)] == ["mine", "truth"]
    widget.shut_down()
    assert [layer.name for layer in widget.viewer.layers] == ["mine", "truth"]


def test_errors_go_with_the_stack_that_they_lie_on(widget: Any, qtbot: Any, tmp_path: Path) -> None:
    """Another stack is opened in its place: they lay under that one, black."""
    compare(widget, qtbot)
    widget.viewer.layers.remove("truth")
    qtbot.waitUntil(lambda: "errors" not in widget.viewer.layers, timeout=3000)
    assert widget.says.saying.text.startswith("“truth” is closed")
    click(widget, 0)
    assert widget.says.saying.text == "A layer that was compared is gone. Open it and compare again."
    widget.save_table(str(tmp_path / "errors.csv"))
    assert widget.says.saying.tone == "done"


def test_the_dock_opens_one_panel_only(opened: Any) -> None:
    window = opened.desk.viewer.window._qt_window
    opened.desk.do("compare")
    opened.desk.do("compare")
    panels = window.findChildren(CompareSegmentations)
    assert len(panels) == 1
    panels[0].shut_down()


def test_error_colours_differ_for_colour_blind_eyes() -> None:
    from skimage.color import deltaE_ciede2000, rgb2lab

    # Machado et al. 2009, severity 1, linear RGB: protan, deutan, tritan.
    machado = {
        "normal": np.eye(3),
        "protan": [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        "deutan": [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        "tritan": [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    }
    rgb = np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in COLOURS.values()])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    for matrix in machado.values():
        seen = (linear @ np.transpose(matrix)).clip(0, 1)
        seen = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
        lab = rgb2lab(seen[None])[0]
        for a in range(len(lab)):
            for b in range(a):
                assert deltaE_ciede2000(lab[a], lab[b]) > 10


def test_with_one_segmentation_the_form_stands_at_the_top_and_asks_for_another(
    widget: Any, qtbot: Any
) -> None:
    for layer in list(widget.viewer.layers)[1:]:
        widget.viewer.layers.remove(layer)
    widget.resize(380, 900)
    qtbot.waitUntil(
        lambda: widget.says.saying.text.startswith("There is one segmentation here"), timeout=3000
    )
    qtbot.waitUntil(lambda: widget.upper.y() == 0, timeout=3000)
    assert not widget.list.isVisible()
    widget.viewer.add_labels(truth(), name="second")
    assert (widget.form.truth.currentText(), widget.form.other.currentText()) == ("second", "mine")
    assert widget.says.saying.text.startswith("Choose what is true")
