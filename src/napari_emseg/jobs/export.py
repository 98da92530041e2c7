"""Give results away: labels in any format, the table of sections, the methods paragraph."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.rebuild import page_region
from napari_emseg.io.atomic import write_text
from napari_emseg.jobs.methods import methods_text, provenance

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import DTypeLike, NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.volume import LabelVolume
    from napari_emseg.session import Session

_OF_16_BITS = (".mrc", ".rec", ".map")

COLUMNS = (
    "section", "position_nm", "state", "reason", "corrections", "objects", "labelled_fraction",
)  # fmt: skip
"""Columns of the table of sections."""


class SomeSections:
    """A label volume in which only some sections hold anything, read section by section.

    Parameters
    ----------
    volume : LabelVolume
    sections : collection of int or None
        Sections that are kept; None keeps all.
    dtype : numpy dtype, optional
        Into which the ids fit; by default that of the volume.
    """

    ndim = 3

    def __init__(
        self, volume: LabelVolume, sections: Collection[int] | None, dtype: DTypeLike | None = None
    ) -> None:
        self._volume = volume
        self._kept = None if sections is None else frozenset(sections)
        self.shape = volume.shape
        self.dtype = np.dtype(dtype or volume.dtype)
        self.size = volume.size

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first = key[0] if isinstance(key, tuple) else key
        found = np.asarray(self._volume[key]).astype(self.dtype, copy=False)
        if self._kept is None:
            return found
        picked = np.arange(self.shape[0])[first]
        if np.ndim(picked) == 0:
            return found if int(picked) in self._kept else np.zeros_like(found)
        blank = [n for n, z in enumerate(picked) if int(z) not in self._kept]
        found = found.copy()
        found[blank] = 0
        return found


def export_labels(
    session: Session,
    path: str | Path,
    *,
    proofread_only: bool = False,
    unaligned: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write the labels in the format that the name asks for, with their provenance.

    Parameters
    ----------
    session : Session
    path : str or Path
        ``.zarr``, ``.h5``, ``.tif``, ... or a folder ``OUT/``; see `napari_emseg.io.writing.WRITERS`.
    proofread_only : bool
        Leave sections blank that nobody has marked proofread.
    unaligned : bool
        Where the original of an aligned copy lies.
    progress : Progress, optional

    Returns
    -------
    int
        Number of sections that are written with what they hold.

    Raises
    ------
    EmsegError
        If the format cannot hold the labels, or the place cannot be written.
    """
    from napari_emseg.io import write_array  # writers bring their libraries

    kept = session.sections.proofread if proofread_only else None
    if kept is not None and not kept:
        raise EmsegError("no section is marked proofread", str(path), "mark one, or export all sections")
    about = provenance(session)
    labels: Any = SomeSections(session.volume, kept, _narrow(session.volume, path))
    offset = session.image.offset_nm
    if unaligned:
        labels, offset = as_before_alignment(session, labels, labels=True)
    write_array(
        path, labels, spacing_nm=session.image.spacing_nm, metadata=about, is_labels=True, progress=progress,
        offset_nm=offset,
    )  # fmt: skip
    return len(session.sections) if kept is None else len(kept)


def _narrow(volume: LabelVolume, path: str | Path) -> DTypeLike | None:
    """The type of ids in a file whose format holds none of 32 bits, where the ids fit."""
    fits = volume.max_id() <= np.iinfo(np.uint16).max
    return np.uint16 if fits and Path(path).suffix.lower() in _OF_16_BITS else None


def as_before_alignment(
    session: Session, values: Any, *, labels: bool
) -> tuple[Any, tuple[float, float, float] | None]:
    """What belongs to an aligned copy where its original lies, and the offset of that.

    Raises
    ------
    EmsegError
        If the stack of this project is no aligned copy.
    """
    from napari_emseg.jobs.align import Unaligned, alignment_of

    found = alignment_of(session)
    if found is None:
        raise EmsegError("this stack is no aligned copy", session.image.name, "export the labels as they are")
    return Unaligned(values, found[0], labels=labels), found[1]


def export_probabilities(
    session: Session,
    boundary: Any,
    path: str | Path,
    *,
    unaligned: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write the boundary probability, 0 to 255, with its provenance.

    Parameters
    ----------
    session : Session
    boundary : array-like (z, y, x) uint8
        Probability times 255.
    path : str or Path
    unaligned : bool
        Where the original of an aligned copy lies.
    progress : Progress, optional
    """
    from napari_emseg.io import write_array

    offset = session.image.offset_nm
    if unaligned:
        boundary, offset = as_before_alignment(session, boundary, labels=False)
    write_array(
        path, boundary, spacing_nm=session.image.spacing_nm, metadata=provenance(session), is_labels=False,
        progress=progress, offset_nm=offset,
    )  # fmt: skip


def section_rows(session: Session, progress: Progress | None = None) -> list[dict[str, Any]]:
    """One row a section: its state and what is in it. See `COLUMNS`; lengths in nanometres, None where unknown."""
    progress = progress or Silent()
    volume, spacing = session.volume, session.image.spacing_nm
    rows: list[dict[str, Any]] = []
    for z, state in enumerate(session.sections):
        ids: set[int] = set()
        labelled = 0
        for key in volume.occupied([z]):
            block = volume.read(page_region(key).clipped(volume.shape))
            ids.update(int(i) for i in np.unique(block) if i)
            labelled += int(np.count_nonzero(block))
        rows.append(
            {
                "section": z,
                "position_nm": None if spacing is None else z * spacing[0],
                "state": state.status.value,
                "reason": state.reason,
                "corrections": session.correction_count(z),
                "objects": len(ids),
                "labelled_fraction": round(labelled / (volume.shape[1] * volume.shape[2]), 5),
            }
        )
        progress.report((z + 1) / volume.shape[0], f"section {z + 1} of {volume.shape[0]}")
    return rows


def export_sections(session: Session, path: Path, *, progress: Progress | None = None) -> int:
    """Write the table of sections as CSV; returns the number of rows.

    Raises
    ------
    EmsegError
        If the place cannot be written.
    """
    rows = section_rows(session, progress)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
    return len(rows)


def export_methods(session: Session, path: Path) -> str:
    """Write the methods paragraph as a text file; returns it."""
    text = methods_text(session)
    write_text(path, text)
    return text
