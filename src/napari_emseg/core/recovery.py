"""After a crash, or a damaged disk: bring the labels back to what the journal says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.chunks import CHUNK
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.volume import LabelVolume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_emseg.core.chunks import ChunkKey
    from napari_emseg.core.journal import Journal
    from napari_emseg.core.stack import Spacing


def open_volume(
    path: Path, journal: Journal, shape: tuple[int, int, int], spacing_nm: Spacing | None
) -> tuple[LabelVolume, str]:
    """The label store of a project, made anew from the journal if it is gone.

    Parameters
    ----------
    path : Path
        The ``.zarr`` folder.
    journal : Journal
        Its journal; `replay` it afterwards.
    shape : tuple of int
        (z, y, x) that the labels must have.
    spacing_nm : tuple of float or None
        Voxel size of a store that has to be made anew.

    Returns
    -------
    volume : LabelVolume
    notice : str
        A sentence for the person, or empty.

    Raises
    ------
    EmsegError
        If the store is gone and the journal does not reach back to the beginning, or it has another shape.
    """
    notice = ""
    try:
        volume = LabelVolume.open(path)
    except EmsegError as error:
        if path.exists() and any(path.iterdir()):
            raise
        if not journal.is_complete():
            raise EmsegError(
                "the labels are gone, and the journal no longer reaches back to the beginning",
                str(path),
                "put labels.zarr back from a backup",
            ) from error
        if journal.read_only:
            volume = LabelVolume.create(None, shape, spacing_nm, journal.dtype)
        else:
            if path.exists():
                path.rmdir()
            volume = LabelVolume.create(path, shape, spacing_nm, journal.dtype)
            journal.begin_again()
        notice = "The labels folder was gone; the labels were rebuilt from the journal."
    if volume.shape != shape:
        raise EmsegError(
            f"the labels have another shape {volume.shape} than the image {shape}",
            str(path),
            "open the right image",
        )
    return volume, notice


def replay(journal: Journal, volume: LabelVolume) -> int:
    """Apply again what was journaled after the last write-out; returns how many turns that were."""
    start = journal.checkpoint if volume.pages.store is not None else 0
    turns = 0
    volume.raise_max_id(journal.max_id)
    volume.pages.token = volume.pages.written_token = start
    for position, edit in journal.since(start):
        volume.apply_quietly(edit)
        volume.pages.token = position
        turns += 1
    return turns


def mender(
    journal: Journal, volume: LabelVolume, say: Callable[[str], None]
) -> Callable[[ChunkKey, EmsegError | None], NDArray[np.unsignedinteger] | None]:
    """A function for `PageCache.mend` that rebuilds lost chunks from the journal."""

    def mend(key: ChunkKey, damage: EmsegError | None) -> NDArray[np.unsignedinteger] | None:
        if damage is None and not journal.knows_chunk(key):
            return None
        z, y, x = key
        region = Region((z, y * CHUNK[1], x * CHUNK[2]), (z + 1, (y + 1) * CHUNK[1], (x + 1) * CHUNK[2]))
        block = journal.rebuild(region)
        store = volume.pages.store
        file = "" if store is None else str(store.file(key))
        if block is None:
            raise EmsegError(
                f"a piece of the labels of section {z} is {'damaged' if damage else 'missing'}",
                file,
                "put this file back from a backup; the journal no longer reaches back far enough to mend it",
            )
        state = "damaged" if damage else "missing"
        say(f"A {state} piece of the labels of section {z} was mended from the journal.")
        return block.reshape(CHUNK[1:])

    return mend
