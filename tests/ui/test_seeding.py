"""Seeds placed by hand: a model without a window, a layer without a canvas, and real clicks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QPushButton

from napari_emseg.algorithms.placed_seeds import PlacedSeeds
from napari_emseg.core.sections import Status
from napari_emseg.jobs.kept_seeds import FILE, kept_seeds
from napari_emseg.ui.flows import seeding
from napari_emseg.ui.seed_marks import SeedMarks

LEFT, RIGHT = (2, 20, 15), (2, 20, 45)


def test_what_is_done_to_dots_and_taken_back() -> None:
    marks = SeedMarks((6, 48, 64))
    marks.add([(2, 10.4, 11.6), (2, 99, 0), (2, 10, 12)])  # outside is not taken, and one voxel is one seed
    assert marks.placed.points == ((2, 10, 12),)
    found = ("found", (2.0, 20.3, 15.0))
    marks.remove([found])
    assert marks.placed.struck == ((2, 20, 15),)
    marks.move([(("found", (2.0, 30.0, 40.0)), (2, 33, 44)), (("placed", (2.0, 10.0, 12.0)), (2, 11, 12))])
    assert marks.placed == PlacedSeeds(((2, 11, 12), (2, 33, 44)), ((2, 20, 15), (2, 30, 40)))
    assert [kind for kind, _ in marks.rows([(2, 1, 1)])] == ["found", "struck", "struck", "placed", "placed"]
    marks.remove([("struck", (2.0, 20.0, 15.0))])
    assert marks.placed.struck == ((2, 30, 40),)
    marks.set_alone(True)
    assert marks.undo()
    assert marks.placed.struck == ((2, 20, 15), (2, 30, 40))
    assert marks.placed.alone  # a choice, and no edit
    assert marks.redo()
    marks.clear()
    assert not marks.placed
    while marks.undo():
        pass
    assert marks.placed == PlacedSeeds(alone=True)
    assert marks.redo()
    marks.seal()
    assert not marks.undo()
    assert not marks.redo()


@pytest.fixture
def seeded(desk: Any) -> Any:
    """Membranes of section 2 are known, its two seeds are found and shown."""
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("predict")
    seeding.preview(desk)
    assert dots(desk) == {"found": 2}
    return desk


def dots(desk: Any) -> dict[str, int]:
    """How many dots of each kind the layer shows, by their words and by their symbols."""
    layer = desk.layers.seeds
    kinds = {"found": "found", "placed by you": "placed", "none wanted here": "struck"}
    words = [kinds[word] for word in layer.features["seed"]]
    symbols = [{"disc": "found", "diamond": "placed", "x": "struck"}[str(s.value)] for s in layer.symbol]
    assert words == symbols
    return {kind: words.count(kind) for kind in sorted(set(words))}


def test_points_of_the_layer_are_placed_struck_and_moved(seeded: Any) -> None:
    layer, marks = seeded.layers.seeds, seeded.seeds.marks
    layer.add((2, 10.2, 50.1))
    assert marks.placed.points == ((2, 10, 50),)
    assert dots(seeded) == {"found": 2, "placed": 1}
    assert seeding.words(seeded) == "2 found, 1 yours"
    left = next(i for i, p in enumerate(layer.data) if p[2] < 30)
    layer.remove([left])
    assert len(marks.placed.struck) == 1
    assert dots(seeded) == {"found": 1, "placed": 1, "struck": 1}
    cross = next(i for i, word in enumerate(layer.features["seed"]) if word == "none wanted here")
    layer.remove([cross])
    assert dots(seeded) == {"found": 2, "placed": 1}
    right = next(i for i, p in enumerate(layer.data) if p[2] > 30 and layer.features["seed"][i] == "found")
    layer.selected_data = {right}
    layer._set_drag_start({right}, layer.data[right])
    layer._move({right}, (2, 40, 40))
    assert marks.placed.points == ((2, 10, 50), (2, 40, 40))
    assert dots(seeded) == {"found": 1, "placed": 2, "struck": 1}


def test_they_survive_the_slider_other_sections_and_the_project(seeded: Any, session: Any) -> None:
    seeded.layers.seeds.add((2, 10, 50))
    settings = seeded.settings("seeds")
    seeded.set_settings("seeds", settings.model_copy(update={"min_distance_nm": 150.0}))
    seeding.preview(seeded)
    assert dots(seeded) == {"placed": 1}
    seeded.viewer.dims.set_current_step(0, 3)
    seeding.preview(seeded)
    assert (seeding.words(seeded), seeding.counts(seeded)) == ("no membranes here yet", "1 placed")
    seeding.set_alone(seeded, True)
    assert kept_seeds(session) == PlacedSeeds(((2, 10, 50),), alone=True)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 2}', '{"version": 1, "placed": 3, "struck": [], "alone": true}']
)
def test_a_file_that_cannot_be_read_counts_as_none(session: Any, text: str) -> None:
    (session.project.folder / FILE).write_text(text)
    assert kept_seeds(session) == PlacedSeeds()


def test_what_lies_outside_the_stack_is_left_out(session: Any) -> None:
    content = {"version": 1, "placed": [[2, 10, 50], [9, 0, 0]], "struck": [], "alone": False}
    (session.project.folder / FILE).write_text(json.dumps(content))
    assert kept_seeds(session).points == ((2, 10, 50),)


def test_segmenting_uses_them_and_is_one_edit(seeded: Any) -> None:
    volume = seeded.session.volume
    seeded.layers.seeds.add((2, 8, 10))
    seeded.do("segment")
    assert volume[2, 8, 10] != volume[2, 35, 10]
    assert seeded.sayings["segment"].text.startswith("3 segments, 1 of them from your seeds, in section 2")
    seeded.do("undo")
    assert not volume[2].any()
    assert seeded.seeds.marks.placed.points == ((2, 8, 10),)  # older than the edit: it stays for the next try


def test_undo_takes_back_seeds_that_are_newer_than_the_last_edit(seeded: Any) -> None:
    seeded.do("segment")
    seeded.layers.seeds.add((2, 8, 10))
    seeded.do("undo")
    assert not seeded.seeds.marks.placed
    assert seeded.session.volume[2].any()
    seeded.do("redo")
    assert seeded.seeds.marks.placed.points == ((2, 8, 10),)
    seeding.hide(seeded)  # what is not on the screen is not taken back unseen
    seeded.do("undo")
    assert seeded.seeds.marks.placed.points == ((2, 8, 10),)
    assert not seeded.session.volume[2].any()


def test_mine_alone_changes_one_cell_and_is_refused_without_any(seeded: Any) -> None:
    seeding.set_alone(seeded, True)
    seeded.do("segment")
    assert seeded.sayings["segment"].tone == "error"
    assert seeded.sayings["segment"].action == "place_seeds"
    seeded.layers.seeds.add(RIGHT)
    seeded.do("segment")
    labels = seeded.session.volume[2]
    assert labels[10:40, 36:58].all()
    assert not labels[:, :30].any()
    assert "nothing else changed" in seeded.sayings["segment"].text
    # carrying ids segments whole sections, whatever grows here
    seeded.do("propagate")
    assert seeded.session.volume[3][20, 45] == labels[20, 45]


def test_seeds_under_what_is_protected_are_said(seeded: Any, make_labels: Any) -> None:
    seeded.session.commit(make_labels(seeded.session, (2,)))
    seeded.session.lock(2)
    seeded.layers.seeds.add(RIGHT)
    seeded.do("segment")
    assert "1 of your seeds lies in what is proofread, left out or locked" in seeded.sayings["segment"].text
    assert (seeded.session.volume[2] == 2).sum() == 40 * 26
    seeded.session.mark(2, Status.PROOFREAD)
    seeded.do("segment")
    assert "proofread and stays as it is" in seeded.sayings["segment"].text


def test_a_seed_under_the_mouse(seeded: Any) -> None:
    def here(voxel: tuple[int, int, int]) -> str:
        seeded.viewer.cursor.position = tuple(seeded.layers.labels.data_to_world(voxel))
        seeded.do("seed_here")
        return str(seeded.sayings["segment"].text)

    assert here((2, 8, 10)).startswith("Your seed is placed. 1 of yours in this section")
    assert here((2, 8, 10)).startswith("Your seed is gone.")
    assert here((2, 0, 0)).startswith("Your seed is placed.")
    assert here((2, 0, 0)).startswith("Your seed is gone.")
    found = seeded.seeds.found[0]
    assert here(tuple(round(float(p)) for p in found)).startswith("The seed is struck out")
    assert dots(seeded) == {"found": 1, "struck": 1}
    assert here(tuple(round(float(p)) for p in found)).startswith("The seed is back")
    seeded.viewer.cursor.position = (0, -500, 0)
    seeded.do("seed_here")
    assert seeded.sayings["segment"].tone == "error"


def test_placing_with_real_clicks(opened: Any, qtbot: Any, drag: Any) -> None:
    desk = opened.desk

    def press(name: str) -> None:
        button = opened.findChild(QPushButton, name)
        assert button.isVisible(), name
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def key(which: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        canvas = desk.viewer.window._qt_viewer.canvas.native
        QTest.keyClick(canvas, which, modifier)

    press("stage_segment")
    assert not opened.findChild(QPushButton, "do_place_seeds").isVisible()  # one thing at a time
    press("seeds_by_hand")
    press("do_place_seeds")
    drag(opened, [(10, 12)])
    drag(opened, [(36, 22)])
    marks = desk.seeds.marks
    assert [(p[1] // 8, p[2] // 8) for p in marks.placed.points] == [(1, 1), (4, 2)]
    assert str(desk.layers.seeds.mode) == "add"  # still in the hand
    qtbot.waitUntil(lambda: opened.panels["segment"].count.text() == "2 of yours"
                    or "no membranes" in opened.panels["segment"].count.text(), timeout=3000)  # fmt: skip
    key(Qt.Key.Key_S)  # to napari's points layers that is the select tool
    qtbot.waitUntil(
        lambda: "segment" in desk.sayings and desk.sayings["segment"].tone == "done", timeout=5000
    )
    volume = desk.session.volume
    assert len({int(volume[2, 10, 12]), int(volume[2, 36, 22]), int(volume[2, 20, 45])} - {0}) == 3
    # mine alone: the other cell is left out
    key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not volume[2].any(), timeout=3000)
    choice = opened.findChild(QComboBox, "grow_seeds")
    qtbot.keyClick(choice, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: opened.panels["segment"].button.text().startswith("Grow my seeds"), timeout=3000)
    press("do_segment")
    qtbot.waitUntil(lambda: bool(volume[2].any()), timeout=5000)
    assert volume[2, 10, 12] != volume[2, 36, 22]
    assert not volume[2][:, 34:].any()
    # another of napari's tools puts ours down, and the button says so
    key(Qt.Key.Key_4)
    assert str(desk.layers.seeds.mode) == "pan_zoom"
    button = opened.findChild(QPushButton, "do_place_seeds")
    qtbot.waitUntil(lambda: button.text() == "Place seeds" and not button.isChecked(), timeout=3000)
    press("do_place_seeds")
    qtbot.waitUntil(lambda: button.text() == "Stop placing", timeout=3000)
    # Escape gives keys and mouse back to the labels; another stage hides the seeds
    key(Qt.Key.Key_Escape)
    assert desk.viewer.layers.selection.active is desk.layers.labels
    drag(opened, [(30, 50)])
    assert len(marks.placed.points) == 2
    press("stage_proofread")
    assert not desk.layers.seeds.visible
    press("stage_segment")
    press("do_forget_seeds")
    assert not marks.placed
    qtbot.waitUntil(lambda: len(desk.layers.seeds.data) == 2, timeout=3000)
    assert np.array_equal(desk.layers.seeds.data[:, 0], [2, 2])
