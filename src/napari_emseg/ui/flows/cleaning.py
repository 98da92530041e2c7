"""Clean up: find bad sections and decide on them, preview, make a cleaned copy, work on it or on the original."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.ui.durations import took
from napari_emseg.ui.flows.learning import forget_predictions
from napari_emseg.ui.flows.overlay import Overlay, Picture
from napari_emseg.ui.shown import shown

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_emseg.core.stack import ImageStack
    from napari_emseg.jobs.preprocess import CleanResult
    from napari_emseg.preprocess.bad_sections import Suspicion
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_STAGE = "cleanup"
_PREVIEW = "clean-up preview"


def _overlay() -> Overlay:
    return Overlay(_PREVIEW, _STAGE)


@dataclass(eq=False)
class Cleaning:
    """What the Clean up stage knows of the open stack.

    Attributes
    ----------
    session : Session
        That it belongs to.
    original : ImageStack
        The person's own stack.
    found : list of Suspicion
        Sections that look bad.
    kept : set of int
        Suspicious sections that the person has called good.
    overlay : Overlay
        The preview.
    """

    session: Session
    original: ImageStack
    found: list[Suspicion] = field(default_factory=list)
    kept: set[int] = field(default_factory=set)
    overlay: Overlay = field(default_factory=_overlay)

    @property
    def preview(self) -> Image | None:
        """The layer of the preview."""
        return self.overlay.layers[0] if self.overlay.layers else None

    @property
    def pending(self) -> list[int]:
        """Suspicious sections that nobody has decided on."""
        return [s.section for s in self.found if self.verdict(s.section) == ""]

    def verdict(self, section: int) -> str:
        """What was decided: "out", "kept", or nothing yet."""
        if self.session.sections[section].status is Status.EXCLUDED:
            return "out"
        return "kept" if section in self.kept else ""


def cleaning_of(desk: Desk) -> Cleaning:
    """The state of the open stack's clean-up.

    Raises
    ------
    EmsegError
        If no stack is open.
    """
    session = desk.session  # its layers may still be on their way
    if session is None:
        session, _ = desk.need_session()
    if desk.cleaning is None or desk.cleaning.session is not session:
        desk.cleaning = Cleaning(session, session.image)
    found: Cleaning = desk.cleaning
    return found


def take_up(desk: Desk) -> None:
    """Show the cleaned copy of a stack that has just been opened, if the person works on it."""
    state = cleaning_of(desk)
    if state.session.get_settings(_STAGE).use_cleaned:
        _show(desk, cleaned=True)


def is_cleaned(desk: Desk) -> bool:
    """Whether the cleaned copy is what is worked on."""
    return (
        desk.session is not None
        and desk.cleaning is not None
        and desk.cleaning.session is desk.session
        and desk.session.image.data is not desk.cleaning.original.data
    )


def take_spacing(desk: Desk) -> None:
    """The voxel size that was given is that of the original, too, whichever of both is shown."""
    if desk.session is not None and desk.cleaning is not None and desk.cleaning.session is desk.session:
        known = desk.session.image
        desk.cleaning.original = replace(
            desk.cleaning.original, spacing_nm=known.spacing_nm, spacing_source=known.spacing_source
        )


def has_copy(desk: Desk) -> bool:
    """Whether there is a cleaned copy."""
    from napari_emseg.jobs.preprocess import CLEANED

    return desk.session is not None and (desk.session.project.folder / CLEANED).is_dir()


# ------------------------------------------------------------------ bad sections


def find_bad(desk: Desk) -> None:
    """Search the whole stack for bad sections in the background."""
    from napari_emseg.jobs import preprocess as job

    state = cleaning_of(desk)
    request = job.prepare_look(state.original)

    def done(found: list[Suspicion]) -> None:
        state.found = found  # what was kept stays so
        desk.cleaned.emit()
        count = state.original.shape[0]
        if found:
            bad = f"{len(found)} of {count} sections look bad."
            open_ = len(state.pending)
            if open_ == len(found):
                todo = "Leave out (Y) or keep (J) each."
            elif open_:
                todo = f"{open_} not decided yet: leave out (Y) or keep (J)."
            else:
                todo = "You have decided on all of them."
            desk.say(_STAGE, f"{bad} {todo}", tone="done")
        else:
            text = f"All {count} sections look good." if count > 1 else "The one section looks good."
            desk.say(
                _STAGE, text, tone="done",
                link="Go on with Predict", action="stage:predict",
            )  # fmt: skip

    desk.start(_STAGE, "looking for bad sections")
    desk.runner.submit(
        _STAGE,
        lambda **callbacks: desk.engine.submit(
            "napari_emseg.jobs.preprocess:look", request, lane="background", **callbacks
        ),
        desk.handlers(_STAGE, done),
    )


def decide(desk: Desk, section: int, leave_out: bool) -> None:
    """Leave a suspicious section out, or keep it; both can be undone."""
    state = cleaning_of(desk)
    reason = next((s.kind for s in state.found if s.section == section), "other")
    desk.sweep()
    if leave_out:
        state.kept.discard(section)
        state.session.mark(section, Status.EXCLUDED, reason)
        desk.say(_STAGE, f"Section {section} is left out ({reason}).")
    else:
        state.kept.add(section)
        if state.session.sections[section].status is Status.EXCLUDED:
            state.session.mark(section, Status.PREDICTED if section in desk.labelled else Status.UNSEEN)
        desk.say(_STAGE, f"Section {section} is kept.")
    desk.cleaned.emit()
    desk.state_changed.emit()


# ------------------------------------------------------------------ preview


def preview(desk: Desk) -> None:
    """Clean the section on screen in the worker and show it over the original."""
    from napari_emseg.jobs import preprocess as job

    if desk.session is None or desk.layers is None or not cleaning_of(desk).overlay.is_wanted:
        return
    state, section = cleaning_of(desk), desk.section

    def show(z: int, values: NDArray[Any]) -> None:
        state.overlay.lay(desk, z, [Picture(values, _PREVIEW)])
        desk.cleaned.emit()

    state.overlay.ask(
        desk,
        lambda: job.prepare_preview(state.session, state.original, section),
        "napari_emseg.jobs.preprocess:preview",
        show,
    )


def want_preview(desk: Desk, wanted: bool) -> None:
    """Switch the preview on or off."""
    if desk.session is None:
        return
    cleaning_of(desk).overlay.want(desk, wanted, preview)
    if not wanted:
        desk.cleaned.emit()


def flip(desk: Desk) -> None:
    """Show the section before its clean-up, or after it."""
    state = cleaning_of(desk)
    if state.preview is None:
        raise EmsegError("there is no preview to compare with", "", "switch the preview on")
    state.preview.visible = not state.preview.visible
    desk.cleaned.emit()


# ------------------------------------------------------------------ the cleaned copy


def clean_up(desk: Desk) -> None:
    """Make a cleaned copy of the whole stack in the project, then work on it."""
    from napari_emseg.jobs import preprocess as job

    state = cleaning_of(desk)
    request = job.prepare(state.session, state.original)

    def done(result: CleanResult) -> None:
        _show(desk, cleaned=True)
        parts = [f"{result.sections} sections cleaned in {took(result.seconds)}"]
        if result.replaced:
            parts.append(f"{len(result.replaced)} replaced")
        if result.mended:
            parts.append(f"{len(result.mended)} mended")
        desk.say(
            _STAGE, ", ".join(parts) + ". Your file is as it was.", tone="done", link="Next: predict",
            action="stage:predict",
        )  # fmt: skip

    desk.start(_STAGE, "cleaning")
    desk.runner.submit(
        _STAGE,
        lambda **callbacks: desk.engine.submit(
            "napari_emseg.jobs.preprocess:run", request, lane="background", **callbacks
        ),
        desk.handlers(_STAGE, done),
    )


def use_original(desk: Desk) -> None:
    """Work on the person's own stack again; the copy stays."""
    _show(desk, cleaned=False)
    desk.say(_STAGE, "This is your own stack again. The cleaned copy is kept.")


