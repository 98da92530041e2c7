"""Clean-up of the open stack: look for bad sections, preview one section, make a cleaned copy in the project.

The person's file is never written. The copy lies in the project folder with the settings and sources of every section, and
can be left or forgotten at any time.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.io import open_array, write_array
from napari_emseg.io.atomic import write_text
from napari_emseg.io.origin import origin
from napari_emseg.jobs.clean_files import section_or_replacement
from napari_emseg.jobs.section_flow import SectionFlow, checked
from napari_emseg.preprocess.bad_sections import Suspicion, find_bad_sections
from napari_emseg.preprocess.cracks import Crack, cracks_as_text, locate
from napari_emseg.preprocess.mending import mend
from napari_emseg.preprocess.replacement import Replacement, plan_replacements, replacements_as_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, ImageStack, Spacing
    from napari_emseg.io.opened import Offset
    from napari_emseg.session import Session
    from napari_emseg.settings import CleanUpSettings, DeflickerSettings

CLEANED = "cleaned.zarr"
CRACKS = "cleaned.zarr.cracks.json"  # beside the copy; `preprocess uncrack --table` takes it
_MENDED_HELD = 3  # sections


@dataclass(frozen=True, eq=False)
class LookRequest:
    """A stack to be searched for bad sections; it is read in the worker."""

    data: ArrayLike3D
    where: str


@dataclass(frozen=True, eq=False)
class CleanRequest:
    """A stack to be cleaned, and where to.

    Parameters
    ----------
    data : array-like (z, y, x)
    where : str
        Of the stack, for messages and provenance.
    spacing_nm : tuple of float or None
    bad : tuple of int
        Sections that the person has left out.
    settings : CleanUpSettings
    output : Path
        Where the copy goes.
    offset_nm : tuple of float or None
        Where the first voxel lies.
    """

    data: ArrayLike3D
    where: str
    spacing_nm: Spacing | None
    bad: tuple[int, ...]
    settings: CleanUpSettings
    output: Path
    offset_nm: Offset | None = None
    tidies_up: ClassVar[bool] = True


@dataclass(frozen=True)
class CleanResult:
    """What was done."""

    output: Path
    sections: int
    replaced: tuple[Replacement, ...]
    mended: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class PreviewRequest:
    """One section, and the stack, or copies of those sections that its clean-up looks at."""

    section: int
    data: ArrayLike3D
    bad: tuple[int, ...]
    settings: CleanUpSettings


def prepare_look(original: ImageStack) -> LookRequest:
    """A request to search the stack."""
    return LookRequest(original.data, original.uri)


def look(request: LookRequest, progress: Progress) -> list[Suspicion]:
    """Search the stack for bad sections."""
    data = request.data
    sections = (checked(np.asarray(data[z]), z, request.where) for z in range(data.shape[0]))
    return find_bad_sections(sections, progress=progress, count=data.shape[0])


def prepare(session: Session, original: ImageStack) -> CleanRequest:
    """A request to clean the whole stack.

    Raises
    ------
    EmsegError
        If the project is read-only, or all sections are left out.
    """
    if session.read_only:
        raise EmsegError(
            "a cleaned copy is not made: this project is read-only",
            str(session.project.folder),
            "close it elsewhere",
        )
    settings: CleanUpSettings = session.get_settings("cleanup")
    bad = session.sections.with_status(Status.EXCLUDED)
    if settings.bad != "leave":
        plan_replacements(bad, original.shape[0])  # refuse now, not in the middle
    output = session.project.folder / CLEANED
    return CleanRequest(
        original.data, original.uri, original.spacing_nm, bad, settings, output, original.offset_nm
    )


def run(request: CleanRequest, progress: Progress) -> CleanResult:
    """Write the cleaned copy; it appears whole or not at all."""
    started = time.monotonic()
    shape, data = request.data.shape, request.data
    source = Source(data, request.bad, request.settings, request.where)
    flow = SectionFlow(
        lambda: cleaned(source, shape[0], request.settings), (shape[0], shape[1], shape[2]), data.dtype, progress,
        "cleaning",
    )  # fmt: skip
    # the decisions are made before the first section is written, so that the note can tell of them
    cracks = source.find_cracks(progress)
    note = origin(
        "clean up", request.where, settings=request.settings.model_dump(),
        replaced=replacements_as_rows(source.plan.values()), mended=sorted(cracks),
    )  # fmt: skip
    write_array(
        request.output, flow, spacing_nm=request.spacing_nm, offset_nm=request.offset_nm, metadata=note
    )
    record = request.output.with_name(CRACKS)
    record.unlink(missing_ok=True)  # that of an earlier copy
    if cracks:
        write_text(record, cracks_as_text(list(cracks.values())))
    return CleanResult(
        request.output,
        shape[0],
        tuple(source.plan.values()),
        tuple(sorted(cracks)),
        time.monotonic() - started,
    )


class Source:
    """Sections of a stack with the bad ones replaced or mended.

    Parameters
    ----------
    data : array-like (z, y, x)
    bad : tuple of int
    settings : CleanUpSettings
    where : str
    """

    def __init__(self, data: Any, bad: tuple[int, ...], settings: CleanUpSettings, where: str) -> None:
        self._data, self._bad, self._settings, self._where = data, bad, settings, where
        self.count = int(data.shape[0])
        self.cracks: dict[int, Crack] = {}
        self.plan: dict[int, Replacement] = {}
        self._mended: dict[int, NDArray[Any]] = {}
        self._plan()

    def _plan(self) -> None:
        wanted = [z for z in self._bad if z not in self.cracks]
        if self._settings.bad != "leave" and len(self._bad) < self.count:
            # a mended section is whole again, but it is no source for others
            plan = plan_replacements(self._bad, self.count, self._settings.bad)
            self.plan = {r.section: r for r in plan if r.section in wanted}

    def find_cracks(
        self, progress: Progress | None = None, among: Collection[int] | None = None
    ) -> dict[int, Crack]:
        """Split the bad sections that a crack divides, all or those among some, if the settings ask for it."""
        if not self._settings.mend_cracks:
            return {}
        bad = [z for z in self._bad if among is None or z in among]
        for n, z in enumerate(bad):
            if progress is not None:
                progress.report(n / len(bad), f"looking for a crack in section {z}")
            around = [s for s in self._beside(z) if s is not None]
            crack = locate(np.asarray(self._data[z]), z, around) if around else None
            if crack is not None:
                self.cracks[z] = crack
        self._plan()
        return self.cracks

    def _beside(self, z: int) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
        good = [n for n in range(self.count) if n not in self._bad]
        before = max((n for n in good if n < z), default=None)
        after = min((n for n in good if n > z), default=None)
        return (
            None if before is None else np.asarray(self._data[before]),
            None if after is None else np.asarray(self._data[after]),
        )

    def section(self, z: int) -> NDArray[Any]:
        """One section (y, x)."""
        if z in self.cracks:
            if z not in self._mended:  # brightness is measured before it is evened out: it is read twice
                before, after = self._beside(z)
                while len(self._mended) >= _MENDED_HELD:
                    del self._mended[next(iter(self._mended))]
                self._mended[z] = mend(np.asarray(self._data[z]), self.cracks[z], before, after)
            return self._mended[z]
        return checked(section_or_replacement(self._data, z, self.plan), z, self._where)


def cleaned(source: Source, count: int, settings: CleanUpSettings) -> Iterator[NDArray[Any]]:
    """All sections, cleaned, in order."""
    from napari_emseg.preprocess.deflicker import deflicker_sections

    sections: Iterator[NDArray[Any]] = (source.section(z) for z in range(count))
    if settings.even_out:
        sections = deflicker_sections(sections, deflicker_settings(settings), again=source.section)
    return map(partial(with_contrast, settings=settings), sections)


def deflicker_settings(settings: CleanUpSettings) -> DeflickerSettings:
    """The part of the settings that deflickering takes."""
    from napari_emseg.settings import DeflickerSettings

    return DeflickerSettings(radius_px=settings.radius_px, sections=settings.sections)


def with_contrast(section: NDArray[Any], settings: CleanUpSettings) -> NDArray[Any]:
    """One section with its contrast as asked for."""
    from napari_emseg.preprocess.contrast import clahe, window, window_of

    if settings.contrast == "stretch":
        return window(section, *window_of(section))
    if settings.contrast == "equalise":
        return clahe(section, clip=settings.clip)
    return section


def prepare_preview(session: Session, original: ImageStack, section: int) -> PreviewRequest:
    """Copy the sections that the clean-up of one of them looks at; files are read in the worker."""
    settings: CleanUpSettings = session.get_settings("cleanup")
    count = original.shape[0]
    bad = session.sections.with_status(Status.EXCLUDED)
    data = original.data
    if isinstance(data, np.ndarray):
        wanted = _looked_at(section, count, bad, settings)
        data = _Copies({z: np.asarray(data[z]) for z in wanted}, count)
    return PreviewRequest(section, data, bad, settings)


def _looked_at(section: int, count: int, bad: tuple[int, ...], settings: CleanUpSettings) -> set[int]:
    wanted = {section}
    if settings.even_out:
        reach = settings.sections
        wanted |= {z for z in range(section - reach, section + reach + 1) if 0 <= z < count}
        wanted |= set(range(min(count, reach + 1)))  # the reference comes from these
    good = [n for n in range(count) if n not in bad]
    for z in wanted & set(bad):
        before = max((n for n in good if n < z), default=None)
        after = min((n for n in good if n > z), default=None)
        wanted |= {n for n in (before, after) if n is not None}
    return wanted


class _Copies:
    """A few sections of a stack, in the place of all."""

    def __init__(self, sections: Mapping[int, NDArray[Any]], count: int) -> None:
        self._sections = sections
        first = next(iter(sections.values()))
        self.shape = (count, *first.shape)
        self.dtype = first.dtype

    def __getitem__(self, z: int) -> NDArray[Any]:
        return self._sections[z]


def preview(request: PreviewRequest, progress: Progress) -> NDArray[Any]:
    """The section (y, x) as it would be in the cleaned copy."""
    from napari_emseg.preprocess.deflicker import clean_one

    settings, z = request.settings, request.section
    source = Source(request.data, request.bad, settings, "preview")
    if settings.mend_cracks and z in request.bad:
        source.find_cracks(progress, among=_looked_at(z, source.count, request.bad, settings))
    section = source.section(z)
    if settings.even_out:
        section = clean_one(source.section, z, source.count, deflicker_settings(settings))
    return with_contrast(section, settings)


def open_cleaned(session: Session, original: ImageStack) -> Any | None:
    """The cleaned copy of a project's stack, or None where there is none that fits."""
    folder = session.project.folder / CLEANED
    if not folder.is_dir():
        return None
    try:
        array, _ = open_array(folder)
    except EmsegError:
        return None
    return array if tuple(array.shape) == original.shape else None


def forget(session: Session) -> None:
    """Remove the cleaned copy."""
    shutil.rmtree(session.project.folder / CLEANED, ignore_errors=True)
    (session.project.folder / CRACKS).unlink(missing_ok=True)
