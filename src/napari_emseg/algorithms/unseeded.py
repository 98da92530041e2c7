"""Cells in which no seed of a person lies, and what becomes of them when only those seeds grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.algorithms.agglomeration import merge_by_boundary
from napari_emseg.algorithms.cleanup import join_small
from napari_emseg.algorithms.dividing import divide_shared, sharing
from napari_emseg.algorithms.placed_seeds import ONE_CELL_BELOW, middles_of
from napari_emseg.algorithms.scale import working_spacing
from napari_emseg.algorithms.seeds import distance_seeds, seed_every_area
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SeedSettings, SegmentSettings

Unseeded = Literal["neighbour", "empty", "segment"]
"""What cells without a seed become: part of a neighbour, nothing, or segments of their own."""

_NAMED = 5  # places that are told; of more, the number


@dataclass(eq=False)
class UnseededCells:
    """Cells without a seed, added up over sections.

    Attributes
    ----------
    count : int
    largest : list of (voxels, (z, y, x))
        A voxel inside each of the largest, largest first.
    """

    count: int = 0
    largest: list[tuple[int, tuple[int, int, int]]] = field(default_factory=list)

    def add(self, cells: NDArray[np.uint32], bare: NDArray[np.intp], first_section: int) -> None:
        """Count the cells ``bare`` of a volume (z, y, x) that begins with this section."""
        if not bare.size:
            return
        self.count += int(bare.size)
        size = np.bincount(cells.ravel())[bare]
        for k in np.argsort(-size, kind="stable")[:_NAMED].tolist():
            here = cells == bare[k]
            depth = np.flatnonzero(here.any(axis=(1, 2)))
            z = int(depth[depth.size // 2])
            y, x = np.rint(middles_of(here[z].astype(np.uint32))[1][0]).astype(int).tolist()
            self.largest.append((int(size[k]), (z + first_section, y, x)))
        self.largest = sorted(self.largest, key=lambda row: (-row[0], row[1]))[:_NAMED]

    def words(self, unseeded: Unseeded) -> list[str]:
        """What is said of them."""
        if not self.count:
            return []
        one = self.count == 1
        became = {
            "neighbour": f"went to {'a neighbour' if one else 'neighbours'}",
            "empty": "stayed empty",
            "segment": f"became {'a segment' if one else 'segments'} of {'its' if one else 'their'} own",
        }[unseeded]
        places = "; ".join(", ".join(map(str, at)) for _, at in self.largest)
        where = f"at {places}" if self.count <= len(self.largest) else f"the largest at {places}"
        text = f"{counted(self.count, 'cell')} without a seed {became} ({where}; z, y, x)"
        them = "it" if one else "them"
        if unseeded == "neighbour":
            text += f": --unseeded empty leaves {them} empty, --unseeded segment keeps {them} apart"
        return [text]


def grow_with_unseeded(
    boundary: NDArray[Any],
    own: NDArray[np.uint32],
    seeds: SeedSettings,
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    unseeded: Unseeded,
    *,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.intp]]:
    """Grow seeds of a person, and find the cells that have none.

    A cell is what segmentation without these seeds gives, where parts with hardly a membrane between them are one.

    Parameters
    ----------
    boundary : ndarray (y, x) or (z, y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    own : ndarray of uint32, same shape
        Seeds, numbered from 1.
    seeds, settings
        How cells without them are found.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    unseeded : "neighbour", "empty" or "segment"
    mask : ndarray of bool, same shape, optional
        Nothing grows outside.

    Returns
    -------
    labels : ndarray of uint32, same shape
        Seeds with what they have grown to; segments of cells without one are numbered above them.
    cells : ndarray of uint32, same shape
    bare : ndarray of int (n,)
        Cells without a seed that are no smaller than the smallest segment, rising.
    """
    from napari_emseg.algorithms.watershed import grow, segment_volume

    if boundary.ndim == 3:
        cells = rest = segment_volume(boundary, seeds, settings, spacing_nm, mask=mask)
    else:
        cells, rest = _cells_of_section(boundary, own, seeds, spacing_nm, mask)
    held = np.unique(cells[own > 0])
    inside = np.isin(cells, held[held > 0])
    pixel = working_spacing(spacing_nm)
    smallest = settings.min_size_nm2 / (pixel[1] * pixel[2])
    size = np.bincount(cells.ravel())
    size[held] = 0
    bare = np.flatnonzero(size >= max(smallest, 1))
    bare = bare[bare > 0]
    together = sharing(cells, own) if settings.compactness == 0 else []
    voxel = spacing_nm if boundary.ndim == 3 else None

    def grown(area: NDArray[np.bool_] | None) -> NDArray[np.uint32]:
        found = np.asarray(grow(boundary, own, mask=area, compactness=settings.compactness), np.uint32)
        return divide_shared(found, boundary, own, together, voxel)

    if unseeded == "neighbour":
        return grown(mask), cells, bare
    labels = grown(inside)
    if unseeded == "segment":
        last = own.max(initial=0)
        labels = np.where(inside | (rest == 0), labels, rest + last)
        if boundary.ndim == 2:
            large = np.arange(1, int(last) + 1)
            labels = join_small(labels, boundary, smallest, large=large)
    return labels, cells, bare


def _cells_of_section(
    boundary: NDArray[Any],
    own: NDArray[np.uint32],
    seeds: SeedSettings,
    spacing_nm: Spacing | None,
    mask: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Cells of a section, and the segments that they were joined of."""
    from napari_emseg.algorithms.watershed import grow

    flat = seeds.model_copy(update={"dims": 2})
    found = distance_seeds(boundary, flat, spacing_nm, mask=mask)
    last = own.max(initial=0)
    taken = np.unique(found[own > 0])
    found = np.where((found > 0) & ~np.isin(found, taken[taken > 0]), found + last, 0).astype(np.uint32)
    every = seed_every_area(boundary, np.where(own > 0, own, found), flat, spacing_nm, mask=mask)
    parts = np.asarray(grow(boundary, every, mask=mask), np.uint32)
    return merge_by_boundary(parts, boundary, ONE_CELL_BELOW), parts
