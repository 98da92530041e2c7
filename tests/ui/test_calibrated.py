"""A calibrated, anisotropic stack that does not begin at the origin: every tool meets the voxel that is meant.

In sections, with rolled axes and in the 3D view of the real window.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.session import Session
from napari_emseg.ui.flows.opening import show

OFFSET = (800.0, 160.0, -240.0)
SHAPE = (6, 48, 64)


@pytest.fixture
def placed(dock: Any, stack: Any, tmp_path: Any, make_labels: Any) -> Any:
    """Voxels of 40 x 8 x 8 nm, beginning at OFFSET; both cells in sections 1 to 3; section 2 on screen."""
    session = Session.create(tmp_path / "placed.emseg", replace(stack, offset_nm=OFFSET))
    show(dock.desk, session)
    session.commit(make_labels(session, (1, 2, 3)))
    dock.desk.viewer.dims.set_point(0, OFFSET[0] + 2 * 40)
    return dock


def everything(dock: Any) -> np.ndarray:
    return dock.desk.session.volume.read(Region.full(SHAPE))


def press(dock: Any, voxels: list[tuple[float, float, float]]) -> None:
    """Press, move and release the mouse over voxels, whatever axes are on screen."""
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest

    viewer, layer = dock.desk.viewer, dock.desk.layers.labels
    canvas = viewer.window._qt_viewer.canvas.native
    height, width = viewer.window._qt_viewer.canvas.size
    shown = list(viewer.dims.displayed)[-2:]

    def place(voxel: tuple[float, float, float]) -> QPoint:
        world = np.array(layer.data_to_world(voxel))[shown]
        pixel = (world - np.array(viewer.scene.camera.center)[-2:]) * viewer.scene.camera.zoom
        return QPoint(round(width / 2 + pixel[1]), round(height / 2 + pixel[0]))

    QTest.mouseMove(canvas, place(voxels[0]))
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=place(voxels[0]))
    for voxel in voxels[1:]:
        QTest.mouseMove(canvas, place(voxel))
        QTest.qWait(10)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=place(voxels[-1]))
    QTest.qWait(10)


def changed(before: np.ndarray, after: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(int(n) for n in voxel) for voxel in np.argwhere(before != after)}


def paint(dock: Any, voxels: list[tuple[float, float, float]], value: int) -> set[tuple[int, ...]]:
    layer = dock.desk.layers.labels
    before = everything(dock)
    layer.selected_label, layer.brush_size, layer.mode = value, 1, "paint"
    press(dock, voxels)
    dock.desk.sweep()
    layer.mode = "pan_zoom"
    return changed(before, everything(dock))


def roll(dock: Any, order: tuple[int, int, int], plane: tuple[int, int, int]) -> None:
    viewer = dock.desk.viewer
    viewer.dims.order = order
    world = dock.desk.layers.labels.data_to_world(plane)
    viewer.dims.set_point(order[0], float(world[order[0]]))
    viewer.reset_view()


def test_every_layer_carries_scale_units_axes_and_position(placed: Any) -> None:
    layers = placed.desk.layers
    for layer in (layers.image, layers.boundary, layers.labels, layers.seeds):
        assert tuple(layer.scale) == (40, 8, 8)
        assert tuple(layer.translate) == OFFSET
        assert [str(u) for u in layer.units] == ["nanometer"] * 3
        assert layer.axis_labels == ("z", "y", "x")
    assert placed.desk.section == 2


def test_sections_and_rolled_axes(placed: Any) -> None:
    desk = placed.desk
    # in a section
    assert paint(placed, [(2, 20, 10), (2, 20, 14)], 7) == {(2, 20, x) for x in range(10, 15)}
    desk.do("undo")
    # the plane y = 20: z down, x across
    roll(placed, (1, 0, 2), (2, 20, 30))
    assert paint(placed, [(1, 20, 40), (4, 20, 40)], 8) == {(z, 20, 40) for z in range(1, 5)}
    desk.do("undo")
    before = everything(placed)
    desk.do("merge")
    press(placed, [(3, 20, 15)])
    press(placed, [(2, 20, 45)])
    desk.do("merge")
    np.testing.assert_array_equal(everything(placed), np.where(before == 2, 1, before))
    desk.do("undo")
    np.testing.assert_array_equal(everything(placed), before)
    # cut in that plane: only it changes, on one side of the line
    desk.do("cut")
    press(placed, [(0, 20, 10), (2, 20, 10), (5, 20, 10)])
    desk.do("cut")
    now = everything(placed)
    assert {y for _, y, _ in changed(before, now)} == {20}
    new = int(now.max())
    assert new > 2
    sides = [set(now[z, 20, 4:30].tolist()) for z in (1, 2, 3)]
    assert sides == [{1, new}] * 3
    assert len(set(now[2, 20, 12:30].tolist())) == 1  # the line itself may go to either side
    assert len(set(now[2, 20, 4:9].tolist())) == 1
    desk.do("undo")
    # the plane x = 15: z down, y across; two clicks divide through sections
    roll(placed, (2, 0, 1), (2, 20, 15))
    assert paint(placed, [(2, 10, 15), (2, 13, 15)], 9) == {(2, y, 15) for y in range(10, 14)}
    desk.do("undo")
    desk.do("cut")
    press(placed, [(1, 8, 15)])
    press(placed, [(3, 40, 15)])
    desk.do("cut")
    now = everything(placed)
    assert int(now[1, 8, 15]) == 1
    assert int(now[3, 40, 15]) == int(now.max()) > 2
    assert set(np.unique(now[before == 2])) == {2}


def test_the_view_in_three_dimensions(placed: Any) -> None:
    """Looking along z: the mouse meets the first voxel of what lies in front."""
    desk = placed.desk
    before = everything(placed)
    desk.viewer.dims.ndisplay = 3
    desk.viewer.reset_view()
    desk.viewer.scene.camera.set_view_direction((-1, 0, 0), (0, -1, 0))  # from the last section to the first
    desk.layers.labels.n_edit_dimensions = 3
    ((z, y, x),) = paint(placed, [(2, 20, 15)], 7)
    assert z == 3
    assert max(abs(y - 20), abs(x - 15)) <= 1  # the mouse stands on whole screen pixels
    desk.do("undo")
    desk.do("merge")
    press(placed, [(2, 20, 15)])
    press(placed, [(2, 20, 45)])
    desk.do("merge")
    np.testing.assert_array_equal(everything(placed), np.where(before == 2, 1, before))
    desk.do("undo")
    desk.do("cut")
    press(placed, [(2, 10, 15)])
    press(placed, [(2, 40, 15)])
    desk.do("cut")
    now = everything(placed)
    new = int(now.max())
    assert new > 2
    assert (int(now[3, 10, 15]), int(now[3, 40, 15])) == (1, new)
    assert {z for z, _, _ in changed(before, now)} == {3}
    assert set(np.unique(now[before == 2])) == {2}
    # nothing behind the mouse: nothing happens
    desk.do("merge")
    press(placed, [(2, 2, 2)])
    assert desk.tool is not None
    assert desk.tool.into is None
