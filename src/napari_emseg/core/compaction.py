"""Idle time: pages on disk go through the equivalence table, so that files are true and the table stays small."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.journal import Journal
    from napari_emseg.core.page import Page
    from napari_emseg.core.page_records import PageRecords
    from napari_emseg.core.volume import LabelVolume

_INDEX_AT_ONCE = 32  # pages in memory and in one transaction
_SLICE_S = 0.05  # the window gets the interpreter back in between


class Compaction:
    """Brings pages on disk up to date with the equivalence table, a few at a time.

    A page that goes through the table is written like any other dirty page: its way back is noted first. When no
    page is left that any line concerns, lines that can no longer be undone are retired.

    Parameters
    ----------
    journal : Journal
    volume : LabelVolume
    records : PageRecords
        The journal as the page book of this volume.
    """

    def __init__(self, journal: Journal, volume: LabelVolume, records: PageRecords) -> None:
        self._journal = journal
        self._volume = volume
        self._records = records
        self._waiting: list[ChunkKey] = []
        self._owed: set[ChunkKey] = set()
        self._goal: tuple[int, ...] = ()
        self._forgotten = 0

    @property
    def compacted(self) -> int:
        """Relabels up to this one have gone through every page."""
        return int(self._journal.meta("compacted", 0))

    def run(self) -> None:
        """All of it, now."""
        self._volume.pages.out.flush()
        while self.step():
            pass

    def step(self) -> bool:
        """Do a little; answers whether there is more. Called when everything is written.

        Raises
        ------
        EmsegError
            If the disk refuses, or a page is damaged beyond mending.
        """
        if self._journal.read_only:
            return False
        if not self._records.is_indexed:
            return self._index()
        lines = self._volume.pages.table.numbers
        if self._goal != lines:  # a line has come or gone: what is to be done is another thing now
            self._begin()
        if not self._goal:
            return False
        until = time.monotonic() + _SLICE_S
        while self._waiting and time.monotonic() < until:
            self._compact(self._waiting.pop())
        self._volume.pages.out.flush()
        if self._waiting:
            return True
        self._finish()
        return False

    def _begin(self) -> None:
        """Note which lines are meant, and which pages they may concern."""
        pages = self._volume.pages
        self._forgotten = int(self._journal.meta("forgotten", 0))
        done = self.compacted
        with pages.out.still(), pages.lock:
            self._owed = set(pages.dirty)
            for key in self._owed:
                pages.get(key)  # from now on no page is written that has not gone through these lines
            self._goal = pages.table.numbers
            named = pages.table.named(after=done)
        if not self._goal or (self._goal[-1] <= done and self._goal[0] > self._forgotten):
            self._waiting = []
            return
        keys = self._records.on_dropped()
        keys |= self._records.where(named) or set()
        self._waiting = sorted(keys, reverse=True)

    def _compact(self, key: ChunkKey) -> None:
        pages = self._volume.pages
        with pages.lock:
            pages.get(key)
            if key not in pages.dirty and pages.raw(key).is_behind:
                pages.dirty.add(key)  # the same ids in another way of writing them: nobody has to be told

    def _finish(self) -> None:
        """Note what was achieved, unless lines have come or gone or pages are still on their way."""
        pages = self._volume.pages
        with pages.lock:
            goal, self._goal = self._goal, ()
            if goal != pages.table.numbers or self._owed & pages.dirty:
                return
            if goal[-1] > self.compacted:
                with self._journal.transaction("the labels") as db:
                    self._journal.set_meta(db, "compacted", goal[-1])
            self._records.tidy()
            self._retire(goal)

    def _retire(self, goal: Sequence[int]) -> None:
        """Forget lines that can be neither taken back nor met again while a journal is replayed."""
        old = [number for number in goal if number <= self._forgotten]
        if not old:
            return
        latest = self._journal.rows("SELECT coalesce(max(seq), 0) FROM log WHERE edit <= ?", old[-1])[0][0]
        if latest > self._journal.checkpoint:
            return
        with self._journal.transaction("the labels") as db:
            self._journal.set_meta(db, "retired", old[-1])
        self._volume.pages.table.retire(old[-1])

    def _index(self) -> bool:
        """Note the ids of pages that an earlier version wrote: once in the life of a project."""
        store = self._volume.pages.store
        if store is None:
            return False
        batch: list[tuple[ChunkKey, Page]] = []
        for key in store.stored():
            page = store.read(key)
            if page is not None:
                batch.append((key, page))
            if len(batch) == _INDEX_AT_ONCE:
                self._records.index(batch, complete=False)
                batch = []
        self._records.index(batch, complete=True)
        return True
