"""Human pixels win: automatic results are written around proofread and excluded sections and locked objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Edit, Mark, Region, Source
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.patching import section_patches
from napari_emseg.core.sections import SectionStates, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.volume import LabelVolume


def around_people(
    volume: LabelVolume,
    sections: SectionStates,
    locked: Collection[int],
    name: str,
    source: Source,
    region: Region,
    labels: NDArray[Any],
    marks: Iterable[Mark] = (),
) -> Edit:
    """An edit that writes labels into a box but leaves alone what people have decided.

    Parameters
    ----------
    volume : LabelVolume
        Read only.
    sections : SectionStates
        Pixels of proofread sections are kept, and where no person writes those of excluded ones too.
    locked : collection of int
        Pixels of these objects are kept.
    name, source : str
        Of the edit.
    region : Region
        Where the labels go.
    labels : ndarray (z, y, x)
        Ids, of the region's shape.
    marks : iterable of Mark
        Changes of section states that go with it. Marks of sections that are kept are left out.

    Returns
    -------
    Edit
        One patch per changed section; empty if nothing may change.

    Raises
    ------
    EmsegError
        If the labels do not fill the region or hold ids that the volume cannot.
    """
    if labels.shape != region.shape:
        raise EmsegError("labels do not fill their region", f"{labels.shape} for {region.shape}")
    highest = int(labels.max()) if labels.size else 0
    if highest > np.iinfo(volume.dtype).max or (labels.size and int(labels.min()) < 0):
        raise EmsegError(f"ids do not fit into {volume.dtype}", name)
    before = volume.read(region)
    after: NDArray[np.unsignedinteger] = np.array(labels, dtype=volume.dtype)
    kept = {Status.PROOFREAD} if source == "human" else {Status.PROOFREAD, Status.EXCLUDED}
    for n, z in enumerate(range(region.start[0], region.stop[0])):
        if sections[z].status in kept:
            after[n] = before[n]
    if locked:
        keep = np.isin(before, np.fromiter(locked, dtype=volume.dtype, count=len(locked)))
        after[keep] = before[keep]
    kept_marks = tuple(mark for mark in marks if sections[mark.section].status not in kept)
    return Edit(name, source, section_patches(region, before, after), kept_marks)
