"""Find: what a line may mean, and the page, by keys alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_emseg.core.sections import Status
from napari_emseg.ui.finding import look_up, read
from napari_emseg.ui.flows.finding import nearest, notes_of_layers

SHAPE = (16, 400, 500)
SPACING = (50.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("27", [("object", 27)]),
        ("12", [("object", 12), ("section", 12)]),
        ("0", [("section", 0)]),
        ("#12", [("object", 12)]),
        ("object 12", [("object", 12)]),
        ("s12", [("section", 12)]),
        ("Section 15", [("section", 15)]),
        ("z 16", []),
        ("99999999999999", [("object", 99999999999999)]),
        ("", []),
        ("1 2", []),
        ("1 2 3 4", []),
        ("a 1 b", []),
    ],
)
def test_objects_and_sections(text: str, expected: list[tuple[str, int]]) -> None:
    assert [(f.kind, f.object_id or f.place[0]) for f in read(text, SHAPE, SPACING)] == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("12 340 120", (12, 340, 120)),
        ("12, 340, 120", (12, 340, 120)),
        ("(12,340,120)", (12, 340, 120)),
        ("12 340 120 voxels", (12, 340, 120)),
        ("600 1360 480 nm", (12, 340, 120)),
        ("649.9 1363 483.9nm", (12, 340, 120)),
        ("0.6 1.36 0.48 um", (12, 340, 120)),
        ("0.6 1.36 0.48 µm", (12, 340, 120)),
        ("x 120 y 340", (-1, 340, 120)),
        ("x=120, y=340, z=12", (12, 340, 120)),
        ("z600 x480 nm", (12, -1, 120)),
        ("12 400 0", None),
        ("12 -1 0", None),
        ("800 0 0 nm", None),
        ("x 1 x 2", None),
    ],
)
def test_places(text: str, place: tuple[int, int, int] | None) -> None:
    found = read(text, SHAPE, SPACING)
    assert [f.place for f in found] == ([] if place is None else [place])


def test_nanometres_need_a_voxel_size() -> None:
    assert read("600 1360 480 nm", SHAPE, None) == ()
    assert read("12 340 120", SHAPE, None)[0].place == (12, 340, 120)


def test_nanometres_count_from_where_tables_count_them(labelled: Any) -> None:
    """Places in the table of synapses tell where the stack lies, too."""
    session = labelled.session
    session.image = replace(session.image, offset_nm=(0.0, 3000.0, 5000.0))
    assert [f.place for f in look_up("80 3160 5240 nm", session)] == [(2, 20, 30)]
    assert [f.place for f in look_up("x 5.24 um", session)] == [(-1, -1, 30)]
    assert [f.place for f in look_up("2 20 30", session)] == [(2, 20, 30)]
    assert look_up("80 160 240 nm", session) == ()


def test_words(labelled: Any) -> None:
    session = labelled.session
    session.mark(4, Status.EXCLUDED, "fold")
    session.mark(1, Status.PROOFREAD)
    assert [f.place[0] for f in look_up("Fold", session) if f.kind == "mark"] == [4]
    assert [f.place[0] for f in look_up("proof", session) if f.kind == "mark"] == [1]
    edits = [f for f in look_up("segm", session) if f.kind == "edit"]
    assert [f.title for f in edits] == ["Segment"]
    assert edits[0].place[0] in (1, 2, 3)
    assert look_up("100%", session) == ()
    assert look_up("f", session) == ()


def test_notes_of_points(labelled: Any) -> None:
    points = labelled.viewer.add_points(
        [[80.0, 80.0, 160.0]], scale=(1, 1, 1), units=("nm",) * 3, features={"comment": ["strange vesicle"]}
    )
    assert [(w, p.tolist()) for w, p in notes_of_layers(labelled)] == [("strange vesicle", [2, 10, 20])]
    found = look_up("vesicle", labelled.session, notes_of_layers(labelled))
    assert [f.place for f in found] == [(2, 10, 20)]
    labelled.viewer.layers.remove(points)


def test_the_nearest_section_of_an_object(labelled: Any) -> None:
    place, n = nearest(labelled.session.volume, 2, 5)
    assert (place[0], n) == (3, 3)
    assert labelled.session.volume[place] == 2
    assert nearest(labelled.session.volume, 77, 0) is None
    assert nearest(labelled.session.volume, 2**40, 0) is None


def test_by_keys_alone(opened: Any, make_labels: Any, qtbot: Any) -> None:
    desk, page = opened.desk, opened.find_page
    desk.session.commit(make_labels(desk.session, (1, 3)))
    desk.do("find")
    assert opened.pages.current is page
    QTest.keyClicks(page.line, "2")
    assert [page.list.item(k).text().split("   ")[0] for k in range(2)] == ["Object 2", "Section 2"]
    desk.viewer.dims.set_current_step(0, 5)
    QTest.keyClick(page.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.section == 3, timeout=5000)
    assert desk.layers.labels.selected_label == 2
    assert page.says.saying.text.startswith("Object 2 is in the middle")
    QTest.keyClick(page.line, Qt.Key.Key_Down)
    QTest.keyClick(page.line, Qt.Key.Key_Return)
    assert desk.section == 2
    page.line.clear()
    QTest.keyClicks(page.line, "4 20 50")
    QTest.keyClick(page.line, Qt.Key.Key_Return)
    assert desk.section == 4
    centre = np.asarray(desk.viewer.scene.camera.center)[-2:]
    np.testing.assert_allclose(centre, [160, 400])
    page.line.clear()
    QTest.keyClicks(page.line, "nonsense")
    assert page.list.count() == 0
    assert page.says.saying.text == "Nothing like that is here."
    QTest.keyClick(page.line, Qt.Key.Key_Escape)
    assert opened.pages.current is opened.panels[desk.stage]


def test_an_object_that_is_not_there_is_said(opened: Any, qtbot: Any) -> None:
    page = opened.find_page
    opened.desk.do("find")
    QTest.keyClicks(page.line, "#99")
    QTest.keyClick(page.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.says.saying.tone == "error", timeout=5000)
    assert page.says.saying.text == "There is no object 99."
