"""Alignment of the open stack: estimate it, look at it, work on an aligned copy, and give results back unaligned.

The aligned copy is a stack of its own beside the project, with a project of its own that remembers the alignment. So nothing
is cut, the original stays as it is, and labels go back to where its tissue lies.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_emseg.core.edit import Edit, Lock, Mark, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import remove
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import Status
from napari_emseg.io.atomic import write_bytes, write_text
from napari_emseg.io.origin import origin
from napari_emseg.jobs.section_flow import SectionMap, sections_of
from napari_emseg.jobs.versions import take_along
from napari_emseg.jobs.warp_files import read_alignment
from napari_emseg.preprocess.alignment import Alignment
from napari_emseg.preprocess.elastic import warp_as_bytes
from napari_emseg.preprocess.shift_table import ShiftTable, shifts_as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, ImageStack, Spacing
    from napari_emseg.io.opened import Offset
    from napari_emseg.session import Session

RECORD = "alignment"
"""Folder of a project that says how its stack was aligned."""

_SHIFTS, _WARP, _ABOUT = "shifts.txt", "elastic.npz", "about.json"
_MOST_BYTES = 1 << 28
"""Of labels that are taken along by one edit: all of it is in memory, before and after and packed."""


@dataclass(frozen=True, eq=False)
class EstimateRequest:
    """A stack to be aligned; it is read in the worker.

    Parameters
    ----------
    data : array-like (z, y, x)
    where : str
    bad : tuple of int
        Left-out sections, which are not compared.
    shifts : ShiftTable or None
        With a table, only the elastic part is estimated; without one, only the table.
    """

    data: ArrayLike3D
    where: str
    bad: tuple[int, ...]
    shifts: ShiftTable | None = None


@dataclass(frozen=True, eq=False)
class Estimate:
    """What was found, and sections that no neighbour agrees with."""

    alignment: Alignment
    doubtful: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class AlignRequest:
    """A stack to be written aligned, and where its first voxel lies, if that is known."""

    data: ArrayLike3D
    where: str
    spacing_nm: Spacing | None
    alignment: Alignment
    output: Path
    offset_nm: Offset | None = None
    tidies_up: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class PreviewRequest:
    """A section and the one before it, to be laid over each other."""

    section: int
    sections: Mapping[int, NDArray[Any]]
    alignment: Alignment


def prepare_estimate(session: Session, shifts: ShiftTable | None = None) -> EstimateRequest:
    """A request to estimate the shifts of the open stack, or the elastic part behind known ones."""
    bad = session.sections.with_status(Status.EXCLUDED)
    return EstimateRequest(session.image.data, session.image.uri, bad, shifts)


def estimate(request: EstimateRequest, progress: Progress) -> Estimate:
    """Compare all sections with those before them."""
    from napari_emseg.preprocess.registration import estimate_alignment

    started = time.monotonic()
    if request.shifts is not None:
        found = Alignment.elastic(request.data, request.shifts, excluded=request.bad, progress=progress)
        return Estimate(found, (), time.monotonic() - started)
    positions = estimate_alignment(
        sections_of(request.data, request.where),
        excluded=request.bad,
        progress=progress,
        count=request.data.shape[0],
    )
    doubtful = tuple(
        z for z in positions.doubtful if z not in request.bad
    )  # nobody has asked about the others
    return Estimate(Alignment(positions.table()), doubtful, time.monotonic() - started)


def prepare_preview(session: Session, alignment: Alignment, section: int) -> PreviewRequest:
    """Copy a section and the one before it (of the first, the one after it)."""
    other = section - 1 if section else min(1, len(alignment.shifts) - 1)
    copies = {z: np.asarray(session.image.data[z]) for z in (section, other)}
    return PreviewRequest(section, copies, alignment)


def preview(request: PreviewRequest, progress: Progress) -> tuple[NDArray[Any], NDArray[Any]]:
    """The section and its neighbour (y, x) as they will lie, in the frame of the section as it lies now."""
    z = request.section
    own = request.alignment.forward(request.sections[z], z)
    other = next((n for n in request.sections if n != z), z)
    beside = request.alignment.forward(request.sections[other], other)
    progress.report(1.0, "aligned")
    return own, beside


def prepare(session: Session, alignment: Alignment) -> AlignRequest:
    """A request to write the aligned copy beside the project.

    Raises
    ------
    EmsegError
        If there is one with work on it already.
    """
    alignment.check(session.image.shape, session.image.name)
    folder = session.project.folder
    project = aligned_project(folder)
    if project.exists():
        raise EmsegError(
            "this stack has been aligned before, and there may be work on the aligned copy",
            str(project), "open that project, or rename it to align anew",
        )  # fmt: skip
    output = _free(folder.with_name(f"{folder.stem}-aligned.zarr"))
    image = session.image
    return AlignRequest(image.data, image.uri, image.spacing_nm, alignment, output, image.offset_nm)


def _free(path: Path) -> Path:
    """The name, or the next one that nothing has: a copy of before may be the image of a project that was renamed."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found


