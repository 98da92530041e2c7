"""Take labels over into a project from a file or another layer, whatever their voxel size and place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.resampling import Resampling
from napari_emseg.core.edit import Edit, Mark, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.object_ids import checked_ids
from napari_emseg.core.people import around_people
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import SectionState, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, Spacing
    from napari_emseg.session import Session

Offset = tuple[float, float, float]

TAKEN = "take over labels of "
"""What names of such edits begin with."""


@dataclass(frozen=True, eq=False)
class TakeRequest:
    """Labels that are to be taken over.

    Attributes
    ----------
    name : str
        Of the layer or file, for the history.
    data : array-like (z, y, x)
        Their ids.
    resampling : Resampling
        From their voxels to those of the project.
    """

    name: str
    data: ArrayLike3D
    resampling: Resampling


Taken = tuple[tuple[Region, "NDArray[Any]"], ...]
"""Boxes of the project and the ids that belong there; 0 leaves what is there."""


def prepare(
    session: Session,
    name: str,
    data: ArrayLike3D,
    spacing_nm: Spacing | None,
    offset_nm: Offset | None = None,
) -> TakeRequest:
    """Find out how their voxels lie in the project's.

    Parameters
    ----------
    session : Session
    name : str
    data : array-like (z, y, x) of integers
    spacing_nm : (z, y, x) or None
        Their voxel size; None takes the project's, and then the shape has to be the same.
    offset_nm : (z, y, x), optional
        Centre of their first voxel, in nanometres from the centre of the image's first one. Where nobody knows, both
        begin at the same corner, as the levels of a pyramid do.

    Raises
    ------
    EmsegError
        If they are no ids, or nobody knows where they lie.
    """
    if len(data.shape) != 3 or np.dtype(data.dtype).kind not in "uib":
        raise EmsegError("labels are a stack of whole numbers", name, "choose a label stack")
    shape = session.volume.shape
    theirs = (int(data.shape[0]), int(data.shape[1]), int(data.shape[2]))
    ours = session.image.spacing_nm
    if spacing_nm is None or ours is None:
        if theirs != shape:
            raise EmsegError(
                f"labels of {theirs} voxels do not fit an image of {shape}",
                name,
                "give the voxel size of both, then they are resampled",
            )
        return TakeRequest(name, data, Resampling(shape, (1.0, 1.0, 1.0)))
    if offset_nm is None:
        z, y, x = ((t - o) / 2 for o, t in zip(ours, spacing_nm, strict=True))
        offset_nm = (z, y, x)
    factors = tuple(o / t for o, t in zip(ours, spacing_nm, strict=True))
    origin = tuple(
        0.5 - (0.5 * o + d) / t for o, t, d in zip(ours, spacing_nm, offset_nm, strict=True)
    )  # our first corner, in their voxels from their first corner
    z, y, x = factors
    oz, oy, ox = origin
    return TakeRequest(name, data, Resampling(theirs, (z, y, x), shape, (oz, oy, ox)))


def run(request: TakeRequest, progress: Progress | None = None) -> Taken:
    """Resample section by section; what is blank is left out."""
    progress = progress or Silent()
    shape = request.resampling.output
    found: list[tuple[Region, NDArray[Any]]] = []
    for z in range(shape[0]):
        whole = Region((z, 0, 0), (z + 1, shape[1], shape[2]))
        needed = request.resampling.needed(whole)
        block = checked_ids(np.asarray(request.data[needed.slices]), request.name)
        if block.any():
            labels = request.resampling.labels(block, whole)
            rows, columns = (np.flatnonzero(labels.any(axis=(0, a))) for a in (2, 1))
            if rows.size:
                (y0, y1), (x0, x1) = ((int(n[0]), int(n[-1]) + 1) for n in (rows, columns))
                found.append((Region((z, y0, x0), (z + 1, y1, x1)), labels[:, y0:y1, x0:x1].copy()))
        progress.report((z + 1) / shape[0], f"section {z + 1} of {shape[0]}")
    return tuple(found)


def finish(session: Session, request: TakeRequest, taken: Taken) -> Edit:
    """Write them as one edit around proofread sections and locked objects; ids in use are not used again.

    Sections that got some and that nobody had segmented are segmented then.

    Returns
    -------
    Edit
        Committed already, and empty where there was nothing to write.

    Raises
    ------
    EmsegError
        If there are too many ids for the project's type, or the disk refuses.
    """
    session.commit_stroke()
    volume = session.volume
    ids = np.unique(np.concatenate([np.unique(labels) for _, labels in taken])) if taken else np.zeros(0)
    ids = ids[ids > 0].astype(np.uint64)
    used = volume.max_id()
    keep = ids.size == 0 or (used == 0 and int(ids[-1]) <= np.iinfo(volume.dtype).max)
    fresh = ids if keep else volume.next_ids(int(ids.size)) + np.arange(ids.size, dtype=np.uint64)
    name = f"{TAKEN}{request.name}"
    patches: list[Patch] = []
    for region, labels in taken:
        before = volume.read(region)
        there = labels > 0
        after = before.copy()
        after[there] = fresh[np.searchsorted(ids, labels[there].astype(np.uint64))]
        part = around_people(volume, session.sections, session.locked, name, "human", region, after)
        patches.extend(part.patches)
    written = sorted({patch.region.start[0] for patch in patches})
    marks = tuple(
        Mark(z, session.sections[z], SectionState(Status.PREDICTED))
        for z in written
        if session.sections[z].status is Status.UNSEEN
    )
    edit = Edit(name, "system", tuple(patches), marks)  # nobody has corrected anything yet
    session.commit(edit)
    return edit
