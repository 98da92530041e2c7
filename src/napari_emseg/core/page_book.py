"""What a page cache asks of whoever keeps records: ways back to earlier ids, and which ids lie where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.page import Page, Version


class PageBook(Protocol):
    """Records about pages; the journal keeps them in a project."""

    def way_back(self, key: ChunkKey, newer: int) -> Version | None:
        """What takes a page back from a generation, None if nobody noted it."""

    def note(self, pages: Sequence[tuple[ChunkKey, Page]]) -> None:
        """Keep the ways back and the ids of pages that are about to be written.

        Raises
        ------
        EmsegError
            If the disk refuses; the pages must not be written then.
        """

    def wrote(self, pages: Sequence[tuple[ChunkKey, Page]]) -> None:
        """These pages are on disk now."""

    def where(self, ids: Iterable[int]) -> set[ChunkKey] | None:
        """Pages that may hold one of these ids as they were noted; None if that is not known."""


class MemoryBook:
    """Records of a volume without a journal: they end with it."""

    def __init__(self) -> None:
        self._ways: dict[tuple[ChunkKey, int], Version] = {}

    def way_back(self, key: ChunkKey, newer: int) -> Version | None:
        """See `PageBook`."""
        return self._ways.get((key, newer))

    def note(self, pages: Sequence[tuple[ChunkKey, Page]]) -> None:
        """See `PageBook`."""
        for key, page in pages:
            self._ways.update({(key, way.newer): way for way in page.versions})

    def wrote(self, pages: Sequence[tuple[ChunkKey, Page]]) -> None:
        """See `PageBook`."""

    def where(self, ids: Iterable[int]) -> set[ChunkKey] | None:  # noqa: ARG002 - nothing is indexed here
        """See `PageBook`."""
        return None
