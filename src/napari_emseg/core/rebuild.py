"""Labels from the journal alone: for chunks that are damaged or gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.equivalence import Equivalence
from napari_emseg.core.grid import CHUNK
from napari_emseg.core.page import Page, bring_up
from napari_emseg.core.patching import paste

if TYPE_CHECKING:
    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.journal import Journal


def rebuild_page(journal: Journal, key: ChunkKey) -> Page | None:
    """Present content of one page, with the ways back over all relabels that it went through.

    Parameters
    ----------
    journal : Journal
    key : (z, y, x)
        Place of the page in the grid.

    Returns
    -------
    Page or None
        None if the journal no longer holds all edits of the page.
    """
    region = page_region(key)
    touching = _edits_in(journal, region)
    if not all(touching.values()):
        return None
    relabels = set()
    if journal.has_relabels:
        relabels = {row[0] for row in journal.rows("SELECT edit FROM relabels")}
    table = Equivalence()
    page = Page(np.zeros(CHUNK[1:], journal.dtype))
    for position, number, direction in journal.turns():
        page.position = position
        if number in relabels:
            change = journal.read(number).relabel
            assert change is not None
            if direction == 1:
                table.push(number, change.pairs)
            else:
                table.pop(number)
        elif number in touching:
            bring_up(page, table, lambda _: None)
            page.is_painted = True
            edit = journal.read(number)
            for patch in (edit if direction == 1 else edit.inverse()).patches:
                paste(page.data[None], region, patch)
    bring_up(page, table, lambda _: None)
    return page


def page_region(key: ChunkKey) -> Region:
    """The box of voxels of one page; pages at the border reach beyond the volume."""
    start = [k * n for k, n in zip(key, CHUNK, strict=True)]
    stop = [(k + 1) * n for k, n in zip(key, CHUNK, strict=True)]
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _edits_in(journal: Journal, region: Region) -> dict[int, bool]:
    """Edits that painted in a box, and whether their voxels are still kept."""
    (z0, y0, x0), (z1, y1, x1) = region.start, region.stop
    rows = journal.rows(
        "SELECT p.edit, min(p.before IS NOT NULL) FROM patches p "
        "WHERE p.z0 < ? AND p.z1 > ? AND p.y0 < ? AND p.y1 > ? AND p.x0 < ? AND p.x1 > ? "
        "AND p.edit IN (SELECT edit FROM log) GROUP BY p.edit",
        *(z1, z0, y1, y0, x1, x0),
    )
    return {number: bool(kept) for number, kept in rows}
