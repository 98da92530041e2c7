"""Which sections hold labels: kept in step with every edit, undo included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.correction_counts import painted_in

if TYPE_CHECKING:
    from napari_emseg.core.edit import Edit
    from napari_emseg.core.volume import LabelVolume
    from napari_emseg.session import Session


def at_opening(session: Session) -> set[int]:
    """Sections with a mark or an edit: whatever writes labels leaves one of them. No page is read for it."""
    marked = {z for z, state in enumerate(session.sections) if state.status in ("predicted", "proofread")}
    return marked | painted_in(session.journal)


def after(known: set[int], edit: Edit, volume: LabelVolume) -> set[int]:
    """The sections that hold labels once an edit is applied.

    Pages are read only where an edit has left nothing in its box: after erasing, or when a section's
    segmentation is undone.
    """
    full = {
        z for p in edit.patches for z, layer in enumerate(p.after, start=p.region.start[0]) if layer.any()
    }
    touched = {z for p in edit.patches for z in range(p.region.start[0], p.region.stop[0])}
    emptied = {z for z in touched - full if not _holds_any(volume, z)}
    return (known | full) - emptied


def share(volume: LabelVolume, section: int) -> float:
    """Which part of the pixels of a section has a label, 0 to 1."""
    full = sum(int(np.count_nonzero(volume.pages.get(key))) for key in volume.occupied([section]))
    return full / (volume.shape[1] * volume.shape[2])


def _holds_any(volume: LabelVolume, section: int) -> bool:
    return any(bool(volume.pages.get(key).any()) for key in volume.occupied([section]))
