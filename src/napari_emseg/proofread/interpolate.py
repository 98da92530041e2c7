"""An object painted in some sections is drawn in those between."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.interpolation import fill_in
from napari_emseg.core.edit import Edit, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.patching import section_patches
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from collections.abc import Collection

    from napari_emseg.core.edit import Patch
    from napari_emseg.core.volume import LabelVolume


def interpolate(
    volume: LabelVolume,
    object_id: int,
    section: int | None = None,
    *,
    skip: Collection[int] = (),
    excluded: Collection[int] = (),
    locked: Collection[int] = (),
) -> Edit:
    """Draw an object in the sections between those that have it.

    Parameters
    ----------
    volume : LabelVolume
        Read only.
    object_id : int
    section : int, optional
        Fill only the gap that this section lies in or beside; by default all gaps.
    skip : collection of int, optional
        Sections that stay as they are, such as proofread ones.
    excluded : collection of int, optional
        Sections that are left out: they stay as they are too, and what is painted in them shapes nothing.
    locked : collection of int, optional
        Objects whose pixels stay.

    Returns
    -------
    Edit
        By a human, one patch per section. Other objects give way where the new shape lies.

    Raises
    ------
    EmsegError
        If the object is empty space, lies in one section only, or has no gap here.
    """
    if object_id == 0:
        raise EmsegError("empty space cannot be interpolated", "", "click an object")
    boxes = volume.find([object_id])
    known = sorted(set(boxes) - set(excluded))
    gaps = [(a, b) for a, b in pairwise(known) if b > a + 1]
    if section is not None:
        gaps = [(a, b) for a, b in gaps if a <= section <= b]
    if not gaps:
        where = f"object {object_id}" if section is None else f"object {object_id}, section {section}"
        raise EmsegError(
            "there is no section between two that have this object",
            where,
            "paint it a few sections further on",
        )
    stays = {*skip, *excluded}
    patches = [
        patch
        for below, above in gaps
        for patch in _filled(volume, object_id, boxes[below], boxes[above], stays, locked)
    ]
    if not patches:
        raise EmsegError(
            "the sections between are proofread, left out or locked",
            f"object {object_id}",
            "take their marks back first",
        )
    n_sections = len({patch.region.start[0] for patch in patches})
    name = f"interpolate object {object_id} through {counted(n_sections, 'section')}"
    return Edit(name, "human", tuple(patches))


def _filled(
    volume: LabelVolume,
    object_id: int,
    below: Region,
    above: Region,
    stays: Collection[int],
    locked: Collection[int],
) -> tuple[Patch, ...]:
    """What fills the gap between an object's boxes in two sections, but for sections that stay and locked objects."""
    first = below.start[0]
    box = Region(
        (first, min(below.start[1], above.start[1]), min(below.start[2], above.start[2])),
        (above.stop[0], max(below.stop[1], above.stop[1]), max(below.stop[2], above.stop[2])),
    )
    before = volume.read(box)
    after = before.copy()
    own, held = before == object_id, np.isin(before, np.array(list(locked), before.dtype))
    for n, shape in fill_in({0: own[0], len(own) - 1: own[-1]}):
        if first + n not in stays:
            after[n][shape & ~held[n]] = object_id
    return section_patches(box, before, after)
