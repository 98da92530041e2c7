"""Synapses of the open project and their partners: from its cells and a map of clefts, to a list that people go through."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.leftovers import temporary_folder
from napari_emseg.core.model_card import bundled_name, find_model, read_card
from napari_emseg.core.sections import Status
from napari_emseg.io.origin import made_now
from napari_emseg.jobs.kept_synapses import (
    Pair,
    Synapse,
    cells_at,
    keep_synapses,
    read_synapses,
    with_answered,
)
from napari_emseg.settings import SynapseSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_emseg.core.answers import Sites
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.jobs.kept_synapses import Voxel
    from napari_emseg.jobs.synapses import Found
    from napari_emseg.session import Session

TARGET = "cleft"
"""What a model has to find."""

_BLOCK = (32, 256, 256)


@dataclass(frozen=True, eq=False)
class SynapsesRequest:
    """What a worker needs.

    Parameters
    ----------
    cells : array-like (z, y, x) of int
        Ids of the sections that are searched, and of those beside them; 0 is nobody.
    clefts : array-like (z, y, x) of uint8
        Probability of clefts times 255.
    image : array-like (z, y, x)
        Read around synapses only.
    first : int
        Section of the stack that is the first of these.
    spacing_nm : (z, y, x)
    settings : SynapseSettings
    """

    cells: Any
    clefts: Any
    image: Any
    first: int
    spacing_nm: Spacing
    settings: SynapseSettings


@dataclass(frozen=True, eq=False)
class SynapsesResult:
    """What was found.

    Parameters
    ----------
    synapses : tuple of Synapse
        Voxels and sections are those of the stack.
    too_small : int
        Parts of the map that were dropped for their size.
    unsure : int
        Candidates that were not sure enough.
    """

    synapses: tuple[Synapse, ...]
    too_small: int
    unsure: int


def sections_with_cells(session: Session, sections: range) -> tuple[int, ...]:
    """Sections that can be searched: they hold cells and are not left out.

    Raises
    ------
    EmsegError
        If there are none, or the voxel size is unknown.
    """
    if session.image.spacing_nm is None:
        raise EmsegError(
            "the voxel size is unknown", session.image.name, "give it first: synapses are told by nanometres",
            action="set_spacing",
        )  # fmt: skip
    held = {z for z, _, _ in session.volume.occupied()} & set(sections)
    if not held:
        where = f"sections {sections.start} to {sections.stop - 1}"
        raise EmsegError("there are no cells yet", where, "segment them first", action="stage:segment")
    found = tuple(sorted(z for z in held if session.sections[z].status is not Status.EXCLUDED))
    if not found:
        raise EmsegError("all sections with cells are left out", session.image.name, "choose other sections")
    return found


def cleft_model(session: Session) -> Path:
    """The model that finds clefts: the session's own if it does, else another of the person's, else the bundled one.

    Raises
    ------
    EmsegError
        If none does.
    """
    for name in (session.model, TARGET):
        with suppress(EmsegError):
            folder = find_model(name, session.project.models)
            if TARGET in read_card(folder).targets:
                return folder
    bundled = bundled_name(TARGET)  # also where the person has another model of its name
    if bundled is not None:
        return bundled
    raise EmsegError(
        "no model here finds clefts", Path(session.model).name,
        f"choose one in Predict, or teach one that has {TARGET} among its targets", action="choose_model",
    )  # fmt: skip


def prepare(
    session: Session,
    sections: tuple[int, ...],
    clefts: Any,
    settings: SynapseSettings,
    wanted: Callable[[], bool] = lambda: True,
) -> SynapsesRequest:
    """Copy the cells; may be called in a thread.

    Parameters
    ----------
    session : Session
    sections : tuple of int
        Those that are searched, ascending; cells of those beside and between them are looked at, too.
    clefts : PackedStack (z, y, x) of uint8
        Of the stack: probability of clefts times 255 in these sections.
    settings : SynapseSettings
    wanted : callable
        Asked before every section; False stops the copying.

    Raises
    ------
    EmsegError
        If labels or image cannot be read.
    """
    from napari_emseg.io.lazy import LazyStack
    from napari_emseg.io.packed import PackedStack
    from napari_emseg.io.views import Window
    from napari_emseg.jobs.sections_read import ProjectImage
    from napari_emseg.jobs.synapses import margin_nm

    image, volume, spacing = session.image, session.volume, session.image.spacing_nm
    assert spacing is not None
    beside = int(np.ceil(margin_nm(settings) / spacing[0]))
    first, stop = max(0, sections[0] - beside), min(volume.shape[0], sections[-1] + 1 + beside)
    shape = (stop - first, *volume.shape[1:])
    excluded = session.sections.with_status(Status.EXCLUDED)
    cells, maps = PackedStack(shape, volume.dtype), PackedStack(shape, np.uint8)
    grey: Any = Window(ProjectImage(image, excluded), Region((first, 0, 0), (stop, *volume.shape[1:])))
    is_read_there = isinstance(image.data, LazyStack)
    if not is_read_there:
        grey = PackedStack(shape, image.data.dtype)
    for z in range(first, stop):
        if not wanted():
            raise Cancelled
        cells.put(z - first, np.asarray(volume[z]))
        if z in sections:
            maps.put(z - first, clefts[z])
        if not is_read_there:
            grey.put(z - first, np.asarray(image.data[z]))
    return SynapsesRequest(cells, maps, grey, first, spacing, settings)


def run(request: SynapsesRequest, progress: Progress) -> SynapsesResult:
    """Find synapses and their partners; in a worker. Pure."""
    from napari_emseg.algorithms.synapses.masks import CleftMap
    from napari_emseg.core.progress import Part
    from napari_emseg.jobs.synapses import judge_synapses, number_clefts
    from napari_emseg.jobs.synapses_inputs import Inputs

    settings, nowhere = request.settings, (0.0, 0.0, 0.0)
    clefts = CleftMap(request.clefts, settings.threshold, "clefts")
    inputs = Inputs(request.cells, request.spacing_nm, nowhere, clefts, None, request.image)
    with temporary_folder("emseg-synapses") as folder:
        ids, places, too_small = number_clefts(inputs, settings, _BLOCK, folder, Part(progress, 0.0, 0.5))
        found = tuple(judge_synapses(inputs, ids, places, settings, Part(progress, 0.5, 1.0)))
    synapses = tuple(_synapse(one, request.first, request.spacing_nm) for one in found)
    return SynapsesResult(synapses, too_small, sum(one.verdict.n_unsure for one in found))


def finish(
    session: Session,
    sections: range,
    result: SynapsesResult,
    made: Mapping[str, Any],
    *,
    before: Sequence[Synapse] | None = None,
    answers: Mapping[Sites, str] | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> tuple[Synapse, ...]:
    """Keep what was found in the project, together with what people said before; no label is changed. A thread may do it.

    Parameters
    ----------
    session : Session
    sections : range
        Where was searched.
    result : SynapsesResult
    made : mapping
        How it was found, for the record.
    before : sequence of Synapse, optional
        What was known until now; without it, what is kept.
    answers : mapping of sites to verdict, optional
        Without it, those that stand now.
    wanted : callable
        Asked before anything is kept; False leaves the file as it is.

    Raises
    ------
    EmsegError
        If the disk refuses.
    """
    spacing = session.image.spacing_nm
    assert spacing is not None
    before = read_synapses(session) if before is None else before
    answers = session.answers if answers is None else answers
    ends = [at for one in result.synapses for pair in one.pairs for at in (pair.pre_at, pair.post_at)]
    said = [at for sites, verdict in answers.items() if verdict for at in (sites[:3], sites[3:])]
    cells = cells_at([*ends, *said], session.volume.read) if said else {}
    kept = with_answered(result.synapses, before, answers, sections, cells.__getitem__, spacing)
    if wanted():
        about = {**made_now(), "sections": [sections.start, sections.stop - 1], **made}
        keep_synapses(session, kept, about)
    return kept


def _synapse(found: Found, first: int, spacing_nm: Spacing) -> Synapse:
    """A synapse in voxels of the stack."""
    place = found.place
    start, stop = place.region.start, place.region.stop
    begin = (found.start[0] + first, found.start[1], found.start[2])

    def voxel(at_nm: tuple[float, float, float]) -> Voxel:
        z, y, x = (int(a // s) + b for a, s, b in zip(at_nm, spacing_nm, begin, strict=True))
        return z, y, x

    return Synapse(
        (first + (start[0] + stop[0] - 1) // 2, (start[1] + stop[1]) // 2, (start[2] + stop[2]) // 2),
        (first + start[0], first + stop[0] - 1),
        place.voxels * float(np.prod(spacing_nm)),
        tuple(
            Pair(
                voxel(pair.pre_nm), voxel(pair.post_nm), pair.is_directed, round(pair.confidence, 4),
                round(pair.partner_probability, 4), round(pair.direction_probability, 4),
            )
            for pair in found.verdict.pairs
        ),
        found.verdict.reason,
    )  # fmt: skip
