"""Separate things in a volume that may be larger than memory: slab by slab, then thing by thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.block_store import SlabStore
from napari_emseg.algorithms.blocks import components_in_blocks
from napari_emseg.algorithms.instances import NM3_PER_UM3, divide_parts, likely_voxels
from napari_emseg.algorithms.scale import working_spacing
from napari_emseg.core.codec import squeeze, swell
from napari_emseg.core.edit import Region
from napari_emseg.core.indexing import box_key
from napari_emseg.core.progress import Part, Silent

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, Spacing
    from napari_emseg.settings import InstanceSettings

SLAB = 16
"""Sections that are worked on together."""
_TRUNCATE = 4.0  # standard deviations to which scipy smooths


@dataclass(frozen=True, eq=False)
class Found:
    """Things of a volume; numbers as in `napari_emseg.algorithms.instances.Instances`.

    Attributes
    ----------
    labels : Things
    n_things, too_small, too_flat, without_seed : int
    """

    labels: Things
    n_things: int
    too_small: int
    too_flat: int
    without_seed: int


def find_in_slabs(
    probability: ArrayLike3D,
    settings: InstanceSettings,
    spacing_nm: Spacing | None,
    *,
    folder: Path | None = None,
    slab: int = SLAB,
    progress: Progress | None = None,
) -> Found:
    """The same as `napari_emseg.algorithms.instances.find_instances`, voxel by voxel, in less memory.

    Parameters
    ----------
    probability : array-like (z, y, x)
        Floats in [0, 1] or uint8 in 0..255; read in slabs.
    settings : InstanceSettings
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    folder : Path, optional
        Where parts are kept meanwhile, 5 bytes a voxel; None keeps them in memory.
    slab : int
        Sections that are worked on together. Memory follows it and the box of the largest part; the result does not.
    progress : Progress, optional
    """
    report, spacing = progress or Silent(), working_spacing(spacing_nm)
    shape = (int(probability.shape[0]), int(probability.shape[1]), int(probability.shape[2]))
    mask = SlabStore(shape, slab, folder and folder / "mask", np.dtype(np.uint8))
    reach = int(_TRUNCATE * settings.sigma_z_nm / spacing[0] + 0.5)
    for start in range(0, shape[0], slab):
        stop = min(start + slab, shape[0])
        low, high = max(start - reach, 0), min(stop + reach, shape[0])
        likely = likely_voxels(np.asarray(probability[low:high]), settings, spacing)
        mask[start:stop] = likely[start - low : stop - low].astype(np.uint8)
        report.report(0.4 * stop / shape[0], f"section {stop} of {shape[0]}")
    parts = SlabStore(shape, slab, folder and folder / "parts", np.dtype(np.uint32))
    n = components_in_blocks(mask, parts, mask.block, progress=Part(report, 0.4, 0.6))
    census = _Census(n)
    for z in range(shape[0]):
        census.look(z, parts[z])
    big = census.voxels * np.prod(spacing) >= settings.min_volume_um3 * NM3_PER_UM3
    tall = census.sections >= settings.min_sections
    big[0] = tall[0] = True
    kept = np.flatnonzero(big & tall)[1:]
    names, first = np.zeros(n + 1, np.int64), [np.zeros(0, np.int64)]
    cuts: dict[int, _Cut] = {}
    last = bare = 0
    for k, part in enumerate(kept.tolist()):
        region = census.box(part, shape)
        inside = parts[region.slices] == part
        pieces, without_seed = divide_parts(inside.astype(np.uint32), settings, spacing)
        bare += without_seed
        ids, at = np.unique(pieces, return_index=True)
        at = at[ids > 0]
        names[part] = last + 1
        if at.size > 1:
            cuts[part] = _Cut(part, region, [squeeze(s, np.dtype(np.uint32)) for s in pieces], last)
        where = np.stack(np.unravel_index(at, pieces.shape)) + np.array(region.start)[:, None]
        first.append(np.ravel_multi_index(tuple(where), shape).astype(np.int64))
        last += at.size
        report.report(0.6 + 0.4 * (k + 1) / kept.size, f"part {k + 1} of {kept.size}")
    final = np.zeros(last + 1, np.uint32)
    final[np.argsort(np.concatenate(first), kind="stable") + 1] = np.arange(1, last + 1)
    return Found(
        Things(parts, names, list(cuts.values()), final),
        last,
        int((~big).sum()),
        int((big & ~tall).sum()),
        bare,
    )


@dataclass(frozen=True, eq=False)
class _Cut:
    """A part that is several things: its box, and the things in it from 1, section by section."""

    part: int
    region: Region
    sections: list[bytes]
    last: int


class Things:
    """Ids of things, read lazily.

    Parameters
    ----------
    parts : array-like (z, y, x)
        Connected parts.
    names : ndarray of int64 (parts + 1,)
        Provisional id of the first thing of every part; 0 for what was dropped.
    cuts : list of _Cut
        Parts of several things.
    final : ndarray of uint32
        Provisional to final ids.
    """

    ndim = 3
    dtype = np.dtype(np.uint32)

    def __init__(
        self, parts: SlabStore, names: NDArray[np.int64], cuts: list[_Cut], final: NDArray[np.uint32]
    ) -> None:
        self.shape = parts.shape
        self._parts, self._names, self._final = parts, names, final
        self._cuts: dict[int, list[_Cut]] = {}
        for cut in cuts:
            for z in range(cut.region.start[0], cut.region.stop[0]):
                self._cuts.setdefault(z, []).append(cut)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.uint32]:
        found = box_key(key, self.shape)
        z, y, x = found.region.slices
        sections = [self._section(k)[y, x] for k in range(z.start, z.stop)]
        box = np.stack(sections) if sections else np.zeros(found.region.shape, np.uint32)
        result: NDArray[np.uint32] = box[found.local]
        return result

    def _section(self, z: int) -> NDArray[np.uint32]:
        parts = self._parts[z]
        ids = self._names[parts]
        for cut in self._cuts.get(z, ()):
            _, y, x = cut.region.slices
            shape = (y.stop - y.start, x.stop - x.start)
            things = swell(cut.sections[z - cut.region.start[0]], shape, np.dtype(np.uint32))
            here = parts[y, x] == cut.part
            ids[y, x][here] = things[here].astype(np.int64) + cut.last
        return np.asarray(self._final[ids])


class _Census:
    """Voxels, sections and box of every part, added up section by section."""

    def __init__(self, n: int) -> None:
        self.voxels, self.sections = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
        self._low = np.full((n + 1, 3), np.iinfo(np.int64).max)
        self._high = np.zeros((n + 1, 3), np.int64)

    def look(self, z: int, section: NDArray[np.uint32]) -> None:
        """Take in a section."""
        y, x = np.nonzero(section)
        if not y.size:
            return
        ids, of = np.unique(section[y, x], return_inverse=True)
        self.voxels[ids] += np.bincount(of)
        self.sections[ids] += 1
        for axis, place in enumerate((np.full(y.size, z), y, x)):
            low, high = np.full(ids.size, np.iinfo(np.int64).max), np.zeros(ids.size, np.int64)
            np.minimum.at(low, of, place)
            np.maximum.at(high, of, place + 1)
            self._low[ids, axis] = np.minimum(self._low[ids, axis], low)
            self._high[ids, axis] = np.maximum(self._high[ids, axis], high)

    def box(self, part: int, shape: tuple[int, int, int]) -> Region:
        """Around a part with one voxel on every side: what is outside has to be seen."""
        a, b, c = (max(int(k) - 1, 0) for k in self._low[part])
        d, e, f = (min(int(k) + 1, n) for k, n in zip(self._high[part], shape, strict=True))
        return Region((a, b, c), (d, e, f))
