"""Seeds and segments of what is on screen."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.words import counted
from napari_emseg.ui.durations import took
from napari_emseg.ui.flows import seeding
from napari_emseg.ui.flows.meanwhile import Meanwhile
from napari_emseg.ui.flows.predicting import predict_region
from napari_emseg.ui.view import need_sections, visible_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.core.edit import Region
    from napari_emseg.jobs.segment import SegmentResult
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_KEY = "segment"


def segment_visible(desk: Desk) -> None:
    """Predict where needed, then segment the region on screen as one edit."""
    session, layers = desk.need_session()
    need_sections(desk.viewer)
    region = visible_region(desk.viewer, layers.image)
    sections = range(region.start[0], region.stop[0])
    refuse_settled(session, region)
    seeding.need_own(desk, region)
    started, meanwhile = time.monotonic(), Meanwhile(desk)

    def done(result: SegmentResult) -> None:
        desk.open_stage("segment")
        where = f"section {region.start[0]}" if len(sections) == 1 else f"{len(sections)} sections"
        desk.say(
            "segment",
            " ".join(
                [
                    f"{_what_grew(result, seeding.placed(desk).alone)} in {where}, {took(time.monotonic() - started)}.",
                    *(f"{x}." for x in result.losses),
                ]
            ),
            tone="done",
            link="Next: carry the ids onwards",
            action="stage:propagate",
        )

    with_boundary(desk, region, lambda: segment_region(desk, region, "segment", done, meanwhile))


def _what_grew(result: SegmentResult, alone: bool) -> str:
    n, own = result.n_segments, result.n_placed
    segments = counted(n, "segment")
    if alone:
        return f"{segments} from your seeds, and nothing else changed,"
    return f"{segments}, {own} of them from your seeds," if own else segments


def refuse_settled(session: Session, region: Region) -> None:
    """Refuse a box of sections that are all proofread or left out.

    Raises
    ------
    EmsegError
        Naming the first of them.
    """
    found = [session.sections[z].status for z in range(region.start[0], region.stop[0])]
    if all(status in (Status.PROOFREAD, Status.EXCLUDED) for status in found):
        what = "proofread" if found[0] is Status.PROOFREAD else "left out"
        raise EmsegError(
            f"this section is {what} and stays as it is", f"section {region.start[0]}",
            "go to another one, or take its mark back", action="next_unproofread",
        )  # fmt: skip


def with_boundary(desk: Desk, region: Region, then: Callable[[], None], *, stage: str = "segment") -> None:
    """Go on when the membranes of a box are known; predict them first if they are not."""
    _, layers = desk.need_session()
    if layers.boundary_map.covers(region):
        then()
    else:
        predict_region(desk, region, stage=stage, then=then)


def segment_region(
    desk: Desk,
    region: Region,
    stage: str,
    then: Callable[[SegmentResult], None],
    meanwhile: Meanwhile | None = None,
) -> None:
    """Segment a box whose membranes are known.

    Parameters
    ----------
    stage : str
        Stage that shows progress and failures.
    then : callable
        Told what grew, when it is in the labels.
    meanwhile : Meanwhile, optional
        What was painted since it was asked for stays.
    """
    from napari_emseg.jobs import segment

    session, layers = desk.need_session()
    refuse_settled(session, region)  # it may have been marked while its membranes were looked for
    request = segment.prepare(session, region, layers.boundary_map.walls(region), placed=seeding.placed(desk))
    if meanwhile is not None:
        painted = request.before != meanwhile.as_it_was(region)
        request = replace(request, protected=request.protected | painted)

    def done(result: SegmentResult) -> None:
        refuse_settled(session, region)
        session.commit(segment.finish(session, request, result))
        seeding.hide_joined(desk, region, result.joined)
        layers.labels.visible = True
        layers.boundary.visible = layers.is_map_put_away = False  # two maps over one image hide it
        then(result)

    desk.start(stage, "growing seeds to segments")
    desk.runner.submit(
        _KEY,
        lambda **callbacks: desk.engine.submit("napari_emseg.jobs.segment:run", request, **callbacks),
        desk.handlers(stage, done),
    )
