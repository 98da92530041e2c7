"""One id in place of others, everywhere or in some sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Edit
from napari_emseg.core.patching import section_patches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_emseg.core.edit import Patch
    from napari_emseg.core.volume import LabelVolume


def become(
    volume: LabelVolume, name: str, ids: Sequence[int], new_id: int, sections: Iterable[int] | None
) -> Edit | None:
    """An edit by a human that gives ``new_id`` to all pixels of ``ids``; None if no pixel has one of them.

    Everywhere, this is one line of the equivalence table and costs the same for every size. In some sections only,
    it is painted.
    """
    if sections is not None:
        patches = repaint(volume, ids, new_id, sections)
        return Edit(name, "human", patches) if patches else None
    here = volume.present(ids)
    if not here:
        return None
    pairs = tuple((old, new_id) for old in ids if old in here and old != new_id)
    return Edit(name, "human", relabel=volume.relabelled(pairs)) if pairs else None


def repaint(
    volume: LabelVolume, ids: Sequence[int], new_id: int, sections: Iterable[int] | None = None
) -> tuple[Patch, ...]:
    """Patches that write ``new_id`` over all pixels of ``ids``: one tight patch per section."""
    patches: list[Patch] = []
    wanted = np.asarray(ids, dtype=volume.dtype)
    for region in volume.find(ids, sections).values():
        before = volume.read(region)
        after = np.where(np.isin(before, wanted), volume.dtype.type(new_id), before)
        patches.extend(section_patches(region, before, after))
    return tuple(patches)
