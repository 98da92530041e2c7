"""Copies for safety, packs for colleagues, and what comes back from them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.atomic import may_write
from napari_emseg.core.errors import EmsegError, reason_of
from napari_emseg.core.leftovers import beside, clear, remove
from napari_emseg.core.words import counted
from napari_emseg.ui.flows import synapse_queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.core.progress import Progress
    from napari_emseg.ui.desk import Desk


def save_copy(desk: Desk) -> None:
    """Ask for a name; the first panel has the answer."""
    desk.need_session()
    desk.asked.emit("save_copy")


def pack(desk: Desk) -> None:
    """Ask for a name; the first panel has the answer."""
    desk.need_session()
    desk.asked.emit("pack")


def import_corrections(desk: Desk) -> None:
    """Ask for a copy or a pack; the first panel has the answer."""
    desk.need_session()
    desk.asked.emit("import_corrections")


def find_image(desk: Desk) -> None:
    """Ask where the image of a project lies now; the first panel has the answer."""
    if desk.without_image is None:
        raise EmsegError("no project misses its image", "", "open a project first")
    desk.asked.emit("find_image")


def copy_to(desk: Desk, target: Path) -> None:
    """Copy the open project, as it is at this moment; work goes on meanwhile."""
    from napari_emseg.core.copying import copy_project

    session, _ = desk.need_session()

    def run(folder: Path, frozen: Path | None, progress: Progress) -> Path:
        return copy_project(folder, target, source=frozen, progress=progress)

    def done(copy: Any) -> None:
        more = "Open it to go on." if session.read_only else "Corrections made in it can be imported here."
        desk.say("data", f"A copy is in {copy}. {more}", tone="done")

    _from_frozen(desk, f"copying to {target.name}", run, done)


def pack_to(desk: Desk, target: Path, *, with_image: bool) -> None:
    """Pack the open project into one file, as it is at this moment; work goes on meanwhile.

    Parameters
    ----------
    target : Path
        A file of this name is replaced: the person was asked.
    """
    from napari_emseg import __version__
    from napari_emseg.core.packing import pack_project

    def run(folder: Path, frozen: Path | None, progress: Progress) -> Path:
        program = f"napari-emseg {__version__}"
        return pack_project(
            folder,
            target,
            source=frozen,
            with_image=with_image,
            replaces=True,
            program=program,
            progress=progress,
        )

    def done(made: Any) -> None:
        size = Path(made).stat().st_size / 1e6
        text = f"{Path(made).name}: {size:.1f} MB, {'with' if with_image else 'without'} the image. It is in "
        desk.say("data", f"{text}{Path(made).parent}.", tone="done")

    _from_frozen(desk, f"packing {target.name}", run, done)


def import_from(desk: Desk, theirs: Path) -> None:
    """Bring a colleague's corrections in; compared in the background, committed as one edit."""
    from napari_emseg.jobs import corrections

    session, _ = desk.need_session()
    desk.sweep()
    if session.read_only:
        raise EmsegError("this project is read-only", session.volume.read_only_reason, "close it there")

    def done(found: Any) -> None:
        came = corrections.bring_in(session, found)
        who = came.author or "your colleague"
        if found.is_nothing:
            desk.say("data", f"There is nothing new from {who}.")
            return
        if came.synapses is not None:
            desk.synapses.put(came.synapses)
            synapse_queue.draw(desk)
        n, said, waiting = len(came.edit.sections), len(came.edit.answers), len(came.conflicts)
        text = f"{counted(came.edits, 'edit')} of {who} changed {counted(n, 'section')} here."
        if said:
            brought = f"{counted(said, 'answer')} about synapses"
            text = f"{text} {brought} came with them." if n else f"{brought} of {who} came in."
        if waiting:
            both = f"In {counted(waiting, 'place')} {'both of you' if n or said else f'{who} and you'} worked"
            text = f"{text} {both}" if n or said else both
            text += "; yours is kept until you decide."
            desk.say("data", text, tone="done", link="Go through them", action="show_conflicts")
        else:
            desk.say("data", text, tone="done", link="Take that back", action="undo")

    desk.start("data", f"comparing with {theirs.name}")
    desk.runner.reporting_thread(
        "share",
        lambda progress: corrections.find_corrections(session, theirs, progress),
        desk.handlers("data", done),
    )


def unpack_from(desk: Desk, packed: Path) -> None:
    """Unpack a pack beside itself and open the project."""
    from napari_emseg.core.packing import unpack_project
    from napari_emseg.ui.flows import opening

    desk.start("data", f"unpacking {packed.name}")
    desk.runner.reporting_thread(
        "share",
        lambda progress: unpack_project(packed, progress=progress),
        desk.handlers("data", lambda folder: opening.open_path(desk, folder)),
    )


def _from_frozen(
    desk: Desk, message: str, run: Callable[[Path, Path | None, Progress], Path], done: Callable[[Any], None]
) -> None:
    from napari_emseg.core.copying import freeze

    session, _ = desk.need_session()
    desk.sweep()
    folder = session.project.folder
    if session.read_only and not desk.is_free:
        if not may_write(folder):  # a disk that can only be read: nobody writes meanwhile
            desk.start("data", message)
            desk.runner.reporting_thread(
                "share", lambda progress: run(folder, None, progress), desk.handlers("data", done)
            )
            return
        raise EmsegError(
            "this project is open in another window", session.volume.read_only_reason, "copy or pack it there"
        )
    clear(folder)
    frozen = beside(folder, "frozen")
    try:
        session.save()
        frozen.mkdir()
        freeze(folder, frozen)
    except BaseException as error:
        remove(frozen)
        if isinstance(error, (OSError, sqlite3.Error)):
            raise EmsegError(f"it is not copied ({reason_of(error)})", str(folder), "free space") from error
        raise

    def work(progress: Progress) -> Path:
        try:
            return run(folder, frozen, progress)
        finally:
            remove(frozen)

    desk.start("data", message)
    desk.runner.reporting_thread("share", work, desk.handlers("data", done))
