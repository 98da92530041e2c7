"""Measure objects: those of a file into tables and a report, or those of the open project for its panel."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.progress import Part, Silent
from napari_emseg.measure.columns import columns_of
from napari_emseg.measure.survey import Survey, survey
from napari_emseg.measure.table import csv_text
from napari_emseg.settings import MeasureSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.measure.report import Groups
    from napari_emseg.session import Session


@dataclass(frozen=True, eq=False)
class MeasureRequest:
    """What a worker needs to measure objects.

    Parameters
    ----------
    labels : array-like (z, y, x) of int
        Ids; can be sent to the worker.
    spacing_nm : (z, y, x)
    settings : MeasureSettings
    image : array-like (z, y, x), optional
        A stack that the worker reads itself.
    objects : tuple of int, optional
        Measure these only.
    """

    labels: Any
    spacing_nm: Spacing
    settings: MeasureSettings
    image: Any = None
    objects: tuple[int, ...] | None = None


def prepare(
    session: Session,
    objects: Collection[int] | None,
    settings: MeasureSettings,
    wanted: Callable[[], bool] = lambda: True,
) -> MeasureRequest:
    """Copy the labels of the open project, packed section by section; may be called in a thread.

    Parameters
    ----------
    session : Session
    objects : collection of int or None
        None measures all.
    settings : MeasureSettings
    wanted : callable
        Asked before every section; False stops the copying.

    Raises
    ------
    EmsegError
        If the voxel size is unknown, or an object is not there.
    """
    from napari_emseg.io.lazy import LazyStack
    from napari_emseg.io.packed import PackedStack

    spacing = session.image.spacing_nm
    if spacing is None:
        raise EmsegError(
            "the voxel size is unknown", session.image.name, "give it first: nanometres need it",
            action="set_spacing",
        )  # fmt: skip
    volume = session.volume
    sections = {z for z, _, _ in volume.occupied()}
    if objects is not None:
        found = volume.find(list(objects))
        if not found:
            raise EmsegError(f"there is no object {min(objects)}", "this project", "point at one")
        sections = set(found)
    packed = PackedStack(volume.shape, volume.dtype)
    for z in sorted(sections):
        if not wanted():
            raise Cancelled
        packed.put(z, np.asarray(volume[z]))
    image = session.image.data if isinstance(session.image.data, LazyStack) else None
    wanted_ids = None if objects is None else tuple(sorted(objects))
    return MeasureRequest(packed, spacing, settings, image, wanted_ids)


def run(request: MeasureRequest, progress: Progress) -> Survey:
    """Measure; in a worker. Sections of the image that cannot be read are gone around: sizes do not need them."""
    return survey(
        request.labels,
        request.spacing_nm,
        request.settings,
        image=request.image,
        objects=request.objects,
        around_damage=True,
        progress=progress,
    )


def measure_file(
    source: str | Path,
    output: str | Path,
    *,
    spacing_nm: Spacing,
    image: str | Path | None = None,
    contacts: str | Path | None = None,
    report: str | Path | None = None,
    objects: Collection[int] | None = None,
    groups: Groups | None = None,
    settings: MeasureSettings | None = None,
    progress: Progress | None = None,
) -> Survey:
    """Measure the objects of a file.

    Parameters
    ----------
    source : path
        Object ids (z, y, x).
    output : path
        CSV with one row an object.
    spacing_nm : (z, y, x)
    image : path, optional
        Grey values of the same shape; adds their mean and standard deviation. Sections that cannot be read are gone around:
        ``unread`` of the result names them.
    contacts : path, optional
        CSV with one row a pair of objects that touch.
    report : path, optional
        Folder for tables, figures and methods.
    objects : collection of int, optional
        Measure these only.
    groups : Groups, optional
        What stands against what in the report.
    settings : MeasureSettings, optional
    progress : Progress, optional

    Raises
    ------
    EmsegError
        If a file cannot be read or written, holds an image and no ids, or lacks what is asked for. Nothing is written then.
    """
    from napari_emseg.jobs.grey_values import refuse_image_as_ids
    from napari_emseg.jobs.stack_file import open_stack

    settings, progress = settings or MeasureSettings(), progress or Silent()
    opened = open_stack(source)
    refuse_image_as_ids(opened.stack, source, is_labels=opened.is_labels)
    labels = opened.stack
    grey = None if image is None else open_stack(image).stack
    found = survey(
        labels,
        spacing_nm,
        settings,
        image=grey,
        objects=objects,
        around_damage=True,
        progress=Part(progress, 0.0, 0.95),
    )
    _check_groups(groups, found)
    files: dict[str, bytes] = {}
    if report is not None:
        progress.report(0.95, "drawing")
        files = _report(found, groups, source, image, labels, grey)
    with ExitStack() as together:  # all are written before the first appears under its name
        if report is not None:
            _write_report(Path(report), files, together)
        _write_tables(found, Path(output), None if contacts is None else Path(contacts), together)
    progress.report(1.0, "done")
    return found


def _check_groups(groups: Groups | None, found: Survey) -> None:
    """Refuse rows and columns that are no objects: a blank would read as "does not touch"."""
    if groups is None:
        return
    there = {int(row["id"] or 0) for row in found.objects}
    missing = sorted({*groups.rows, *groups.columns} - there)
    if missing:
        some = ", ".join(map(str, missing[:5])) + (" ..." if len(missing) > 5 else "")
        raise EmsegError(f"there is no object {some}", "--of, --against", "name objects that are measured")


def write_tables(found: Survey, output: Path, contacts: Path | None) -> None:
    """Write the table of objects, and that of contacts if there is a place for it."""
    with ExitStack() as together:
        _write_tables(found, output, contacts, together)


def _write_tables(found: Survey, output: Path, contacts: Path | None, together: ExitStack) -> None:
    of_objects, of_contacts = columns_of(found)
    _write(output, csv_text(found.objects, of_objects), together)
    if contacts is not None:
        _write(contacts, csv_text(found.contacts, of_contacts), together)


@dataclass(frozen=True, eq=False)
class ReportRequest:
    """What a worker needs to draw a report."""

    found: Survey
    about: dict[str, Any]


def prepare_report(session: Session, found: Survey) -> ReportRequest:
    """Where the labels of the open project come from, to go with what was measured on them."""
    from napari_emseg.jobs.methods import methods_text, provenance

    about = {**provenance(session), "source": f"“{session.image.name}”", "methods": methods_text(session)}
    return ReportRequest(found, about)


def draw(request: ReportRequest, progress: Progress) -> dict[str, bytes]:
    """Draw a report; in a worker. Gives file name to content."""
    from napari_emseg.measure.report import Groups, report_files

    progress.report(0.0, "drawing")
    return report_files(request.found, Groups(), request.about)


def write_report(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a report as a folder that appears when it is complete.

    Raises
    ------
    EmsegError
        If something else lies there, or it cannot be written.
    """
    with ExitStack() as together:
        _write_report(folder, files, together)


