"""What people do in napari's own layer list: other images dropped in, layers removed and renamed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QPushButton

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.flows.seeding import preview
from napari_emseg.ui.notes import notes
from napari_emseg.ui.view import current_section, is_beyond


@pytest.mark.parametrize(
    ("shape", "rgb", "words"),
    [
        ((6, 32, 32, 3), True, "“dropped” is a colour image"),
        ((32, 32), False, "“dropped” has 2 axes"),
        ((2, 6, 32, 32), False, "“dropped” has 4 axes"),
    ],
)
def test_what_is_no_stack_is_answered(
    dock: Any, qtbot: Any, shape: tuple[int, ...], rgb: bool, words: str
) -> None:
    dock.desk.viewer.add_image(np.zeros(shape, np.uint8), rgb=rgb, name="dropped")
    said = dock.panels["data"].says.saying
    assert said.text.startswith(words)
    assert said.tone == "error"
    qtbot.wait(50)
    assert not dock.panels["data"].adopt.isVisible()


def test_of_two_stacks_the_chosen_one_is_offered(dock: Any, qtbot: Any) -> None:
    viewer = dock.desk.viewer
    first = viewer.add_image(np.zeros((4, 32, 32), np.uint8), name="first")
    viewer.add_image(np.zeros((4, 48, 48), np.uint8), name="second")
    button = dock.findChild(QPushButton, "adopt")
    qtbot.waitUntil(lambda: button.text() == "Work on “second”", timeout=3000)
    viewer.layers.selection.active = first
    qtbot.waitUntil(lambda: button.text() == "Work on “first”", timeout=3000)


def test_values_that_are_no_numbers_name_the_layer(dock: Any, qtbot: Any) -> None:
    image = np.zeros((4, 32, 32), np.float32)
    image[1, :3] = np.nan
    dock.desk.viewer.add_image(image, name="holes")
    qtbot.waitUntil(dock.panels["data"].adopt.isVisible, timeout=3000)
    dock.panels["data"].adopt.click()
    assert "(holes, section 1)" in dock.panels["data"].says.saying.text


def test_a_prediction_brings_its_layer_back(desk: Any) -> None:
    viewer, layers = desk.viewer, desk.layers
    viewer.layers.remove(layers.boundary)
    viewer.layers.remove(layers.seeds)
    viewer.layers.selection.active = layers.labels
    layers.target_map(viewer, "cleft")  # as a search for synapses adds it
    assert layers.boundary in viewer.layers
    viewer.layers.remove(layers.boundary)
    desk.do("predict")
    assert layers.boundary in viewer.layers
    assert viewer.layers.index(layers.boundary) == viewer.layers.index(layers.image) + 1
    assert viewer.layers.selection.active is layers.labels
    preview(desk)
    assert layers.seeds in viewer.layers
    desk.do("segment")
    assert desk.sayings["segment"].text.startswith("2 segments in section")


def test_layers_may_be_renamed(labelled: Any) -> None:
    labelled.layers.labels.name = "my cells"
    labelled.layers.image.name = "my stack"
    labelled.do("predict")
    labelled.do("undo")
    assert labelled.sayings["predict"].tone == "done"
    assert not labelled.session.volume[2].any()


def test_a_view_from_the_side_offers_the_way_back(labelled: Any) -> None:
    labelled.viewer.dims.ndisplay = 3
    labelled.do("predict")
    said = labelled.sayings["predict"]
    assert (said.tone, said.action) == ("error", "show_sections")
    labelled.viewer.dims.order = (2, 0, 1)
    labelled.viewer.dims.ndisplay = 2
    assert labelled.sayings["predict"] == said
    labelled.do(said.action)
    assert labelled.viewer.dims.order == (0, 1, 2)
    assert not labelled.sayings["predict"].text


def test_napari_puts_no_other_array_in_the_place_of_the_labels(labelled: Any) -> None:
    from napari.layers._layer_actions import _convert_dtype

    viewer, layer = labelled.viewer, labelled.layers.labels
    viewer.layers.selection.active = layer
    with pytest.raises(EmsegError, match="kept in the project"):
        _convert_dtype(viewer.layers, "int16")
    assert layer.data is labelled.session.volume


@pytest.mark.parametrize("what", ["image", "labels"])
def test_a_stack_that_is_removed_while_it_is_predicted(labelled: Any, engine: Any, what: str) -> None:
    labelled.session.volume[2, 5:8, 5:8] = 9
    labelled.sweep()
    engine.hold = True
    labelled.do("segment")
    labelled.viewer.layers.remove(getattr(labelled.layers, what))
    assert labelled.session is None
    engine.release()  # an answer that nobody waits for any more
    said = labelled.sayings["data"]
    assert said.text == (
        "The stack is closed; every edit is kept in its project. Seeds & segments (looking for membranes) was stopped "
        "with “toy”: it has to be begun again."
    )
    labelled.do(said.action)
    assert int(labelled.session.volume[2, 6, 6]) == 9
    assert labelled.layers.labels in labelled.viewer.layers


def test_every_layer_can_be_duplicated(labelled: Any) -> None:
    from napari.layers._layer_actions import _duplicate_layer

    viewer, layers = labelled.viewer, labelled.layers
    volume = labelled.session.volume
    for layer in (layers.image, layers.boundary, layers.labels, layers.seeds):
        viewer.layers.selection = {layer}
        _duplicate_layer(viewer.layers)
    copy = viewer.layers["labels copy"].data
    assert np.array_equal(copy, np.asarray(volume))
    copy[:] = 0
    assert np.any(np.asarray(volume)), "the project is not the copy"
    assert np.array_equal(viewer.layers["toy copy"].data[2], labelled.session.image.data[2])


def test_a_stack_of_a_file_can_be_duplicated(desk: Any, tmp_path: Any) -> None:
    from napari.layers._layer_actions import _duplicate_layer

    from napari_emseg.core.errors import EmsegError
    from napari_emseg.io.lazy import LazyStack
    from napari_emseg.ui.shown import shown

    class Lost(LazyStack):
        def __init__(self) -> None:
            super().__init__((3, 8, 8), np.dtype(np.uint8))

        def read(self, region: Any) -> Any:
            raise EmsegError("the disk is gone")

    layer = desk.viewer.add_image(shown(Lost(), partial(desk.fail, "data")), name="lost")
    desk.viewer.layers.selection = {layer}
    _duplicate_layer(desk.viewer.layers)
    assert not np.any(np.asarray(desk.viewer.layers["lost copy"].data))
    assert "the disk is gone" in desk.sayings["data"].text.lower()


def test_the_layers_of_a_stack_go_as_one(desk: Any) -> None:
    """napari looks for garbage after each removal, and the window stands still for a quarter of a second each time."""
    happened: list[str] = []
    for name in ("begin_batch", "removed", "end_batch"):
        desk.viewer.layers.events[name].connect(lambda event: happened.append(event.type))
    desk.clear()
    assert happened == ["begin_batch", *["removed"] * 4, "end_batch"]
    assert not desk.viewer.layers


@pytest.mark.parametrize("action", ["mark_proofread", "exclude", "mark_unseen", "predict", "segment"])
def test_beyond_the_stack_no_section_is_spoken_of(labelled: Any, action: str) -> None:
    """A deeper layer takes the slider to where the stack has none: the last one was marked, and nobody saw it."""
    image, before = labelled.layers.image, tuple(labelled.session.sections)
    viewer = labelled.viewer
    viewer.add_image(np.zeros((20, 8, 8), np.uint8), scale=image.scale, units=image.units, name="deeper")
    viewer.dims.set_point(0, float(image.data_to_world((9, 0, 0))[0]))
    labelled.do(action)
    said = labelled.sayings[labelled.stage]
    assert (said.tone, said.action) == ("error", "show_sections")
    assert said.text == "The slider stands beyond the stack (which has sections 0 to 5): go back to them."
    assert [note.action for note in notes(labelled)] == ["show_sections"]
    assert tuple(labelled.session.sections) == before
    labelled.do("show_sections")
    assert current_section(viewer, image) == 5
    assert not is_beyond(viewer, image)
    assert not labelled.sayings[labelled.stage].text
    assert not notes(labelled)
