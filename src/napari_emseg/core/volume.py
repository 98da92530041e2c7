"""The label volume: (z, y, x) object ids, larger than memory, painted like a numpy array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_emseg.core.chunks import ChunkStore
from napari_emseg.core.edit import Edit, Patch, Region, Relabel
from napari_emseg.core.equivalence import Equivalence
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.grid import page_tiles
from napari_emseg.core.indexing import box_key, point_sections
from napari_emseg.core.pages import DEFAULT_CACHE_BYTES, PageCache
from napari_emseg.core.pyramid import CoarseLabels, Pyramid
from napari_emseg.core.search import boxes_of, present, relabelled
from napari_emseg.core.strokes import stroke_patches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.stack import Spacing

_WITHOUT_JOURNAL = 2**40  # a store by itself is taken as it lies: only the journal knows what can be undone


class LabelVolume:
    """Object ids of a stack, (z, y, x), 0 = nothing.

    Made by `create` or `open`. Reads and brush strokes go through numpy indexing; everything else goes
    through `apply`. Pages are loaded on demand and written out in the background, so opening costs the same
    for every size, and blank space takes no disk.
    """

    edited = Signal(Edit)
    """Emitted after every `apply`, in the thread that called it."""

    def __init__(
        self,
        store: ChunkStore | None,
        shape: tuple[int, int, int],
        dtype: DTypeLike,
        spacing_nm: Spacing | None,
        max_id: int = 0,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> None:
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self.spacing_nm = spacing_nm
        self.pages = PageCache(store, self._dtype, cache_bytes)
        self.pyramid = Pyramid(self.pages, shape)
        self.pages.changed = self.pyramid.outdate
        self.pages.about_to_write = self.pyramid.remove_outdated
        self.read_only_reason = ""
        self._max_id = max_id
        self._stored_max_id = max_id
        self._next_id = max_id + 1

    @classmethod
    def create(
        cls,
        path: Path | None,
        shape: tuple[int, int, int],
        spacing_nm: Spacing | None,
        dtype: DTypeLike = np.uint32,
    ) -> LabelVolume:
        """An empty volume.

        Parameters
        ----------
        path : Path or None
            The ``.zarr`` folder to make; None keeps everything in memory.
        shape : tuple of int
            (z, y, x) in voxels.
        spacing_nm : tuple of float or None
            Voxel size (z, y, x), None if unknown.
        dtype : numpy dtype
            uint32 or uint64.

        Raises
        ------
        EmsegError
            If the place is taken or cannot be written.
        """
        z, y, x = (int(n) for n in shape)
        if np.dtype(dtype) not in (np.uint32, np.uint64) or min(z, y, x) < 1:
            raise EmsegError(
                "labels are uint32 or uint64 over at least one voxel", f"{shape} {np.dtype(dtype)}"
            )
        store = None if path is None else ChunkStore.create(path, (z, y, x), np.dtype(dtype), spacing_nm)
        return cls(store, (z, y, x), dtype, spacing_nm)

    @classmethod
    def open(cls, path: Path) -> LabelVolume:
        """Open a volume on disk; the cost does not depend on its size.

        Raises
        ------
        EmsegError
            If there is none, or it has another layout.
        """
        store = ChunkStore.open(path)
        remembered = store.attributes()
        spacing = remembered.get("spacing_nm")
        volume = cls(
            store,
            store.shape,
            store.dtype,
            (float(spacing[0]), float(spacing[1]), float(spacing[2])) if spacing else None,
            int(remembered.get("max_id", 0)),
        )
        volume.pages.table = Equivalence(retired=_WITHOUT_JOURNAL)
        return volume

    def set_spacing(self, spacing_nm: Spacing) -> None:
        """Change the voxel size (z, y, x) in nanometres, on disk too.

        Raises
        ------
        EmsegError
            If the store cannot be written.
        """
        store = self.pages.store
        if spacing_nm != self.spacing_nm and store is not None and self.pages.out.may_write:
            store.set_spacing(spacing_nm)
        self.spacing_nm = spacing_nm

    # --- what numpy code expects -------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int, int]:
        """Extent in voxels, (z, y, x)."""
        return self._shape

    @property
    def ndim(self) -> int:
        """Always 3."""
        return 3

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of an id."""
        return self._dtype

    @property
    def size(self) -> int:
        """Number of voxels."""
        z, y, x = self._shape
        return z * y * x

    @property
    def nbytes(self) -> int:
        """Bytes that the whole volume would take as one array."""
        return self.size * self._dtype.itemsize

    def __len__(self) -> int:
        return self._shape[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a label volume cannot be seen as one array without a copy")
        return self.read(Region.full(self._shape)).astype(dtype or self._dtype, copy=False)

    def astype(self, dtype: DTypeLike) -> NDArray[Any]:
        """A copy of the whole volume in another type."""
        return self.__array__(dtype)

    def __deepcopy__(self, memo: object) -> NDArray[Any]:
        return np.asarray(self)  # napari duplicates layers so: a copy is nobody's project

    def __getitem__(self, key: Any) -> Any:
        points = point_sections(key)
        if points is not None:
            z, y, x = points
            out = np.empty(z.shape, self._dtype)
            for section in np.unique(z):
                here = z == section
                out[here] = self[int(section), y[here], x[here]]
            return out
        found = box_key(key, self._shape)
        return self.read(found.region)[found.local]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Write as numpy would, and remember what was there as part of the open stroke.

        Raises
        ------
        EmsegError
            If the volume is read-only.
        """
        self._refuse_if_read_only()
        points = point_sections(key)
        if points is not None:
            z, y, x = points
            values = np.broadcast_to(np.asarray(value), z.shape)
            for section in np.unique(z):
                here = z == section
                self[int(section), y[here], x[here]] = values[here]
            return
        found = box_key(key, self._shape)
        if 0 in found.region.shape:
            return
        block = self.read(found.region)
        block[found.local] = value
        self._write(found.region, block, stroke=True)
        self._saw(int(np.max(value)) if np.size(value) else 0)

    def _saw(self, highest: int) -> None:
        self._max_id = max(self._max_id, highest)
        self._next_id = max(self._next_id, self._max_id + 1)

    # --- boxes -----------------------------------------------------------------------------------

    def read(self, region: Region) -> NDArray[np.unsignedinteger]:
        """A copy of one box, (z, y, x).

        Raises
        ------
        EmsegError
            If the box leaves the volume, or a stored piece is damaged beyond mending.
        """
        self._check(region)
        out: NDArray[np.unsignedinteger] = np.zeros(region.shape, self._dtype)
        with self.pages.lock:
            for key, inside, outside in page_tiles(region):
                if not self.pages.is_blank(key):
                    out[outside] = self.pages.get(key)[inside]
        return out

    def _write(self, region: Region, block: NDArray[Any], *, stroke: bool, since: int | None = None) -> None:
        with self.pages.lock:
            for key, inside, outside in page_tiles(region):
                if since is None or self.pages.raw(key).position < since:
                    self.pages.writable(key, stroke=stroke)[inside] = block[outside]

    def apply(self, edit: Edit) -> None:
        """Carry out an edit: the only writer besides brush strokes.

        Raises
        ------
        EmsegError
            If the volume is read-only, or a patch leaves it; nothing is written then.
        """
        self._refuse_if_read_only()
        self.check(edit)
        self.apply_quietly(edit)
        self.edited.emit(edit)

    def apply_quietly(self, edit: Edit, *, since: int | None = None) -> None:
        """`apply` without the signal and the checks.

        Parameters
        ----------
        edit : Edit
        since : int, optional
            Place of the edit in the journal's log, to replay it: pages that hold it already are left alone.
        """
        if edit.relabel is not None:
            self._relabel(edit.relabel)
        for patch in edit.patches:
            self._write(patch.region, patch.after, stroke=False, since=since)
            self.pages.make_room()
        self._saw(edit.highest_id)

    def _relabel(self, change: Relabel) -> None:
        table = self.pages.table
        if change.back:
            self.pages.pop(change.number or table.top)
        else:
            self.pages.push(change.number or table.top + 1, change.pairs)

    def check(self, edit: Edit) -> None:
        """Refuse an edit that does not fit into this volume."""
        for patch in edit.patches:
            self._check(patch.region)
        highest = edit.highest_id
        if edit.relabel is not None:
            highest = max([highest, *(old for old, _ in edit.relabel.pairs)])
        if highest > np.iinfo(self._dtype).max:
            raise EmsegError(f"id {highest} does not fit into {self._dtype}", edit.name)

    def _check(self, region: Region) -> None:
        if region.clipped(self._shape) != region:
            raise EmsegError(
                "a region leaves the labels", f"{region.start} to {region.stop}, the labels are {self._shape}"
            )

    def _refuse_if_read_only(self) -> None:
        if self.read_only_reason:
            raise EmsegError("this project is read-only", self.read_only_reason)

    # --- strokes ---------------------------------------------------------------------------------

    def stroke(self) -> tuple[Patch, ...]:
        """What was painted since the last `end_stroke`, as patches; the stroke stays open."""
        with self.pages.lock:
            return stroke_patches(self.pages.stroke_pages(), self.read)

    def end_stroke(self) -> tuple[Patch, ...]:
        """What was painted since the last call, as patches with tight boxes, already in the volume."""
        patches = self.stroke()
        self.pages.release_stroke()
        return patches

    def coarse(self, level: int, every: int = 1) -> CoarseLabels:
        """Every 2**level-th pixel of every n-th section, as an array (z, y, x) that can be read quickly."""
        return CoarseLabels(self.pyramid, level, every)

    # --- ids ---------------------------------------------------------------------------------------

    def max_id(self) -> int:
        """The highest id ever used here; it never sinks, not even by undo."""
        return self._max_id

    def next_ids(self, n: int = 1) -> int:
        """Reserve n ids that were never used, and return the first.

        Raises
        ------
        EmsegError
            If the id type has no more.
        """
        first = self._next_id
        if first + n - 1 > np.iinfo(self._dtype).max:
            raise EmsegError(f"there are no more free ids in {self._dtype}", "", "use uint64 labels")
        self._next_id += n
        return first

    def raise_max_id(self, value: int) -> None:
        """Take note of ids that were used elsewhere, or before a crash."""
        self._saw(value)

    def find(self, ids: Iterable[int], sections: Iterable[int] | None = None) -> dict[int, Region]:
        """Where objects are: section to the box around all of their pixels there.

        Parameters
        ----------
        ids : iterable of int
            Object ids.
        sections : iterable of int, optional
            Look only here.

        Returns
        -------
        dict of int to Region
            Sections that hold none of the ids are missing. Only pages that may hold them are visited.
        """
        return boxes_of(self, ids, sections)

    def present(self, ids: Iterable[int]) -> set[int]:
        """Those of the ids that some voxel has."""
        return present(self, ids)

    def relabelled(self, pairs: Collection[tuple[int, int]]) -> Relabel:
        """A change of ids everywhere, which knows where the objects lie as far as the index tells.

        Parameters
        ----------
        pairs : collection of (int, int)
            Old and new id.
        """
        return relabelled(self, pairs)

    def occupied(self, sections: Iterable[int] | None = None) -> list[ChunkKey]:
        """Chunks that may hold ids, in order."""
        wanted = None if sections is None else set(sections)
        keys = set(self.pages.keys_in_memory())
        if self.pages.store is not None:
            keys |= set(self.pages.store.stored(None if wanted is None else sorted(wanted)))
        return sorted(key for key in keys if wanted is None or key[0] in wanted)

    # --- disk --------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write everything to disk that is not part of an open stroke.

        Raises
        ------
        EmsegError
            If the disk refuses; nothing is lost from memory.
        """
        self.pages.out.flush()
        store = self.pages.store
        if store is not None and self.pages.out.may_write and self._max_id != self._stored_max_id:
            store.set_max_id(self._max_id)
            self._stored_max_id = self._max_id

    def close(self) -> None:
        """Flush, and stop writing in the background."""
        try:
            self.flush()
        finally:
            self.pages.out.close()
