"""What people change between asking for something and its beginning, while membranes are looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.edit import Region

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_emseg.core.edit import Edit, Patch
    from napari_emseg.ui.desk import Desk


class Meanwhile:
    """Remembers what is painted from now on; it goes with whoever asked.

    Parameters
    ----------
    desk : Desk
        Whose session is watched.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._patches: list[Patch] = []
        desk.sweep()
        session, _ = desk.need_session()
        session.edited.connect(self._on_edited)

    def as_it_was(self, region: Region) -> NDArray[np.generic]:
        """Labels (z, y, x) of a box as they were when this was made, but for what was not painted by people."""
        self._desk.sweep(ends_outline=False)
        session, _ = self._desk.need_session()
        return self.without(session.volume.read(region), region)

    def without(self, labels: NDArray[np.generic], region: Region) -> NDArray[np.generic]:
        """Labels (z, y, x) of a box that were read since this was made, without what people have painted; changed in place."""
        self._desk.sweep(ends_outline=False)
        for patch in reversed(self._patches):
            start = tuple(max(a, b) for a, b in zip(region.start, patch.region.start, strict=True))
            stop = tuple(min(a, b) for a, b in zip(region.stop, patch.region.stop, strict=True))
            if any(a >= b for a, b in zip(start, stop, strict=True)):
                continue
            here, there = (
                tuple(slice(a - o, b - o) for a, b, o in zip(start, stop, box.start, strict=True))
                for box in (region, patch.region)
            )
            changed = patch.before[there] != patch.after[there]
            labels[here][changed] = patch.before[there][changed]
        return labels

    def _on_edited(self, edit: Edit) -> None:
        if edit.source == "human":
            self._patches += edit.patches
