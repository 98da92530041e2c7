"""One id in place of others, wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.patching import section_patches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_emseg.core.edit import Patch
    from napari_emseg.core.volume import LabelVolume


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
