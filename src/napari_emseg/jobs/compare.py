"""Compare two segmentations section by section: scores, a table of objects, and a map of the errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.error_map import GAP_NM, GAP_PX, ErrorMapper, error_book
from napari_emseg.algorithms.metrics.links import LinkCount
from napari_emseg.algorithms.metrics.object_errors import errors_of_table
from napari_emseg.algorithms.metrics.objects import MIN_OBJECT_PX, count_table
from napari_emseg.algorithms.metrics.overlaps import LEAST_PART, RAGGED_NM, RAGGED_PX, deep_inside, real_pairs
from napari_emseg.algorithms.metrics.places import Places
from napari_emseg.algorithms.metrics.segmentation import border_mask, scores_of_table
from napari_emseg.algorithms.metrics.tally import Tally
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.object_ids import checked_ids
from napari_emseg.core.progress import Silent
from napari_emseg.io.packed import PackedStack
from napari_emseg.jobs.signed_ids import SignedIds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_emseg.algorithms.contingency import Contingency
    from napari_emseg.algorithms.metrics.error_map import ErrorBook
    from napari_emseg.algorithms.metrics.object_errors import ObjectErrors
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing

Scores = dict[str, float | str | None]


@dataclass(frozen=True, eq=False)
class CompareRequest:
    """What a worker needs to compare two volumes.

    Parameters
    ----------
    truth, other : str or array-like (z, y, x)
        Files, which the worker opens itself, or stacks that can be sent to it.
    region : Region, optional
        The part that is compared; all of it by default.
    spacing_nm : (z, y, x) or None
    border_nm : float
        Borders of true objects up to this far are not scored.
    least_part : float
        Part of a true object from which an overlap counts as a split or a merger.
    """

    truth: Any
    other: Any
    region: Region | None
    spacing_nm: Spacing | None
    border_nm: float = 0.0
    least_part: float = LEAST_PART


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came out.

    Parameters
    ----------
    scores : dict of str to float
        As `evaluate segmentation` gives them; where a mask was given for ids, ``note`` says so.
    rows : tuple of ObjectErrors
        True objects of at least 64 voxels, those that cost most first, then segments that are not in the truth.
        Places are voxels of the whole stack.
    region : Region
        What was compared.
    """

    scores: Scores
    rows: tuple[ObjectErrors, ...]
    region: Region


def run(request: CompareRequest, progress: Any) -> Comparison:
    """Compare in a worker; the sections of the error map come as partial results (section, packed bytes)."""
    truth, other = _opened(request.truth), _opened(request.other)

    def on_section(z: int, errors: PackedStack) -> None:
        progress.partial((z, errors.packed(z)))

    return compare(
        truth, other, region=request.region, spacing_nm=request.spacing_nm, border_nm=request.border_nm,
        least_part=request.least_part, errors=PackedStack(_shape(truth), np.uint8), on_section=on_section,
        progress=progress,
    )  # fmt: skip


