"""Carry the ids of the section on screen to its neighbours, segmenting those that are not segmented yet."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.words import counted
from napari_emseg.ui.durations import took
from napari_emseg.ui.flows import seeding
from napari_emseg.ui.flows.meanwhile import Meanwhile
from napari_emseg.ui.flows.segmenting import with_boundary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_emseg.jobs.propagate import PropagateResult
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_STAGE = "propagate"


def propagate(desk: Desk) -> None:
    """Predict and segment where needed, then link the sections; one edit."""
    from napari_emseg.jobs.propagate import reach

    session, layers = desk.need_session()
    section = desk.section
    settings = session.get_settings(_STAGE)
    extent = labelled_extent(session, section)
    sections = reach(section, session.volume.shape[0], settings)
    _refuse_end(section, session.volume.shape[0], settings.direction, sections)
    started, meanwhile = time.monotonic(), Meanwhile(desk)
    begun = not_segmented(desk, section, sections, extent)
    missing, painted = list(begun), [z for z, is_begun in begun.items() if is_begun]
    if not missing:
        _link(desk, section, extent, {}, painted, started, meanwhile)
        return
    region = Region((missing[0], *extent.start[1:]), (missing[-1] + 1, *extent.stop[1:]))

    def segment() -> None:
        from napari_emseg.jobs import segment as job

        own = seeding.among_others(desk)
        request = job.prepare(session, region, layers.boundary_map.walls(region), placed=own)

        def done(result: Any) -> None:
            segments = {z: result.labels[z - missing[0]] for z in missing}
            _link(desk, section, extent, segments, painted, started, meanwhile)

        desk.start(_STAGE, "growing seeds to segments")
        desk.runner.submit(
            _STAGE,
            lambda **callbacks: desk.engine.submit("napari_emseg.jobs.segment:run", request, **callbacks),
            desk.handlers(_STAGE, done),
        )

    with_boundary(desk, region, segment, stage=_STAGE)


def _refuse_end(section: int, n_sections: int, direction: str, sections: range) -> None:
    """Refuse to carry ids out of the stack."""
    if len(sections) > 1:
        return
    if n_sections == 1:
        raise EmsegError(
            "the stack has one section only", f"section {section}", "there is nothing to carry ids to"
        )
    end, way = ("first", "forwards") if direction == "backwards" else ("last", "backwards")
    raise EmsegError(
        f"this is the {end} section of the stack",
        f"section {section}",
        f"carry ids {way}, or go to another one",
    )


def not_segmented(desk: Desk, section: int, sections: Iterable[int], extent: Region) -> dict[int, bool]:
    """Sections that nobody has segmented: unseen, and empty or with less than half of the labels of the one on screen.

    A stroke is not yet a segmentation; cells that somebody has painted one by one in both sections are.

    Parameters
    ----------
    section : int
        The one on screen.
    sections : iterable of int
    extent : Region
        Its part that is looked at.

    Returns
    -------
    dict of int to bool
        Those sections, and whether something is painted there.
    """
    session, _ = desk.need_session()

    def labelled_px(z: int) -> int:
        box = Region((z, *extent.start[1:]), (z + 1, *extent.stop[1:]))
        return int(np.count_nonzero(session.volume.read(box)))

    enough = labelled_px(section) / 2
    unseen = [z for z in sections if z != section and session.sections[z].status is Status.UNSEEN]
    there = {z: labelled_px(z) if z in desk.labelled else 0 for z in unseen}
    return {z: n > 0 for z, n in there.items() if n < enough}


def labelled_extent(session: Session, section: int) -> Region:
    """The box of the objects of one section.

    Raises
    ------
    EmsegError
        If there are none.
    """
    region = Region((section, 0, 0), (section + 1, *session.volume.shape[1:]))
    there = session.volume.read(region)[0] != 0
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    if not len(rows):
        raise EmsegError(
            "there are no objects to carry", f"section {section}", "segment it first", action="segment"
        )
    return Region(
        (section, int(rows[0]), int(columns[0])), (section + 1, int(rows[-1]) + 1, int(columns[-1]) + 1)
    )


def _link(
    desk: Desk,
    section: int,
    extent: Region,
    segments: Mapping[int, NDArray[Any]],
    painted: Sequence[int],
    started: float,
    meanwhile: Meanwhile,
) -> None:
    from napari_emseg.jobs import propagate as job
    from napari_emseg.jobs.doubts import doubts_of, remember

    session, layers = desk.need_session()
    request = job.prepare(session, section, labels=segments, painted=painted, region=extent)
    request = replace(request, before=meanwhile.as_it_was(request.region))  # what has changed since stays

    def done(result: PropagateResult) -> None:
        session.commit(job.finish(session, request, result))
        layers.labels.visible = True
        layers.boundary.visible = layers.is_map_put_away = False  # two maps over one image hide it
        doubts = result.doubts(request.settings.doubt_below)
        kept = remember(
            session, doubts_of(request, result), range(request.region.start[0], request.region.stop[0])
        )
        desk.doubts = frozenset(doubt.sections[1] for doubt in kept if doubt.verdict in ("", "later"))
        said = (
            summary(request.region, section, result, len(doubts)) + f", {took(time.monotonic() - started)}."
        )
        if painted:
            where = f"section {painted[0]}" if len(painted) == 1 else f"{len(painted)} sections"
            said += f" The rest of {where} was segmented around what was painted there."
        if result.unseen:
            said += f" The image was not looked at: {result.unseen}."
        desk.say(
            _STAGE,
            said,
            tone="done",
            link="Look at the doubts" if doubts else "Next: proofread",
            action="next_doubt" if doubts else "stage:proofread",
        )

    desk.start(_STAGE, "matching objects between sections")
    desk.runner.submit(
        _STAGE,
        lambda **callbacks: desk.engine.submit("napari_emseg.jobs.propagate:run", request, **callbacks),
        desk.handlers(_STAGE, done),
    )


def summary(region: Region, section: int, result: PropagateResult, doubtful: int) -> str:
    """What happened, in numbers."""
    links = sum(1 for link in result.links if link.a and link.b)
    others = [z for z in range(region.start[0], region.stop[0]) if z != section]
    where = f"section {others[0]}" if len(others) == 1 else f"sections {others[0]} to {others[-1]}"
    doubts = f"{doubtful} of them doubtful" if doubtful else "none of them doubtful"
    return f"{counted(links, 'link')} from section {section} through {where}, {doubts}"
