"""What is on screen, in voxels: zoom, pan, sliders, order of axes, clipping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.ui import view
from napari_emseg.ui.view import current_section, go_to_section, visible_region

SPACING = (50.0, 5.0, 5.0)
SHAPE = (10, 200, 300)


@pytest.fixture
def scene() -> tuple[ViewerModel, Any]:
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(SHAPE, np.uint8), scale=SPACING, units=("nm",) * 3)
    viewer.dims.set_current_step(0, 4)
    return viewer, layer


def look(viewer: ViewerModel, y: float, x: float, zoom: float) -> None:
    viewer.scene.camera.center = (0, y, x)
    viewer.scene.camera.zoom = zoom


def test_everything_is_clipped_to_the_stack(scene: tuple[ViewerModel, Any]) -> None:
    viewer, layer = scene
    look(viewer, 500, 750, 0.01)
    assert visible_region(viewer, layer, size=(400, 400)) == Region((4, 0, 0), (5, 200, 300))


def test_zoom_and_pan_in_nanometres(scene: tuple[ViewerModel, Any]) -> None:
    viewer, layer = scene
    # 2 canvas pixels per nm: a canvas of 400 x 600 shows 200 x 300 nm = 40 x 60 px around (100, 150)
    look(viewer, 500, 750, 2)
    region = visible_region(viewer, layer, size=(400, 600))
    assert region.start == (4, 80, 120)
    assert region.stop == (5, 121, 181)


def test_a_corner_that_is_half_off_screen(scene: tuple[ViewerModel, Any]) -> None:
    viewer, layer = scene
    look(viewer, 0, 0, 2)
    assert visible_region(viewer, layer, size=(400, 400)) == Region((4, 0, 0), (5, 21, 21))


def test_other_axes_on_screen(scene: tuple[ViewerModel, Any]) -> None:
    viewer, layer = scene
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_current_step(1, 33)
    look(viewer, 225, 750, 0.01)
    assert visible_region(viewer, layer, size=(400, 400)) == Region((0, 33, 0), (10, 34, 300))


def test_a_view_beside_the_stack_is_refused(scene: tuple[ViewerModel, Any]) -> None:
    viewer, layer = scene
    look(viewer, 1e6, 1e6, 2)
    with pytest.raises(EmsegError, match="nothing of the stack is on screen"):
        visible_region(viewer, layer, size=(400, 400))


def test_a_three_dimensional_view_is_refused(scene: tuple[ViewerModel, Any]) -> None:
    viewer, layer = scene
    viewer.dims.ndisplay = 3
    with pytest.raises(EmsegError, match="three-dimensional"):
        visible_region(viewer, layer, size=(400, 400))


def test_sections_are_counted_in_the_stack(scene: tuple[ViewerModel, Any]) -> None:
    viewer, layer = scene
    go_to_section(viewer, layer, 7)
    assert current_section(viewer, layer) == 7
    assert viewer.dims.current_step[0] == 7


def test_going_to_a_marked_place_shows_no_more_blank_than_it_must(
    scene: tuple[ViewerModel, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    viewer, layer = scene
    monkeypatch.setattr(view, "canvas_size", lambda _viewer: (400.0, 600.0))
    seen = SimpleNamespace(window=None, dims=viewer.dims, scene=viewer.scene)
    look(viewer, 0, 0, 2.0)  # the canvas shows 200 x 300 nm of 1000 x 1500
    for place, centre in (
        ((3, 100, 150), (500, 750)),
        ((3, 0, 0), (97.5, 147.5)),
        ((3, 199, 299), (897.5, 1347.5)),
    ):
        view.go_to(seen, layer, place, fill=True)
        assert tuple(viewer.scene.camera.center[-2:]) == pytest.approx(centre)
        assert viewer.dims.current_step[0] == 3
    look(viewer, 0, 0, 0.1)  # everything has room
    view.go_to(seen, layer, (3, 0, 0), fill=True)
    assert tuple(viewer.scene.camera.center[-2:]) == pytest.approx((497.5, 747.5))
    view.go_to(seen, layer, (3, 0, 0))  # a place without a mark is in the middle
    assert tuple(viewer.scene.camera.center[-2:]) == pytest.approx((0, 0))


def test_in_a_grid_one_part_of_the_canvas_shows_the_stack(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    image = viewer.add_image(np.zeros(SHAPE, np.uint8), scale=SPACING)
    viewer.add_image(np.zeros(SHAPE, np.uint8), scale=SPACING)
    height, width = view.canvas_size(viewer)
    viewer.canvas.grid.shape = (1, 2)
    viewer.canvas.grid.enabled = True
    assert view.canvas_size(viewer) == (height, width / 2)
    look(viewer, 500, 750, width / 1000)
    seen = visible_region(viewer, image)
    assert seen.shape[2] <= 102, "of 1000 nm, as many as the canvas is wide, half are seen: 100 pixels"
