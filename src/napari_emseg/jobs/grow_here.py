"""Grow one object into empty space around it, up to the membranes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SeedSettings

_SHARE = 0.1  # cells that hold less of the object than this were painted over by a slip of the brush


@dataclass(frozen=True, eq=False)
class GrowRequest:
    """One object of one section.

    Parameters
    ----------
    boundary : ndarray (y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    labels : ndarray of int (y, x)
        Ids there now.
    object_id : int
        What grows; it need not be there yet.
    at : (y, x)
        Where the person points, inside the box.
    seeds : SeedSettings
    spacing_nm : (z, y, x) or None
    """

    boundary: NDArray[Any]
    labels: NDArray[Any]
    object_id: int
    at: tuple[int, int]
    seeds: SeedSettings
    spacing_nm: Spacing | None


def run(request: GrowRequest, progress: Progress) -> NDArray[np.bool_]:
    """Find what the object takes. Pure.

    Returns
    -------
    ndarray of bool (y, x)
        Empty pixels that become the object's.

    Notes
    -----
    The empty space is divided into cells as by *Segment what I see*: seeds, watershed, and parts without a membrane between
    them joined. So a gap in a membrane is no way out. The object grows, by watershed from its pixels, through the cells in which
    it lies already and the one pointed at.
    """
    from napari_emseg.algorithms.agglomeration import merge_by_boundary
    from napari_emseg.algorithms.placed_seeds import ONE_CELL_BELOW
    from napari_emseg.algorithms.seeds import distance_seeds, seed_every_area
    from napari_emseg.algorithms.watershed import grow

    progress.report(0.0, "growing")
    own = request.labels == request.object_id
    own[request.at] |= request.labels[request.at] == 0
    empty = (request.labels == 0) | own
    flat = request.seeds.model_copy(update={"dims": 2})
    seeds = distance_seeds(request.boundary, flat, request.spacing_nm, mask=empty)
    seeds = seed_every_area(request.boundary, seeds, flat, request.spacing_nm, mask=empty)
    parts = grow(request.boundary, seeds, mask=empty)
    cells = merge_by_boundary(parts, request.boundary, ONE_CELL_BELOW)
    held = np.bincount(cells[own], minlength=int(parts.max(initial=0)) + 1) >= _SHARE * own.sum()
    held[cells[request.at]] = True
    held[0] = False
    # Other objects may lie across a cell: what is behind them is not reached.
    reached = grow(request.boundary, own.astype(np.uint32), mask=own | held[cells])
    return np.asarray((reached == 1) & (request.labels == 0))
