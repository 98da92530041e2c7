"""Membranes from a file in place of the model's: a cluster, or another program, has found them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.places import absolute
from napari_emseg.io.choice import SeveralArrays
from napari_emseg.io.lazy import LazyStack
from napari_emseg.ui.flows.learning import forget_predictions
from napari_emseg.ui.shown import as_it_is

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_emseg.core.edit import Region
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.runner import Handlers

_STAGE = "predict"
_KEY = "predict"


def take(
    desk: Desk,
    path: str | Path,
    *,
    shows_cells: bool = False,
    ask: Callable[[SeveralArrays], None] | None = None,
) -> None:
    """Take membranes from a file from now on, once it is known to fit the stack.

    Of several arrays in a file the only one of the stack's shape is meant, of channels that ours have written the membranes'.

    Parameters
    ----------
    path : str or Path
        A file or folder, with optional ``::internal/path``.
    shows_cells : bool
        Whether its values are high in cells.
    ask : callable, optional
        Told of several arrays that could be meant; otherwise they are named in the panel.
    """
    from napari_emseg.jobs import given_membranes

    session, _ = desk.need_session()

    def done(found: tuple[str, float]) -> None:
        place, share = found
        file = session.take_membranes(place, shows_cells=shows_cells)
        forget_predictions(desk)
        text = f"Membranes come from “{file.name}” now."
        if given_membranes.seems_to_show_cells(share) and not shows_cells:
            of_it = f"{100 * share:.0f} % of a section would be membrane: does it show cells?"
            desk.say(_STAGE, f"{text} {of_it}", tone="done", link="It shows cells", action="turn_membranes")
        else:
            desk.say(_STAGE, text, tone="done", link="Show them here", action="predict")

    handlers = desk.handlers(_STAGE, done)

    def failed(error: EmsegError) -> None:
        if isinstance(error, SeveralArrays) and ask is not None:
            ask(error)
            error.remedy = "choose one of them above"
        handlers.failed(error)

    desk.start(_STAGE, "looking at the file")
    desk.runner.thread(
        _KEY,
        lambda: given_membranes.looked_at(session, str(path)),
        replace(handlers, failed=failed),
    )


def take_layer(desk: Desk) -> None:
    """Take membranes from the file that the topmost other layer shows.

    Raises
    ------
    EmsegError
        If there is none.
    """
    found = other_maps(desk)
    if not found:
        raise EmsegError(
            "no other layer shows a file of this size", "this window", "drop a file into it, or choose one"
        )
    layer = found[-1]
    take(desk, as_it_is(layer.data).where)
    layer.visible = False


def turn(desk: Desk) -> None:
    """Read the file the other way round: as cells, or as membranes again.

    Raises
    ------
    EmsegError
        If no file is in use.
    """
    session, _ = desk.need_session()
    file = session.membranes
    if file is None:
        raise EmsegError("no file of membranes is in use", "this project", "choose one in Predict")
    session.take_membranes(session.membranes_path, shows_cells=not file.shows_cells)
    forget_predictions(desk)
    what = "membranes" if file.shows_cells else "cells"
    desk.say(
        _STAGE, f"“{file.name}” is read as a map of {what} now.", tone="done",
        link="Show the membranes here", action="predict",
    )  # fmt: skip


def read(desk: Desk, region: Region, handlers: Callable[..., Handlers], then: Callable[[], None]) -> None:
    """Read membranes of a box from the file in use, in a thread, and write them into the boundary map.

    Parameters
    ----------
    region : Region
        Voxels wanted.
    handlers : callable
        Makes of what to do in the end what to do with all that comes back.
    then : callable
        What goes on when they are there.
    """
    from napari_emseg.jobs import given_membranes

    session, layers = desk.need_session()
    request = given_membranes.prepare(session, region)

    def done(found: list[Any]) -> None:
        layers.boundary_map.write(region, found)
        layers.boundary.metadata["napari-emseg"] = {"membranes": request.path, "image": session.image.uri}
        layers.bring_back(desk.viewer, layers.boundary)
        layers.boundary.refresh(extent=False)
        desk.predicted.emit()
        then()

    desk.runner.reporting_thread(
        _KEY, lambda progress: given_membranes.run(request, progress), handlers(done)
    )


def other_maps(desk: Desk) -> list[Any]:
    """Image layers of the stack's shape, not the project's own, that show a file other than the one in use."""
    from napari.layers import Image

    if desk.layers is None or desk.session is None:
        return []
    ours = {id(layer) for layer in (desk.layers.image, *desk.layers.owned)}
    return [
        layer
        for layer in desk.viewer.layers
        if isinstance(layer, Image)
        and id(layer) not in ours
        and isinstance(data := as_it_is(layer.data), LazyStack)
        and bool(data.where)
        and absolute(data.where) != desk.session.membranes_path
        and tuple(data.shape) == desk.session.image.shape
    ]
