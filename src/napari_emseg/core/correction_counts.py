"""In which sections the journal knows of labels, and how often people have corrected one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.codec import unpack_extras

if TYPE_CHECKING:
    from napari_emseg.core.journal import Journal


def painted_in(journal: Journal) -> set[int]:
    """Sections in which an edit stands that wrote pixels, whoever made it."""
    rows = journal.rows(
        "SELECT DISTINCT p.z0, p.z1 FROM edits e JOIN patches p ON p.edit = e.id WHERE e.state IN ('done', 'forgotten')"
    )
    return {z for z0, z1 in rows for z in range(z0, z1)}


def corrections_in(journal: Journal) -> dict[int, int]:
    """Section to number of standing human edits of its labels."""
    rows = journal.rows(
        "SELECT e.id, p.z0, p.z1 FROM edits e JOIN patches p ON p.edit = e.id "
        "WHERE e.source = 'human' AND e.state IN ('done', 'forgotten')"
    )
    touched = {(number, z) for number, z0, z1 in rows for z in range(z0, z1)}
    if journal.has_relabels:
        rows = journal.rows(
            "SELECT e.id, e.extras FROM edits e JOIN relabels r ON r.edit = e.id "
            "WHERE e.source = 'human' AND e.state IN ('done', 'forgotten')"
        )
        for number, extras in rows:
            relabel = unpack_extras(extras)[2]
            touched |= {(number, z) for z in (relabel.sections if relabel else ())}
    counts: dict[int, int] = {}
    for _, z in touched:
        counts[z] = counts.get(z, 0) + 1
    return counts
