"""Labels that were put back from a backup, beside a journal that has gone on: what they lack is done again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.schema import go_back_to
from napari_emseg.core.written_mark import read_mark

if TYPE_CHECKING:
    from napari_emseg.core.journal import Journal
    from napari_emseg.core.volume import LabelVolume


def go_back_to_labels(journal: Journal, volume: LabelVolume) -> str:
    """Where the labels have come less far than the journal has noted, have it replay from where they are.

    Its checkpoint says that everything before it is on disk, so that nobody would look.

    Parameters
    ----------
    journal : Journal
    volume : LabelVolume
        Opened, and not brought up to date yet.

    Returns
    -------
    str
        A sentence for the person, or empty.

    Raises
    ------
    EmsegError
        If the journal does not hold all that the labels lack. Nothing has been changed then.
    """
    store = volume.pages.store
    position = 0 if store is None else read_mark(store.path)[0]
    if store is None or position == 0 or position >= journal.checkpoint:
        return ""  # copies, and what was written before there were marks, have none
    if journal.read_only:
        return "The labels are older than the journal; what they lack is done again where the project can be written."
    if not _holds_all_since(journal, position):
        raise EmsegError(
            "the labels are older than the journal, which no longer holds all that they lack", str(store.path),
            "put back the labels.zarr that belongs to it, or the journal.sqlite of the same day as these labels",
        )  # fmt: skip
    with journal.transaction("the place to go on from") as db:
        go_back_to(db, position, store.stored())
    return "The labels were older than the journal, as if put back from a backup: what they lacked was done again."


def _holds_all_since(journal: Journal, position: int) -> bool:
    """Whether everything that was done after a place in the log can be done again on labels of that day."""
    gone = journal.rows(
        "SELECT 1 FROM log l JOIN patches p ON p.edit = l.edit WHERE l.seq > ? AND p.after IS NULL LIMIT 1",
        position,
    )
    # a change of ids that has gone through every page is forgotten; these pages may not have seen it
    return not gone and not int(journal.meta("retired", 0))