def _write_report(folder: Path, files: Mapping[str, bytes], together: ExitStack) -> None:
    from napari_emseg.io.atomic import atomic_output

    check_report(folder)
    beside = together.enter_context(atomic_output(folder))
    beside.mkdir()
    for name, content in files.items():
        (beside / name).write_bytes(content)


def check_report(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier report: it would be lost.

    Raises
    ------
    EmsegError
        If there is something else in it, or it is a file.
    """
    from napari_emseg.measure.report import RECORD

    if not folder.is_dir():
        if folder.exists():  # said now, and not when all has been measured
            raise EmsegError("a file is in the way of the report", str(folder), "name a folder")
        return
    names = {path.name for path in folder.iterdir()}
    known: set[str] = set()
    if RECORD in names:
        try:
            known = set(json.loads((folder / RECORD).read_text("utf-8"))["files"])
        except (OSError, ValueError, KeyError, TypeError):
            known = set()
    if names - known:
        some = ", ".join(sorted(names - known)[:3])
        raise EmsegError(
            f"other things are in the folder of the report ({some})", str(folder), "choose another name"
        )


def _report(
    found: Survey, groups: Groups | None, source: str | Path, image: str | Path | None, labels: Any, grey: Any
) -> dict[str, bytes]:
    from napari_emseg.io.origin import made_now, read_origin
    from napari_emseg.measure.report import Groups, report_files

    earlier = read_origin(source)
    about = {
        **made_now(), "source": str(source), **({} if image is None else {"image": str(image)}),
        **({"made_from": {str(source): earlier}} if earlier else {}),
    }  # fmt: skip
    return report_files(found, groups or Groups(), about, overlay=_overlay(found, labels, grey))


def _overlay(found: Survey, labels: Any, grey: Any) -> Any:
    """The middle section of what was measured, with the objects over the image."""
    if grey is None or not found.objects:
        return None
    from napari_emseg.jobs.frames import Scene, contrast, frame, frame_size
    from napari_emseg.settings import AnimateSettings

    look = AnimateSettings()
    first = min(int(row["first_section"] or 0) for row in found.objects)
    last = max(int(row["last_section"] or 0) for row in found.objects)
    readable = sorted(set(range(first, last + 1)) - set(found.unread))
    if not readable:
        return None
    z = readable[(len(readable) - 1) // 2]
    section, ids = np.asarray(grey[z]), np.asarray(labels[z])
    measured = np.array([row["id"] for row in found.objects], ids.dtype)
    ids = np.where(np.isin(ids, measured), ids, 0)
    size, pixel = frame_size(section.shape, found.spacing_nm, look.scale)
    return frame(Scene(size, pixel, *contrast([section], look.dark, look.bright), look), section, ids, z)


def _write(path: Path, text: str, together: ExitStack) -> None:
    from napari_emseg.io.atomic import atomic_output

    together.enter_context(atomic_output(path)).write_text(text, "utf-8", newline="")
