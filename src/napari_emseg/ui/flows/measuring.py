"""Measure objects of the open project, and give the numbers away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted
from napari_emseg.settings import MeasureSettings

if TYPE_CHECKING:
    from napari_emseg.measure.survey import Row, Survey
    from napari_emseg.ui.desk import Desk

_JOB = "napari_emseg.jobs.measure:run"
_DRAW = "napari_emseg.jobs.measure:draw"
_STAGE = "measure"


def take_up(desk: Desk) -> None:
    """Show again what was measured when the project was open before."""
    from napari_emseg.jobs.measurements import kept

    session, _ = desk.need_session()
    desk.measured = kept(session)
    if desk.measured is not None:
        desk.say(_STAGE, f"{_all_words(desk.measurement)} Measured on {desk.measured.day}.")


def why_old(desk: Desk) -> str:
    """What has changed since the objects were measured; empty where nothing has, or nothing was measured."""
    if desk.session is None or desk.measured is None:
        return ""
    from napari_emseg.jobs.measurements import why_old as changed

    return changed(desk.session, desk.measured)


def measure_all(desk: Desk) -> None:
    """Measure every object of the project in the worker."""
    _start(desk, None)


def measure_object(desk: Desk) -> None:
    """Measure the object whose id is picked in the labels layer.

    Raises
    ------
    EmsegError
        If none is.
    """
    _, layers = desk.need_session()
    object_id = int(layers.labels.selected_label)
    if object_id < 1:
        raise EmsegError("no object is picked", "", "click one with the pipette, or find it by its id")
    _start(desk, object_id)


def _start(desk: Desk, object_id: int | None) -> None:
    from napari_emseg.jobs import measure as job
    from napari_emseg.jobs.measurements import Measured, keep

    session, _ = desk.need_session()
    desk.sweep()
    settings = desk.settings(_STAGE)
    assert isinstance(settings, MeasureSettings)
    objects = None if object_id is None else (object_id,)
    engine, runner = desk.engine, desk.runner
    number = runner.generation(_STAGE) + 1
    label_state = session.label_state  # what is painted while they are measured makes the numbers old

    def prepare() -> Any:
        return job.prepare(session, objects, settings, lambda: runner.generation(_STAGE) == number)

    def submit(request: Any, **callbacks: Any) -> Any:
        return engine.submit(_JOB, request, lane="background", **callbacks)

    def done(found: Survey) -> None:
        fresh = found if object_id is None else _with(desk, found, label_state)
        desk.measured = Measured.now(fresh, label_state)
        desk.state_changed.emit()
        text = _all_words(found) if object_id is None else object_words(found.objects[0])
        text += grey_words(found)
        desk.say(_STAGE, text, tone="done")
        keep(session, desk.measured)

    desk.start(_STAGE, "reading the labels")
    runner.submit_prepared(_STAGE, prepare, submit, desk.handlers(_STAGE, done))


def grey_words(found: Survey) -> str:
    """What to say of sections of the image that could not be read, or nothing."""
    if not found.unread:
        return ""
    if len(found.unread) == found.shape[0]:
        return " Without grey values: the image cannot be read."
    some = ", ".join(map(str, found.unread[:3])) + (" ..." if len(found.unread) > 3 else "")
    sections = "section" if len(found.unread) == 1 else "sections"
    return f" Grey values are of the other sections: {sections} {some} of the image cannot be read."


def _with(desk: Desk, found: Survey, label_state: int) -> Survey:
    """What was measured before with the rows of one object anew, as long as both are of the same labels."""
    before: Survey | None = desk.measurement
    if before is None or desk.measured.label_state != label_state:
        return found
    if (before.settings, before.spacing_nm) != (found.settings, found.spacing_nm):
        return found
    new = {row["id"] for row in found.objects}
    rows = [row for row in before.objects if row["id"] not in new]
    pairs = {(row["id_a"], row["id_b"]) for row in before.contacts}
    more = tuple(row for row in found.contacts if (row["id_a"], row["id_b"]) not in pairs)
    return replace(
        before,
        objects=tuple(sorted((*rows, *found.objects), key=lambda row: row["id"] or 0)),
        contacts=before.contacts + more,
        profiles=before.profiles | found.profiles,
    )


def _all_words(found: Survey) -> str:
    n = len(found.objects)
    text = counted(n, "object")
    if found.settings.contact:
        text += f", {counted(len(found.contacts), 'contact')}"
    missing = sum(row["calibre_median_nm"] is None for row in found.objects) if found.settings.calibre else 0
    if missing:
        text += f"; {missing} without calibre, too small or cut off"
    return text + ". Click a row to go there."


def object_words(row: Row) -> str:
    """One object in a sentence."""
    text = f"Object {row['id']}: {row['volume_um3']:.3g} µm³ in {row['sections']} sections"
    if row.get("calibre_median_nm") is not None:
        text += f", calibre {row['calibre_median_nm']:.0f} nm (median of {row['cross_sections']})"
    elif row.get("no_calibre_because"):
        text += f", no calibre: {row['no_calibre_because']}"
    if row.get("contact_area_um2") is not None:
        text += f", contact {row['contact_area_um2']:.3g} µm² with {counted(int(row['neighbours'] or 0), 'object')}"
    return text + "."


def go_to_object(desk: Desk, object_id: int) -> None:
    """Show a measured object, and pick it."""
    from napari_emseg.ui.finding import Found
    from napari_emseg.ui.flows import finding

    def said(text: str, tone: str) -> None:
        if tone != "done" or desk.measurement is None:
            desk.say(_STAGE, text, tone=tone)
            return
        row = next((r for r in desk.measurement.objects if r["id"] == object_id), None)
        desk.say(_STAGE, text if row is None else object_words(row), tone="done")

    finding.go(desk, Found("object", f"object {object_id}", object_id=object_id), said)


def ask_table(desk: Desk) -> None:
    """Ask where the tables go; the panel has the answer."""
    _need(desk)
    desk.asked.emit("measure_table")


def ask_report(desk: Desk) -> None:
    """Ask where the report goes; the panel has the answer."""
    _need(desk)
    desk.asked.emit("measure_report")


def _need(desk: Desk) -> Survey:
    if desk.measurement is None:
        raise EmsegError("nothing has been measured yet", "", "measure the objects first")
    found: Survey = desk.measurement
    return found


def save_tables(desk: Desk, path: str) -> None:
    """Write the table of objects, and that of contacts beside it."""
    from napari_emseg.jobs.measure import write_tables

    found = _need(desk)
    place = Path(path)
    contacts = place.with_name(f"{place.stem}-contacts.csv") if found.settings.contact else None
    write_tables(found, place, contacts)
    more = "" if contacts is None else f", {contacts.name}: {counted(len(found.contacts), 'contact')}"
    old = why_old(desk)
    since = f" They are of {desk.measured.day}: {old} since." if old else ""
    desk.say(
        _STAGE,
        f"{place.name}: {counted(len(found.objects), 'object')}{more}. They are in {place.parent}.{since}",
        tone="done",
    )


def save_report(desk: Desk, path: str) -> None:
    """Draw the figures in the worker, then write the folder."""
    from napari_emseg.jobs import measure as job

    session, _ = desk.need_session()
    request = job.prepare_report(session, _need(desk))
    request.about["measured"] = desk.measured.time
    engine = desk.engine

    def submit(**callbacks: Any) -> Any:
        return engine.submit(_DRAW, request, lane="background", **callbacks)

    def done(files: dict[str, bytes]) -> None:
        job.write_report(Path(path), files)
        desk.say(_STAGE, f"{len(files)} tables, figures and texts are in {path}.", tone="done")

    desk.start(_STAGE, "drawing")
    desk.runner.submit(_STAGE, submit, desk.handlers(_STAGE, done))
