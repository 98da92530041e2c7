"""Between napari's label layer and the session: strokes become edits, undo is the session's undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Labels

    from napari_emseg.core.edit import Edit
    from napari_emseg.session import Session

_NAMES = {"paint": "paint", "erase": "erase", "fill": "fill", "polygon": "draw outline"}


class LabelsAdapter:
    """Keeps one labels layer and one session in step.

    The layer's data is the session's volume, which records what napari writes into it. A brush stroke has
    been written when ``events.paint`` comes; a programmatic ``paint`` or ``fill`` announces itself before
    it writes. So the stroke is committed at once, and what was written afterwards is swept up as soon as
    the event loop turns.

    Parameters
    ----------
    layer : napari Labels
        Shows ``session.volume``.
    session : Session
        Takes the strokes.
    later : callable
        Runs a function after the current event, on the same thread.
    failed : callable
        Told of an edit that could not be kept.
    recovered : callable, optional
        Told when what was painted since then is kept after all.
    """

    def __init__(
        self,
        layer: Labels,
        session: Session,
        *,
        later: Callable[[Callable[[], object]], None],
        failed: Callable[[EmsegError], None],
        recovered: Callable[[], None] = lambda: None,
    ) -> None:
        self._layer = layer
        self._session = session
        self._later = later
        self._failed = failed
        self._recovered = recovered
        self._has_failed = False
        self._own = False
        self._refresh_waits = False
        self._connected = True
        layer.events.paint.connect(self._on_painted)
        session.edited.connect(self._on_edited)
        # napari's own history holds pixels of this layer only; undo has to go across everything
        layer.undo = self.undo  # type: ignore[method-assign]
        layer.redo = self.redo  # type: ignore[method-assign]

    def disconnect(self) -> None:
        """Let go of the layer and the session."""
        self._connected = False
        self._layer.events.paint.disconnect(self._on_painted)
        self._session.edited.disconnect(self._on_edited, missing_ok=True)
        for name in ("undo", "redo"):
            self._layer.__dict__.pop(name, None)

    def sweep(self, *, quietly: bool = False, ends_outline: bool = True) -> Edit | None:
        """Make an edit of whatever has been written into the volume since the last one.

        Parameters
        ----------
        quietly : bool
            Say nothing where it is refused.
        ends_outline : bool
            Whether an outline of the right button ends: not where the person goes on drawing.
        """
        if self._connected and ends_outline:
            with self._layer.events.paint.blocker(self._on_painted):
                end_encircling(self._layer)
        return self._commit(quietly=quietly)

    def _commit(self, *, quietly: bool = False) -> Edit | None:
        if not self._connected:
            return None
        name = _NAMES.get(str(self._layer.mode), "paint")
        self._own = True
        try:
            edit: Edit | None = self._session.commit_stroke(name)
        except EmsegError as error:
            self._has_failed = True
            if not quietly:
                self._failed(error)
            return None
        else:
            if self._has_failed:
                self._has_failed = False
                self._recovered()
            return edit
        finally:
            self._own = False

    @property
    def waits(self) -> bool:
        """Whether something that was painted has been refused, and not been saved since."""
        return self._connected and self._has_failed

    def try_again(self) -> None:
        """Save what was refused, if that goes now; until then nothing is said, and nothing waited for."""
        with self._session.at_once():
            self.sweep(quietly=True)

    def undo(self) -> Edit | None:
        """Take the last edit back, whatever it was; None where that was refused."""
        return self._step(self._session.undo)

    def redo(self) -> Edit | None:
        """Make the last undone edit again; None where that was refused."""
        return self._step(self._session.redo)

    def new_object(self) -> int:
        """Paint with an id that no object has had."""
        fresh = int(self._session.volume.next_ids(1))
        self._layer.selected_label = fresh
        return fresh

    def _step(self, step: Callable[[], Edit | None]) -> Edit | None:
        self.sweep()
        try:
            return step()
        except EmsegError as error:
            self._failed(error)
            return None

    def _on_painted(self, event: object = None) -> None:
        self._commit()
        self._later(self._commit)

    def _on_edited(self, edit: Edit) -> None:
        if edit.patches or edit.relabel:
            forget_way_back(self._layer)
        if self._own or self._refresh_waits or not (edit.patches or edit.relabel):
            return  # a stroke is on screen already; several edits need one refresh
        self._refresh_waits = True
        self._later(self._refresh)

    def _refresh(self) -> None:
        self._refresh_waits = False
        if self._connected:
            self._layer.refresh(extent=False)


def is_drawing(layer: Labels) -> bool:
    """Whether an outline is begun, of the polygon tool or of the brush with the right button."""
    stroke: Any = layer._overlays.get("brush_stroke")  # not every napari has it
    outline: Any = layer._overlays["polygon"]
    return bool(outline.points) or (stroke is not None and stroke.active)


def end_encircling(layer: Labels) -> None:
    """End the stroke that napari's brush begins with the right button; what it has painted stays.

    It follows the mouse without any button until it is back where it began. Who does something else meanwhile would go on
    painting, also in other sections, and Escape would write what was there before it over newer work.
    """
    stroke: Any = layer._overlays.get("brush_stroke")  # not every napari has it
    if stroke is not None and stroke.active:
        stroke.active = False
        layer._commit_stroke()


def forget_way_back(layer: Labels) -> None:
    """Let Escape take back only what an unfinished outline of the right button paints from now on.

    What it has painted until now is an edit, and others may have been made over it.
    """
    stroke: Any = layer._overlays.get("brush_stroke")
    if stroke is not None and stroke.active:
        layer._staged_history = []


def take_corner_back(layer: Labels) -> str:
    """Take the last corner of an outline that is being drawn away; what is left of it in words, empty if there is none."""
    outline: Any = layer._overlays["polygon"]
    if str(layer.mode) != "polygon" or not outline.points:
        return ""
    *corners, mouse = outline.points
    outline.points = [*corners[:-1], mouse] if len(corners) > 1 else []
    return "The last corner is taken back." if outline.points else "The outline is taken back."
