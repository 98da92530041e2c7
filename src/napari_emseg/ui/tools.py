"""Tools that wait for clicks on the labels: merge and cut."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_emseg.ui.desk import Desk

Point = tuple[int, int, int]


class ClickTool(ABC):
    """Takes clicks on the label layer until it is put down; dragging still moves the view.

    Parameters
    ----------
    desk : Desk
        With an open session.
    """

    name: str
    first: str
    """What to say when the tool is taken up."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.session, self.layers = desk.need_session()

    def take_up(self) -> None:
        """Begin to listen for clicks."""
        labels = self.layers.labels
        self.desk.viewer.layers.selection.active = labels
        labels.mode = "pan_zoom"
        labels.mouse_drag_callbacks.append(self._on_pressed)
        labels.events.mode.connect(self._on_mode)
        self._cursor = labels.cursor
        labels.cursor = "cross"
        self._say(self.first)

    def _say(self, text: str) -> None:
        self.desk.say("proofread", text, tone="busy", link="Put the tool down", action="put_down")

    def put_down(self) -> None:
        """Listen no more."""
        labels = self.layers.labels
        labels.events.mode.disconnect(self._on_mode)
        if self._on_pressed in labels.mouse_drag_callbacks:
            labels.mouse_drag_callbacks.remove(self._on_pressed)
            labels.cursor = self._cursor

    def _on_mode(self, event: Any) -> None:
        """A hand holds one tool: who takes napari's brush has put this one down."""
        if self.desk.tool is self and str(self.layers.labels.mode) not in ("pan_zoom", "transform"):
            self.desk.set_tool(None)

    def _on_pressed(self, layer: Any, event: Any) -> Generator[None, None, None]:
        where = self._where(event)
        button = event.button
        path = [] if where is None else [where]
        yield
        while event.type == "mouse_move":
            if self.desk.viewer.dims.ndisplay == 2:
                path.append(event.position)
                self.drag_world(path)
            else:
                path = []  # the person turns the view
            yield
        if button == 1 and path:
            self.draw_world(path)

    def _where(self, event: Any) -> Any:
        """World coordinates that are meant: in a 3D view those of the first object behind the mouse, or None."""
        if self.desk.viewer.dims.ndisplay == 2:
            return event.position
        from napari.layers.labels._labels_utils import mouse_event_to_labels_coordinate

        labels = self.layers.labels
        voxel = mouse_event_to_labels_coordinate(labels, event)
        return None if voxel is None else labels.data_to_world(voxel)

    def draw_world(self, path: list[Any]) -> None:
        """Take what was pressed, dragged and released, in world coordinates."""
        if len(path) == 1:
            self.click_world(path[0])

    def drag_world(self, path: list[Any]) -> None:  # noqa: B027 - most tools ignore it
        """Follow the mouse while the button is down."""

    def click_world(self, position: Any) -> None:
        """Take a click given in world coordinates; refusals are said."""
        point = self._voxel(position)
        if any(p < 0 or p >= n for p, n in zip(point, self.session.volume.shape, strict=True)):
            return
        try:
            self.click(point)
        except EmsegError as error:
            self.desk.fail("proofread", error)

    def _voxel(self, position: Any) -> Point:
        z, y, x = np.round(self.layers.labels.world_to_data(position)).astype(int)[-3:]
        return int(z), int(y), int(x)

    @abstractmethod
    def click(self, point: Point) -> None:
        """Take a click on a voxel (z, y, x)."""

    def id_at(self, point: Point) -> int:
        """Id under a voxel.

        Raises
        ------
        EmsegError
            If there is no object.
        """
        found = int(self.session.volume[point])
        if found == 0:
            raise EmsegError("there is no object under the click", f"section {point[0]}", "click into one")
        return found


class MergeTool(ClickTool):
    """Click an object, then every piece that belongs to it."""

    name = "merge"
    first = "Click the object that is right, then each piece that belongs to it."

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.into: int | None = None

    def click(self, point: Point) -> None:
        """Choose the object, or merge a piece into it."""
        from napari_emseg.proofread.merge import merge

        found = self.id_at(point)
        if self.into is None:
            self.into = found
            self.layers.labels.selected_label = found
            text = f"Object {found} is chosen. Click a piece that belongs to it."
        elif found == self.into:
            text = f"That is object {found} already. Click another piece."
        else:
            self.session.commit(merge(self.session.volume, (self.into, found)))
            text = f"Object {found} belongs to {self.into} now. Click another piece, or Ctrl+Z."
        self._say(text)


