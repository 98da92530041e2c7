"""Segmentation of whole volumes in three dimensions, block by block, with one result whatever the blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.agglomeration import merge_graph
from napari_emseg.algorithms.block_store import BlockStore, RenamedBlocks
from napari_emseg.algorithms.blocks import grid
from napari_emseg.algorithms.border_evidence import border_evidence
from napari_emseg.algorithms.contacts import Contacts
from napari_emseg.algorithms.fragments import fragments
from napari_emseg.algorithms.joining import contract
from napari_emseg.algorithms.landscape import eight_bits, landscape_of
from napari_emseg.algorithms.partition import divide, improve
from napari_emseg.algorithms.peaks import join_basins
from napari_emseg.algorithms.scale import working_spacing
from napari_emseg.core.progress import Part, Silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SeedSettings, SegmentSettings

_FINER = 0.8  # of the membrane threshold: pieces are cut finer than cells, what is joined is decided later
_NECK_STEPS = 0.3 * 256  # pieces are two only if the pass between them is lower than both by this
BLOCK = (64, 256, 256)
"""Voxels of a block where nobody says otherwise; about 0.5 GB with its margin."""


def segment_blocks(
    boundary: Any,
    seed_settings: SeedSettings,
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    *,
    block: tuple[int, int, int] | None = None,
    folder: Path | None = None,
    order: Sequence[int] | None = None,
    mask: NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> RenamedBlocks:
    """Segment a volume that may be larger than memory.

    Parameters
    ----------
    boundary : array-like (z, y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255; read block by block, three times.
    seed_settings : SeedSettings
        Membrane threshold, from the lowest to the highest values of the map, and smoothing. Pieces are cut at four
        fifths of the threshold.
    settings : SegmentSettings
        How pieces are joined, and the smallest size.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    block : (z, y, x), optional
        Voxels of a block; by default the whole volume is one. Memory follows it and the number of pieces.
    folder : Path, optional
        Where blocks are kept meanwhile, 12 bytes a voxel; None keeps them in memory.
    order : sequence of int, optional
        In which order blocks are worked on.
    mask : ndarray of bool (z, y, x), optional
        Outside belongs to nobody.
    progress : Progress, optional

    Returns
    -------
    RenamedBlocks
        Ids from 1 without gaps, read lazily. Neither `block` nor `order` changes a voxel of it.
    """
    report = progress or Silent()
    shape = (int(boundary.shape[0]), int(boundary.shape[1]), int(boundary.shape[2]))
    spacing = working_spacing(spacing_nm)
    block = block or (max(shape[0], 1), max(shape[1], 1), max(shape[2], 1))
    regions = grid(shape, block)
    regions = regions if order is None else [regions[k] for k in order]
    histogram = np.zeros(256, np.int64)
    for n, region in enumerate(regions):
        report.report(0.1 * n / len(regions), "reading the map")
        values = eight_bits(np.asarray(boundary[region.slices]))
        histogram += np.bincount(
            values.ravel() if mask is None else values[mask[region.slices]], minlength=256
        )
    threshold = _FINER * seed_settings.threshold
    landscape = landscape_of(histogram, threshold, spacing, seed_settings.sigma_nm)
    labels, heights = (
        BlockStore(shape, block, _sub(folder, "ids")),
        BlockStore(shape, block, _sub(folder, "heights")),
    )
    found = fragments(boundary, landscape, regions, labels, heights, mask=mask, report=Part(report, 0.1, 0.8))
    report.report(0.8, "joining")
    root = np.asarray(join_basins(*found.passes, found.peak, _NECK_STEPS), np.int64)
    root = join_crumbs(found.borders, found.size, settings.min_size_nm2 / (spacing[1] * spacing[2]), root)
    group = join_graph(_between(found.borders, root, 255.0), root.size, landscape, settings)[root]
    _, name = np.unique(group, return_inverse=True)
    name = name - int(name[0])
    report.report(1.0, "done")
    return RenamedBlocks(labels, name.astype(np.uint32)[found.piece])


def join_graph(borders: Contacts, n: int, landscape: Any, settings: SegmentSettings) -> NDArray[np.int64]:
    """Group of every piece, (n,).

    Parameters
    ----------
    borders : Contacts
        Means of the stretched map in [0, 1].
    n : int
        Pieces and none.
    landscape : Landscape
        How the map was stretched: thresholds that people give are probabilities.
    settings : SegmentSettings
    """
    if borders.a.size == 0:
        return np.arange(n)
    if settings.joining == "auto":
        evidence = border_evidence(borders) * np.sqrt(borders.faces)
        group = contract(borders.a, borders.b, evidence, np.ones(evidence.size), n)
        return improve(borders.a, borders.b, evidence, group)
    width = (landscape.high - landscape.low) / 255
    plain = Contacts(borders.a, borders.b, borders.faces, borders.boundary * width + landscape.low / 255)
    if settings.joining == "mean":
        tree = merge_graph(plain, n - 1, below=settings.merge_threshold)
        return tree.at(settings.merge_threshold).astype(np.int64)
    return divide(plain, n, settings.merge_threshold, settings.joining)


def join_crumbs(
    borders: Contacts, size: NDArray[np.int64], min_size: float, root: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Give groups that are too small to the neighbour with the weakest border.

    Parameters
    ----------
    borders : Contacts
        Between pieces.
    size : ndarray of int64 (n,)
        Voxels of each piece.
    min_size : float
        In voxels.
    root : ndarray of int64 (n,)
        Group of each piece so far; piece 0 is nobody.

    Returns
    -------
    ndarray of int64 (n,)
        Every group is named by its smallest piece. A group that touches no other stays, however small.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = root.size
    while True:
        root = _smallest(root)
        total = np.rint(np.bincount(root, size, minlength=n))
        small = (total > 0) & (total < min_size)
        small[0] = False
        between = _between(borders, root)
        one, other = np.r_[between.a, between.b], np.r_[between.b, between.a]
        mean = np.r_[between.boundary, between.boundary]
        keep = small[one]
        if not keep.any():
            return root
        one, other, mean = one[keep], other[keep], mean[keep]
        ranked = np.lexsort((other, mean, one))
        first = np.ones(ranked.size, bool)
        first[1:] = one[ranked][1:] != one[ranked][:-1]
        source, target = one[ranked][first], other[ranked][first]
        graph = coo_array((np.ones(source.size, np.int8), (source, target)), shape=(n, n))
        root = connected_components(graph, directed=False)[1].astype(np.int64)[root]


def _between(borders: Contacts, root: NDArray[np.int64], scale: float = 1.0) -> Contacts:
    """Borders between groups."""
    n = root.size
    a, b = root[borders.a], root[borders.b]
    keep = a != b
    keys = (np.minimum(a, b) * n + np.maximum(a, b))[keep]
    unique, inverse = np.unique(keys, return_inverse=True)
    # Sums of whole numbers: exact, in whatever order blocks came.
    faces = np.bincount(inverse, borders.faces[keep], minlength=unique.size)
    total = np.bincount(inverse, np.rint(borders.boundary * borders.faces)[keep], minlength=unique.size)
    return Contacts(
        unique // n, unique % n, np.rint(faces).astype(np.int64), total / np.maximum(faces, 1) / scale
    )


def _smallest(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups named by their smallest member."""
    first = np.full(int(group.max(initial=0)) + 1, group.size, np.int64)
    np.minimum.at(first, group, np.arange(group.size))
    return np.asarray(first[group])


def _sub(folder: Path | None, name: str) -> Path | None:
    if folder is None:
        return None
    (folder / name).mkdir(parents=True, exist_ok=True)
    return folder / name
