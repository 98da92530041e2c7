"""Label chunks in memory: bounded, written behind the person's back, loaded on demand.

A *page* is one chunk, (512, 512). Pages that differ from disk are dirty and stay in memory until they are
written. Pages touched by a brush stroke that is not journaled yet are never written: everything on disk
is explained by the journal. Pages go through the equivalence table when they are asked for.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.equivalence import Equivalence
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.grid import CHUNK
from napari_emseg.core.page import Page, bring_up
from napari_emseg.core.page_book import MemoryBook, PageBook
from napari_emseg.core.write_out import WriteOut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.chunks import ChunkStore
    from napari_emseg.core.grid import ChunkKey

    Ids = NDArray[np.unsignedinteger]

PAGE = CHUNK[1:]
DEFAULT_CACHE_BYTES = 512 * 2**20


class PageCache:
    """Pages of one label volume.

    Parameters
    ----------
    store : ChunkStore or None
        Where pages live when they are not in memory; None keeps all of them in memory.
    dtype : numpy dtype
        Type of one voxel.
    limit_bytes : int
        Clean pages are dropped, least recently used first, beyond this.
    """

    def __init__(
        self, store: ChunkStore | None, dtype: np.dtype[Any], limit_bytes: int = DEFAULT_CACHE_BYTES
    ) -> None:
        self.store = store
        self.dtype = dtype
        self.limit_bytes = limit_bytes
        self.lock = threading.RLock()
        self.table = Equivalence()
        self.book: PageBook = MemoryBook()
        self.token = 0
        self.mend: Callable[[ChunkKey, EmsegError | None], Page | None] | None = None
        self.changed: Callable[[ChunkKey], object] | None = None
        self.about_to_write: Callable[[Sequence[ChunkKey]], object] | None = None
        self.pages: OrderedDict[ChunkKey, Page] = OrderedDict()
        self.dirty: set[ChunkKey] = set()
        self.in_flight: dict[ChunkKey, Page] = {}
        self.before: dict[ChunkKey, Ids] = {}
        self.stroke_began = 0.0
        self._zero: Ids = np.zeros(PAGE, dtype)
        self._zero.flags.writeable = False
        self.out = WriteOut(self)

    # --- reading and writing pages -------------------------------------------------------------

    def get(self, key: ChunkKey) -> Ids:
        """One page to read from, as the equivalence table says now; never write into it.

        Raises
        ------
        EmsegError
            If it is damaged beyond mending.
        """
        with self.lock:
            page = self.raw(key)
            self._bring_up(key, page)
            return page.data

    def raw(self, key: ChunkKey) -> Page:
        """One page as it lies in memory or on disk, with its place in history; under `lock`."""
        page = self.pages.get(key)
        if page is None:
            page = self._load(key)
            self.pages[key] = page
            self._evict(keep=key)
        self.pages.move_to_end(key)
        return page

    def is_blank(self, key: ChunkKey) -> bool:
        """Whether the page is known to hold nothing; costs no memory."""
        with self.lock:
            return self.raw(key).data is self._zero

    def writable(self, key: ChunkKey, *, stroke: bool) -> Ids:
        """One page to write into, under `lock`; ``stroke`` keeps its content before the stroke."""
        page = self.raw(key)
        if page.data is self._zero:
            page.data = np.zeros(PAGE, self.dtype)
        self._bring_up(key, page)
        if stroke and key not in self.before:
            if not self.before:
                self.stroke_began = time.monotonic()
            self.before[key] = page.data.copy()
        page.position = max(page.position, self.token)
        page.is_painted = True
        self.make_dirty(key)
        if not stroke:
            self.out.start()
        return page.data

    def make_dirty(self, key: ChunkKey) -> None:
        """The page in memory is to be written, under `lock`."""
        self.dirty.add(key)
        if self.changed is not None:
            self.changed(key)

    def _bring_up(self, key: ChunkKey, page: Page) -> None:
        if page.data is self._zero:
            return  # blank pages have no file, and no line of the table names empty space
        bring_up(page, self.table, lambda newer: self.book.way_back(key, newer))

    def _load(self, key: ChunkKey) -> Page:
        if key in self.in_flight:
            return self.in_flight[key].copy()
        if self.store is None:
            return Page(self._zero)
        damage: EmsegError | None = None
        try:
            page = self.store.read(key)
        except EmsegError as error:
            page, damage = None, error
        if page is not None:
            return page
        if self.mend is not None:
            mended = self.mend(key, damage)
            if mended is not None:
                if self.out.may_write:
                    self.dirty.add(key)
                return mended
        if damage is not None:
            raise damage
        return Page(self._zero)

    def _evict(self, keep: ChunkKey) -> None:
        if self.store is None:
            return
        # blank pages share one array, so they only count as entries; the bound on them is generous
        excess = len(self.pages) - max(4, self.limit_bytes // self._zero.nbytes)
        if excess <= 0:
            return
        for key in list(self.pages):
            if excess <= 0:
                return
            if key != keep and key not in self.dirty and key not in self.before:
                del self.pages[key]
                excess -= 1

    def make_room(self) -> None:
        """Write out now if dirty pages fill the cache; called between the parts of a large edit.

        A disk that refuses is reported by the write-out thread; here memory grows instead.
        """
        with self.lock:
            full = len(self.dirty) * self._zero.nbytes > self.limit_bytes
        if full:
            try:
                self.out.flush()
            except EmsegError as error:
                self.out.error = error

    # --- the equivalence table ---------------------------------------------------------------------

    def push(self, number: int, pairs: tuple[tuple[int, int], ...]) -> None:
        """Ids become other ids, in all pages.

        Raises
        ------
        EmsegError
            If a stroke is open: its pages are in the middle of something.
        """
        with self.lock:
            self._refuse_if_stroke()
            self.table.push(number, pairs)
        self.out.start()

    def pop(self, number: int) -> None:
        """Take the newest change of ids back, in all pages."""
        with self.lock:
            self._refuse_if_stroke()
            self.table.pop(number)
        self.out.start()

    def _refuse_if_stroke(self) -> None:
        if self.before:
            raise EmsegError("ids cannot change during a brush stroke", "", "let the mouse go first")

    def unnoted(self) -> list[ChunkKey]:
        """Pages whose ids are in no record yet."""
        with self.lock:
            return sorted(self.dirty | self.in_flight.keys())

    # --- strokes -----------------------------------------------------------------------------

    def stroke_pages(self) -> list[tuple[ChunkKey, Ids, Ids]]:
        """Pages that the open stroke touched: key, content before it, content now."""
        return [(key, before, self.pages[key].data) for key, before in sorted(self.before.items())]

    def release_stroke(self) -> None:
        """The open stroke is journaled (or taken back): its pages may be written."""
        with self.lock:
            self.before.clear()
        self.out.start()

    @property
    def has_stroke(self) -> bool:
        """Whether something was painted that is not an edit yet."""
        return bool(self.before)

    def drop_all(self) -> None:
        """Forget everything in memory, so that it is read again; for volumes that never write."""
        with self.lock:
            self.pages.clear()
            self.dirty.clear()

    def keys_in_memory(self) -> list[ChunkKey]:
        """Pages in memory that hold something."""
        with self.lock:
            return sorted(key for key, page in self.pages.items() if page.data is not self._zero)
