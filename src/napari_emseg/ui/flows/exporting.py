"""Give results away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.core.progress import Progress
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

FORMAT_WORDS = {
    ".zarr": "OME-Zarr",
    ".h5": "HDF5",
    ".tif": "TIFF stack",
    "/": "Folder of PNG sections",
    ".n5": "N5",
    ".precomputed": "Neuroglancer precomputed",
    ".wk": "WEBKNOSSOS",
    ".mrc": "MRC",
    ".vast": "VAST tiles",
}
"""What people call the formats; a new writer appears under its suffix until it has a name here."""


@dataclass(frozen=True, slots=True)
class Result:
    """Something to export.

    Parameters
    ----------
    title : str
    help : str
    suffix : str
        Of the one format it has, or empty for volumes, which have many.
    also : tuple of str
        Other suffixes that a name may have.
    """

    title: str
    help: str
    suffix: str = ""
    also: tuple[str, ...] = ()


RESULTS: dict[str, Result] = {
    "labels": Result("Labels", "object ids of all sections"),
    "proofread": Result("Labels of proofread sections", "object ids; other sections are left blank"),
    "probabilities": Result("Membrane probability", "of the sections predicted in this window, 0 to 255"),
    "labels_back": Result("Labels, not aligned", "object ids where the original of this aligned copy lies"),
    "probabilities_back": Result(
        "Membrane probability, not aligned", "where the original of this aligned copy lies"
    ),
    "sections": Result("Table of sections", "state, corrections and objects of each section", ".csv"),
    "movie": Result(
        "Section movie", "all sections with their objects, one frame each: .gif or .mp4", ".gif", (".mp4",)
    ),
    "methods": Result("Methods paragraph", "what was done, with which model, by whom and when", ".txt"),
}


ONLY_ALIGNED = frozenset({"labels_back", "probabilities_back"})
"""Results that only an aligned copy has."""


def is_offered(desk: Desk, what: str) -> bool:
    """Whether the open project has this result."""
    if what not in ONLY_ALIGNED:
        return True
    from napari_emseg.jobs.align import RECORD

    return desk.session is not None and (desk.session.project.folder / RECORD).is_dir()


def formats() -> dict[str, str]:
    """Formats that volumes can be written in: suffix to words; other spellings of a suffix are left out."""
    from napari_emseg.io.writing import WRITERS

    found: dict[str, str] = {}
    writers = set()
    for suffix, writer in WRITERS.items():
        if writer not in writers:
            writers.add(writer)
            found[suffix] = FORMAT_WORDS.get(suffix, suffix)
    order = list(FORMAT_WORDS)
    return dict(sorted(found.items(), key=lambda row: order.index(row[0]) if row[0] in order else len(order)))


def suggested_name(desk: Desk, what: str, suffix: str) -> str:
    """File beside the project to begin with."""
    session, _ = desk.need_session()
    ending = {
        "proofread": "-labels-proofread",
        "probabilities": "-membrane",
        "labels_back": "-labels-unaligned",
        "probabilities_back": "-membrane-unaligned",
        "sections": "-sections",
        "movie": "-movie",
        "methods": "-methods",
    }.get(what, "-labels")
    folder = session.project.folder
    return str(folder.with_name(folder.stem + ending + ("" if suffix == "/" else suffix)))


def ask_export(desk: Desk) -> None:
    """Ask where to write; the panel has the answer."""
    desk.need_session()
    desk.open_stage("export")
    desk.asked.emit("export")


def export(desk: Desk, what: str, path: str) -> None:
    """Write a result in the background.

    Parameters
    ----------
    what : str
        Key of `RESULTS`.
    path : str
        File, or a folder with a slash at its end.
    """
    from napari_emseg.jobs import export as job

    session, layers = desk.need_session()
    desk.sweep()
    if what.startswith("probabilities") and not layers.boundary_map.sections:
        raise EmsegError(
            "nothing has been predicted in this window", "", "predict first", action="stage:predict"
        )
    _refuse_place(session, path)
    n_sections = len(session.sections)
    left_out = session.sections.with_status(Status.EXCLUDED)
    also = f", {len(left_out)} of them left out by you" if left_out else ""

    def labels(progress: Progress) -> str:
        n = job.export_labels(session, path, proofread_only=what == "proofread", unaligned=what == "labels_back",
                              progress=progress)  # fmt: skip
        return f"labels of {counted(n, 'section')}" + ("" if what == "proofread" else also)

    def probabilities(progress: Progress) -> str:
        n = len(layers.boundary_map.sections)
        job.export_probabilities(session, layers.boundary_map, path, unaligned=what == "probabilities_back",
                                 progress=progress)  # fmt: skip
        return f"membrane probability of {n} of {n_sections} sections"

    def sections(progress: Progress) -> str:
        return f"{counted(job.export_sections(session, Path(path), progress=progress), 'row')}"

    def movie(progress: Progress) -> str:
        from napari_emseg.jobs.animate import animate
        from napari_emseg.jobs.sections_read import ProjectImage

        image = ProjectImage(session.image, left_out)
        found = animate(
            image, path, labels=session.volume, spacing_nm=session.image.spacing_nm, progress=progress
        )
        return f"{found.sections} sections of {found.size[1]} × {found.size[0]} px"

    def methods(progress: Progress) -> str:
        return f"{len(job.export_methods(session, Path(path)).split())} words"

    work: dict[str, Callable[[Progress], str]] = {
        "labels": labels, "proofread": labels, "probabilities": probabilities, "labels_back": labels,
        "probabilities_back": probabilities, "sections": sections,
        "methods": methods, "movie": movie,
    }  # fmt: skip

    def done(found: Any) -> None:
        desk.exported.add(what)
        desk.say("export", f"{Path(path).name}: {found}. It is in {Path(path).parent}.", tone="done")

    plain = desk.handlers("export", done)

    def stopped() -> None:
        plain.stopped()
        desk.say("export", f"Stopped. {Path(path).name} is as it was before.")

    desk.start("export", f"writing {Path(path).name}")
    desk.runner.reporting_thread("export", work[what], replace(plain, stopped=stopped))


def _refuse_place(session: Session, path: str) -> None:
    """Refuse to write over the stack itself, into a project, or into a store that the file dialog led into."""
    from napari_emseg.io.writing import FOLDERS, WRITERS, check_new, check_output

    image = session.image.uri
    source = None if image.startswith("sample:") or not image else image
    suffix = Path(path).suffix.lower()
    check = check_output if suffix in WRITERS or path.endswith("/") else check_new
    check(path, source)
    for folder in Path(path).parents:
        if folder.suffix.lower() in FOLDERS and folder.is_dir():
            raise EmsegError(
                f"{folder.name} is a volume itself, and nothing is written into it", str(folder.parent),
                "give a name outside it",
            )  # fmt: skip
