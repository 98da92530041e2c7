"""A file that holds several arrays: in the window one of them is chosen by a click, and dropped in all are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_image
from napari_emseg.io.choice import SeveralArrays
from napari_emseg.io.napari_hooks import get_reader
from napari_emseg.io.paths import DataPath
from napari_emseg.ui.array_list import ArrayList
from napari_emseg.ui.flows import opening

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Two grey stacks and the ids of one, in one file."""
    path = tmp_path / "several.h5"
    with h5py.File(path, "w") as file:
        file["other"] = np.full((3, 20, 20), 7, np.uint8)
        file["em/raw"] = np.full((4, 32, 40), 9, np.uint8)
        file["em/cells"] = np.ones((4, 32, 40), np.uint32)
    return path


def test_one_of_several_arrays_is_opened_by_a_click(dock: Any, several: Path, qtbot: Any) -> None:
    desk, panel = dock.desk, dock.panels["data"]
    opening.open_path(desk, several)
    qtbot.waitUntil(panel.arrays.isVisible, timeout=3000)
    said = panel.says.saying
    assert (said.tone, said.text) == (
        "error",
        f"It holds several arrays ({several}): choose one of them above.",
    )
    words = [button.text() for button in panel.arrays.buttons]
    assert words == ["em/cells  ·  4 × 32 × 40", "em/raw  ·  4 × 32 × 40", "other  ·  3 × 20 × 20"]
    qtbot.mouseClick(panel.arrays.buttons[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: desk.session is not None, timeout=5000)
    assert desk.session.image.shape == (4, 32, 40)
    assert desk.session.image.uri == f"{several}::em/raw"
    qtbot.waitUntil(lambda: not panel.arrays.isVisible(), timeout=3000)


def test_of_many_arrays_each_can_be_opened(qtbot: Any, tmp_path: Path) -> None:
    """Once twelve were shown, and no word about the others."""
    listed = ArrayList()
    qtbot.addWidget(listed)
    arrays = {f"cells/c{n}": (4, 32, 40) for n in range(40)}
    listed.show_arrays(SeveralArrays(DataPath(tmp_path / "many.h5"), arrays))
    listed.show()
    rows = [listed.rows.item(n) for n in range(listed.rows.count())]
    assert [row.text() for row in rows][9:11] == ["cells/c9  ·  4 × 32 × 40", "cells/c10  ·  4 × 32 × 40"]
    assert len(rows) == 40
    qtbot.keyClicks(listed.part, "C37")
    assert [row.text() for row in rows if not row.isHidden()] == ["cells/c37  ·  4 × 32 × 40"]
    listed.rows.scrollToItem(rows[37])
    with qtbot.waitSignal(listed.picked) as picked:
        place = listed.rows.visualItemRect(rows[37]).center()
        qtbot.mouseClick(listed.rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert picked.args == [f"{tmp_path / 'many.h5'}::cells/c37"]


def test_another_stack_takes_the_question_away(dock: Any, several: Path, qtbot: Any) -> None:
    desk, panel = dock.desk, dock.panels["data"]
    opening.open_path(desk, several)
    qtbot.waitUntil(panel.arrays.isVisible, timeout=3000)
    opening.open_path(desk, several.with_name("nothing.tif"))
    qtbot.waitUntil(lambda: not panel.arrays.isVisible(), timeout=3000)


def test_dropped_in_all_arrays_are_shown_and_none_is_taken_for_the_stack(
    dock: Any, several: Path, qtbot: Any
) -> None:
    read = get_reader(str(several))
    assert read is not None
    for data, options, kind in read(str(several)):
        getattr(dock.desk.viewer, f"add_{kind}")(data, **options)
    qtbot.wait(50)
    assert [type(layer).__name__ for layer in dock.desk.viewer.layers] == ["Labels", "Image", "Image"]
    assert dock.desk.session is None
    raw = dock.desk.viewer.layers[1]
    dock.desk.viewer.layers.selection.active = raw
    qtbot.waitUntil(lambda: dock.panels["data"].adopt.text() == f"Work on “{raw.name}”", timeout=3000)


def test_a_file_of_many_arrays_is_not_shown_whole(tmp_path: Path) -> None:
    path = tmp_path / "many.h5"
    with h5py.File(path, "w") as file:
        for n in range(9):
            file[f"a{n}"] = np.zeros((2, 8, 8), np.uint8)
    read = get_reader(str(path))
    assert read is not None
    with pytest.raises(EmsegError, match="several arrays"):
        read(str(path))


def test_the_refusal_says_the_same_after_another_process(several: Path) -> None:
    import pickle

    with pytest.raises(EmsegError, match="several arrays") as refused:
        open_image(several)
    again = pickle.loads(pickle.dumps(refused.value))
    assert str(again) == str(refused.value)
    assert again.arrays == refused.value.arrays
