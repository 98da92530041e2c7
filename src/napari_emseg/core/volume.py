"""The label volume: (z, y, x) object ids, larger than memory, painted like a numpy array."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_emseg.core.chunks import ChunkStore
from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.indexing import box_key, point_sections
from napari_emseg.core.pages import DEFAULT_CACHE_BYTES, PAGE, PageCache
from napari_emseg.core.strokes import stroke_patches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from napari_emseg.core.chunks import ChunkKey
    from napari_emseg.core.stack import Spacing


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
        return cls(
            store,
            store.shape,
            store.dtype,
            (float(spacing[0]), float(spacing[1]), float(spacing[2])) if spacing else None,
            int(remembered.get("max_id", 0)),
        )

    def set_spacing(self, spacing_nm: Spacing) -> None:
        """Change the voxel size (z, y, x) in nanometres, on disk too.

        Raises
        ------
        EmsegError
            If the store cannot be written.
        """
        store = self.pages.store
        if spacing_nm != self.spacing_nm and store is not None and self.pages.may_write:
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
            for key, inside, outside in _tiles(region):
                if not self.pages.is_blank(key):
                    out[outside] = self.pages.get(key)[inside]
        return out

    def _write(self, region: Region, block: NDArray[Any], *, stroke: bool) -> None:
        with self.pages.lock:
            for key, inside, outside in _tiles(region):
                self.pages.writable(key, stroke=stroke)[inside] = block[outside]

    def apply(self, edit: Edit) -> None:
        """Write the patches of an edit: the only writer besides brush strokes.

        Raises
        ------
        EmsegError
            If the volume is read-only, or a patch leaves it; nothing is written then.
        """
        self._refuse_if_read_only()
        self.check(edit)
        self.apply_quietly(edit)
        self.edited.emit(edit)

    def apply_quietly(self, edit: Edit) -> None:
        """`apply` without the signal and the checks, for replaying a journal."""
        for patch in edit.patches:
            self._write(patch.region, patch.after, stroke=False)
            if patch.after.size:
                self._saw(int(patch.after.max()))
            self.pages.make_room()

    def check(self, edit: Edit) -> None:
        """Refuse an edit that does not fit into this volume."""
        for patch in edit.patches:
            self._check(patch.region)
            if patch.after.size and int(patch.after.max()) > np.iinfo(self._dtype).max:
                raise EmsegError(f"id {int(patch.after.max())} does not fit into {self._dtype}", edit.name)

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
            Sections that hold none of the ids are missing. Blank chunks are not visited.
        """
        wanted = np.asarray(sorted(set(ids)), dtype=self._dtype)
        boxes: dict[int, list[int]] = {}
        for z, cy, cx in self.occupied(sections):
            with self.pages.lock:
                page = self.pages.get((z, cy, cx))
                hit = page == wanted[0] if wanted.size == 1 else np.isin(page, wanted)
            rows = np.flatnonzero(hit.any(axis=1))
            if rows.size == 0:
                continue
            columns = np.flatnonzero(hit.any(axis=0))
            y, x = cy * PAGE[0], cx * PAGE[1]
            low = [y + int(rows[0]), x + int(columns[0])]
            high = [y + int(rows[-1]) + 1, x + int(columns[-1]) + 1]
            box = boxes.setdefault(z, [*low, *high])
            boxes[z] = [min(box[0], low[0]), min(box[1], low[1]), max(box[2], high[0]), max(box[3], high[1])]
        return {z: Region((z, b[0], b[1]), (z + 1, b[2], b[3])) for z, b in sorted(boxes.items())}

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
        self.pages.flush()
        store = self.pages.store
        if store is not None and self.pages.may_write and self._max_id != self._stored_max_id:
            store.set_max_id(self._max_id)
            self._stored_max_id = self._max_id

    def close(self) -> None:
        """Flush, and stop writing in the background."""
        try:
            self.flush()
        finally:
            self.pages.close()


def _tiles(region: Region) -> Iterator[tuple[ChunkKey, tuple[slice, slice], tuple[int, slice, slice]]]:
    """Pages under a box: key, the part inside the page, and the same part inside the box."""
    (z0, y0, x0), (z1, y1, x1) = region.start, region.stop
    if 0 in region.shape:
        return
    rows = range(y0 // PAGE[0], (y1 - 1) // PAGE[0] + 1)
    columns = range(x0 // PAGE[1], (x1 - 1) // PAGE[1] + 1)
    for z, cy, cx in product(range(z0, z1), rows, columns):
        top, left = cy * PAGE[0], cx * PAGE[1]
        ya, yb = max(y0, top), min(y1, top + PAGE[0])
        xa, xb = max(x0, left), min(x1, left + PAGE[1])
        inside = (slice(ya - top, yb - top), slice(xa - left, xb - left))
        yield (z, cy, cx), inside, (z - z0, slice(ya - y0, yb - y0), slice(xa - x0, xb - x0))
