"""The journal as the page book of a project: ways back over relabels, and which ids lie where."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import fastremap
import numpy as np

from napari_emseg.core.codec import signed, squeeze, swell
from napari_emseg.core.database import damaged
from napari_emseg.core.page import Page, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.journal import Journal

_AT_ONCE = 500  # ids in one query; SQLite allows some thousands of values


class PageRecords:
    """See `core.page_book.PageBook`. May be used from any thread.

    Parameters
    ----------
    journal : Journal
        Keeps the records.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._is_indexed = bool(journal.meta("indexed", 0))
        self._stale: list[tuple[ChunkKey, Page]] = []
        self._grown: dict[int, int] = {}
        self._lock = threading.Lock()

    def way_back(self, key: ChunkKey, newer: int) -> Version | None:
        """What takes a page back from a generation, None if nobody noted it."""
        rows = self._journal.rows(
            "SELECT older, y0, x0, height, width, before FROM versions "
            "WHERE z = ? AND y = ? AND x = ? AND newer = ?",
            *key,
            newer,
        )
        if not rows:
            return None
        older, top, left, height, width, before = rows[0]
        if before is None:
            return Version(older, newer)
        try:
            return Version(older, newer, (top, left), swell(before, (height, width), self._journal.dtype))
        except ValueError as error:
            raise damaged(self._journal.path) from error

    def note(self, pages: Sequence[tuple[ChunkKey, Page]]) -> None:
        """Keep ways back and ids, durably, before the pages' files are replaced."""
        versions = [self._row(key, version) for key, page in pages for version in page.versions]
        places = [(signed(i), *key) for key, page in pages for i in _ids(page)]
        with self._journal.transaction("the labels") as db:
            self._delete_stale()
            db.executemany("INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", versions)
            db.executemany("INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?)", places)
            grown = [(len(row[-1]), row[3]) for row in versions if row[-1] is not None]
            db.executemany("UPDATE edits SET nbytes = nbytes + ? WHERE id = ?", grown)
        with self._lock:
            for nbytes, number in grown:
                self._grown[number] = self._grown.get(number, 0) + nbytes

    def wrote(self, pages: Sequence[tuple[ChunkKey, Page]]) -> None:
        """These pages are on disk now: other ways back of theirs lead nowhere any more."""
        with self._lock:
            self._stale += [(key, page) for key, page in pages if page.generation or page.versions]

    def tidy(self) -> None:
        """Forget ways back that lead nowhere any more."""
        if self._stale:
            with self._journal.transaction("the labels"):
                self._delete_stale()

    def grown(self) -> dict[int, int]:
        """Bytes that ways back over edits have taken since the last call."""
        with self._lock:
            grown, self._grown = self._grown, {}
        return grown

    def where(self, ids: Iterable[int]) -> set[ChunkKey] | None:
        """Pages that may hold one of these ids as they were noted; None if that is not known."""
        if not self._is_indexed:
            return None
        wanted = [signed(i) for i in ids]
        found: set[ChunkKey] = set()
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            found.update(
                self._journal.rows(f"SELECT DISTINCT z, y, x FROM places WHERE id IN ({marks})", *part)
            )
        return found

    def index(self, pages: Iterable[tuple[ChunkKey, Page]], *, complete: bool) -> None:
        """Note the ids of pages that an earlier version wrote."""
        places = [(signed(i), *key) for key, page in pages for i in _ids(page)]
        with self._journal.transaction("the index of the labels") as db:
            db.executemany("INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?)", places)
            if complete:
                self._journal.set_meta(db, "indexed", 1)
        self._is_indexed = complete

    @property
    def is_indexed(self) -> bool:
        """Whether `where` knows every page."""
        return self._is_indexed

    def on_dropped(self) -> set[ChunkKey]:
        """Pages that may have gone through relabels that were taken back for good."""
        return set(
            self._journal.rows(
                "SELECT DISTINCT v.z, v.y, v.x FROM versions v JOIN edits e ON e.id = v.newer "
                "WHERE e.state = 'dropped'"
            )
        )

    def _row(self, key: ChunkKey, version: Version) -> tuple[Any, ...]:
        before = version.before
        box = (*version.corner, *(before.shape if before is not None else (0, 0)))
        packed = None if before is None else squeeze(before, self._journal.dtype)
        return (*key, version.newer, version.older, *box, packed)

    def _delete_stale(self) -> None:
        """Inside a transaction: another thread may note newer ways back of the same pages as soon as it is over."""
        with self._lock:
            stale, self._stale = self._stale, []
        for key, page in stale:
            kept = [version.newer for version in page.versions]
            self._journal.rows(
                "DELETE FROM versions WHERE z = ? AND y = ? AND x = ? AND newer > ? "
                f"AND newer NOT IN ({','.join('?' * len(kept))})",
                *key,
                page.base,
                *kept,
            )


def _ids(page: Page) -> list[int]:
    """Ids that a page holds, or held before relabels whose way back is not noted yet."""
    found = [fastremap.unique(page.data)]
    found += [fastremap.unique(version.before) for version in page.versions if version.before is not None]
    return [int(i) for i in np.unique(np.concatenate(found)) if i]
