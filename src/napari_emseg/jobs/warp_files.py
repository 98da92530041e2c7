"""Clean-up of files that moves tissue, and the exact ways back: alignment by shifts, cracked sections."""

from __future__ import annotations

import csv
import io as text_io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.section_list import parse_sections
from napari_emseg.core.words import counted
from napari_emseg.io import open_image
from napari_emseg.io.atomic import check_place, write_bytes, write_text
from napari_emseg.io.origin import origin
from napari_emseg.io.writing import check_output
from napari_emseg.jobs.clean_files import (
    read_text,
    write_mapped,
)
from napari_emseg.jobs.opened_sections import open_sections
from napari_emseg.jobs.section_flow import sections_of
from napari_emseg.preprocess.alignment import Alignment
from napari_emseg.preprocess.cracks import Crack, cracks_as_text, locate, read_cracks
from napari_emseg.preprocess.elastic import read_warp, warp_as_bytes
from napari_emseg.preprocess.mending import mend, mend_labels, unmend
from napari_emseg.preprocess.shift_table import read_shifts, shifts_as_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress

_PIXELS = ("z", "y", "x")
_NANOMETRES = ("z_nm", "y_nm", "x_nm")


def align_file(
    source: str,
    output: str,
    *,
    table: str | None,
    estimate: str | None,
    elastic: str | None,
    cumulative: bool,
    margin: int,
    labels: bool | None,
    most_px: float | None,
    bad: str | None,
    given: tuple[float, ...] | None,
    progress: Progress,
) -> list[str]:
    """Shift every section, on a canvas that cuts nothing, and bend it if asked; points (.csv) are moved alike."""
    for record in (estimate, elastic) if estimate is not None else ():
        if record is not None:
            check_place(Path(record))
    if table is not None:
        alignment = read_alignment(table, elastic, cumulative=cumulative, margin=margin)
        said = list(alignment.shifts.notes)
    else:
        assert estimate is not None
        alignment, said = _estimated(source, estimate, elastic, most_px, bad, margin, progress)
    if source.lower().endswith(".csv"):
        return [*_points_file(source, output, alignment, given, back=False), *said]
    check_output(output, source)
    opened = open_sections(source, labels=labels, mixes=elastic is not None)
    depth, height, width = opened.channels[0].shape
    alignment.check((depth, height, width), elastic or table or estimate or "")
    canvas = alignment.shifts.canvas((height, width))

    def compute(channel: Any, z: int) -> NDArray[Any]:
        return alignment.forward(np.asarray(channel[z]), z, labels=bool(labels))

    note = origin(
        "align", source, shifts=alignment.shifts.shifts.tolist(), margin=margin, elastic=elastic or ""
    )
    y, x = alignment.shifts.origin
    write_mapped(
        output, opened.channels, compute, (depth, *canvas), opened.spacing_nm, progress, "aligning", note,
        offset_nm=opened.moved((0, -y, -x)),
    )  # fmt: skip
    if estimate is not None:
        write_text(estimate, shifts_as_text(alignment.shifts, comment=f"shifts that align {source}"))
        if elastic is not None and alignment.warp is not None:
            write_bytes(elastic, warp_as_bytes(alignment.warp))
    return [f"{output}: {counted(depth, 'section')} on a canvas of {canvas[0]} x {canvas[1]} px", *said]


def read_alignment(
    table: str, elastic: str | None = None, *, cumulative: bool = False, margin: int = 0
) -> Alignment:
    """Shifts from a table, and displacements from what ``align --elastic`` has written.

    Raises
    ------
    EmsegError
        If a file cannot be read, or the two belong to different stacks.
    """
    shifts = read_shifts(Path(table), cumulative=cumulative, margin=margin)
    if elastic is None:
        return Alignment(shifts)
    try:
        content = Path(elastic).read_bytes()
    except OSError as error:
        raise EmsegError(
            "the elastic alignment cannot be read", elastic, error.strerror or "check the path"
        ) from error
    return Alignment(shifts, read_warp(content, elastic))


