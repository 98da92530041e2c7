"""From owners to ids: every id is one connected object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST_VOXELS = 40
"""Smaller crumbs, cut off where discs meet, go to the nearest object."""


def label_cells(owner: NDArray[np.int32]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Give every 26-connected piece of an owner its own id.

    A neurite that leaves the volume and comes back has two ids, as it would for anyone who sees only
    this volume.

    Parameters
    ----------
    owner : ndarray (z, y, x) int32
        Index of the neurite of each voxel.

    Returns
    -------
    labels : ndarray (z, y, x) uint32
        Ids 1 .. n without gaps; no voxel is 0.
    owner_of : ndarray (n + 1,) int32
        Owner of each id; entry 0 is -1.
    """
    import cc3d

    pieces = _components(owner + 1)
    piece_owner = np.zeros(int(pieces.max()) + 1, dtype=np.int32)
    piece_owner[pieces.ravel()] = owner.ravel()
    for _ in range(3):
        if not _absorb_crumbs(pieces):
            break
        whole = pieces.copy()
        pieces = _components(pieces)
        lineage = np.zeros(int(pieces.max()) + 1, dtype=np.int32)
        lineage[pieces.ravel()] = piece_owner[whole.ravel()]
        piece_owner = lineage
    labels = np.asarray(
        cc3d.connected_components(pieces, connectivity=26, out_dtype=np.uint32), dtype=np.uint32
    )
    owner_of = np.full(int(labels.max()) + 1, -1, dtype=np.int32)
    owner_of[labels.ravel()] = piece_owner[pieces.ravel()]
    return labels, owner_of


def _components(values: NDArray[np.int32]) -> NDArray[np.int32]:
    import cc3d

    return np.asarray(cc3d.connected_components(values, connectivity=26, out_dtype=np.uint32)).astype(
        np.int32
    )


def _absorb_crumbs(pieces: NDArray[np.int32]) -> bool:
    """Give crumbs to the nearest larger piece, in place; False when there were none."""
    from scipy import ndimage as ndi

    sizes = np.bincount(pieces.ravel())
    is_crumb = (sizes > 0) & (sizes < min(SMALLEST_VOXELS, sizes.max()))
    if not is_crumb.any():
        return False
    crumbs = np.where(is_crumb, np.cumsum(is_crumb), 0)[pieces]
    for part in ndi.find_objects(crumbs):
        box = pieces[tuple(slice(max(0, s.start - 3), s.stop + 3) for s in part)]
        lost = is_crumb[box]
        if lost.any() and not lost.all():
            # nearest within the section where possible: sections are far apart
            nearest = ndi.distance_transform_edt(
                lost, sampling=(100, 1, 1), return_distances=False, return_indices=True
            )
            box[lost] = box[tuple(nearest)][lost]
    return True
