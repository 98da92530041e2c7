"""Open a stack and put it on the desk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core import recent
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.project import belongs, is_project
from napari_emseg.core.remaking import DamagedProject
from napari_emseg.core.stack import ImageStack
from napari_emseg.core.words import counted
from napari_emseg.io.choice import SeveralArrays
from napari_emseg.ui import unfinished
from napari_emseg.ui.as_stack import ORIGIN, offset_of, place_of, spacing_of
from napari_emseg.ui.flows import learning, measuring, predicting, reading
from napari_emseg.ui.flows.shown_already import layer_of
from napari_emseg.ui.shown import as_it_is
from napari_emseg.ui.unplaced import lay_on
from napari_emseg.ui.view import go_to_section

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_emseg.core.stack import Spacing
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_KEY = "open"


def open_phantom(desk: Desk) -> None:
    """Open the synthetic sample."""
    open_path(desk, "sample:phantom", message="making the phantom")


def open_vnc(desk: Desk) -> None:
    """Open the real sample."""
    open_path(desk, "sample:vnc", message="opening the fly nerve cord")


def open_path(desk: Desk, path: str | Path, *, spacing_nm: Spacing | None = None, message: str = "") -> None:
    """Open a file, a folder of sections or a sample in the background.

    Parameters
    ----------
    path : str or Path
        As `napari_emseg.io.open_image` takes it; a project folder (``NAME.emseg``) is opened as a project.
    spacing_nm : tuple of float, optional
        Voxel size, where the person has said it already.
    message : str
        What the progress line says meanwhile.
    """
    if str(path).endswith(".emseg.zip"):
        from napari_emseg.ui.flows import sharing

        sharing.unpack_from(desk, Path(path))
        return

    desk.several = None
    desk.start("data", message or f"opening {Path(str(path)).name}")
    handlers = desk.handlers("data", lambda found: _opened(desk, *found))

    def failed(error: EmsegError) -> None:
        if isinstance(error, SeveralArrays):
            desk.several = error
            error.remedy = (
                f"choose {'above what to open' if error.kind == 'sections' else 'one of them above'}"
            )
        handlers.failed(error)

    desk.runner.thread(_KEY, lambda: reading.read_path(path, spacing_nm), replace(handlers, failed=failed))


def adopt(desk: Desk, layer: Image) -> None:
    """Work on a stack that is in the viewer already.

    A layer in nanometres or micrometres brings its voxel size with it; a bare pixel scale does not.
    """
    spacing = spacing_of(layer)
    origin = layer.metadata.get(ORIGIN, {})
    uri = place_of(layer) or str(layer.source.path or "")
    source = str(origin.get("spacing_source") or ("file" if spacing else "unknown"))
    stack = ImageStack(
        as_it_is(layer.data), spacing, source, layer.name, uri, offset_of(layer) if spacing else None
    )

    def done(stack: ImageStack) -> None:
        if layer not in desk.viewer.layers:  # removed meanwhile
            return
        from napari_emseg.session import Session

        if _is_open(desk, None, stack):
            _say_open_already(desk)
            return
        try:
            session = Session.open_or_create(stack)
        except EmsegError as error:
            _keep_damaged(desk, error, stack)
            raise
        show(desk, session, image=layer)

    if isinstance(stack.data, np.ndarray):
        done(reading.checked(stack))
        return
    desk.start("data", f"opening {layer.name}")
    desk.runner.thread(_KEY, lambda: reading.checked(stack), desk.handlers("data", done))


def open_with_image(desk: Desk, folder: Path, image: str | Path) -> None:
    """Open a project whose image lies somewhere else now; the project remembers the place.

    Parameters
    ----------
    folder : Path
        The project.
    image : str or Path
        What the person has chosen; of a stack that is a folder, any file in it.
    """

    def done(stack: ImageStack) -> None:
        from napari_emseg.session import Session

        damaged = desk.damaged is not None and desk.damaged[0] == folder
        session = Session.remake(folder, stack) if damaged else Session.open(folder, stack)
        show(desk, session)

    desk.start("data", f"opening {Path(str(image)).name}")
    desk.runner.thread(_KEY, lambda: reading.read_elsewhere(folder, image), desk.handlers("data", done))


def remake_project(desk: Desk) -> None:
    """Make the lost file of a project anew; where its image is not open, the first panel asks for that."""
    from napari_emseg.session import Session

    if desk.damaged is None:
        raise EmsegError("no damaged project was opened", "", "open one")
    folder, image = desk.damaged
    if image is None:
        desk.without_image = folder
        desk.asked.emit("find_image")
        return
    show(desk, Session.remake(folder, image))


def keep_image(desk: Desk) -> None:
    """The image is another than the labels were made on, and they fit it."""
    session, _ = desk.need_session()
    if session.read_only:
        raise EmsegError(
            "this project is read-only", session.volume.read_only_reason, "say it where it is written"
        )
    session.keep_image()
    desk.say("data", "The labels fit: this is the image of the project from now on.", tone="done")


def forget_missing(desk: Desk) -> None:
    """Take projects that are not there any more off the list of recent ones."""
    for one in recent.recent():
        if not is_project(Path(one.folder)):
            recent.forget(one.folder)
    desk.say("data", "")
    desk.session_changed.emit()


def reopen(desk: Desk) -> None:
    """Open the project again that this window could only read."""
    from napari_emseg.session import Session

    session, _ = desk.need_session()
    show(desk, Session.open(session.project.folder, session.image), section=desk.section)


def open_again(desk: Desk) -> None:
    """Open the stack again that was closed because somebody removed one of its layers."""
    from napari_emseg.session import Session

    if desk.closed is None:
        raise EmsegError("no stack was closed", "", "open one")
    folder, image, section = desk.closed
    show(desk, Session.open(folder, image), section=section)


def adopt_or_say(desk: Desk, layer: Image) -> None:
    """As `adopt`; a refusal is said in the first panel."""
    try:
        adopt(desk, layer)
    except EmsegError as error:
        desk.fail("data", error)


def set_spacing(desk: Desk, spacing_nm: Spacing) -> None:
    """Take over the voxel size that the person has given; where the disk refuses it, it holds until the window is closed.

    Raises
    ------
    EmsegError
        If a size is not positive, or the disk refuses it.
    """
    from napari_emseg.ui.flows import cleaning
    from napari_emseg.ui.layers import geometry

    (session, layers), section = desk.need_session(), desk.section
    try:
        session.set_spacing(spacing_nm)
    finally:
        cleaning.take_spacing(desk)
        place = geometry(session)
        for layer in (layers.image, *layers.overlays):
            layer.scale, layer.units, layer.translate = place["scale"], place["units"], place["translate"]
        _lay_on(desk)
        go_to_section(desk.viewer, layers.image, section)  # another one lies at the same place now
        desk.viewer.reset_view()
        desk.state_changed.emit()
    _say_opened(desk, session)


def describe(session: Session) -> tuple[tuple[str, str], ...]:
    """What the first panel shows of a stack: rows of words."""
    image = session.image
    z, y, x = image.shape
    rows = [("Stack", image.name), ("Size", f"{counted(z, 'section')} of {x} × {y} px")]
    if image.spacing_nm:
        dz, dy, dx = image.spacing_nm
        source = {"file": "from the file", "you": "given by you", "sample": "known for the sample"}
        rows.append(("Voxel", f"{voxel_words(image.spacing_nm)} ({source.get(image.spacing_source, '')})"))
        rows.append(("Extent", f"{x * dx / 1000:.3g} × {y * dy / 1000:.3g} × {z * dz / 1000:.3g} µm"))
    return tuple(rows)


def voxel_words(spacing_nm: Spacing) -> str:
    """Voxel size for people, x first as on microscopes: "4.6 × 4.6 × 50 nm"."""
    return " × ".join(f"{size:g}" for size in reversed(spacing_nm)) + " nm"


def _opened(desk: Desk, project: Path | None, stack: ImageStack | None) -> None:
    """Work on a project with its image, or on a stack with the project that belongs to it."""
    from napari_emseg.session import Session

    if _is_open(desk, project, stack):  # a second time it could only be read: this window holds it
        _say_open_already(desk)
        return
    try:
        if project is not None:
            session = Session.open(project, stack)
        else:
            assert stack is not None
            session = Session.open_or_create(stack)
    except EmsegError as error:
        if error.action == "find_image" and project is not None:
            desk.without_image = project
        _keep_damaged(desk, error, None if project is not None else stack)
        raise
    show(desk, session)


def _say_open_already(desk: Desk) -> None:
    desk.say("data", "This project is open already.", link="Go on", action="stage:proofread")


def _is_open(desk: Desk, project: Path | None, stack: ImageStack | None) -> bool:
    """Whether this window works on that project, or on the project of that stack."""
    if desk.session is None or desk.session.read_only:
        return False
    folder = desk.session.project.folder
    if project is not None:
        return project.expanduser().resolve() == folder
    return stack is not None and bool(stack.uri) and belongs(folder, stack)


def _keep_damaged(desk: Desk, error: EmsegError, image: ImageStack | None) -> None:
    """Remember a project that has lost its file, for `remake_project`."""
    if isinstance(error, DamagedProject):
        desk.damaged = error.folder, image
        error.remedy = (
            "labels and history are untouched; put the file back from a backup, or have it made anew"
        )


def show(desk: Desk, session: Session, image: Image | None = None, *, section: int | None = None) -> None:
    """Put a session on the desk, at a section where one is given, say what it is, and let the worker get ready."""
    stopped = unfinished.ended(desk)
    desk.show(session, image=image or layer_of(desk, session.image))
    recent.remember(session.project.folder, session.image.name)
    _take_up_cleaned(desk)
    measuring.take_up(desk)
    _lay_on(desk)
    _fill_canvas(desk)
    _say_opened(desk, session, learning.take_up(desk), stopped)
    predicting.warm_up(desk)
    if section is not None:
        go_to_section(desk.viewer, desk.need_session()[1].image, section)


def _take_up_cleaned(desk: Desk) -> None:
    from napari_emseg.ui.flows import cleaning

    try:
        cleaning.take_up(desk)
    except EmsegError as error:  # the copy is gone: go on with the original, and say so
        desk.fail("cleanup", error)


def _lay_on(desk: Desk) -> None:
    """What was in the window before, and does not say where it lies, lies on the stack."""
    _, layers = desk.need_session()
    for layer in desk.viewer.layers:
        lay_on(layer, layers.image)


def _fill_canvas(desk: Desk) -> None:
    """Show everything, and again when the window has made room for the layer controls."""
    camera = desk.viewer.scene.camera
    desk.viewer.reset_view()
    before = camera.center, camera.zoom

    def again() -> None:
        if (camera.center, camera.zoom) == before:  # nobody has looked elsewhere meanwhile
            desk.viewer.reset_view()

    desk.post(again)


def _say_opened(desk: Desk, session: Session, more: str = "", stopped: str = "") -> None:
    if session.notices:
        desk.say("data", " ".join(filter(None, (*session.notices, stopped))), tone="error")
        return
    if session.image.spacing_nm is None:
        text = "The file does not say how large a voxel is. Fill it in above, or go on in pixels."
        desk.say("data", f"{text} {stopped}".rstrip())
        return
    kept = len(desk.labelled)
    n = session.image.shape[0]
    text = f"{n} sections are open." if n > 1 else "1 section is open."
    if stopped:
        text = f"{stopped} {text}"
    if kept:
        has = "has" if kept == 1 else "have"
        text += f" {kept} of them {has} labels from last time, {len(session.sections.proofread)} proofread."
        if more:
            desk.say("data", f"{text} {more}", tone="done", link="Take me there", action="stage:train")
            return
        desk.say("data", text, tone="done", link="Go on proofreading", action="stage:proofread")
    else:
        desk.say("data", text, tone="done", link="Next: segment what you see", action="stage:segment")