def use_cleaned(desk: Desk) -> None:
    """Work on the cleaned copy again."""
    _show(desk, cleaned=True)
    desk.say(_STAGE, "This is the cleaned copy.")


def forget_cleaned(desk: Desk) -> None:
    """Remove the cleaned copy and work on the person's own stack."""
    from napari_emseg.jobs import preprocess as job

    state = cleaning_of(desk)
    _show(desk, cleaned=False)
    job.forget(state.session)
    desk.say(_STAGE, "The cleaned copy is gone. This is your own stack.")
    desk.cleaned.emit()


def _show(desk: Desk, *, cleaned: bool) -> None:
    """Put the cleaned copy or the original under everything else."""
    from napari_emseg.jobs.preprocess import open_cleaned
    from napari_emseg.ui.layers import contrast

    session, layers = desk.need_session()
    state = cleaning_of(desk)
    want_preview(desk, False)
    image = state.original
    if cleaned:
        array = open_cleaned(session, state.original)
        if array is None:
            session.set_settings(session.get_settings(_STAGE).model_copy(update={"use_cleaned": False}))
            raise EmsegError("the cleaned copy is gone", "this project", "clean the stack again")
        # remembered statistics belong to the other grey values
        image = replace(state.original, data=array, _statistics={})
    session.image = image
    layers.image.data = shown(image.data, desk.on_unreadable)
    layers.image.contrast_limits = contrast(image.data)
    forget_predictions(desk)
    session.set_settings(session.get_settings(_STAGE).model_copy(update={"use_cleaned": cleaned}))
    desk.settings_changed.emit(_STAGE)
    desk.cleaned.emit()
    desk.state_changed.emit()
