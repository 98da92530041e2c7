"""Label chunks in memory: bounded, written behind the person's back, loaded on demand.

A *page* is one chunk, (512, 512). Pages that differ from disk are dirty and stay in memory until they are
written. Pages touched by a brush stroke that is not journaled yet are never written: everything on disk
is explained by the journal.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.chunks import CHUNK
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_emseg.core.chunks import ChunkKey, ChunkStore

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
        self.write_delay_s = (
            1.0  # long enough to catch a series of strokes, short enough to keep replay short
        )
        self.lock = threading.RLock()
        self.may_write = True
        self.write_error: EmsegError | None = None
        self.token = 0
        self.written_token = 0
        self.mend: Callable[[ChunkKey, EmsegError | None], NDArray[np.unsignedinteger] | None] | None = None
        self._zero: NDArray[np.unsignedinteger] = np.zeros(PAGE, dtype)
        self._zero.flags.writeable = False
        self._pages: OrderedDict[ChunkKey, NDArray[np.unsignedinteger]] = OrderedDict()
        self._before: dict[ChunkKey, NDArray[np.unsignedinteger]] = {}
        self._dirty: set[ChunkKey] = set()
        self._in_flight: dict[ChunkKey, NDArray[np.unsignedinteger]] = {}
        self._written: set[ChunkKey] = set()
        self._write_lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    # --- reading and writing pages -------------------------------------------------------------

    def get(self, key: ChunkKey) -> NDArray[np.unsignedinteger]:
        """One page to read from; never write into it."""
        with self.lock:
            page = self._pages.get(key)
            if page is None:
                page = self._load(key)
                self._pages[key] = page
                self._evict(keep=key)
            self._pages.move_to_end(key)
            return page

    def is_blank(self, key: ChunkKey) -> bool:
        """Whether the page is known to hold nothing; costs no memory."""
        return self.get(key) is self._zero

    def writable(self, key: ChunkKey, *, stroke: bool) -> NDArray[np.unsignedinteger]:
        """One page to write into, under `lock`; ``stroke`` keeps its content before the stroke."""
        page = self.get(key)
        if page is self._zero:
            page = np.zeros(PAGE, self.dtype)
            self._pages[key] = page
        if stroke and key not in self._before:
            self._before[key] = page.copy()
        self._dirty.add(key)
        if not stroke:
            self._start_writing()
        return page

    def _load(self, key: ChunkKey) -> NDArray[np.unsignedinteger]:
        if key in self._in_flight:
            return self._in_flight[key].copy()
        if self.store is None:
            return self._zero
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
                if self.may_write:
                    self._dirty.add(key)
                return mended
        if damage is not None:
            raise damage
        return self._zero

    def _evict(self, keep: ChunkKey) -> None:
        if self.store is None:
            return
        page_bytes = self._zero.nbytes
        # blank pages share one array, so they only count as entries; the bound on them is generous
        excess = len(self._pages) - max(4, self.limit_bytes // page_bytes)
        if excess <= 0:
            return
        for key in list(self._pages):
            if excess <= 0:
                return
            if key != keep and key not in self._dirty and key not in self._before:
                del self._pages[key]
                excess -= 1

    def make_room(self) -> None:
        """Write out now if dirty pages fill the cache; called between the parts of a large edit.

        A disk that refuses is reported by the write-out thread; here memory grows instead.
        """
        with self.lock:
            full = len(self._dirty) * self._zero.nbytes > self.limit_bytes
        if full:
            try:
                self.flush()
            except EmsegError as error:
                self.write_error = error

    # --- strokes -----------------------------------------------------------------------------

    def stroke_pages(self) -> list[tuple[ChunkKey, NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]]:
        """Pages that the open stroke touched: key, content before it, content now."""
        return [(key, before, self._pages[key]) for key, before in sorted(self._before.items())]

    def release_stroke(self) -> None:
        """The open stroke is journaled (or taken back): its pages may be written."""
        with self.lock:
            self._before.clear()
        self._start_writing()

    @property
    def has_stroke(self) -> bool:
        """Whether something was painted that is not an edit yet."""
        return bool(self._before)

    # --- writing behind ------------------------------------------------------------------------

    def flush(self) -> None:
        """Write every dirty page that is not part of an open stroke.

        Raises
        ------
        EmsegError
            If the disk is full or the store is gone. The pages stay in memory and dirty.
        """
        store = self.store
        if store is None or not self.may_write:
            return
        with self._write_lock:
            with self.lock:
                token = self.token
                waiting = sorted(self._dirty - self._before.keys())
                complete = len(waiting) == len(self._dirty)
            written: list[ChunkKey] = []
            try:
                for key in waiting:
                    if self._write_page(store, key):
                        written.append(key)
                store.sync(written)
            except OSError as error:
                raise EmsegError(
                    f"labels cannot be written ({error.strerror})",
                    str(store.path),
                    "free space or mend the permissions; your edits are safe in the journal",
                ) from error
            with self.lock:
                self._written.update(written)
                if complete and len(written) == len(waiting):
                    self.written_token = max(self.written_token, token)
            self.write_error = None

    def _write_page(self, store: ChunkStore, key: ChunkKey) -> bool:
        """Write one page unless a stroke has begun on it since; say whether it was written."""
        with self.lock:
            if key in self._before:
                return False
            copy = self._pages[key].copy()
            self._dirty.discard(key)
            self._in_flight[key] = copy
        try:
            store.write(key, copy)
        except BaseException:
            with self.lock:
                self._dirty.add(key)
                self._pages.setdefault(key, copy)
            raise
        finally:
            with self.lock:
                self._in_flight.pop(key, None)
        return True

    def written(self) -> tuple[int, frozenset[ChunkKey]]:
        """Everything up to this token is on disk, and these chunks were written since `forget_written`."""
        with self.lock:
            return self.written_token, frozenset(self._written)

    def forget_written(self, keys: frozenset[ChunkKey]) -> None:
        """The journal knows of these chunks now."""
        with self.lock:
            self._written -= keys

    def _start_writing(self) -> None:
        if self.store is None or not self.may_write or self._stop.is_set():
            return
        if self._thread is None:
            self._thread = threading.Thread(
                target=_write_behind,
                args=(weakref.ref(self), self._wake, self._stop),
                name="emseg-write-out",
                daemon=True,
            )
            self._thread.start()
        self._wake.set()

    def drop_all(self) -> None:
        """Forget everything in memory, so that it is read again; for volumes that never write."""
        with self.lock:
            self._pages.clear()
            self._dirty.clear()

    def keys_in_memory(self) -> list[ChunkKey]:
        """Pages in memory that hold something."""
        with self.lock:
            return sorted(key for key, page in self._pages.items() if page is not self._zero)

    def close(self) -> None:
        """Stop the write-out thread; call `flush` first."""
        self._stop.set()
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=10)


def _write_behind(reference: weakref.ref[PageCache], wake: threading.Event, stop: threading.Event) -> None:
    """Body of the write-out thread. It emits no signals and ends with its cache."""
    while True:
        woken = wake.wait(timeout=5.0)
        cache = reference()
        if cache is None or stop.is_set():
            return
        if not woken:
            continue
        wake.clear()
        delay = cache.write_delay_s
        del cache  # a volume that nobody holds any more may go
        if stop.wait(delay):
            return
        cache = reference()
        if cache is None:
            return
        try:
            cache.flush()
        except EmsegError as error:
            cache.write_error = error
            wake.set()
        del cache
