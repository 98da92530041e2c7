"""Pages on their way to disk: batches, the thread that writes them, and what it does when all are written."""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.written_mark import read_mark, write_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari_emseg.core.chunks import ChunkStore
    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.page import Page
    from napari_emseg.core.pages import PageCache
    from napari_emseg.core.written_mark import Mark

_PAUSE_S = 0.02  # between pieces of idle work, for the window
_LONGEST_S = 10.0  # that writing stands aside, whatever happens
_BATCH = 32  # pages copied at a time: 32 MB, and one transaction of the journal


class WriteOut:
    """Writes the dirty pages of one cache.

    Parameters
    ----------
    cache : PageCache
        Owns this object.
    """

    def __init__(self, cache: PageCache) -> None:
        self._cache = weakref.proxy(cache)
        self._reference = weakref.ref(cache)
        self.delay_s = 1.0  # long enough to catch a series of strokes, short enough to keep replay short
        self.may_write = True
        self.error: EmsegError | None = None
        self.written_token = 0
        self.idle: Callable[[], bool] | None = None
        """Called when everything is written; answers whether there is more of its work to do."""
        self._written: set[ChunkKey] = set()
        self._mark: Mark | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        self._waits_until = 0.0

    def flush(self) -> None:
        """Write every dirty page that is not part of an open stroke.

        Asked for by any thread but its own, it does not stand aside any more: that thread waits for it.

        Raises
        ------
        EmsegError
            If the disk is full or the store is gone. The pages stay in memory and dirty.
        """
        cache, store = self._cache, self._cache.store
        if store is None or not self.may_write:
            return
        if threading.current_thread() is not self._thread:
            self._may_go_on.set()
        with self._lock:
            with cache.lock:
                token, generation = cache.token, cache.table.top
                waiting = sorted(cache.dirty - cache.before.keys())
                complete = len(waiting) == len(cache.dirty)
            written: list[ChunkKey] = []
            try:
                self._note(store, token, generation)
                for start in range(0, len(waiting), _BATCH):
                    written += self._write(store, waiting[start : start + _BATCH])
            except OSError as error:
                raise EmsegError(
                    f"labels cannot be written ({error.strerror})",
                    str(store.path),
                    "free space or mend the permissions; your edits are safe in the journal",
                ) from error
            with cache.lock:
                self._written.update(written)
                if complete and len(written) == len(waiting):
                    self.written_token = max(self.written_token, token)
            self.error = None

    def _note(self, store: ChunkStore, token: int, generation: int) -> None:
        """Say beside the pages how far they will have come."""
        known = self._mark or read_mark(store.path)
        mark = max(known[0], token), max(known[1], generation)
        if mark != known and store.exists():
            write_mark(store.path, mark)
            known = mark
        self._mark = known

    def _write(self, store: ChunkStore, keys: Sequence[ChunkKey]) -> list[ChunkKey]:
        """Write some pages unless a stroke has begun on them since; says which were written."""
        cache = self._cache
        self._stand_aside()
        with cache.lock:
            batch = [(key, cache.pages[key].copy()) for key in keys if key not in cache.before]
            cache.dirty.difference_update(key for key, _ in batch)
            cache.in_flight.update(batch)
        try:
            if cache.about_to_write is not None:
                cache.about_to_write([key for key, _ in batch])
            cache.book.note(batch)
            for key, page in batch:
                self._stand_aside()
                store.write(key, page)
            store.sync([key for key, _ in batch])
            cache.book.wrote(batch)
        except BaseException:
            with cache.lock:
                for key, page in batch:
                    cache.dirty.add(key)
                    cache.pages.setdefault(key, page)
            raise
        finally:
            with cache.lock:
                for key, _ in batch:
                    cache.in_flight.pop(key, None)
        with cache.lock:
            for key, page in batch:
                self._forget_versions(key, page)
        return [key for key, _ in batch]

    def _forget_versions(self, key: ChunkKey, written: Page) -> None:
        """The record has these ways back now."""
        page = self._cache.pages.get(key)
        if page is not None:
            known = {id(version) for version in written.versions}
            page.versions = [version for version in page.versions if id(version) not in known]
            page.stored = written.generation

    def written(self) -> tuple[int, frozenset[ChunkKey]]:
        """Everything up to this token is on disk, and these chunks were written since `forget_written`."""
        with self._cache.lock:
            return self.written_token, frozenset(self._written)

    def forget_written(self, keys: frozenset[ChunkKey]) -> None:
        """The journal knows of these chunks now."""
        with self._cache.lock:
            self._written -= keys

    # --- the thread ------------------------------------------------------------------------------

    def start(self) -> None:
        """There is something to write, or something to do when all is written."""
        if self._cache.store is None or not self.may_write or self._stop.is_set():
            return
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=_write_behind,
                args=(self._reference, self._wake, self._stop),
                name="emseg-write-out",
                daemon=True,
            )
            self._thread.start()
        self._wake.set()

    def work(self) -> None:
        """One round of the thread: write, and then a piece of what waits for idle time."""
        self.flush()
        while self.idle is not None and not self._wake.is_set() and self.idle():
            if self._stop.wait(_PAUSE_S):
                return
            self._stand_aside()

    @contextmanager
    def standing_aside(self) -> Iterator[None]:
        """Writing rests meanwhile, at the next page: what a person waits for has the processor and the disk.

        That is a delay and nothing else. What is written is written in the same order, and a page that changes meanwhile is
        dirty again, as it is whenever it changes on its way to disk.
        """
        self._waits_until = time.monotonic() + _LONGEST_S
        self._may_go_on.clear()
        try:
            yield
        finally:
            self._may_go_on.set()

    def _stand_aside(self) -> None:
        """Rest if somebody has asked for that; never called with a lock that they may need, but that of `still`."""
        self._may_go_on.wait(max(0.0, self._waits_until - time.monotonic()))

    def still(self) -> AbstractContextManager[object]:
        """No page is on its way to disk meanwhile."""
        return self._lock

    def close(self) -> None:
        """Stop the thread; call `flush` first."""
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
        delay = cache.out.delay_s
        del cache  # a volume that nobody holds any more may go
        if stop.wait(delay):
            return
        cache = reference()
        if cache is None:
            return
        try:
            cache.out.work()
        except EmsegError as error:
            cache.out.error = error
            wake.set()
        except ReferenceError:
            return
        del cache
