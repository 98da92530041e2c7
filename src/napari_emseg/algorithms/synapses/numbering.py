"""Maps of clefts or sides to numbered synapses, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.block_store import BlockStore
from napari_emseg.algorithms.blocks import components_in_blocks, grid
from napari_emseg.algorithms.instances import find_instances
from napari_emseg.algorithms.synapses.masks import Box, CleftMap, SideMap, Widened
from napari_emseg.algorithms.synapses.places import Place, around, find_places
from napari_emseg.algorithms.targets.polarity import encode
from napari_emseg.core.edit import Region
from napari_emseg.core.progress import Part, Silent
from napari_emseg.settings import InstanceSettings, SynapseSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing


class Numbered:
    """Ids of parts where the mask itself is set, read lazily.

    Parameters
    ----------
    mask : CleftMap or SideMap
    parts : _Parts
        Numbers of the widened parts.
    names : ndarray of int64
        Id of every part, 0 for none.
    """

    ndim = 3
    dtype = np.dtype(np.int64)

    def __init__(self, mask: CleftMap | SideMap, parts: _Parts, names: NDArray[np.int64]) -> None:
        self.shape = mask.shape
        self._mask, self._parts, self._names = mask, parts, names

    def __getitem__(self, box: Box) -> NDArray[np.int64]:
        return np.where(self._mask[box], self._names[self._parts[box]], 0)


@dataclass(frozen=True, eq=False)
class Synapses:
    """Numbered synapses.

    Parameters
    ----------
    labels : Numbered
        Ids, read lazily; each is cut to what the map says.
    places : list of Place
        Ids from 1 without gaps, in raster order of their first voxel.
    too_small : int
        Parts that were dropped for their size.
    """

    labels: Numbered
    places: list[Place]
    too_small: int


class _Parts(BlockStore):
    """Blocks that are written whole and read in any box; what was not written yet is 0."""

    def __init__(self, shape: tuple[int, int, int], block: tuple[int, int, int], folder: Path | None) -> None:
        super().__init__(shape, block, folder)
        self._written: set[tuple[int, ...]] = set()

    def __setitem__(self, box: Box, values: NDArray[np.int64]) -> None:
        (a, d), (b, e), (c, f) = (s.indices(n)[:2] for s, n in zip(box, self.shape, strict=True))
        self.write(Region((a, b, c), (d, e, f)), values.astype(np.int32))
        self._written.add(tuple(k // n for k, n in zip((a, b, c), self.block, strict=True)))

    def __getitem__(self, box: Box) -> NDArray[np.int64]:
        bounds = [s.indices(n) for s, n in zip(box, self.shape, strict=True)]
        return self.read(tuple(b[0] for b in bounds), tuple(b[1] for b in bounds), np.int64)

    def _open(self, place: tuple[int, ...]) -> NDArray[Any]:
        return super()._open(place) if place in self._written else np.broadcast_to(np.int32(0), self.block)

    def replace(self, region: Region, values: NDArray[np.int64]) -> None:
        """Write what is not 0 of a box that may reach over several blocks."""
        first = [a // n for a, n in zip(region.start, self.block, strict=True)]
        last = [(b - 1) // n + 1 for b, n in zip(region.stop, self.block, strict=True)]
        for k in grid((last[0] - first[0], last[1] - first[1], last[2] - first[2]), (1, 1, 1)):
            place = [a + b for a, b in zip(first, k.start, strict=True)]
            low = [a * n for a, n in zip(place, self.block, strict=True)]
            high = [min(a + n, m) for a, n, m in zip(low, self.block, self.shape, strict=True)]
            box = Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))
            held = np.array(self[box.slices])
            one = [max(a, c) for a, c in zip(low, region.start, strict=True)]
            other = [min(b, d) for b, d in zip(high, region.stop, strict=True)]
            here = tuple(slice(a - c, b - c) for a, b, c in zip(one, other, low, strict=True))
            there = tuple(slice(a - c, b - c) for a, b, c in zip(one, other, region.start, strict=True))
            held[here] = np.where(values[there] > 0, values[there], held[here])
            self[box.slices] = held


def number_synapses(
    mask: CleftMap | SideMap,
    settings: SynapseSettings,
    spacing_nm: Spacing,
    *,
    block: tuple[int, int, int],
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Synapses:
    """Give every connected part of a mask an id.

    Parts are widened within their sections by ``settings.join_nm`` first and joined where they touch, also over edges
    and corners; the widening itself is not kept. What is smaller than ``settings.min_volume_nm3`` is dropped.

    Parameters
    ----------
    mask : CleftMap or SideMap
    settings : SynapseSettings
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    block : (z, y, x)
        Voxels of a block; it changes nothing but memory.
    folder : Path, optional
        Where numbers are kept meanwhile, 4 bytes a voxel; None keeps them in memory.
    progress : Progress, optional
    """
    report = progress or Silent()
    parts = _Parts(mask.shape, block, folder)
    wide = Widened(mask, settings.join_nm, spacing_nm)
    n = components_in_blocks(wide, parts, block, connectivity=26, progress=Part(report, 0.0, 0.6))
    whole = Numbered(mask, parts, np.arange(n + 1))
    places = find_places(whole, block, progress=Part(report, 0.6, 0.9))
    if settings.split_tolerance_nm > 0:
        places, n = _divided(places, mask, parts, n, settings, spacing_nm)
    voxel = float(np.prod(spacing_nm))
    kept = [place for place in places if place.voxels * voxel >= settings.min_volume_nm3]
    names = np.zeros(n + 1, np.int64)
    names[[place.id for place in kept]] = np.arange(1, len(kept) + 1)
    renamed = [Place(int(names[place.id]), place.region, place.voxels) for place in kept]
    return Synapses(Numbered(mask, parts, names), renamed, len(places) - len(kept))


def _divided(
    places: list[Place],
    mask: CleftMap | SideMap,
    parts: _Parts,
    n: int,
    settings: SynapseSettings,
    spacing_nm: Spacing,
) -> tuple[list[Place], int]:
    """Places with those that have necks cut at them, numbered from n + 1 on; and the highest number."""
    import cc3d

    how = InstanceSettings(min_volume_um3=0, split_tolerance_nm=settings.split_tolerance_nm)
    found: list[Place] = []
    for place in places:
        region = around(place.region, 0.0, spacing_nm, mask.shape)  # what is outside has to be seen
        inside = mask[region.slices] & (parts[region.slices] == place.id)
        cut = find_instances(inside.astype(np.uint8) * 255, how, spacing_nm).labels
        # pieces that the widening had joined were apart before: they are not cut again
        if cc3d.connected_components(inside, connectivity=6, return_N=True)[1] >= cut.max(initial=0):
            found.append(place)
            continue
        parts.replace(region, np.where(cut > 0, n + cut.astype(np.int64), 0))
        pieces = find_places(cut, cut.shape)
        for piece in pieces:
            low = [a + b for a, b in zip(region.start, piece.region.start, strict=True)]
            high = [a + b for a, b in zip(region.start, piece.region.stop, strict=True)]
            box = Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))
            found.append(Place(n + piece.id, box, piece.voxels))
        n += len(pieces)
    return found, n


def side_labels(synapses: NDArray[Any], sides: SideMap, box: Box) -> NDArray[np.int64]:
    """Synapse n as 2n - 1 on its presynaptic and 2n on its postsynaptic side.

    Voxels of a synapse that the map puts on neither side go to the likelier one; 0 where both are as likely.
    """
    signed = sides.signed(box)
    return np.where(signed == 0, 0, encode(np.asarray(synapses, np.int64), signed < 0))