def _estimated(
    source: str,
    estimate: str,
    elastic: str | None,
    most_px: float | None,
    bad: str | None,
    margin: int,
    progress: Progress,
) -> tuple[Alignment, list[str]]:
    from napari_emseg.preprocess.registration import estimate_alignment

    stack = open_image(source)
    excluded = parse_sections(bad, stack.shape[0]) if bad else ()
    found = estimate_alignment(
        sections_of(stack.data, source),
        most_px=most_px,
        excluded=excluded,
        progress=progress,
        count=stack.shape[0],
    )
    said = [f"{estimate}: the table; unalign needs it"]
    if found.doubtful:
        rows = ", ".join(str(z) for z in found.doubtful)
        said.append(f"no neighbour agrees with sections {rows}: they lie between their neighbours")
    shifts = found.table(margin=margin)
    if elastic is None:
        return Alignment(shifts), said
    alignment = Alignment.elastic(
        stack.data, shifts, excluded={*excluded, *found.doubtful}, progress=progress
    )
    assert alignment.warp is not None
    said.append(
        f"{elastic}: displacements up to {alignment.warp.largest_px:.1f} px; unalign needs it with the table"
    )
    return alignment, said


def unalign_file(
    source: str,
    output: str,
    *,
    table: str,
    elastic: str | None,
    cumulative: bool,
    margin: int,
    labels: bool | None,
    given: tuple[float, ...] | None,
    progress: Progress,
) -> list[str]:
    """The inverse of `align_file` with the same table: exact for shifts, the nearest pixel for bent labels."""
    alignment = read_alignment(table, elastic, cumulative=cumulative, margin=margin)
    if source.lower().endswith(".csv"):
        return _points_file(source, output, alignment, given, back=True)
    check_output(output, source)
    opened = open_sections(source, labels=labels, mixes=elastic is not None)
    depth, height, width = opened.channels[0].shape
    size = alignment.shifts.original((height, width), source)
    alignment.check((depth, *size), elastic or table)

    def compute(channel: Any, z: int) -> NDArray[Any]:
        return alignment.back(np.asarray(channel[z]), z, labels=bool(labels))

    note = origin(
        "unalign", source, shifts=alignment.shifts.shifts.tolist(), margin=margin, elastic=elastic or ""
    )
    y, x = alignment.shifts.origin
    write_mapped(
        output, opened.channels, compute, (depth, *size), opened.spacing_nm, progress, "taking back", note,
        offset_nm=opened.moved((0, y, x)),
    )  # fmt: skip
    return [f"{output}: {counted(depth, 'section')} of {size[0]} x {size[1]} px"]


def _points_file(
    source: str, output: str, alignment: Alignment, given: tuple[float, ...] | None, *, back: bool
) -> list[str]:
    """Move the points of a table with columns z, y, x (pixels) or z_nm, y_nm, x_nm; other columns stay."""
    reader = csv.DictReader(text_io.StringIO(read_text(source, "give a table of points")))
    columns = list(reader.fieldnames or ())
    names = next((n for n in (_PIXELS, _NANOMETRES) if set(n) <= set(columns)), None)
    if names is None:
        raise EmsegError(
            "the table has no columns z, y, x (pixels) or z_nm, y_nm, x_nm",
            source,
            f"it has {', '.join(columns)}",
        )
    rows = list(reader)
    try:
        points = np.array([[float(row[n]) for n in names] for row in rows]).reshape(-1, 3)
    except (TypeError, ValueError) as error:
        raise EmsegError("a point is not three numbers", source, "correct that row") from error
    size = np.ones(3)
    if names is _NANOMETRES:
        if given is None or len(given) != 3:
            raise EmsegError("the voxel size is missing", source, "give --pixel-size Z,Y,X in nm")
        size = np.array(given)
    moved = (alignment.points_back if back else alignment.points_forward)(points / size) * size
    for row, place in zip(rows, moved.tolist(), strict=True):
        row.update({n: f"{v:.9g}" for n, v in zip(names, place, strict=True)})
    out = text_io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(output, out.getvalue())
    return [f"{output}: {counted(len(rows), 'point')} moved"]


