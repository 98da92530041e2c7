"""A window that only reads keeps up with the one that writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.folder_lock import FolderLock
from napari_emseg.core.recovery import replay

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.core.journal import Journal
    from napari_emseg.core.volume import LabelVolume


def catch_up(journal: Journal, volume: LabelVolume) -> list[Edit]:
    """Bring a read-only volume up to what the journal says now.

    Parameters
    ----------
    journal : Journal
        Open read-only; another process writes it.
    volume : LabelVolume
        What this process shows.

    Returns
    -------
    list of Edit
        What was done meanwhile, in order; one edit without voxels where the single steps can no longer be read and
        everything was loaded again. Empty if nothing has changed.
    """
    if journal.position <= volume.pages.token:
        return []
    done: list[Edit] = []
    try:
        for position, edit in journal.since(volume.pages.token):
            volume.apply_quietly(edit, since=position)  # files of the writer may be ahead of this
            volume.pages.token = position
            done.append(edit)
        volume.raise_max_id(journal.max_id)
    except EmsegError:
        # The writer has emptied patches that it will not need again: its labels on disk are newer than that.
        volume.pages.drop_all()
        volume.pyramid.forget_memory()
        replay(journal, volume)
        nothing = np.zeros((0, 0, 0), volume.dtype)
        return [Edit("changes elsewhere", "system", (Patch(Region((0, 0, 0), (0, 0, 0)), nothing, nothing),))]
    return done


def is_free(lock: Path) -> bool:
    """Whether nobody holds the lock of a project any more, and it can be written."""
    tried = FolderLock(lock)
    free = tried.acquire() == ""
    tried.release()
    return free
