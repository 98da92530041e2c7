"""Clean-up of files that leaves every section in its place: brightness, bad sections, grey values, voxel size."""

from __future__ import annotations

import csv
import io as text_io
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.section_list import parse_sections
from napari_emseg.core.words import counted
from napari_emseg.io import open_image, write_array
from napari_emseg.io.atomic import check_place, write_text
from napari_emseg.io.grid import position_kept
from napari_emseg.io.origin import origin
from napari_emseg.io.writing import check_output
from napari_emseg.jobs.opened_sections import open_grey, open_sections
from napari_emseg.jobs.section_flow import ChannelMap, SectionFlow, SectionMap, checked, sections_of
from napari_emseg.preprocess.bad_sections import Suspicion, find_bad_sections
from napari_emseg.preprocess.replacement import (
    Method,
    Replacement,
    plan_replacements,
    replaced_section,
    replacements_as_rows,
    replacements_from_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset
    from napari_emseg.preprocess.contrast import Normalisation
    from napari_emseg.settings import DeflickerSettings

COLUMNS = ("section", "kind", "score", "reason", "bad")
"""Of the report; a person sets ``bad`` to ``no`` where a section is good after all."""


def write_mapped(
    output: str,
    channels: list[Any],
    compute: Callable[[Any, int], NDArray[Any]],
    shape: tuple[int, int, int],
    spacing_nm: Spacing | None,
    progress: Progress,
    message: str,
    metadata: dict[str, Any],
    *,
    dtype: Any = None,
    offset_nm: Offset | None = None,
) -> None:
    """Write what ``compute(channel, z)`` makes of every section of every channel."""
    maps = [
        SectionMap(partial(compute, channel), shape, dtype or channel.dtype, progress, message)
        for channel in channels
    ]
    array, axes = (maps[0], "zyx") if len(maps) == 1 else (ChannelMap(maps), "czyx")
    place = position_kept(output, offset_nm, spacing_nm)
    write_array(output, array, spacing_nm=spacing_nm, offset_nm=place, axes=axes, metadata=metadata)


def read_text(path: str, remedy: str) -> str:
    """Read a small file.

    Raises
    ------
    EmsegError
        If it cannot be read.
    """
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise EmsegError(f"it cannot be read ({reason})", path, remedy) from error


def deflicker_file(source: str, output: str, settings: DeflickerSettings, progress: Progress) -> list[str]:
    """Even out brightness, streaming; returns what to tell the person."""
    from napari_emseg.preprocess.deflicker import deflicker_sections

    check_output(output, source)
    stack = open_grey(source)
    flow = SectionFlow(
        lambda: deflicker_sections(
            sections_of(stack.data, source), settings, again=lambda z: np.asarray(stack.data[z])
        ),
        stack.shape, stack.data.dtype, progress, "evening out",
    )  # fmt: skip
    note = origin("deflicker", stack.uri, settings=settings.model_dump())
    place = position_kept(output, stack.offset_nm, stack.spacing_nm)
    write_array(output, flow, spacing_nm=stack.spacing_nm, offset_nm=place, metadata=note)
    return [f"{output}: brightness of {counted(stack.shape[0], 'section')} evened out"]


def detect_file(source: str, output: str, pictures: str | None, progress: Progress) -> list[str]:
    """List suspicious sections as CSV or JSON.

    Raises
    ------
    EmsegError
        If the report is to be neither, or a file cannot be read or written.
    """
    suffix = Path(output).suffix.lower()
    if suffix not in (".csv", ".json"):
        raise EmsegError("a report is a table", output, "end it in .csv or .json")
    check_place(Path(output))
    if pictures and Path(pictures).exists() and not Path(pictures).is_dir():
        raise EmsegError("pictures go into a folder", pictures, "name one, or one that is not there yet")
    stack = open_image(source)
    found = find_bad_sections(sections_of(stack.data, source), progress=progress, count=stack.shape[0])
    write_text(output, report_text(found, as_json=suffix == ".json"))
    if pictures:
        from PIL import Image

        folder = Path(pictures)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for one in found:
                Image.fromarray(one.picture).save(
                    folder / f"{one.section:04d}-{one.kind.replace(' ', '-')}.png"
                )
        except OSError as error:
            raise EmsegError(f"no pictures can be written ({error.strerror})", pictures) from error
    words = [f"section {s.section}: {s.kind} ({s.score:.2f}), {s.reason}" for s in found]
    return [f"{output}: {len(found)} of {stack.shape[0]} sections are suspicious", *words]


def report_text(found: Iterable[Suspicion], *, as_json: bool) -> str:
    """The report as text."""
    rows = [
        {"section": s.section, "kind": s.kind, "score": round(s.score, 3), "reason": s.reason, "bad": "yes"}
        for s in found
    ]
    if as_json:
        return json.dumps(rows, indent=1) + "\n"
    out = text_io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read_report(path: str) -> tuple[int, ...]:
    """Sections that a report calls bad.

    Raises
    ------
    EmsegError
        If it is no report.
    """
    text = read_text(path, "give what detect-bad has written")
    try:
        rows = (
            json.loads(text)
            if path.lower().endswith(".json")
            else list(csv.DictReader(text_io.StringIO(text)))
        )
        return tuple(
            int(row["section"])
            for row in rows
            if str(row.get("bad", "yes")).strip().lower() not in ("no", "false", "0")
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EmsegError(
            "this is no report of bad sections", path, "give what detect-bad has written"
        ) from error


def replace_file(
    source: str,
    output: str,
    *,
    bad: str | None,
    report: str | None,
    replay: str | None,
    method: Method,
    table: str | None,
    labels: bool | None,
    progress: Progress,
) -> list[str]:
    """Replace bad sections; without a list they are looked for first.

    Raises
    ------
    EmsegError
        If labels come without a list, the list or the table cannot be read, or a file cannot be read or written.
    """
    check_output(output, source)
    if table:
        check_place(Path(table))
    mixes = method == "flow" or replay is not None
    channels, spacing, offset = open_sections(source, labels=labels, mixes=mixes)
    count = channels[0].shape[0]
    said: list[str] = []
    if replay is not None:
        text = read_text(replay, "give what --table has written")
        try:
            rows = json.loads(text)
        except ValueError as error:
            raise EmsegError("this is no list of replacements", replay, "give what --table wrote") from error
        plan = replacements_from_rows(rows, count)
    else:
        if bad is not None:
            chosen = parse_sections(bad, count)
        elif report is not None:
            chosen = read_report(report)
        elif labels:
            raise EmsegError(
                "which sections are bad cannot be seen in labels", "replace-bad", "give --bad or --report"
            )
        else:
            found = find_bad_sections(sections_of(channels[0], source), progress=progress, count=count)
            said = [f"section {s.section} looks bad: {s.kind}, {s.reason}" for s in found]
            chosen = tuple(s.section for s in found)
        plan = plan_replacements(chosen, count, method)
    by_section = {r.section: r for r in plan}

    def compute(channel: Any, z: int) -> NDArray[Any]:
        return section_or_replacement(channel, z, by_section, labels=bool(labels))

    note = origin("replace-bad", source, replaced=replacements_as_rows(plan))
    write_mapped(
        output, channels, compute, channels[0].shape, spacing, progress, "replacing", note, offset_nm=offset
    )
    if table:
        write_text(table, json.dumps(replacements_as_rows(plan), indent=1) + "\n")
    return [f"{output}: {len(plan)} of {count} sections replaced", *said, *(r.words for r in plan)]


def section_or_replacement(
    stack: Any, z: int, plan: dict[int, Replacement], *, labels: bool = False
) -> NDArray[Any]:
    """A section as it is, or what stands in for it."""
    if z in plan:
        return replaced_section(stack, plan[z], labels=labels)
    return np.asarray(stack[z])


def normalize_file(
    source: str,
    output: str,
    change: Callable[[NDArray[Any]], NDArray[Any]] | Normalisation,
    progress: Progress,
    note: dict[str, Any],
) -> list[str]:
    """Change grey values section by section."""
    check_output(output, source)
    stack = open_grey(source)
    apply = change if callable(change) else change.apply
    dtype = stack.data.dtype if callable(change) else np.float32

    def compute(channel: Any, z: int) -> NDArray[Any]:
        return apply(checked(np.asarray(channel[z]), z, source))

    write_mapped(
        output, [stack.data], compute, stack.shape, stack.spacing_nm, progress, "normalising",
        origin("normalize", stack.uri, **note), dtype=dtype, offset_nm=stack.offset_nm,
    )  # fmt: skip
    return [f"{output}: grey values of {counted(stack.shape[0], 'section')} brought to one scale"]


def resample_file(
    source: str,
    output: str,
    *,
    to: tuple[float, ...] | None,
    factor: tuple[float, ...] | None,
    given: tuple[float, ...] | None,
    labels: bool | None,
    progress: Progress,
) -> list[str]:
    """Change the voxel size, one section of the result at a time.

    Raises
    ------
    EmsegError
        If the voxel size is needed and unknown, or a file cannot be read or written.
    """
    from napari_emseg.algorithms.resampling import Resampling

    check_output(output, source)
    opened = open_sections(source, labels=labels, mixes=True)
    channels = opened.channels
    spacing = _spacing(given, opened.spacing_nm)
    if factor is not None:
        factors = (1.0, factor[0], factor[0]) if len(factor) == 1 else (factor[0], factor[1], factor[2])
        plan = Resampling(channels[0].shape, factors)
    else:
        assert to is not None
        if spacing is None or (len(to) == 3 and np.isnan(spacing[0])):
            raise EmsegError("the voxel size of the stack is unknown", source, "give --pixel-size")
        old = (1.0, *spacing[1:]) if len(to) == 1 else spacing
        plan = Resampling.between(
            channels[0].shape, old, (1.0, to[0], to[0]) if len(to) == 1 else (to[0], to[1], to[2])
        )
    depth, height, width = plan.output

    def compute(channel: Any, z: int) -> NDArray[Any]:
        region = Region((z, 0, 0), (z + 1, height, width))
        block = np.asarray(channel[plan.needed(region).slices])
        return np.asarray((plan.labels if labels else plan.image)(block, region)[0])

    new = None
    if spacing is not None and not np.isnan(spacing[0]):
        new = (spacing[0] * plan.factors[0], spacing[1] * plan.factors[1], spacing[2] * plan.factors[2])
    note = origin("resample", source, factors=list(plan.factors), labels=bool(labels))
    offset = opened._replace(spacing_nm=spacing).moved(plan.offset) if new is not None else None
    write_mapped(
        output, channels, compute, (depth, height, width), new, progress, "resampling", note, offset_nm=offset
    )
    size = " x ".join(f"{s:g}" for s in new) + " nm" if new else "of unknown size"
    return [f"{output}: {depth} x {height} x {width} voxels, {size}"]


def _spacing(given: tuple[float, ...] | None, found: Spacing | None) -> Spacing | None:
    """Voxel size; where only the pixel size is known the thickness is NaN and is neither used nor written."""
    if given is None:
        return found
    if len(given) == 3:
        return given[0], given[1], given[2]
    return (found[0] if found else float("nan")), given[0], given[0]
