"""One page of labels in memory, and how it goes through the equivalence table and back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.strokes import changed_box

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from napari_emseg.core.equivalence import Equivalence


@dataclass(frozen=True, slots=True)
class Version:
    """What takes a page back from one generation to an older one.

    Parameters
    ----------
    older, newer : int
        Generations.
    corner : tuple of int
        (y, x) of ``before`` in the page.
    before : ndarray (y, x) or None
        Ids of the changed box at the older generation; None if none of them was named by any line between.
    """

    older: int
    newer: int
    corner: tuple[int, int] = (0, 0)
    before: NDArray[np.unsignedinteger] | None = None


@dataclass(slots=True, eq=False)
class Page:
    """A page (512, 512) and its place in history.

    Parameters
    ----------
    data : ndarray (y, x)
        Ids after all lines of the equivalence table up to ``generation``.
    generation : int
        Number of the last line that the ids went through.
    position : int
        Everything that the journal's log says up to here is in it.
    versions : list of Version
        Ways back that are in no journal yet, oldest first.
    stored : int or None
        Generation of the page's file, None if it has none.
    is_painted : bool
        Whether ids were written at this generation since the page reached it.
    """

    data: NDArray[np.unsignedinteger]
    generation: int = 0
    position: int = 0
    versions: list[Version] = field(default_factory=list)
    stored: int | None = None
    is_painted: bool = False

    def copy(self) -> Page:
        """An independent copy."""
        return replace(self, data=self.data.copy(), versions=list(self.versions))

    @property
    def is_behind(self) -> bool:
        """Whether the page's file lacks something that its ids went through, or had to be taken back."""
        touched = any(version.before is not None for version in self.versions)
        return self.stored is not None and (touched or self.stored != self.base)

    @property
    def base(self) -> int:
        """The generation below which ways back lie in the journal."""
        return self.versions[0].older if self.versions else self.generation


def bring_up(page: Page, table: Equivalence, version: Callable[[int], Version | None]) -> bool:
    """Bring a page to what the equivalence table says now; returns whether ids changed.

    Lines that were taken back are taken out of the page, then it goes through those that it has not seen.

    Parameters
    ----------
    page : Page
        Changed in place; its array is replaced, not written.
    table : Equivalence
    version : callable
        The way back from a generation that is older than the page's own `versions`.

    Raises
    ------
    EmsegError
        If a way back is lost.
    """
    if page.generation == table.top:
        return False
    changed = False
    while not table.holds(page.generation):
        way = page.versions.pop() if page.versions else version(page.generation)
        if way is None or way.newer != page.generation:
            raise EmsegError(
                "an earlier state of the labels is missing in the journal",
                f"change {page.generation}",
                "put the project back from a backup",
            )
        if way.before is not None:
            page.data = page.data.copy()
            y, x = way.corner
            page.data[y : y + way.before.shape[0], x : x + way.before.shape[1]] = way.before
            changed = True
        page.generation = way.older
        page.is_painted = True  # it may have been, before it went on
    if page.generation != table.top:
        changed |= _go_through(page, table)
    return changed


def _go_through(page: Page, table: Equivalence) -> bool:
    after = table.since(page.generation).changed(page.data)
    if after is None:
        # no line names an id of this page: one way back over several lines is enough
        last = page.versions[-1] if page.versions else None
        older = page.generation
        if last is not None and last.before is None and not page.is_painted:
            page.versions.pop()
            older = last.older
        page.versions.append(Version(older, table.top))
        page.is_painted = False
        page.generation = table.top
        return False
    # ids that went to another id and back are the same at both ends, but not in between
    y, x = changed_box(page.data != after) or (slice(0, 1), slice(0, 1))
    page.versions.append(Version(page.generation, table.top, (y.start, x.start), page.data[y, x].copy()))
    page.data, page.generation, page.is_painted = after, table.top, False
    return True
