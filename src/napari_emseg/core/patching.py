"""Small pure functions over patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.strokes import changed_box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.volume import LabelVolume


def paste(block: NDArray[np.unsignedinteger], region: Region, patch: Patch) -> None:
    """Write the part of a patch that lies in ``region`` into ``block``, which covers that region."""
    start = np.maximum(region.start, patch.region.start)
    stop = np.minimum(region.stop, patch.region.stop)
    if np.any(stop <= start):
        return
    here = tuple(slice(a - o, b - o) for a, b, o in zip(start, stop, region.start, strict=True))
    there = tuple(slice(a - o, b - o) for a, b, o in zip(start, stop, patch.region.start, strict=True))
    block[here] = patch.after[there]


def section_patches(
    region: Region, before: NDArray[np.unsignedinteger], after: NDArray[np.unsignedinteger]
) -> tuple[Patch, ...]:
    """One patch per changed section with a tight box; sections without a change give none.

    Parameters
    ----------
    region : Region
        The box that both arrays cover.
    before, after : ndarray (z, y, x)
        Ids, of the same type.
    """
    patches: list[Patch] = []
    z0, y0, x0 = region.start
    for n in range(region.shape[0]):
        box = changed_box(before[n] != after[n])
        if box is None:
            continue
        y, x = box
        tight = Region((z0 + n, y0 + y.start, x0 + x.start), (z0 + n + 1, y0 + y.stop, x0 + x.stop))
        patches.append(Patch(tight, before[n : n + 1, y, x].copy(), after[n : n + 1, y, x].copy()))
    return tuple(patches)


def refuse_if_outdated(volume: LabelVolume, edit: Edit) -> None:
    """Refuse an edit whose "before" is not what the volume holds: undo could not be exact.

    Raises
    ------
    EmsegError
        If the labels have changed since the edit was built.
    """
    seen: dict[int, list[Region]] = {}
    for patch in edit.patches:
        z0, z1 = patch.region.start[0], patch.region.stop[0]
        # later patches of an edit build on earlier ones where they overlap
        builds_on = any(_overlap(patch.region, other) for z in range(z0, z1) for other in seen.get(z, ()))
        if not builds_on and not np.array_equal(volume.read(patch.region), patch.before):
            raise EmsegError(
                f"{edit.name} is not done: the labels have changed since it was computed",
                f"section {z0}",
                "do it again",
            )
        for z in range(z0, z1):
            seen.setdefault(z, []).append(patch.region)


def _overlap(a: Region, b: Region) -> bool:
    return all(a0 < b1 and b0 < a1 for a0, a1, b0, b1 in zip(a.start, a.stop, b.start, b.stop, strict=True))
