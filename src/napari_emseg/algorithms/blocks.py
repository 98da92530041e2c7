"""Volumes larger than memory, block by block, with a result that does not depend on the blocks."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.algorithms.stitching import union
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D


_FARTHEST = {6: 1, 18: 2, 26: 3}
"""Connectivity, and along how many axes at once a neighbour may lie."""


def grid(shape: tuple[int, int, int], block: tuple[int, int, int]) -> list[Region]:
    """Blocks that tile a volume, in raster order.

    Parameters
    ----------
    shape, block : (z, y, x)
        Extent of the volume and of a block; blocks at the far borders are smaller.

    Raises
    ------
    EmsegError
        If a block would hold no voxel.
    """
    if min(block) < 1:
        raise EmsegError(
            f"blocks of {block} voxels hold nothing", "", "give at least one voxel on every axis"
        )
    starts = product(*(range(0, n, b) for n, b in zip(shape, block, strict=True)))
    return [
        Region(
            (z, y, x), (min(z + block[0], shape[0]), min(y + block[1], shape[1]), min(x + block[2], shape[2]))
        )
        for z, y, x in starts
    ]


def components_in_blocks(
    mask: ArrayLike3D,
    output: Any,
    block: tuple[int, int, int],
    *,
    connectivity: int = 6,
    order: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> int:
    """Number the connected parts of a mask that may be larger than memory.

    Parameters
    ----------
    mask : array (z, y, x)
        Non-zero is inside, or ids: touching voxels of different ids are apart. Read block by block.
    output : array (z, y, x) of uint32 or larger
        Written block by block and read again once: anything that can be sliced both ways.
    block : (z, y, x)
        Extent of a block in voxels. Memory follows it, not the volume.
    connectivity : int
        6, 18 or 26.
    order : sequence of int, optional
        In which order blocks are worked on; the result is the same.
    progress : Progress, optional

    Returns
    -------
    int
        Number of parts. They are numbered in raster order of their first voxel, whatever the blocks.

    Raises
    ------
    EmsegError
        If a block would hold no voxel, or there is no such connectivity.
    """
    if connectivity not in _FARTHEST:
        raise EmsegError(f"connectivity {connectivity} is not known", "", "take 6, 18 or 26")
    report = progress or Silent()
    shape = (int(mask.shape[0]), int(mask.shape[1]), int(mask.shape[2]))
    regions = grid(shape, block)
    firsts: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    last = 0
    done: dict[tuple[int, ...], Region] = {}
    for n, k in enumerate(order if order is not None else range(len(regions))):
        region = regions[k]
        inside = np.asarray(mask[region.slices])
        inside = inside.astype(np.uint8) if inside.dtype == bool else inside
        parts = _components(inside, connectivity)
        firsts.append(_first_voxels(parts, region, shape))
        parts[parts > 0] += last
        last += firsts[-1].size
        output[region.slices] = parts
        place = tuple(a // b for a, b in zip(region.start, block, strict=True))
        for way in product((-1, 0, 1), repeat=3):
            other = done.get(tuple(p + w for p, w in zip(place, way, strict=True)))
            seam = None if other is None else _seam(mask, output, region, other, connectivity)
            if seam is not None and seam[0].size:
                pairs.append(seam)
        done[place] = region
        report.report(0.8 * (n + 1) / len(regions), f"block {n + 1} of {len(regions)}")
    group = union(pairs, last)
    first = np.full(last + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, group, np.concatenate(firsts))
    roots = np.flatnonzero((group == np.arange(last + 1)) & (np.arange(last + 1) > 0))
    number = np.zeros(last + 1, np.int64)
    number[roots[np.argsort(first[roots])]] = np.arange(1, roots.size + 1)
    final = number[group]
    for n, region in enumerate(regions):
        output[region.slices] = final[np.asarray(output[region.slices]).astype(np.int64)]
        report.report(0.8 + 0.2 * (n + 1) / len(regions), "one id space")
    return int(roots.size)


def _components(inside: NDArray[Any], connectivity: int) -> NDArray[np.int64]:
    import cc3d

    kinds: dict[int, Literal[6, 18, 26]] = {6: 6, 18: 18, 26: 26}
    return cc3d.connected_components(inside, connectivity=kinds[connectivity]).astype(np.int64)


def _first_voxels(parts: NDArray[np.int64], region: Region, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Raster index in the whole volume of the first voxel of every part."""
    ids, at = np.unique(parts, return_index=True)
    at = at[ids > 0]
    where = np.stack(np.unravel_index(at, parts.shape)) + np.array(region.start)[:, None]
    return np.asarray(np.ravel_multi_index(tuple(where), shape), np.int64)


def _seam(
    mask: ArrayLike3D, output: Any, one: Region, other: Region, connectivity: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Parts that touch across two blocks; None if the blocks do not touch in a way that counts."""
    steps = [
        0 if a < d and c < b else 1 if b == c else -1 if d == a else 2
        for a, b, c, d in zip(one.start, one.stop, other.start, other.stop, strict=True)
    ]
    far = sum(abs(s) for s in steps)
    if 2 in steps or far == 0 or far > _FARTHEST[connectivity]:
        return None
    low = [max(a - 1, c) if s else max(a, c) for a, c, s in zip(one.start, other.start, steps, strict=True)]
    spans = []
    for axis, step in enumerate(steps):
        if step == 1:
            spans.append(slice(one.stop[axis] - 1, one.stop[axis] + 1))
        elif step == -1:
            spans.append(slice(one.start[axis] - 1, one.start[axis] + 1))
        else:
            spans.append(slice(low[axis], min(one.stop[axis], other.stop[axis])))
    box = tuple(spans)
    names, kinds = np.asarray(output[box]).astype(np.int64), np.asarray(mask[box])
    ways = [
        way
        for way in product((-1, 0, 1), repeat=3)
        if sum(map(abs, way)) <= _FARTHEST[connectivity]
        and all(w == s for s, w in zip(steps, way, strict=True) if s)
    ]
    both = np.concatenate([_touching(names, kinds, way) for way in ways])
    return both[:, 0], both[:, 1]


def _touching(names: NDArray[np.int64], kinds: NDArray[Any], way: tuple[int, ...]) -> NDArray[np.int64]:
    """Different parts of the same kind, one beside the other in one of the 26 ways: pairs (n, 2)."""
    here = tuple(slice(max(0, -w), n - max(0, w)) for w, n in zip(way, names.shape, strict=True))
    there = tuple(slice(max(0, w), n + min(0, w)) for w, n in zip(way, names.shape, strict=True))
    a, b = names[here].ravel(), names[there].ravel()
    touch = (a > 0) & (b > 0) & (kinds[here].ravel() == kinds[there].ravel()) & (a != b)
    return np.unique(np.stack([a[touch], b[touch]], 1), axis=0)
