"""Columns of the tables of a measurement, the same whatever the volume holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.measure.survey import survey

if TYPE_CHECKING:
    from napari_emseg.measure.survey import Survey


def columns_of(found: Survey) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the columns of objects and of contacts, in their order.

    They are those of two blocks that touch, measured with the same settings: a table without rows, or one whose objects
    are all too small for a calibre, has them too.

    Parameters
    ----------
    found : Survey

    Returns
    -------
    objects, contacts : tuple of str
    """
    blocks = np.ones((2, 4, 8), np.uint8)
    blocks[:, :, 4:] = 2
    settings = found.settings.model_copy(update={"min_voxels": 1, "gap_nm": 0.0})
    example = survey(
        blocks,
        found.spacing_nm,
        settings,
        image=blocks if any("grey_mean" in row for row in found.objects) else None,
    )
    objects, contacts = (
        tuple(dict.fromkeys(k for row in rows for k in row)) for rows in (example.objects, example.contacts)
    )
    return objects, contacts
