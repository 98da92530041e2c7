"""Where objects are, without looking at pages that cannot hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Region, Relabel
from napari_emseg.core.grid import CHUNK

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.volume import LabelVolume


def candidates(
    volume: LabelVolume, ids: Iterable[int], sections: Iterable[int] | None = None
) -> list[ChunkKey]:
    """Pages that may hold objects, those in memory first.

    Parameters
    ----------
    volume : LabelVolume
    ids : iterable of int
        Objects as they are called now.
    sections : iterable of int, optional
        Look only here.
    """
    pages = volume.pages
    noted = None
    if pages.store is not None:
        noted = pages.book.where(pages.table.sources(ids))
    if noted is None:
        return volume.occupied(sections)
    wanted = None if sections is None else set(sections)
    noted.update(pages.unnoted())
    with pages.lock:
        here = noted & pages.pages.keys()
    return [key for key in (*sorted(here), *sorted(noted - here)) if wanted is None or key[0] in wanted]


def pages_of(volume: LabelVolume, ids: Iterable[int]) -> list[ChunkKey]:
    """Pages that hold objects, as far as that can be told without reading any from disk."""
    wanted = np.asarray(sorted(set(ids)), volume.dtype)
    keys = candidates(volume, wanted.tolist())
    fresh = set(volume.pages.unnoted()) if volume.pages.store is not None else set(keys)
    return [key for key in keys if key not in fresh or _hit(volume, key, wanted).any()]


def present(volume: LabelVolume, ids: Iterable[int]) -> set[int]:
    """Those of the ids that some voxel has; the search ends when all were seen."""
    missing = {int(i) for i in ids}
    found: set[int] = set()
    for key in candidates(volume, missing):
        if not missing:
            break
        with volume.pages.lock:
            page = volume.pages.get(key)
            found |= {i for i in missing if (page == i).any()}
        missing -= found
    return found


def boxes_of(
    volume: LabelVolume, ids: Iterable[int], sections: Iterable[int] | None = None
) -> dict[int, Region]:
    """Section to the box around all pixels of some objects there; see `LabelVolume.find`."""
    wanted = np.asarray(sorted(set(ids)), dtype=volume.dtype)
    boxes: dict[int, list[int]] = {}
    for z, cy, cx in candidates(volume, wanted.tolist(), sections):
        hit = _hit(volume, (z, cy, cx), wanted)
        rows = np.flatnonzero(hit.any(axis=1))
        if rows.size == 0:
            continue
        columns = np.flatnonzero(hit.any(axis=0))
        y, x = cy * CHUNK[1], cx * CHUNK[2]
        low = [y + int(rows[0]), x + int(columns[0])]
        high = [y + int(rows[-1]) + 1, x + int(columns[-1]) + 1]
        box = boxes.setdefault(z, [*low, *high])
        boxes[z] = [min(box[0], low[0]), min(box[1], low[1]), max(box[2], high[0]), max(box[3], high[1])]
    return {z: Region((z, b[0], b[1]), (z + 1, b[2], b[3])) for z, b in sorted(boxes.items())}


def relabelled(volume: LabelVolume, pairs: Collection[tuple[int, int]]) -> Relabel:
    """A change of ids that knows where the objects lie, as far as that can be told; see `LabelVolume.relabelled`."""
    keys = pages_of(volume, [old for old, _ in pairs])
    if not keys:
        return Relabel(tuple(pairs))
    low, high = np.min(keys, axis=0), np.max(keys, axis=0) + 1
    _, height, width = CHUNK
    region = Region(
        (int(low[0]), int(low[1]) * height, int(low[2]) * width),
        (int(high[0]), int(high[1]) * height, int(high[2]) * width),
    )
    return Relabel(tuple(pairs), tuple(sorted({z for z, _, _ in keys})), region.clipped(volume.shape))


def _hit(volume: LabelVolume, key: ChunkKey, wanted: NDArray[np.unsignedinteger]) -> NDArray[np.bool_]:
    with volume.pages.lock:
        page = volume.pages.get(key)
        return np.asarray(page == wanted[0] if wanted.size == 1 else np.isin(page, wanted))
