"""Alignment in the window: a table to correct, a preview, an aligned copy, and everything back in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_array
from napari_emseg.jobs.align import alignment_of
from napari_emseg.session import Session
from napari_emseg.ui.flows import aligning, exporting
from napari_emseg.ui.flows.opening import show

SHIFTS = np.array([[0, 0], [3, -2], [-4, 5], [6, 1], [0, -7], [2, 2]])


@pytest.fixture
def slipped(desk: Any, tmp_path: Path) -> Any:
    """The same texture six times, each shifted by a known amount."""
    from scipy.ndimage import gaussian_filter

    rough = gaussian_filter(np.random.default_rng(0).normal(size=(160, 180)), 2)
    wide = np.clip(128 + 45 * rough / rough.std(), 1, 255).astype(np.uint8)
    image = np.stack([wide[20 - dy : 140 - dy, 20 - dx : 160 - dx] for dy, dx in SHIFTS])
    show(
        desk, Session.create(tmp_path / "slip.emseg", ImageStack(image, (40.0, 8.0, 8.0), "file", "slip", ""))
    )
    return desk


def test_known_shifts_are_found_corrected_and_taken_from_a_file(slipped: Any, tmp_path: Path) -> None:
    desk = slipped
    with pytest.raises(EmsegError, match="no shifts yet"):
        aligning.align(desk)
    desk.do("estimate_shifts")
    state = aligning.aligning_of(desk)
    assert desk.sayings["cleanup"].tone == "done", desk.sayings["cleanup"]
    found = state.alignment.shifts.shifts
    assert np.abs((found - found[0]) + (SHIFTS - SHIFTS[0])).max() <= 1
    aligning.set_shift(desk, 4, (11, -3))
    assert state.alignment.shifts.shifts[4].tolist() == [11, -3]
    aligning.save_table(desk, tmp_path / "mine.txt")
    aligning.set_shift(desk, 4, (0, 0))
    aligning.open_table(desk, tmp_path / "mine.txt")
    assert state.alignment.shifts.shifts[4].tolist() == [11, -3]
    table = tmp_path / "mine.txt"
    table.write_text(table.read_text("utf-8").replace("11 -3", "11.4 -3"), "utf-8")
    aligning.open_table(desk, table)
    assert desk.sayings["cleanup"].text.endswith(
        "from mine.txt. 1 row holds fractions of pixels, which are rounded."
    )
    (tmp_path / "short.txt").write_text("0 0\n1 1\n")
    with pytest.raises(EmsegError, match="2 rows"):
        aligning.open_table(desk, tmp_path / "short.txt")


def test_the_preview_lies_where_the_section_will_lie(slipped: Any) -> None:
    desk = slipped
    desk.do("estimate_shifts")
    desk.viewer.dims.set_current_step(0, 2)
    aligning.want_preview(desk, True)
    state = aligning.aligning_of(desk)
    own, before = (np.asarray(layer.data[0]) for layer in state.overlay.layers)
    inside = (own > 0) & (before > 0)
    assert (
        np.corrcoef(own[inside], before[inside])[0, 1] > 0.5
    )  # laid over each other; unshifted it is about 0
    assert not desk.layers.labels.visible, "its colours are two already"
    plain = desk.session.image.data
    assert np.corrcoef(plain[2].ravel(), plain[1].ravel())[0, 1] < 0.3
    desk.viewer.dims.set_current_step(0, 3)
    aligning.preview(desk)
    assert len([layer for layer in desk.viewer.layers if layer.name.startswith("aligned")]) == 2
    aligning.want_preview(desk, False)
    assert not [layer for layer in desk.viewer.layers if layer.name.startswith("aligned")]
    assert desk.layers.labels.visible
    assert desk.layers.boundary.visible


def test_an_aligned_copy_takes_the_labels_along_and_gives_them_back_exactly(
    slipped: Any, tmp_path: Path, make_labels: Any
) -> None:
    desk = slipped
    original, first = desk.session.image.data, desk.session
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 9, original.shape).astype(np.uint32)
    labels[5] = 0
    from napari_emseg.core.edit import Edit, Patch, Region

    whole = Region.full(original.shape)
    first.commit(Edit("paint", "human", (Patch(whole, first.volume.read(whole), labels),)))
    first.mark(2, Status.PROOFREAD)
    desk.do("estimate_shifts")
    assert not exporting.is_offered(desk, "labels_back")
    desk.do("align")
    assert desk.sayings["cleanup"].tone == "done", desk.sayings["cleanup"]
    made = desk.session
    assert made is not first
    found, offset = alignment_of(made)
    assert offset is None
    assert made.image.shape[1:] == found.shifts.canvas(original.shape[1:])
    assert made.sections[2].status is Status.PROOFREAD
    for z in range(6):
        assert np.array_equal(found.back(np.asarray(made.image.data[z]), z), original[z])
    assert exporting.is_offered(desk, "labels_back")
    exporting.export(desk, "labels_back", str(tmp_path / "back.h5"))
    assert desk.sayings["export"].tone == "done", desk.sayings["export"]
    assert np.array_equal(np.asarray(open_array(tmp_path / "back.h5")[0][:]), labels)
    desk.do("predict")
    exporting.export(desk, "probabilities_back", str(tmp_path / "map.h5"))
    assert open_array(tmp_path / "map.h5")[0].shape == labels.shape
    show(
        desk,
        Session.open(tmp_path / "slip.emseg", ImageStack(original, (40.0, 8.0, 8.0), "file", "slip", "")),
    )
    desk.do("estimate_shifts")
    with pytest.raises(EmsegError, match="aligned before"):
        aligning.align(desk)


def test_bending_needs_shifts_and_is_dropped_when_they_change(slipped: Any) -> None:
    desk = slipped
    with pytest.raises(EmsegError, match="no shifts yet"):
        aligning.estimate_elastic(desk)
    desk.do("estimate_shifts")
    desk.do("estimate_bending")
    state = aligning.aligning_of(desk)
    assert state.alignment.warp is not None
    assert state.alignment.warp.largest_px < 3
    aligning.set_shift(desk, 1, (40, 40))
    assert state.alignment.warp is None


def test_labels_of_a_stack_that_was_not_aligned_cannot_be_taken_back(desk: Any, tmp_path: Path) -> None:
    exporting.export(desk, "labels_back", str(tmp_path / "back.h5"))
    assert desk.sayings["export"].tone == "error"
    assert not (tmp_path / "back.h5").exists()


def test_the_page_shows_the_table_and_takes_corrections(opened: Any, qtbot: Any) -> None:
    desk, panel = opened.desk, opened.panels["cleanup"]
    desk.open_stage("cleanup")
    page = panel.alignment
    panel.pages.setCurrentIndex(1)
    assert page.isVisibleTo(panel)
    assert not panel.cleaning_page.isVisibleTo(panel)
    assert not panel.button.isVisibleTo(panel)
    assert not page.apply.isEnabled()
    aligning.aligning_of(desk).alignment = _flat(desk.session.image.shape[0])
    desk.cleaned.emit()
    assert page.apply.isEnabled()
    desk.start("cleanup", "making the aligned copy")
    qtbot.waitUntil(lambda: not any(b.isEnabled() for b in (page.estimate, page.bend, page.apply)))
    desk.handlers("cleanup", lambda _: None).stopped()
    qtbot.waitUntil(lambda: all(b.isEnabled() for b in (page.estimate, page.bend, page.apply)))
    assert page.table.rowCount() == desk.session.image.shape[0]
    desk.viewer.dims.set_current_step(0, 4)
    qtbot.waitUntil(lambda: page.table.currentRow() == 4, timeout=3000)  # the row of what is on the screen
    page.table.setCurrentCell(2, 1)
    assert desk.section == 2
    page.table.item(2, 1).setText("7")
    assert aligning.aligning_of(desk).alignment.shifts.shifts[2].tolist() == [7, 0]
    page.table.item(2, 2).setText("far")
    assert desk.sayings["cleanup"].tone == "error"
    assert page.table.item(2, 2).text() == "0"
    page.wanted.setChecked(True)
    qtbot.waitUntil(lambda: len(aligning.aligning_of(desk).overlay.layers) == 2, timeout=10000)
    panel.pages.setCurrentIndex(0)
    assert not aligning.aligning_of(desk).overlay.layers
    assert panel.button.isVisibleTo(panel)


def _flat(count: int) -> Any:
    from napari_emseg.preprocess.alignment import Alignment
    from napari_emseg.preprocess.shift_table import ShiftTable

    return Alignment(ShiftTable.of(np.zeros((count, 2))))


@pytest.mark.parametrize("when", ["aligning", "taking along", "done"])
def test_another_project_that_is_opened_meanwhile_leaves_nothing_behind(
    slipped: Any, engine: Any, stack: ImageStack, tmp_path: Path, monkeypatch: Any, when: str
) -> None:
    """Neither a copy without a project, nor a project that this window holds and does not show."""
    desk, waiting, posted = slipped, [], []
    desk.do("estimate_shifts")
    other = Session.create(tmp_path / "other.emseg", stack)
    with monkeypatch.context() as patch:
        patch.setattr(desk.runner._executor, "submit", waiting.append)
        engine.hold = when == "aligning"
        desk.do("align")
        if when == "done":
            patch.setattr(desk.runner, "_post", posted.append)
            waiting.pop(0)()
        show(desk, other)
        engine.release()
        engine.hold = False
        for work in waiting + posted:
            work()
    assert desk.session is other
    assert not list(tmp_path.glob("slip-aligned*"))
    assert not list(tmp_path.glob(".slip-aligned*"))


def test_undo_takes_the_shift_back_before_the_labels_that_the_preview_hides(
    slipped: Any,
) -> None:
    desk = slipped
    session = desk.session
    session.mark(1, Status.PROOFREAD)
    desk.open_stage("cleanup")
    desk.do("estimate_shifts")
    state = aligning.aligning_of(desk)
    found = state.alignment
    aligning.set_shift(desk, 4, (11, -3))
    desk.do("undo")
    assert state.alignment is found
    assert session.sections[1].status is Status.PROOFREAD
    desk.do("redo")
    assert state.alignment.shifts.shifts[4].tolist() == [11, -3]
    session.mark(2, Status.PROOFREAD)  # newer than the table
    desk.do("undo")
    assert session.sections[2].status is not Status.PROOFREAD
    assert state.alignment.shifts.shifts[4].tolist() == [11, -3]
    desk.do("undo")
    desk.do("undo")
    assert state.alignment is None
    assert session.sections[1].status is Status.PROOFREAD
    desk.open_stage("proofread")
    desk.do("undo")
    assert session.sections[1].status is not Status.PROOFREAD


def test_what_was_read_is_still_said_beside_the_preview(slipped: Any, engine: Any, tmp_path: Path) -> None:
    desk = slipped
    desk.do("estimate_shifts")
    aligning.want_preview(desk, True)
    engine.answers["napari_emseg.jobs.align:preview"] = _telling_preview
    np.savetxt(tmp_path / "mine.txt", -SHIFTS, fmt="%d")
    aligning.open_table(desk, tmp_path / "mine.txt")
    assert desk.sayings["cleanup"].text == "6 shifts are read from mine.txt."
    assert aligning.aligning_of(desk).overlay.layers


def _telling_preview(request: Any, progress: Any) -> Any:
    from napari_emseg.jobs.align import preview

    progress.report(0.1, "the engine is starting")
    return preview(request, progress)


def test_the_aligned_copy_shows_the_section_that_was_on_screen(slipped: Any) -> None:
    desk = slipped
    desk.do("estimate_shifts")
    desk.viewer.dims.set_current_step(0, 4)
    desk.do("align")
    assert alignment_of(desk.session) is not None
    assert desk.section == 4


def test_the_table_is_scrolled_to_the_section_on_screen(opened: Any, tmp_path: Path, qtbot: Any) -> None:
    desk, page = opened.desk, opened.panels["cleanup"].alignment
    desk.open_stage("cleanup")
    deep = ImageStack(np.zeros((60, 32, 32), np.uint8), (40.0, 8.0, 8.0), "file", "deep", "")
    show(desk, Session.create(tmp_path / "deep.emseg", deep))
    opened.panels["cleanup"].pages.setCurrentIndex(1)
    desk.viewer.dims.set_current_step(0, 40)
    (tmp_path / "still.txt").write_text("0 0\n" * 60, "utf-8")
    aligning.open_table(desk, tmp_path / "still.txt")
    qtbot.waitUntil(lambda: page.table.currentRow() == 40, timeout=3000)
    place = page.table.visualItemRect(page.table.item(40, 1))
    assert page.table.viewport().rect().contains(place.center())


def test_one_section_has_nothing_to_be_aligned_with_and_looks_good_alone(desk: Any, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(60, 200, (1, 64, 64)).astype(np.uint8)
    show(desk, Session.create(tmp_path / "one.emseg", ImageStack(image, (40.0, 8.0, 8.0), "file", "one", "")))
    with pytest.raises(EmsegError, match="one section only, one, there is nothing to align it with"):
        aligning.estimate(desk)
    desk.do("find_bad")
    assert desk.sayings["cleanup"].text == "The one section looks good."