def crack_file(
    source: str,
    output: str,
    *,
    sections: str | None,
    table: str | None,
    labels: bool | None,
    progress: Progress,
) -> list[str]:
    """Mend cracked sections and record how; labels are moved by an existing record.

    Raises
    ------
    EmsegError
        If labels come without a record, or a file cannot be read or written.
    """
    check_output(output, source)
    channels, spacing, offset = open_sections(source, labels=labels, mixes=True)
    stack = channels[0]
    if labels:
        if table is None:
            raise EmsegError("labels are moved by the record of their image", "crack", "give it with --table")
        cracks = _read(table, stack.shape)
    else:
        chosen = parse_sections(sections, stack.shape[0]) if sections else None
        cracks = find_cracks(stack, chosen, progress, source)
    by_section = {c.section: c for c in cracks}

    def compute(channel: Any, z: int) -> NDArray[Any]:
        values = np.asarray(channel[z])
        if z not in by_section:
            return values
        if labels:
            return mend_labels(values, by_section[z])
        before, after = neighbours(channel, z, by_section)
        return mend(values, by_section[z], before, after)

    note = origin("crack", source, sections=sorted(by_section))
    write_mapped(output, channels, compute, stack.shape, spacing, progress, "mending", note, offset_nm=offset)
    said = [f"{output}: {counted(len(cracks), 'cracked section')} mended"]
    if not labels:
        record = table or f"{output.rstrip('/')}.cracks.json"
        write_text(record, cracks_as_text(cracks))
        said.append(f"{record}: the record; uncrack needs it")
    return said + [f"section {c.section}: {counted(len(c.affines), 'part')}" for c in cracks]


def find_cracks(stack: Any, chosen: tuple[int, ...] | None, progress: Progress, where: str) -> list[Crack]:
    """Cracks of the chosen sections, or of those that look cracked.

    Raises
    ------
    EmsegError
        If a chosen section has no crack that divides it.
    """
    from napari_emseg.preprocess.bad_sections import find_bad_sections

    suspects = chosen
    if suspects is None:
        found = find_bad_sections(sections_of(stack, where), progress=progress, count=stack.shape[0])
        # A suspicious section has one name, and what a crack did is often called a shift or a fold.
        suspects = tuple(s.section for s in found if s.kind not in ("missing", "duplicated"))
    cracks = []
    for n, z in enumerate(suspects):
        progress.report(n / len(suspects), f"splitting section {z}")
        around = [s for s in neighbours(stack, z, dict.fromkeys(suspects)) if s is not None]
        crack = locate(np.asarray(stack[z]), z, around) if around else None
        if crack is None and chosen is not None:
            raise EmsegError(
                "no crack that divides the section", f"{where}, section {z}", "leave it out of --sections"
            )
        if crack is not None:
            cracks.append(crack)
    return cracks


def neighbours(stack: Any, z: int, bad: dict[int, Any]) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """The nearest sections before and after one that are not themselves bad."""
    before = next((n for n in range(z - 1, -1, -1) if n not in bad), None)
    after = next((n for n in range(z + 1, stack.shape[0]) if n not in bad), None)
    return (
        None if before is None else np.asarray(stack[before]),
        None if after is None else np.asarray(stack[after]),
    )


def uncrack_file(
    source: str, output: str, *, table: str, labels: bool | None, progress: Progress
) -> list[str]:
    """The way back for labels or predictions that were made on mended sections."""
    check_output(output, source)
    channels, spacing, offset = open_sections(source, labels=labels, mixes=True)
    cracks = _read(table, channels[0].shape)
    by_section = {c.section: c for c in cracks}

    def compute(channel: Any, z: int) -> NDArray[Any]:
        values = np.asarray(channel[z])
        return unmend(values, by_section[z], labels=bool(labels)) if z in by_section else values

    note = origin("uncrack", source, sections=sorted(by_section))
    write_mapped(
        output, channels, compute, channels[0].shape, spacing, progress, "taking back", note, offset_nm=offset
    )
    return [f"{output}: {counted(len(cracks), 'section')} brought back to where their parts lay"]


def _read(table: str, shape: tuple[int, int, int]) -> list[Crack]:
    cracks = read_cracks(read_text(table, "give the record that crack has written"), table)
    for crack in cracks:
        if crack.parts.shape != shape[1:] or not 0 <= crack.section < shape[0]:
            raise EmsegError(
                "the record is of another stack", table,
                f"section {crack.section} of {crack.parts.shape[0]} x {crack.parts.shape[1]} px, "
                f"the stack has {shape[0]} of {shape[1]} x {shape[2]} px",
            )  # fmt: skip
    return cracks
