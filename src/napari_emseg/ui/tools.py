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
        self._cursor = labels.cursor
        labels.cursor = "cross"
        self.desk.say("proofread", self.first, tone="busy", link="Put the tool down", action="put_down")

    def put_down(self) -> None:
        """Listen no more."""
        labels = self.layers.labels
        if self._on_pressed in labels.mouse_drag_callbacks:
            labels.mouse_drag_callbacks.remove(self._on_pressed)
            labels.cursor = self._cursor

    def _on_pressed(self, layer: Any, event: Any) -> Generator[None, None, None]:
        moved = False
        yield
        while event.type == "mouse_move":
            moved = True
            yield
        if not moved and event.button == 1:
            self.click_world(event.position)

    def click_world(self, position: Any) -> None:
        """Take a click given in world coordinates; refusals are said."""
        point = np.round(self.layers.labels.world_to_data(position)).astype(int)
        if np.any(point < 0) or np.any(point >= self.session.volume.shape):
            return
        try:
            self.click((int(point[-3]), int(point[-2]), int(point[-1])))
        except EmsegError as error:
            self.desk.fail("proofread", error)

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
        self.desk.say("proofread", text, tone="busy", link="Put the tool down", action="put_down")


class CutTool(ClickTool):
    """Click into one part of an object, then into the other."""

    name = "cut"
    first = "Click into one part of the object, then into the other part."

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.start: Point | None = None

    def click(self, point: Point) -> None:
        """Take the first part, or cut between the two."""
        from napari_emseg.proofread.split import split

        found = self.id_at(point)
        if self.start is None:
            self.start = point
            self.layers.labels.selected_label = found
            text = f"One part of object {found}. Now click into the other part."
        else:
            start, self.start = self.start, None
            if int(self.session.volume[start]) != found:
                raise EmsegError(
                    "the two clicks are in different objects", f"{int(self.session.volume[start])} and {found}",
                    "click twice into the object that is to be cut",
                )  # fmt: skip
            self.session.commit(split(self.session.volume, ((start,), (point,))))
            text = f"Object {found} is two objects now. Click the next one, or Ctrl+Z."
        self.desk.say("proofread", text, tone="busy", link="Put the tool down", action="put_down")
