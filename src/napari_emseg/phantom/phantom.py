"""A synthetic stack and everything that is true of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.phantom.synapses import Partner


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic stack and everything that is true of it. Arrays are (z, y, x).

    Parameters
    ----------
    image : ndarray uint8
        Grey sections.
    labels : ndarray uint32
        Ids of neurites and glia. Every voxel belongs to a cell, but for cracks, where it is 0. Every id is
        one 26-connected object, unless defects move or hide parts of it.
    membranes : ndarray bool
        True where a border between two ids lies within half the given width, measured in the section. Where a
        fold hides tissue (see `damaged`), ids may meet without one.
    mitochondria : ndarray uint32
        Instances, 0 elsewhere.
    clefts : ndarray uint32
        Instances of synaptic clefts, 0 elsewhere.
    partners : tuple of Partner
        Pre- and postsynaptic cell of each contact; a cleft has one or more.
    vesicles_nm : ndarray (n, 3) float32
        Centres of synaptic vesicles. These and the points of partners follow shifts, but not the
        displacement beside folds and cracks.
    glia : frozenset of int
        Ids that are glia.
    shifts : ndarray (z, 2) int64
        By how many pixels (y, x) each section's content was moved.
    bad_sections : mapping of int to str
        Kind of damage of each damaged section: "fold", "crack", "low contrast", "missing", "blurred", "dark" or
        "duplicated". A missing section is black in the image, a duplicated one shows another; its truth is what
        would be there.
    damaged : ndarray bool
        Pixels in a fold or a crack.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    seed : int
        Seed that makes the same stack again.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint32]
    membranes: NDArray[np.bool_]
    mitochondria: NDArray[np.uint32]
    clefts: NDArray[np.uint32]
    partners: tuple[Partner, ...]
    vesicles_nm: NDArray[np.float32]
    glia: frozenset[int]
    shifts: NDArray[np.int64]
    bad_sections: Mapping[int, str]
    damaged: NDArray[np.bool_]
    spacing_nm: Spacing
    seed: int
