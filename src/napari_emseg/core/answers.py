"""What people have said of synapses, read from the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from napari_emseg.core.codec import ANSWERS, unpack_extras

if TYPE_CHECKING:
    from napari_emseg.core.journal import Journal

Sites = tuple[int, int, int, int, int, int]
"""The voxels (z, y, x) of two sites below each other, as they were found."""

Verdict = Literal["", "right", "wrong", "turned"]


def standing_answers(journal: Journal) -> dict[Sites, str]:
    """What is said of which two sites at present.

    Undo is a stack, so of two edits that stand and answer about the same sites the newer one counts.
    """
    rows = journal.query(
        "SELECT extras FROM edits WHERE state IN ('done', 'forgotten') AND extras LIKE ? ORDER BY id",
        f'%"{ANSWERS}":%',
    )
    return {answer.sites: answer.after for row in rows for answer in unpack_extras(row[0])[3]}
