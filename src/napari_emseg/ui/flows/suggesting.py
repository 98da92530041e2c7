"""Ask the model which section to proofread next, and go there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status

if TYPE_CHECKING:
    from napari_emseg.jobs.suggest import Suggestion, Suggestions
    from napari_emseg.ui.desk import Desk

_STAGE = "proofread"


def suggest(desk: Desk) -> None:
    """Let the model look at pieces of all open sections and rank them."""
    from napari_emseg.jobs import suggest as job

    session, _ = desk.need_session()

    def prepare() -> Any:
        return job.prepare(session)

    def done(found: Suggestions) -> None:
        desk.suggestions = found.sections
        _say(desk, found.sections[0], "would teach most")

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
    """Go to the best suggestion that is still open; on from there, to the next one."""
    from napari_emseg.ui.view import go_to

    session, layers = desk.need_session()
    left = [s for s in desk.suggestions if _is_open(session.sections[s.section].status)]
    if not left:
        raise EmsegError("there is no suggestion", session.image.name, "ask for one", action="suggest")
    here = next((n for n, s in enumerate(left) if s.section == desk.section), -1)
    going = left[(here + 1) % len(left)]
    go_to(desk.viewer, layers.image, (going.section, *going.point))
    after = left[(here + 2) % len(left)]
    if after is not going:
        _say(desk, after, "comes next")


def _is_open(status: Status) -> bool:
    return status not in (Status.PROOFREAD, Status.EXCLUDED)


def _say(desk: Desk, suggestion: Suggestion, why: str) -> None:
    known = f"Section {suggestion.section} {why}: {suggestion.reason}."
    desk.say(
        _STAGE,
        known if suggestion.reason else f"No section stands out; {suggestion.section} is as good as any.",
        tone="done",
        link="Go there",
        action="go_suggested",
    )