class CutTool(ClickTool):
    """Draw a line across an object, or click into one part and then into the other."""

    name = "cut"
    first = "Draw a line across the object, or click into one part and then into the other."

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.start: Point | None = None
        self._line: Any = None

    def take_up(self) -> None:
        """Dragging draws here, so it may not move the view; in three dimensions it turns the view."""
        super().take_up()
        self.desk.viewer.dims.events.ndisplay.connect(self._on_ndisplay)
        self._on_ndisplay()

    def put_down(self) -> None:
        """Dragging moves the view again."""
        super().put_down()
        self.desk.viewer.dims.events.ndisplay.disconnect(self._on_ndisplay)
        self.layers.labels.mouse_pan = True
        self._wipe()

    def _on_ndisplay(self, event: object = None) -> None:
        self.layers.labels.mouse_pan = self.desk.viewer.dims.ndisplay == 3

    def drag_world(self, path: list[Any]) -> None:
        """Show the line that is being drawn."""
        labels = self.layers.labels
        corners = np.array([labels.world_to_data(p) for p in path])
        across = self._across()
        corners[:, across] = round(float(corners[0, across]))
        if self._line is None or self._line not in self.desk.viewer.layers:
            self._line = self.desk.viewer.add_shapes(
                name="cut", scale=labels.scale, translate=labels.translate, units=labels.units,
                axis_labels=labels.axis_labels, ndim=3,
            )  # fmt: skip
            self.desk.viewer.layers.selection.active = labels
        self._line.data = []
        self._line.add_paths(corners, edge_color="#ffffff", edge_width=2)

    def draw_world(self, path: list[Any]) -> None:
        """Cut along the line; its layer stays for the next one, as napari takes half a second to add and remove one."""
        if self._line is not None:
            self._line.data = []
        if len(path) == 1:
            self.click_world(path[0])
            return
        from napari_emseg.proofread.cut import cut_along

        voxels = [self._voxel(p) for p in path]
        axis = self._across()
        line = [tuple(n for a, n in enumerate(voxel) if a != axis) for voxel in voxels]
        try:
            edit = cut_along(self.session.volume, line, voxels[0][axis], axis=axis)
            self.session.commit(edit)
        except EmsegError as error:
            self.desk.fail("proofread", error)
            return
        plane = f"section {voxels[0][0]}" if axis == 0 else f"the plane {'zyx'[axis]} = {voxels[0][axis]}"
        self._say(f"Done: {edit.name} in {plane}. Draw the next line, or Ctrl+Z.")

    def _across(self) -> int:
        """Axis of the stack that is not on screen: 0 for sections, another where the axes are rolled."""
        dims = self.desk.viewer.dims
        return int(dims.not_displayed[-1]) - (dims.ndim - 3) if dims.not_displayed else 0

    def click(self, point: Point) -> None:
        """Take the first part, or divide between the two."""
        from napari_emseg.proofread.split import split

        found = self.id_at(point)
        if self.start is None:
            self.start = point
            self.layers.labels.selected_label = found
            self._say(f"One part of object {found}. Now click into the other part.")
            return
        start, self.start = self.start, None
        other = int(self.session.volume[start])
        if other != found:
            raise EmsegError(
                "the two clicks are in different objects",
                f"{other} and {found}",
                "click twice into the object that is to be cut",
            )
        membranes = self.layers.boundary_map
        self.session.commit(split(self.session.volume, ((start,), (point,)), boundary=membranes.known))
        if all(membranes[at] > 0 for at in (start, point)):
            where = "along the membrane"
        else:
            where = "at its narrowest place: no membranes are predicted here (Shift+S)"
        self._say(f"Object {found} is two objects now, {where}. Go on, or Ctrl+Z.")

    def _wipe(self) -> None:
        if self._line is not None and self._line in self.desk.viewer.layers:
            self.desk.viewer.layers.remove(self._line)
        self._line = None
