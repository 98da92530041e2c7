"""Align sections: estimate, edit the table, look at it over the neighbour, work on the aligned copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import remove
from napari_emseg.core.words import counted
from napari_emseg.ui.flows.overlay import Overlay, Picture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.jobs.align import Estimate
    from napari_emseg.preprocess.alignment import Alignment
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_STAGE = "cleanup"
_PREVIEW = "alignment preview"
# white where both agree, and told apart by everybody
_LOOKS = (("aligned: this section", "green", "opaque"), ("aligned: the one before", "magenta", "additive"))


def _overlay() -> Overlay:
    return Overlay(_PREVIEW, _STAGE, is_in_colour=True)


@dataclass(eq=False)
class Aligning:
    """What the Clean up stage knows of the alignment of the open stack.

    Attributes
    ----------
    session : Session
        That it belongs to.
    alignment : Alignment or None
        What was estimated, or typed.
    doubtful : tuple of int
        Sections that no neighbour agrees with.
    overlay : Overlay
        The preview.
    past, future : list of (Alignment or None, tuple of int)
        What undo and redo bring back, with its doubtful sections.
    edit_then : int
        Number of the last edit when the table was last changed: a newer one is undone first.
    """

    session: Session
    alignment: Alignment | None = None
    doubtful: tuple[int, ...] = ()
    overlay: Overlay = field(default_factory=_overlay)
    past: list[tuple[Alignment | None, tuple[int, ...]]] = field(default_factory=list)
    future: list[tuple[Alignment | None, tuple[int, ...]]] = field(default_factory=list)
    edit_then: int = 0


def aligning_of(desk: Desk) -> Aligning:
    """The state of the open stack's alignment.

    Raises
    ------
    EmsegError
        If no stack is open.
    """
    session = desk.session
    if session is None:
        session, _ = desk.need_session()
    held: Any = desk.aligning
    if held is None or held.session is not session:
        desk.aligning = held = Aligning(session)
    found: Aligning = held
    return found


def estimate(desk: Desk) -> None:
    """Find the shifts of all sections in the background."""
    _submit(desk, with_shifts=False)


def estimate_elastic(desk: Desk) -> None:
    """Find the smooth displacements that are left after the shifts of the table."""
    _submit(desk, with_shifts=True)


def _submit(desk: Desk, *, with_shifts: bool) -> None:
    from napari_emseg.jobs import align as job

    state = aligning_of(desk)
    if state.session.image.shape[0] == 1:
        raise EmsegError(
            "the stack has one section only", state.session.image.name, "there is nothing to align it with"
        )
    table = _need(state).shifts if with_shifts else None
    request = job.prepare_estimate(state.session, table)

    def done(found: Estimate) -> None:
        if desk.session is not state.session:
            return
        desk.say(_STAGE, _words(found), tone="done")
        _take(desk, state, found.alignment, found.doubtful)

    desk.start(_STAGE, "comparing sections")
    desk.runner.submit(
        _STAGE,
        lambda **callbacks: desk.engine.submit(
            "napari_emseg.jobs.align:estimate", request, lane="background", **callbacks
        ),
        desk.handlers(_STAGE, done),
    )


def _words(found: Estimate) -> str:
    if found.alignment.warp is not None:
        return f"Tissue is moved by up to {found.alignment.warp.largest_px:.1f} px beyond the shifts."
    steps = np.abs(np.diff(found.alignment.shifts.shifts, axis=0))
    text = (
        f"Shifts of up to {int(steps.max(initial=0))} px between neighbours. Look at them, correct the table."
    )
    if found.doubtful:
        rows = ", ".join(str(z) for z in found.doubtful[:5]) + ("..." if len(found.doubtful) > 5 else "")
        text += f" No neighbour agrees with section {rows}."
    return text


def set_shift(desk: Desk, section: int, shift: tuple[int, int]) -> None:
    """Take over a row of the table; displacements belong to the old shifts and go."""
    from napari_emseg.preprocess.alignment import Alignment
    from napari_emseg.preprocess.shift_table import ShiftTable

    state = aligning_of(desk)
    old = _need(state)
    rows = old.shifts.shifts.copy()
    if tuple(rows[section].tolist()) == shift:
        return
    rows[section] = shift
    if old.warp is not None:
        desk.say(_STAGE, "The shifts have changed: bend the sections anew if that is wanted.", tone="done")
    _take(desk, state, Alignment(ShiftTable.of(rows, margin=old.shifts.margin)), state.doubtful)


def open_table(desk: Desk, path: Path) -> None:
    """Take the shifts of a text file."""
    from napari_emseg.preprocess.alignment import Alignment
    from napari_emseg.preprocess.shift_table import read_shifts

    state = aligning_of(desk)
    table = read_shifts(path)
    table.check_length(state.session.image.shape[0], str(path))
    text = f"{counted(len(table), 'shift')} {'is' if len(table) == 1 else 'are'} read from {path.name}."
    desk.say(_STAGE, " ".join((text, *(f"{note}." for note in table.notes))), tone="done")
    _take(desk, state, Alignment(table), ())


def save_table(desk: Desk, path: Path) -> None:
    """Write the shifts as a text file, which the command ``preprocess align`` takes too."""
    from napari_emseg.io.atomic import write_text
    from napari_emseg.preprocess.shift_table import shifts_as_text

    state = aligning_of(desk)
    write_text(path, shifts_as_text(_need(state).shifts, comment=f"shifts of {state.session.image.name}"))
    desk.say(_STAGE, f"The shifts are in {path}.", tone="done")


def _take(desk: Desk, state: Aligning, alignment: Alignment, doubtful: tuple[int, ...]) -> None:
    """Go on with another table; undo brings the one before back."""
    state.past.append((state.alignment, state.doubtful))
    state.future.clear()
    _show(desk, state, alignment, doubtful)


def _show(desk: Desk, state: Aligning, alignment: Alignment | None, doubtful: tuple[int, ...]) -> None:
    state.alignment, state.doubtful = alignment, doubtful
    state.edit_then = state.session.history.last_id
    if alignment is None:
        want_preview(desk, False)
    desk.cleaned.emit()
    preview(desk)


def undo(desk: Desk, *, again: bool = False) -> bool:
    """Take back what was last done to the table, if its stage is open and that is newer than the last edit."""
    state: Aligning | None = desk.aligning
    if state is None or state.session is not desk.session or desk.stage != _STAGE:
        return False
    source, target = (state.future, state.past) if again else (state.past, state.future)
    if not source or state.edit_then != state.session.history.last_id:
        return False
    target.append((state.alignment, state.doubtful))
    desk.say(_STAGE, f"{'Done again' if again else 'Taken back'}: the shifts.", tone="done")
    _show(desk, state, *source.pop())
    return True


def _need(state: Aligning) -> Alignment:
    if state.alignment is None:
        raise EmsegError("there are no shifts yet", "alignment", "estimate them, or open a table")
    return state.alignment


# ------------------------------------------------------------------ preview


def want_preview(desk: Desk, wanted: bool) -> None:
    """Switch the preview on or off."""
    if desk.session is None:
        return
    aligning_of(desk).overlay.want(desk, wanted, preview)


def preview(desk: Desk) -> None:
    """Lay the section on screen over the one before it, as they will lie."""
    from napari_emseg.jobs import align as job

    if desk.session is None or desk.layers is None:
        return
    state, section = aligning_of(desk), desk.section
    alignment = state.alignment
    if not state.overlay.is_wanted or alignment is None:
        return

    def show(z: int, pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
        if state.alignment is alignment:
            pictures = [Picture(values, *look) for values, look in zip(pair, _LOOKS, strict=True)]
            state.overlay.lay(desk, z, pictures, origin_px=alignment.shifts.origin)

    state.overlay.ask(
        desk,
        lambda: job.prepare_preview(state.session, alignment, section),
        "napari_emseg.jobs.align:preview",
        show,
    )


# ------------------------------------------------------------------ the aligned copy


def align(desk: Desk) -> None:
    """Write the aligned copy beside the project, and work on it from then on."""
    from napari_emseg.jobs import align as job

    state = aligning_of(desk)
    alignment = _need(state)
    desk.sweep()
    request = job.prepare(state.session, alignment)

    def done(path: Path) -> None:
        touched: set[int] = set()
        desk.sweep()
        state.session.edited.connect(lambda edit: touched.update(edit.painted_sections))
        desk.start(_STAGE, "taking labels along")
        desk.runner.reporting_thread(
            _STAGE,
            lambda progress: job.take_up(state.session, alignment, path, progress),
            desk.handlers(_STAGE, lambda made: begin(made, path, touched), unwanted=too_late),
        )

    def begin(made: Session, path: Path, touched: set[int]) -> None:
        from napari_emseg.ui.flows.opening import show

        desk.sweep()
        section = desk.section
        try:
            job.catch_up(state.session, alignment, made, touched)
            want_preview(desk, False)
            show(desk, made, section=section)
        except EmsegError:
            job.forget(made)
            raise
        desk.say(
            _STAGE,
            f"This is the aligned copy, {path.name}. Export gives labels back where the original lies.",
            tone="done", link="Next: predict", action="stage:predict",
        )  # fmt: skip

    def too_late(made: Session | None) -> None:
        if made is not None:  # what was stopped has taken itself away
            job.forget(made)

    desk.start(_STAGE, "aligning")
    desk.runner.submit(
        _STAGE,
        lambda **callbacks: desk.engine.submit(
            "napari_emseg.jobs.align:run", request, lane="background", **callbacks
        ),
        desk.handlers(_STAGE, done, unwanted=lambda _: remove(request.output)),
    )
