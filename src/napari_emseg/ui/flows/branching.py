"""The tree of an object: look at it, go along it, give it away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.words import counted
from napari_emseg.ui.flows.proofreading import _pointed_at
from napari_emseg.ui.view import go_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.core.stack import ImageStack
    from napari_emseg.jobs.branch_view import BranchView
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.runner import Handlers

_JOB = "napari_emseg.jobs.branch_view:run"
KEY = "branches"


def show_branches(desk: Desk) -> None:
    """Show the tree of the object under the mouse, or hide it."""
    object_meant(desk)  # a refusal is said before anything is shown
    desk.asked.emit("branches")


def object_meant(desk: Desk) -> int:
    """The object under the mouse; with the mouse elsewhere, the chosen one.

    Raises
    ------
    EmsegError
        If there is none.
    """
    return _pointed_at(desk, or_chosen=True)


def draw(desk: Desk, object_id: int, handlers: Handlers) -> None:
    """Find the pieces of an object and how sure their links are, in a worker."""
    from napari_emseg.jobs.branch_view import prepare

    session, _ = desk.need_session()
    desk.sweep()
    settings = session.get_settings("propagate")
    number = desk.runner.generation(KEY) + 1

    def copied() -> Any:
        return prepare(
            session.volume, object_id, session.image.spacing_nm, settings,
            lambda: desk.runner.generation(KEY) == number,
        )  # fmt: skip

    engine = desk.engine
    submit: Callable[..., Any] = lambda request, **back: engine.submit(_JOB, request, **back)  # noqa: E731
    desk.runner.submit_prepared(KEY, copied, submit, handlers)


def go_to_piece(desk: Desk, view: BranchView, piece: int) -> None:
    """Show a piece in the middle of the canvas."""
    _, layers = desk.need_session()
    y, x = view.place[piece].tolist()
    go_to(desk.viewer, layers.image, (int(view.section[piece]), y, x))
    layers.labels.selected_label = view.object_id


def export(view: BranchView, path: str, image: ImageStack) -> str:
    """Write a tree of a stack as SWC or GraphML; returns what to say.

    Raises
    ------
    EmsegError
        If the ending is another one, or the place cannot be written.
    """
    from napari_emseg.io.atomic import write_text
    from napari_emseg.io.branch_graph import graph_text

    offset_nm = image.offset_nm if image.spacing_nm else None  # without a voxel size it is in voxels
    text = graph_text(view.graph, Path(path).suffix.lower(), offset_nm)
    write_text(path, text)
    return (
        f"{Path(path).name}: {counted(view.section.size, 'piece')}, {counted(len(view.graph.edges), 'link')}."
    )
