"""Other stacks in the window whose disk goes away: said and black, as the one that is worked on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import napari_hooks
from napari_emseg.ui.flows import comparing, opening, taking_over
from napari_emseg.ui.shown import Shown, as_it_is

KINDS = ("image", "labels")


def sections(folder: Path, dtype: Any = np.uint8) -> Path:
    """Six sections of 48 x 64 px, of 10, 20 ... 60."""
    folder.mkdir()
    for z in range(6):
        Image.fromarray(np.full((48, 64), 10 * z + 10, dtype)).save(folder / f"s{z}.png")
    return folder


def added(viewer: Any, folder: Path, kind: str) -> Any:
    """A layer as our readers give it; labels do not fit into memory."""
    data, options, _ = napari_hooks.read_layers(str(folder))[0]
    options |= {"scale": (40.0, 8.0, 8.0), "units": ("nm",) * 3}
    return getattr(viewer, f"add_{kind}")(data, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_stack_that_is_away_is_said_and_comes_back(desk: Any, tmp_path: Path, kind: str) -> None:
    folder = sections(tmp_path / "second")
    layer = added(desk.viewer, folder, kind)
    desk.viewer.dims.set_current_step(0, 2)
    folder.rename(tmp_path / "away")
    for section in (3, 4):
        desk.do("next_section")
        text = desk.sayings[desk.stage].text
        assert f"s{section}.png" in text
        assert text.startswith("The file of this section is gone (")
        assert text.endswith(f"“second” is shown {'black' if kind == 'image' else 'empty'} there.")
        assert int(np.asarray(layer._slice.image.raw).max()) == 0
    assert desk.section == 4
    (tmp_path / "away").rename(folder)
    desk.do("next_section")
    assert int(np.asarray(layer._slice.image.raw).max()) == 60
    desk.do("previous_section")
    assert int(np.asarray(layer._slice.image.raw).max()) == 50


def test_in_a_window_no_traceback_is_shown(opened: Any, qtbot: Any, tmp_path: Path) -> None:
    viewer = opened.desk.viewer
    folder = sections(tmp_path / "second")
    added(viewer, folder, "image")
    folder.rename(tmp_path / "away")
    viewer.dims.set_current_step(0, 4)  # what a slot raises fails this test
    says = opened.panels[opened.desk.stage].says
    qtbot.waitUntil(lambda: "s4.png" in says.saying.text, timeout=3000)


def test_one_that_was_there_before_the_dock_is_shown_too(desk: Any, tmp_path: Path) -> None:
    from napari.components import ViewerModel

    from napari_emseg.ui.desk import Desk

    viewer = ViewerModel()
    folder = sections(tmp_path / "second")
    layer = added(viewer, folder, "image")
    made = Desk(viewer, post=lambda f: f(), executor=None)
    folder.rename(tmp_path / "away")
    viewer.dims.set_current_step(0, 4)
    assert int(np.asarray(layer._slice.image.raw).max()) == 0
    assert "s4.png" in made.sayings["data"].text
    made.close()


def test_work_on_it_is_refused_and_not_done_on_black(desk: Any, tmp_path: Path) -> None:
    folder = sections(tmp_path / "second")
    labels = added(desk.viewer, folder, "labels")
    assert isinstance(labels.data, Shown)
    assert not labels.editable  # nothing is written into files
    folder.rename(tmp_path / "away")
    with pytest.raises(EmsegError, match="gone"):
        np.asarray(comparing.data_of(labels)[5])
    taking_over.take_over(desk)
    assert desk.sayings["data"].text.startswith("The file of this section is gone (")
    assert desk.session.history.names() == []
    with pytest.raises(EmsegError, match="gone"):
        napari_hooks.write_labels(str(tmp_path / "saved.tif"), labels.data, {"name": "second"})
    assert not (tmp_path / "saved.tif").exists()


def test_a_stack_that_is_taken_up_is_worked_on_as_it_is(desk: Any, tmp_path: Path) -> None:
    folder = sections(tmp_path / "second")
    desk.clear()
    layer = added(desk.viewer, folder, "image")
    opening.adopt(desk, layer)
    assert not isinstance(desk.session.image.data, Shown)
    assert as_it_is(layer.data) is desk.session.image.data
    folder.rename(tmp_path / "away")
    desk.viewer.dims.set_current_step(0, 4)
    assert desk.sayings[desk.stage].text.endswith("It is shown black.")


def test_arrays_in_memory_are_left_alone(desk: Any) -> None:
    array = np.zeros((6, 48, 64), np.uint8)
    layer = desk.viewer.add_labels(array)
    assert layer.data is array
    assert layer.editable


def test_the_panel_that_compares_says_it_where_it_is_alone(
    viewer: Any, engine: Any, qtbot: Any, tmp_path: Path
) -> None:
    from napari_emseg.ui.comparing.widget import CompareSegmentations

    made = CompareSegmentations(viewer, engine=lambda: engine)
    viewer.window.add_dock_widget(made, name="compare", area="right", add_vertical_stretch=False)
    folder = sections(tmp_path / "second")
    comparing.open_file(viewer, str(folder))
    folder.rename(tmp_path / "away")
    viewer.dims.set_current_step(0, 4)
    qtbot.waitUntil(lambda: "s4.png" in made.says.saying.text, timeout=3000)
    made.shut_down()
