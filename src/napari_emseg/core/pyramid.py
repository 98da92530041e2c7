"""Coarse views of the labels: every second, fourth, eighth ... pixel of a section, kept true when they are looked at.

Taking single pixels and not majorities has two reasons: a coarse view is exactly ``labels[:, ::2, ::2]``, and it goes through
the equivalence table like the labels themselves, so a merge makes nothing outdated. A tile (512, 512) of level n is made of
four tiles of level n - 1, and thrown away when a page below it is written. Tiles are kept beside the labels in a hidden
folder, which may be deleted at any time.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.chunks import ChunkStore
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.grid import CHUNK, page_tiles
from napari_emseg.core.indexing import box_key
from napari_emseg.core.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.pages import PageCache

    Ids = NDArray[np.unsignedinteger]

FOLDER = ".coarse"
_LIMIT = 128  # tiles in memory: 128 MB
_HALF = CHUNK[1] // 2

TileKey = tuple[int, int, int, int]
"""Level, section, row and column of a tile."""


class Pyramid:
    """Coarse tiles over the pages of one volume.

    Parameters
    ----------
    pages : PageCache
        Level 0.
    shape : tuple of int
        (z, y, x) of the volume.
    """

    def __init__(self, pages: PageCache, shape: tuple[int, int, int]) -> None:
        self._pages = pages
        self._shape = shape
        self.top = 0
        while max(self.shape(self.top)[1:]) > CHUNK[1]:
            self.top += 1
        self.blank: Ids = np.zeros(CHUNK[1:], pages.dtype)
        self.blank.flags.writeable = False
        self._tiles: OrderedDict[TileKey, Page] = OrderedDict()
        self._saved: set[TileKey] = set()
        self._outdated: set[TileKey] = set()
        self._waiting: set[tuple[int, int, int]] = set()
        self._stores: dict[int, ChunkStore] = {}

    def shape(self, level: int, every: int = 1) -> tuple[int, int, int]:
        """Extent of a level, (z, y, x), if only every n-th section is taken."""
        z, y, x = self._shape
        return -(-z // every), -(-y // 2**level), -(-x // 2**level)

    def tile(self, key: TileKey) -> Ids:
        """One tile as the labels are now; never write into it."""
        level, *place = key
        if level == 0:
            return self._pages.get((place[0], place[1], place[2]))
        with self._pages.lock:
            page = self._tiles.get(key) or self._load(key)
            table = self._pages.table
            if page is None or not (table.holds(page.generation) and page.generation >= table.retired):
                page = Page(self._made(key), table.top)
                self._saved.discard(key)
            if page.data is self.blank:
                page.generation = table.top
            if page.generation != table.top:
                after = table.since(page.generation).changed(page.data)
                page = Page(page.data if after is None else after, table.top)
            self._tiles[key] = page
            self._tiles.move_to_end(key)
            if len(self._tiles) > _LIMIT:
                self._saved.discard(self._tiles.popitem(last=False)[0])
            return page.data

    def _made(self, key: TileKey) -> Ids:
        level, z, ty, tx = key
        out: Ids | None = None
        _, height, width = self.shape(level - 1)
        for y in (0, 1):
            for x in (0, 1):
                row, column = 2 * ty + y, 2 * tx + x
                if row * CHUNK[1] >= height or column * CHUNK[2] >= width:
                    continue
                if level == 1 and self._pages.is_blank((z, row, column)):
                    continue
                part = self.tile((level - 1, z, row, column))
                if part is not self.blank:
                    out = np.zeros(CHUNK[1:], self._pages.dtype) if out is None else out
                    out[y * _HALF : (y + 1) * _HALF, x * _HALF : (x + 1) * _HALF] = part[::2, ::2]
        return self.blank if out is None else out

    # --- keeping true ------------------------------------------------------------------------------

    def outdate(self, key: ChunkKey) -> None:
        """A page is being changed; called under the lock of the pages."""
        z, y, x = key
        for level in range(1, self.top + 1):
            tile = (level, z, y >> level, x >> level)
            self._tiles.pop(tile, None)
            self._saved.discard(tile)
            self._outdated.add(tile)
        if self.top:
            self._waiting.add((z, y >> self.top, x >> self.top))

    def remove_outdated(self, keys: Iterable[ChunkKey]) -> None:
        """Pages are about to be written: tiles of before must not be found on disk afterwards."""
        gone = {(n, z, y >> n, x >> n) for z, y, x in keys for n in range(1, self.top + 1)}
        with self._pages.lock:
            gone &= self._outdated
        for level, z, ty, tx in gone:
            store = self._store(level)
            if store is not None:
                store.remove((z, ty, tx))
        with self._pages.lock:
            self._outdated -= gone - self._dirty_tiles()

    def step(self) -> bool:
        """Make and keep one tile of the highest level that was outdated, and those below; says whether there are more."""
        with self._pages.lock:
            if not self._waiting or not self._pages.out.may_write:
                return False
            z, ty, tx = self._waiting.pop()
        self.tile((self.top, z, ty, tx))
        with self._pages.lock:
            unclean = self._dirty_tiles()
            fresh = [
                key for key in self._tiles if key[1] == z and key not in self._saved and key not in unclean
            ]
            copies = [(key, Page(self._tiles[key].data, self._tiles[key].generation)) for key in fresh]
        written = [key for key, page in copies if self._wrote(key, page)]
        with self._pages.lock:
            # what was changed meanwhile is outdated again, and its file goes before its page is written
            kept = {key for key in written if key in self._tiles}
            self._saved |= kept
            self._outdated -= kept
        return bool(self._waiting)

    def _wrote(self, key: TileKey, page: Page) -> bool:
        """Whether a tile could be kept on disk; where the disk refuses it is made again when it is looked at."""
        level, *place = key
        store = self._store(level)
        try:
            if store is not None:
                store.write((place[0], place[1], place[2]), page)
        except (OSError, EmsegError):
            return False
        return True

    def _dirty_tiles(self) -> set[TileKey]:
        """Tiles over pages that are not on disk yet."""
        pages = self._pages
        dirty = {*pages.dirty, *pages.before, *pages.in_flight}
        return {(n, z, y >> n, x >> n) for z, y, x in dirty for n in range(1, self.top + 1)}

    # --- disk ----------------------------------------------------------------------------------------

    def _load(self, key: TileKey) -> Page | None:
        level, z, ty, tx = key
        if key in self._outdated or not self._pages.out.may_write:
            return (
                None  # a window that only reads cannot tell whether a tile is older than the labels it sees
            )
        store = self._store(level)
        try:
            page = None if store is None else store.read((z, ty, tx))
        except EmsegError:
            return None
        if page is not None:
            self._saved.add(key)
        return page

    def _store(self, level: int) -> ChunkStore | None:
        base = self._pages.store
        if base is None:
            return None
        if level not in self._stores:
            self._stores[level] = ChunkStore.part(
                folder(base.path) / str(level), self.shape(level), base.dtype
            )
        return self._stores[level]

    def forget_memory(self) -> None:
        """The pages were read anew: what was made of the earlier ones counts no more."""
        with self._pages.lock:
            self._tiles.clear()
            self._saved.clear()


def folder(labels: Path) -> Path:
    """Where the tiles of a label store are kept."""
    return labels / FOLDER


class CoarseLabels:
    """One level of the pyramid as a read-only array (z, y, x).

    Parameters
    ----------
    pyramid : Pyramid
    level : int
        Every 2**level-th pixel of a section.
    every : int
        Every n-th section.
    """

    def __init__(self, pyramid: Pyramid, level: int, every: int = 1) -> None:
        self._pyramid = pyramid
        self.level = level
        self.every = every
        self.shape = pyramid.shape(level, every)
        self.dtype = pyramid._pages.dtype
        self.ndim = 3
        self.size = int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        found = box_key(key, self.shape)
        return self.read(found.region)[found.local]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a label volume cannot be seen as one array without a copy")
        return self.read(Region.full(self.shape)).astype(dtype or self.dtype, copy=False)

    def read(self, region: Region) -> Ids:
        """A copy of one box of this level, (z, y, x)."""
        out: Ids = np.zeros(region.shape, self.dtype)
        for (z, ty, tx), inside, outside in page_tiles(region):
            tile = self._pyramid.tile((self.level, z * self.every, ty, tx))
            if tile is not self._pyramid.blank:
                out[outside] = tile[inside]
        return out