def aligned_project(folder: Path) -> Path:
    """Project of the aligned copy, from that of the original."""
    return folder.with_name(f"{folder.stem}-aligned.emseg")


def run(request: AlignRequest, progress: Progress) -> Path:
    """Write the aligned copy; it appears whole or not at all."""
    from napari_emseg.io import write_array
    from napari_emseg.io.grid import position_moved

    depth, height, width = request.data.shape
    canvas = request.alignment.shifts.canvas((height, width))
    flow = SectionMap(
        lambda z: request.alignment.forward(np.asarray(request.data[z]), z), (depth, *canvas),
        request.data.dtype, progress, "aligning",
    )  # fmt: skip
    note = origin("align", request.where, shifts=request.alignment.shifts.shifts.tolist())
    y, x = request.alignment.shifts.origin
    offset = position_moved(request.offset_nm, request.spacing_nm, (0, -y, -x))
    write_array(request.output, flow, spacing_nm=request.spacing_nm, offset_nm=offset, metadata=note)
    with _or_removed(request.output):
        progress.report(1.0, "aligned")  # it may have been stopped while the last section was written
    return request.output


def take_up(session: Session, alignment: Alignment, copy: Path, progress: Progress) -> Session:
    """The project of an aligned copy that has just been written, see `start_project`; without one, the copy goes again."""
    from napari_emseg.io import open_image

    with _or_removed(copy):
        image = open_image(copy, spacing_nm=session.image.spacing_nm)
        return start_project(session, alignment, image, progress)


def forget(made: Session) -> None:
    """Take a project away that nobody waits for any more, with its aligned copy."""
    with suppress(EmsegError):
        made.close()
    remove(made.project.folder)
    remove(Path(made.image.uri.partition("::")[0]))


@contextmanager
def _or_removed(path: Path) -> Iterator[None]:
    """An aligned copy that nobody works on goes again."""
    try:
        yield
    except BaseException:
        remove(path)
        raise


def start_project(
    session: Session, alignment: Alignment, image: ImageStack, progress: Progress | None = None
) -> Session:
    """The project of the aligned copy, with all that belongs to the original; may be called in a thread.

    The alignment, labels, states and locks, models that have learned there, settings.

    Parameters
    ----------
    session : Session
        Of the original. What is changed in it meanwhile is for `catch_up`.
    image : ImageStack
        The aligned copy.
    progress : Progress, optional

    Raises
    ------
    EmsegError, Cancelled
        There is no such project then.
    """
    progress = progress or Silent()
    made = type(session).create(aligned_project(session.project.folder), image)
    try:
        _record(session, alignment, made)
        take_along(session, made)
        depth = session.volume.shape[0]
        _carry(session, alignment, made, {key[0] for key in session.volume.occupied(range(depth))}, progress)
        progress.report(1.0, "labels are taken along")
    except BaseException:
        # a project without its alignment could not be told from one that people have worked on
        with suppress(EmsegError):
            made.close()
        shutil.rmtree(made.project.folder, ignore_errors=True)
        raise
    return made


