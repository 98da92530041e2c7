"""Ask the model which section to proofread next, and go there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status

if TYPE_CHECKING:
    from napari_emseg.jobs.suggest import Suggestion, Suggestions
    from napari_emseg.ui.desk import Desk

_STAGE = "proofread"
_AROUND = 1.25
"""How much is shown of a place, in pieces that the model has looked at: some of what is around it."""


def suggest(desk: Desk) -> None:
    """Show what the model has found, or let it look at pieces of all open sections and rank them."""
    desk.need_session()
    ranked = () if desk.suggestions is None else desk.suggestions.sections
    left = [one for one in ranked if is_open(desk, one)]
    if not left:
        look_again(desk)
        return
    desk.asked.emit("next")
    _offer(desk, left[0], "comes next")


def look_again(desk: Desk) -> None:
    """Let the model look at pieces of all open sections and rank them."""
    from napari_emseg.jobs import suggest as job

    session, _ = desk.need_session()

    def prepare() -> Any:
        return job.prepare(session)

    def done(found: Suggestions) -> None:
        desk.suggestions = found
        _offer(desk, found.sections[0], "would teach most")

    desk.suggestions = desk.suggested = None
    desk.asked.emit("next")
    desk.start(_STAGE, "looking for the section that would teach most")
    desk.runner.submit_prepared(
        _STAGE,
        prepare,
        lambda request, **callbacks: desk.engine.submit(
            "napari_emseg.jobs.suggest:run", request, **callbacks
        ),
        desk.handlers(_STAGE, done),
    )


def go_on(desk: Desk) -> None:
    """Go to the section that was named last, or to the best one after it if that is not open any more."""
    session, _ = desk.need_session()
    ranked = () if desk.suggestions is None else desk.suggestions.sections
    if desk.suggested in ranked:
        first = ranked.index(desk.suggested)
        ranked = ranked[first:] + ranked[:first]
    left = [one for one in ranked if is_open(desk, one)]
    if not left:
        raise EmsegError("there is no suggestion", session.image.name, "ask for one", action="suggest")
    _show(desk, left[0])
    if len(left) > 1:
        _offer(desk, left[1], "comes next")


def look_at(desk: Desk, one: Suggestion, *, closely: bool) -> None:
    """Go to one of the list and say what can be done there.

    Parameters
    ----------
    closely : bool
        Only the piece that the model has looked at, with a little around it; else the whole section.
    """
    from napari_emseg.jobs.suggest import PIECE_PX
    from napari_emseg.ui.view import zoom_to

    session, layers = desk.need_session()
    height, width = session.image.shape[1:]
    around = _AROUND * PIECE_PX
    zoom_to(desk.viewer, layers.image, (around, around) if closely else (height, width))
    _show(desk, one)
    desk.suggested = one
    what = "this place" if closely else f"section {one.section}"
    state = session.sections[one.section]
    if not is_open(desk, one):
        desk.say(_STAGE, f"Section {one.section} is {state.status.value} by now.", tone="done")
    elif one.section not in desk.labelled:
        part = " Only what has labels teaches." if closely else ""
        desk.say(
            _STAGE, f"Segment {what}, correct it, and mark the section proofread: R.{part}", tone="done",
            link="Segment what I see", action="segment",
        )  # fmt: skip
    else:
        rest = " and the rest of the section" if closely else ""
        desk.say(_STAGE, f"Correct {what}{rest}, then mark the section proofread: R.", tone="done")


def is_open(desk: Desk, one: Suggestion) -> bool:
    """Whether its section is neither proofread nor left out by now."""
    session, _ = desk.need_session()
    return session.sections[one.section].status not in (Status.PROOFREAD, Status.EXCLUDED)


def words(one: Suggestion) -> str:
    """Why to go there, in one short line."""
    return one.reason or f"{100 * one.unsure:.0f} % of its membranes unsure"


def _show(desk: Desk, one: Suggestion) -> None:
    from napari_emseg.ui.view import go_to

    _, layers = desk.need_session()
    go_to(desk.viewer, layers.image, (one.section, *one.point), fill=True)


def _offer(desk: Desk, suggestion: Suggestion, why: str) -> None:
    desk.suggested = suggestion
    known = f"Section {suggestion.section} {why}: {suggestion.reason}."
    desk.say(
        _STAGE,
        known if suggestion.reason else f"No section stands out; {suggestion.section} is as good as any.",
        tone="done",
        link="Go there",
        action="go_suggested",
    )
