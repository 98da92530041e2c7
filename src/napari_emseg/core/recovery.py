"""After a crash, or a damaged disk: bring the labels back to what the journal says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.equivalence import Equivalence
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.page_book import MemoryBook
from napari_emseg.core.page_records import PageRecords
from napari_emseg.core.rebuild import rebuild_page
from napari_emseg.core.schema import go_on_after
from napari_emseg.core.volume import LabelVolume
from napari_emseg.core.written_mark import read_mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.journal import Journal
    from napari_emseg.core.page import Page
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


def go_on_after_loss(journal: Journal, volume: LabelVolume) -> str:
    """Where the labels have come further than the journal knows, have it go on after them.

    Pages say by numbers of the journal what they have. A new edit under a number that was given before would be
    taken for something that they have already, and be lost with the next crash.

    Returns
    -------
    str
        A sentence for the person, or empty.
    """
    store = volume.pages.store
    position, generation = read_mark(store.path) if store is not None else (0, 0)
    if journal.read_only or (position <= journal.position and generation <= journal.last_edit):
        return ""
    with journal.transaction("the place to go on from") as db:
        go_on_after(db, position, generation)
    return (
        "The journal is older than the labels: what was done last is in the labels, but not in the history, and cannot be "
        "taken back. If you have a newer copy of journal.sqlite, close the project and put it back first."
    )


def replay(journal: Journal, volume: LabelVolume) -> int:
    """Apply again what was journaled after the last write-out; returns how many turns that were.

    Each page on disk says up to which place in the log it is complete, so it gets exactly what it lacks.
    """
    start = journal.checkpoint if volume.pages.store is not None else 0
    turns = 0
    volume.raise_max_id(journal.max_id)
    if isinstance(volume.pages.book, MemoryBook):
        volume.pages.book = PageRecords(journal)
    volume.pages.table = _table_at(journal, start)
    volume.pages.token = volume.pages.out.written_token = start
    for position, edit in journal.since(start):
        volume.apply_quietly(edit, since=position)
        volume.pages.token = position
        turns += 1
    return turns


def _table_at(journal: Journal, position: int) -> Equivalence:
    """The equivalence table as it was at a place in the log."""
    table = Equivalence(retired=int(journal.meta("retired", 0)))
    for number in journal.relabels_at(position):
        change = journal.read(number).relabel
        assert change is not None
        table.push(number, change.pairs)
    return table


def mender(
    journal: Journal, volume: LabelVolume, say: Callable[[str], None]
) -> Callable[[ChunkKey, EmsegError | None], Page | None]:
    """A function for `PageCache.mend` that rebuilds lost chunks from the journal."""

    def mend(key: ChunkKey, damage: EmsegError | None) -> Page | None:
        if damage is None and not journal.knows_chunk(key):
            return None
        page = rebuild_page(journal, key)
        store = volume.pages.store
        if page is None:
            raise EmsegError(
                f"a piece of the labels of section {key[0]} is {'damaged' if damage else 'missing'}",
                "" if store is None else str(store.file(key)),
                "put this file back from a backup; the journal no longer reaches back far enough to mend it",
            )
        state = "damaged" if damage else "missing"
        say(f"A {state} piece of the labels of section {key[0]} was mended from the journal.")
        return page

    return mend