def catch_up(session: Session, alignment: Alignment, made: Session, sections: Iterable[int]) -> None:
    """Take along what has changed since: labels of these sections, all states and locks, settings and new models."""
    take_along(session, made)
    _carry(session, alignment, made, sections, Silent())


def _record(session: Session, alignment: Alignment, made: Session) -> None:
    """How the stack of a project was aligned, in its folder."""
    record = made.project.folder / RECORD
    record.mkdir()
    write_text(record / _SHIFTS, shifts_as_text(alignment.shifts, comment=f"shifts of {session.image.uri}"))
    if alignment.warp is not None:
        write_bytes(record / _WARP, warp_as_bytes(alignment.warp))
    about = {
        "source": session.image.uri, "offset_nm": session.image.offset_nm, "margin": alignment.shifts.margin
    }  # fmt: skip
    write_text(record / _ABOUT, json.dumps(about))


def _carry(
    session: Session, alignment: Alignment, made: Session, sections: Iterable[int], progress: Progress
) -> None:
    """Labels of these sections, states of all of them, and what is locked, as one edit or, if that is large, several."""
    _, height, width = session.volume.shape
    _, canvas_height, canvas_width = made.volume.shape
    name, patches, held = "take labels over, aligned", list[Patch](), 0
    numbers = sorted(sections)
    for n, z in enumerate(numbers):
        progress.report(n / len(numbers), f"taking along labels, section {n + 1} of {len(numbers)}")
        own = session.volume.read(Region((z, 0, 0), (z + 1, height, width)))[0]
        box = Region((z, 0, 0), (z + 1, canvas_height, canvas_width))
        there, moved = made.volume.read(box), alignment.forward(own, z, labels=True)[None]
        if not np.array_equal(there, moved):
            patches.append(Patch(box, there, moved))
            held += patches[-1].nbytes
        if held > _MOST_BYTES:
            made.commit(Edit(name, "human", tuple(patches)))
            patches, held = [], 0
    pairs = zip(made.sections, session.sections, strict=True)
    marks = tuple(Mark(z, before, after) for z, (before, after) in enumerate(pairs) if before != after)
    changed = sorted(session.locked ^ made.locked)
    locks = tuple(Lock(number, number in made.locked, number in session.locked) for number in changed)
    made.commit(Edit(name, "human", tuple(patches), marks, locks))


def alignment_of(session: Session) -> tuple[Alignment, Offset | None] | None:
    """How a project's stack was aligned, and the offset of its original; None where it was not.

    Raises
    ------
    EmsegError
        If the record of the alignment cannot be read.
    """
    record = session.project.folder / RECORD
    if not (record / _SHIFTS).is_file():
        return None
    try:
        about = json.loads((record / _ABOUT).read_text("utf-8"))
        offset = about["offset_nm"]
        margin = int(about["margin"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmsegError(
            "the alignment of this project cannot be read", str(record), "restore the folder from a copy"
        ) from error
    elastic = record / _WARP
    found = read_alignment(str(record / _SHIFTS), str(elastic) if elastic.is_file() else None, margin=margin)
    return found, None if offset is None else (offset[0], offset[1], offset[2])


class Unaligned:
    """What belongs to an aligned stack (z, y, x), read section by section where its original lies.

    Parameters
    ----------
    values : array-like (z, y, x)
    alignment : Alignment
    labels : bool
        Whether they are ids.
    """

    ndim = 3

    def __init__(self, values: Any, alignment: Alignment, *, labels: bool) -> None:
        self._values, self._alignment, self._labels = values, alignment, labels
        depth, height, width = values.shape
        self.shape = (int(depth), *alignment.shifts.original((int(height), int(width))))
        self.dtype = np.dtype(values.dtype)
        self.size = int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        picked = np.arange(self.shape[0])[first]
        found = [
            self._alignment.back(np.asarray(self._values[int(z)]), int(z), labels=self._labels)
            for z in np.atleast_1d(picked)
        ]
        if np.ndim(picked) == 0:
            return found[0][rest] if rest else found[0]
        stack = np.stack(found) if found else np.empty((0, *self.shape[1:]), self.dtype)
        return stack[(slice(None), *rest)] if rest else stack
