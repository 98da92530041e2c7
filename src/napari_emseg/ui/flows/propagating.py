"""Carry the ids of the section on screen to its neighbours, segmenting those that are not segmented yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.beside import pieces
from napari_emseg.core.codec import PackedEdit
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.words import counted
from napari_emseg.ui.durations import took
from napari_emseg.ui.flows import seeding
from napari_emseg.ui.flows.meanwhile import Meanwhile
from napari_emseg.ui.flows.segmenting import with_boundary

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.volume import LabelVolume
    from napari_emseg.jobs.propagate import PropagateRequest, PropagateResult
    from napari_emseg.ui.desk import Desk

_STAGE = "propagate"
_ENOUGH = {Status.UNSEEN: 0.5, Status.PREDICTED: 0.75}
"""What share of the labelled pixels of the section on screen makes another one segmented. Cells painted one by one are fewer than
segments, which fill what was on the screen; sections that are proofread or left out are not looked at."""

_TRIES = 3
"""How often the edit is built beside the window before people who paint have to wait for it."""


def propagate(desk: Desk) -> None:
    """Predict and segment where needed, then link the sections; one edit."""
    from napari_emseg.jobs.propagate import reach

    session, _ = desk.need_session()
    section = desk.section
    settings = session.get_settings(_STAGE)
    sections = reach(section, session.volume.shape[0], settings)
    _refuse_end(section, session.volume.shape[0], settings.direction, sections)
    if section not in desk.labelled:
        raise nothing_to_carry(section)
    started, meanwhile = time.monotonic(), Meanwhile(desk)
    states, labelled = [session.sections[z].status for z in sections], frozenset(desk.labelled)

    def look(progress: Progress) -> tuple[Region, dict[int, bool]]:
        extent = labelled_extent(session.volume, section)
        there = dict(zip(sections, states, strict=True))
        return extent, not_segmented(session.volume, section, there, labelled, extent, progress)

    def seen(found: tuple[Region, dict[int, bool]]) -> None:
        _segment(desk, section, *found, started, meanwhile)

    desk.start(_STAGE, "finding out what is segmented")
    desk.runner.reporting_thread(_STAGE, look, desk.handlers(_STAGE, seen))


def _segment(
    desk: Desk,
    section: int,
    extent: Region,
    begun: Mapping[int, bool],
    started: float,
    meanwhile: Meanwhile,
) -> None:
    """Segment what is not segmented, and go on."""
    session, layers = desk.need_session()
    missing, painted = list(begun), [z for z, is_begun in begun.items() if is_begun]
    if not missing:
        _Linking(desk, section, extent, {}, painted, started, meanwhile).start()
        return
    region = Region((missing[0], *extent.start[1:]), (missing[-1] + 1, *extent.stop[1:]))

    def segment() -> None:
        from napari_emseg.jobs import segment as job

        own = seeding.among_others(desk)
        request = job.prepare(session, region, layers.boundary_map.walls(region), placed=own)

        def done(result: Any) -> None:
            segments = {z: result.labels[z - missing[0]] for z in missing}
            _Linking(desk, section, extent, segments, painted, started, meanwhile).start()

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


def not_segmented(
    volume: LabelVolume,
    section: int,
    states: Mapping[int, Status],
    labelled: Collection[int],
    extent: Region,
    progress: Progress,
) -> dict[int, bool]:
    """Sections that nobody has segmented, or only in part; may be called in a thread.

    These are empty, or hold far fewer labels than the one on screen. A stroke is not yet a segmentation, nor is one screen
    while zoomed in; cells that somebody has painted one by one in both sections are.

    Parameters
    ----------
    volume : LabelVolume
    section : int
        The one on screen.
    states : mapping of section to Status
        Those on the way.
    labelled : collection of int
        Sections that hold labels.
    extent : Region
        Part of the section on screen that is looked at.
    progress : Progress

    Returns
    -------
    dict of int to bool
        Those sections, and whether there is something in them.
    """

    def labelled_px(z: int) -> int:
        box = Region((z, *extent.start[1:]), (z + 1, *extent.stop[1:]))
        return sum(int(np.count_nonzero(ids)) for _, ids in pieces(volume, box))

    here, found = labelled_px(section), dict[int, bool]()
    for n, (z, status) in enumerate(states.items()):
        progress.report(n / len(states), "finding out what is segmented")
        if z != section and (enough := _ENOUGH.get(status)) is not None:
            there = labelled_px(z) if z in labelled else 0
            if there < enough * here:
                found[z] = there > 0
    return found


def labelled_extent(volume: LabelVolume, section: int) -> Region:
    """The box of the objects of one section; may be called in a thread.

    Raises
    ------
    EmsegError
        If there are none.
    """
    _, height, width = volume.shape
    rows, columns = np.zeros(height, bool), np.zeros(width, bool)
    for box, ids in pieces(volume, Region((section, 0, 0), (section + 1, height, width))):
        rows[box.slices[1]] |= ids.any(axis=1)
        columns[box.slices[2]] |= ids.any(axis=0)
    y, x = np.flatnonzero(rows), np.flatnonzero(columns)
    if not len(y):
        raise nothing_to_carry(section)
    return Region((section, int(y[0]), int(x[0])), (section + 1, int(y[-1]) + 1, int(x[-1]) + 1))


def nothing_to_carry(section: int) -> EmsegError:
    """The refusal for a section without objects."""
    return EmsegError(
        "there are no objects to carry", f"section {section}", "segment it first", action="segment"
    )


@dataclass(slots=True)
class _Linking:
    """Segmented sections on their way to one edit.

    Attributes
    ----------
    desk : Desk
    section : int
        Whose ids are carried.
    extent : Region
        The box of its objects.
    segments : mapping of int to ndarray (y, x)
        What was segmented for it, by section.
    painted : sequence of int
        Sections of these that held something before.
    started : float
        When it began (monotonic clock).
    meanwhile : Meanwhile
        What people change until it ends.
    """

    desk: Desk
    section: int
    extent: Region
    segments: Mapping[int, NDArray[Any]]
    painted: Sequence[int]
    started: float
    meanwhile: Meanwhile
    _tries: int = _TRIES

    def start(self) -> None:
        """Match objects in the worker, and write their ids when it answers."""
        from napari_emseg.jobs import propagate as job

        desk = self.desk
        session, _ = desk.need_session()
        prepared: list[PropagateRequest] = []

        def prepare() -> PropagateRequest:
            prepared.append(
                job.prepare(
                    session, self.section, labels=self.segments, painted=self.painted, region=self.extent
                )
            )
            return prepared[0]

        desk.start(_STAGE, "matching objects between sections")
        desk.runner.submit_prepared(
            _STAGE,
            prepare,
            lambda request, **callbacks: desk.engine.submit(
                "napari_emseg.jobs.propagate:run", request, **callbacks
            ),
            desk.handlers(_STAGE, lambda result: self._write(prepared[0], result)),
        )

    def _write(self, prepared: PropagateRequest, result: PropagateResult) -> None:
        """Build the edit in a thread, anew where people have changed something meanwhile; in the end without a thread."""
        from napari_emseg.jobs import propagate as job

        desk = self.desk
        session, _ = desk.need_session()
        desk.sweep(ends_outline=False)
        before = self.meanwhile.without(prepared.before, prepared.region)
        request = replace(prepared, before=before)  # what has changed since stays
        begun = session.history.undoable, session.history.redoable

        def work(progress: Progress) -> PackedEdit:
            return PackedEdit.of(job.finish(session, request, result, progress), session.volume.dtype)

        def built(ready: PackedEdit) -> None:
            desk.sweep(ends_outline=False)
            self._tries -= 1
            if (session.history.undoable, session.history.redoable) == begun:
                session.commit(ready.edit, ready=ready)
            elif self._tries:
                self._write(prepared, result)
                return
            else:
                session.commit(job.finish(session, request, result))
            self._tell(request, result)

        desk.start(_STAGE, "writing ids")
        desk.runner.reporting_thread(_STAGE, work, desk.handlers(_STAGE, built))

    def _tell(self, request: PropagateRequest, result: PropagateResult) -> None:
        """Show the ids, queue the doubts and say what happened."""
        from napari_emseg.jobs.doubts import doubts_of, remember

        desk = self.desk
        session, layers = desk.need_session()
        layers.labels.visible = True
        layers.boundary.visible = layers.is_map_put_away = False  # two maps over one image hide it
        doubts = result.doubts(request.settings.doubt_below)
        sections = range(request.region.start[0], request.region.stop[0])
        kept = remember(session, doubts_of(request, result), sections)
        desk.doubts = frozenset(doubt.sections[1] for doubt in kept if doubt.verdict in ("", "later"))
        took_words = took(time.monotonic() - self.started)
        said = f"{summary(request.region, self.section, result, len(doubts))}, {took_words}."
        if self.painted:
            n = len(self.painted)
            where = f"section {self.painted[0]}" if n == 1 else f"{n} sections"
            said += f" The rest of {where} was segmented around what was there."
        if result.unseen:
            said += f" The image was not looked at: {result.unseen}."
        link, action = (
            ("Look at the doubts", "next_doubt") if doubts else ("Next: proofread", "stage:proofread")
        )
        desk.say(_STAGE, said, tone="done", link=link, action=action)


def summary(region: Region, section: int, result: PropagateResult, doubtful: int) -> str:
    """What happened, in numbers."""
    links = sum(1 for link in result.links if link.a and link.b)
    others = [z for z in range(region.start[0], region.stop[0]) if z != section]
    where = f"section {others[0]}" if len(others) == 1 else f"sections {others[0]} to {others[-1]}"
    doubts = f"{doubtful} of them doubtful" if doubtful else "none of them doubtful"
    return f"{counted(links, 'link')} from section {section} through {where}, {doubts}"
