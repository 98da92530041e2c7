"""Objects made tidy: smoother, thinner or thicker, without holes, without crumbs. Volumes may be larger than memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.block_store import SlabStore
from napari_emseg.algorithms.blocks import components_in_blocks
from napari_emseg.algorithms.cleanup import fill_holes
from napari_emseg.algorithms.instances import NM3_PER_UM3
from napari_emseg.algorithms.scale import working_spacing
from napari_emseg.algorithms.shapes import reshape_objects
from napari_emseg.core.progress import Part, Silent

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.algorithms.shapes import Operation
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, Spacing
    from napari_emseg.settings import TidySettings

_WAITING = 1 << 18  # rows that are kept apart before they are added up

SLAB = 16
"""Sections that are worked on together where it is done through sections."""


@dataclass(frozen=True, eq=False)
class Tidied:
    """Tidy objects, and what was left out on the way.

    Attributes
    ----------
    labels : array-like (z, y, x)
        Read lazily; ids and type are those of before unless parts were numbered.
    n_objects : int
    vanished : int
        Objects of which a change of shape left nothing.
    too_small, too_large, cut_off : int
        Objects that were dropped for their size, or because they touch the edge of the sections.
    dropped : ndarray of uint64 (n,)
        Ids of these.
    """

    labels: Any
    n_objects: int
    vanished: int
    too_small: int
    too_large: int
    cut_off: int
    dropped: NDArray[np.uint64]


def tidy(
    labels: ArrayLike3D,
    settings: TidySettings,
    spacing_nm: Spacing | None,
    *,
    folder: Path | None = None,
    slab: int = SLAB,
    progress: Progress | None = None,
) -> Tidied:
    """Change the shapes of objects and drop some, in this order.

    Opening, closing, erosion, dilation, filling of holes, then parts that hang apart get numbers of their own, then objects
    are dropped by size and place.

    Parameters
    ----------
    labels : array-like (z, y, x) of non-negative integers
        Object ids; 0 is none. Read in slabs of sections.
    settings : TidySettings
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    folder : Path, optional
        Where sections are kept meanwhile; None keeps them in memory.
    slab : int
        Sections that are worked on together; memory follows it, the result does not.
    progress : Progress, optional
    """
    report = progress or Silent()
    spacing = working_spacing(spacing_nm)
    shape = (int(labels.shape[0]), int(labels.shape[1]), int(labels.shape[2]))
    store = SlabStore(shape, 1, folder and folder / "shapes", labels.dtype)
    before, after = _Census(), _Census()
    slabs = range(0, shape[0], slab)
    for k, start in enumerate(slabs):
        stop = min(start + slab, shape[0])
        given, changed = _slab(labels, start, stop, settings, spacing)
        for z in range(start, stop):
            before.look(given[z - start])
            after.look(changed[z - start])
            store[z : z + 1] = changed[z - start][None]
        report.report(0.7 * (k + 1) / len(slabs), f"section {stop} of {shape[0]}")
    vanished = np.setdiff1d(before.table()[0], after.table()[0]).size
    if settings.split_parts:
        whole, after = store, _Census()
        store = SlabStore(shape, 1, folder and folder / "parts", np.dtype(np.uint32))
        components_in_blocks(whole, store, (1, shape[1], shape[2]), progress=Part(report, 0.7, 0.95))
        for z in range(shape[0]):
            after.look(store[z])
    ids, voxels, touches = after.table()
    volume = voxels * (float(np.prod(spacing)) / NM3_PER_UM3)
    small = volume < settings.min_volume_um3
    large = ~small & (settings.max_volume_um3 > 0) & (volume > settings.max_volume_um3)
    cut = ~small & ~large & touches & settings.drop_at_edge
    gone = small | large | cut
    report.report(1.0, "done")
    return Tidied(
        _Without(store, ids[gone]),
        int((~gone).sum()),
        vanished,
        int(small.sum()),
        int(large.sum()),
        int(cut.sum()),
        ids[gone],
    )


def _slab(
    labels: ArrayLike3D, start: int, stop: int, settings: TidySettings, spacing: Spacing
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sections as they are and as they become; with those beside them where it is done through sections."""
    steps: list[tuple[Operation, float]] = [
        ("opening", settings.opening_nm),
        ("closing", settings.closing_nm),
        ("erosion", settings.erosion_nm),
        ("dilation", settings.dilation_nm),
    ]
    steps = [step for step in steps if step[1] > 0]
    # An opening or closing looks twice as far as its radius.
    far = sum(radius * (2 if name in ("opening", "closing") else 1) for name, radius in steps)
    reach = int(np.ceil(far / spacing[0])) + 1 if settings.dims == 3 and steps else 0
    low, high = max(start - reach, 0), min(stop + reach, int(labels.shape[0]))
    given = np.asarray(labels[low:high])
    changed = given
    for name, radius in steps:
        changed = reshape_objects(changed, name, radius, spacing, dims=settings.dims)
    inner = slice(start - low, stop - low)
    kept = changed[inner]
    return given[inner], fill_holes(kept) if settings.fill_holes else kept


class _Census:
    """Ids, their voxels, and which touch the edge of a section, added up section by section."""

    def __init__(self) -> None:
        self._waiting: list[tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.bool_]]] = []
        self._rows = self._limit = 0

    def look(self, section: NDArray[Any]) -> None:
        """Take in a section (y, x)."""
        import fastremap

        found, count = fastremap.unique(section, return_counts=True)
        there = found != 0
        rim = np.concatenate([section[0], section[-1], section[:, 0], section[:, -1]])
        touches = np.isin(found[there], rim)
        self._waiting.append((found[there].astype(np.uint64), count[there].astype(np.int64), touches))
        self._rows += int(there.sum())
        if self._rows > self._limit:
            self._waiting = [self.table()]
            self._rows = self._waiting[0][0].size
            self._limit = max(2 * self._rows, _WAITING)

    def table(self) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.bool_]]:
        """Ids, voxels, and whether they touch the edge; every id once, sorted."""
        ids, voxels, touches = (
            np.concatenate([*(part[k] for part in self._waiting), np.zeros(0, dtype)])
            for k, dtype in enumerate((np.uint64, np.int64, np.bool_))
        )
        unique, of = np.unique(ids.astype(np.uint64), return_inverse=True)
        total, edge = np.zeros(unique.size, np.int64), np.zeros(unique.size, bool)
        np.add.at(total, of, voxels.astype(np.int64))
        np.logical_or.at(edge, of, touches.astype(bool))
        return unique, total, edge


class _Without:
    """A volume without some of its objects."""

    ndim = 3

    def __init__(self, sections: SlabStore, gone: NDArray[np.uint64]) -> None:
        self.shape, self.dtype = sections.shape, sections.dtype
        self._sections, self._gone = sections, gone.astype(sections.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        values = self._sections[key]
        if not self._gone.size:
            return values
        return np.where(np.isin(values, self._gone), self.dtype.type(0), values)