def compare(
    truth: Any,
    other: Any,
    *,
    region: Region | None = None,
    spacing_nm: Spacing | None = None,
    border_nm: float = 0.0,
    least_part: float = LEAST_PART,
    errors: PackedStack | None = None,
    on_section: Callable[[int, PackedStack], None] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two segmentations; never more than two sections of each are in memory.

    Parameters
    ----------
    truth, other : array-like (z, y, x) of int
        Ids; 0 of the truth is not scored.
    region, spacing_nm, border_nm, least_part
        See `CompareRequest`.
    errors : PackedStack, optional
        Gets the error map, see `napari_emseg.algorithms.metrics.error_map`. Without it there are no rows either.
    on_section : callable, optional
        Told of every section of the error map that is there.
    progress : Progress, optional

    Raises
    ------
    EmsegError
        If the two differ in shape, hold no ids, nothing is left to compare, or borders are to be left out of
        a volume of unknown voxel size.
    """
    progress = progress or Silent()
    region = _check(truth, other, region)
    truth, other = SignedIds(truth), SignedIds(other)
    if border_nm > 0 and spacing_nm is None:
        raise EmsegError("the voxel size is unknown", "ground truth", "give --pixel-size")
    whole = _Whole(truth, other, region, spacing_nm, border_nm, errors is not None, progress)
    scored = whole.table.where(whole.table.a != 0)
    if not len(scored):
        raise EmsegError(
            "there is no object to compare with",
            "ground truth",
            "mask a narrower border" if border_nm > 0 else "ids are non-zero",
        )
    scores: Scores = {**scores_of_table(scored), **_edits(scored), **whole.links.scores()}
    scores |= _note(int(np.unique(scored.a).size), int(np.unique(whole.table.b[whole.table.b != 0]).size))
    if errors is None:
        return Comparison(scores, (), region)
    real = real_pairs(scored, least_part, whole.core, MIN_OBJECT_PX)
    rows = [row for row in errors_of_table(scored, real) if row.voxels >= MIN_OBJECT_PX]
    book = error_book(whole.table, real)
    places = _draw(truth, other, region, book, spacing_nm, errors, on_section, progress)
    return Comparison(scores, tuple(_named(r, truth, other) for r in places.complete(rows, book)), region)


def _named(row: ObjectErrors, truth: SignedIds, other: SignedIds) -> ObjectErrors:
    return replace(
        row,
        object_id=truth.true_id(row.object_id),
        main_segment=other.true_id(row.main_segment),
        merged_with=tuple(truth.true_id(i) for i in row.merged_with),
    )


class _Whole:
    """What is known once every section was looked at: overlaps with 0 of both, overlaps deep inside, links."""

    def __init__(
        self,
        truth: Any,
        other: Any,
        region: Region,
        spacing_nm: Spacing | None,
        border_nm: float,
        wants_errors: bool,
        progress: Progress,
    ) -> None:
        tally, deep, self.links = Tally(), Tally(), LinkCount()
        n = region.shape[0]
        ragged = RAGGED_PX if spacing_nm is None else RAGGED_NM / min(spacing_nm[1:])
        for k, z in enumerate(range(region.start[0], region.stop[0])):
            a, b = _section(truth, region, z, _TRUTH), _section(other, region, z, _OTHER)
            if wants_errors:
                inside = deep_inside(a, ragged)
                deep.add(a[inside], b[inside])
            if border_nm > 0 and spacing_nm is not None:
                counted = ~border_mask(a, border_nm, spacing_nm)
                a, b = a[counted], b[counted]
            part = contingency(a, b)
            self.links.add(part.where(part.a != 0))
            tally.add_table(part)
            progress.report((0.5 if wants_errors else 1) * (k + 1) / n, f"comparing section {z}")
        self.table = tally.table()
        self.core = deep.table() if wants_errors else None


def _draw(
    truth: Any,
    other: Any,
    region: Region,
    book: ErrorBook,
    spacing_nm: Spacing | None,
    errors: PackedStack,
    on_section: Callable[[int, PackedStack], None] | None,
    progress: Progress,
) -> Places:
    """Fill in the error map, and remember where each object has most of its errors."""
    gap = GAP_PX if spacing_nm is None else max(1, round(GAP_NM / min(spacing_nm[1:])))
    mapper, places = ErrorMapper(book, gap), Places(region.start[1:])
    n = region.shape[0]
    for k, z in enumerate(range(region.start[0], region.stop[0])):
        segments = _section(other, region, z, _OTHER)
        found, whose = mapper.section(_section(truth, region, z, _TRUTH), segments)
        places.look(z, found, whose, segments)
        whole = np.zeros(errors.shape[1:], np.uint8)
        whole[region.slices[1:]] = found
        errors.put(z, whole)
        if on_section is not None:
            on_section(z, errors)
        progress.report(0.5 + 0.5 * (k + 1) / n, f"drawing the errors of section {z}")
    return places


def _note(true_ids: int, other_ids: int) -> Scores:
    """What to think of scores where a mask was given for ids: all that it marks counts as one object."""
    if min(true_ids, other_ids) != 1:
        return {}
    if true_ids == other_ids:
        remedy = "how well masks overlap is said by evaluate semantic"
        return {"note": f"both hold a single id, as masks do: {remedy}"}
    which = _TRUTH if true_ids == 1 else _OTHER
    remedy = "give each of its objects an id first (napari-emseg instances)"
    return {"note": f"{which} holds a single id, as a mask does, and counts as one object: {remedy}"}


_TRUTH, _OTHER = "the ground truth", "the other segmentation"


def _edits(table: Contingency) -> Scores:
    """What a person would have to do, counted over the whole volume."""
    counts = count_table(table, with_f1=False)
    each = 100 * counts.edits / counts.objects if counts.objects else 0.0
    return {
        "merges_needed": counts.merges_needed,
        "splits_needed": counts.splits_needed,
        "missed": counts.missed,
        "objects": counts.objects,
        "edits_per_100_objects": each,
    }


def _section(array: Any, region: Region, z: int, which: str) -> NDArray[Any]:
    section = np.asarray(array[(z, *region.slices[1:])])
    section = checked_ids(section, f"{which}, section {z}", remedy="choose a segmentation")
    return section.astype(np.uint8) if section.dtype.kind == "b" else section


def _opened(source: Any) -> Any:
    """An array as it is, or the one channel of a file."""
    if not isinstance(source, str):
        return source
    from napari_emseg.io import open_array
    from napari_emseg.jobs.stack_file import one_channel

    array, _ = open_array(source)
    return one_channel(array, source)


def _shape(array: Any) -> tuple[int, int, int]:
    z, y, x = (int(n) for n in array.shape)
    return z, y, x


def _check(truth: Any, other: Any, region: Region | None) -> Region:
    if tuple(truth.shape) != tuple(other.shape):
        raise EmsegError(
            "the two segmentations differ in shape",
            f"the truth is {tuple(truth.shape)}, the other {tuple(other.shape)}",
            "compare the same sections of the same stack",
        )
    shape = _shape(truth)
    found = Region.full(shape) if region is None else region.clipped(shape)
    if 0 in found.shape:
        raise EmsegError(
            "there is nothing to compare", f"{found.start} to {found.stop}", "choose more sections"
        )
    return found
