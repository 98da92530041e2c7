"""The layer of seeds: yellow dots were found, white diamonds placed by the person, red crosses where none is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.ui.points import limit_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari.layers import Points
    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.ui.seed_marks import Kind, Row, SeedMarks

_WORDS: dict[Kind, str] = {"found": "found", "struck": "none wanted here", "placed": "placed by you"}
_IDLE = "#8b8b92"  # found ones, while only placed ones grow
_FACE: dict[Kind, str] = {"found": "#ffd166", "struck": "#d55e00", "placed": "#ffffff"}
_SYMBOL: dict[Kind, str] = {"found": "disc", "struck": "x", "placed": "diamond"}
_SIZE: dict[Kind, float] = {"found": 10.0, "struck": 16.0, "placed": 20.0}  # few of many have to be seen
_BORDER = "#1e1e21"


def seeds_points(place: dict[str, Any]) -> Points:
    """The layer, empty and hidden.

    Parameters
    ----------
    place : dict
        Scale, units, position and axis names.
    """
    from napari.layers import Points as Layer  # heavy, and here only when a stack is shown

    layer = Layer(
        np.empty((0, 3)), name="seeds", features={"seed": np.empty(0, object)}, size=10,
        border_width=0.05, out_of_slice_display=False, visible=False, **place,
    )  # fmt: skip
    limit_size(layer, 6, 14)
    _next_is_placed(layer)
    return layer


class SeedsLayer:
    """Shows found seeds and what the person made of them, and takes in what is done to the layer by mouse and keys.

    Parameters
    ----------
    layer : napari Points
        Made by `seeds_points`.
    marks : SeedMarks
    later : callable
        Runs a function when napari is done with what it is doing: a layer is not changed in the middle of its own event.
    """

    def __init__(
        self, layer: Points, marks: SeedMarks, later: Callable[[Callable[[], object]], None]
    ) -> None:
        self.layer, self.marks = layer, marks
        self.found: NDArray[np.float64] = np.empty((0, 3))
        self._joined: set[tuple[int, int, int]] = set()
        self._joined_under: object = None
        self._rows: list[Row] = []
        self._later = later
        self._is_drawing = self._is_dragged = self._waits = False
        self._is_stale, self._alone = True, False
        layer.events.data.connect(self._on_data)
        marks.changed.connect(self._draw_later)
        self.draw()

    def disconnect(self) -> None:
        """Follow the layer no longer."""
        self.layer.events.data.disconnect(self._on_data)
        self.marks.changed.disconnect(self._draw_later, missing_ok=True)

    def seal(self, edit: object = None) -> None:
        """Labels have changed: what was done to seeds before is not taken back any more, as that would not be the last thing."""
        self.marks.seal()

    def show_found(self, found: NDArray[np.float64]) -> None:
        """Show other seeds that were found; what the person placed stays.

        Parameters
        ----------
        found : ndarray (n, 3)
            Voxels (z, y, x).
        """
        self.found = np.array([place for place in found if _voxel(place) not in self._joined], float).reshape(
            -1, 3
        )
        self.draw()

    def hide_joined(self, places: Iterable[Sequence[float]], region: Region, under: object) -> None:
        """Show no dots of found seeds whose segments have become parts of others; what the person placed stays.

        Parameters
        ----------
        places : iterable of (z, y, x)
            All of them in the region, in voxels of the stack.
        region : Region
            What was segmented.
        under : object
            Settings with which it was: with others they may not join, see `follow_settings`.
        """
        self.follow_settings(under)
        inside = list(zip(region.start, region.stop, strict=True))
        self._joined = {
            v for v in self._joined if not all(a <= p < b for p, (a, b) in zip(v, inside, strict=True))
        } | {_voxel(place) for place in places}
        self.show_found(self.found)

    def follow_settings(self, now: object) -> None:
        """With other settings than those with which seeds were hidden all are shown when they are found the next time."""
        if now != self._joined_under:
            self._joined.clear()
            self._joined_under = now

    def draw(self) -> None:
        """Make the layer show what there is; what is selected stays so."""
        self._waits = False
        if self._is_dragged:
            return  # it is drawn when the mouse lets go
        rows, alone = self.marks.rows(self.found), self.marks.placed.alone
        if rows == self._rows and alone == self._alone and not self._is_stale:
            return
        layer = self.layer
        selected = {self._rows[i] for i in layer.selected_data if i < len(self._rows)}
        self._is_drawing = True
        try:
            layer.selected_data = set()
            layer.data = np.array([place for _, place in rows], float).reshape(-1, 3)
            if not layer.visible:  # napari leaves the old slice then, whose points may be gone
                layer.set_view_slice()
            kinds = [kind for kind, _ in rows]
            layer.features = {"seed": np.array([_WORDS[kind] for kind in kinds], object)}
            if rows:
                layer.symbol = [_SYMBOL[kind] for kind in kinds]
                layer.face_color = [_IDLE if alone and kind == "found" else _FACE[kind] for kind in kinds]
                layer.border_color = _BORDER
                layer.size = [_SIZE[kind] for kind in kinds]
            _next_is_placed(layer)
            layer.selected_data = {i for i, row in enumerate(rows) if row in selected}
        finally:
            self._is_drawing = False
        self._rows, self._alone, self._is_stale = rows, alone, False

    def _draw_later(self) -> None:
        if not self._waits:
            self._waits = True
            self._later(self.draw)

    def _on_data(self, event: Any) -> None:
        """The person has added, removed or moved points."""
        if self._is_drawing:
            return
        action, data, rows = str(event.action.value), self.layer.data, self._rows
        touched = [i for i in event.data_indices if 0 <= i < len(rows)]
        if action == "changing":
            self._is_dragged = True
        elif action == "added":
            new = data[len(rows) :]
            self._take(lambda: self.marks.add(new), [*rows, *(_row("placed", place) for place in new)])
        elif action == "removed":
            kept = [row for i, row in enumerate(rows) if i not in touched]
            self._take(lambda: self.marks.remove(rows[i] for i in touched), kept)
        elif action == "changed":
            self._is_dragged = False
            moved = dict(zip(touched, data[touched], strict=True))
            now = [_moved(row, moved[i]) if i in moved else row for i, row in enumerate(rows)]
            self._take(lambda: self.marks.move([(rows[i], to) for i, to in moved.items()]), now)

    def _take(self, change: Callable[[], None], rows: list[Row]) -> None:
        """Change the marks; the layer shows these rows already, but not yet as they ought to look."""
        self._rows, self._is_stale = rows, True
        change()
        self._draw_later()


def _voxel(place: Sequence[float]) -> tuple[int, int, int]:
    z, y, x = (round(float(p)) for p in place)
    return z, y, x


def _moved(row: Row, place: NDArray[np.float64]) -> Row:
    return _row("placed" if row[0] == "found" else row[0], place)


def _row(kind: Kind, place: NDArray[np.float64]) -> Row:
    z, y, x = (float(round(float(p))) for p in place)
    return kind, (z, y, x)


def _next_is_placed(layer: Points) -> None:
    """A point that is added looks as a placed one from the first moment."""
    layer.current_symbol = _SYMBOL["placed"]
    layer.current_face_color = _FACE["placed"]
    layer.current_border_color = _BORDER
    layer.current_size = _SIZE["placed"]
    layer.feature_defaults = {"seed": _WORDS["placed"]}
