"""The pieces of one object, section by section, and how sure it is that they belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.branch_lanes import lanes
from napari_emseg.algorithms.branches import BranchGraph
from napari_emseg.core.codec import squeeze, swell
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.core.volume import LabelVolume

_MARGIN_PX = 32  # neighbours are rivals, and tell how the picture moved


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sections of an object, one window of both.

    Parameters
    ----------
    sections : (int, int)
    region : Region
        The window, of the first section.
    first, second : bytes
        Compressed ids of the window.
    """

    sections: tuple[int, int]
    region: Region
    first: bytes
    second: bytes


@dataclass(frozen=True, eq=False)
class BranchRequest:
    """What the worker needs to draw the tree of an object."""

    object_id: int
    pairs: tuple[Pair, ...]
    dtype: str
    spacing_nm: Spacing | None
    settings: PropagateSettings


@dataclass(frozen=True, eq=False)
class BranchView:
    """A tree that can be drawn.

    Attributes
    ----------
    object_id : int
    graph : BranchGraph
        In nanometres, or in voxels where the voxel size is unknown.
    section : ndarray of int64 (n,)
        Of every piece, ascending.
    place : ndarray of int64 (n, 2)
        A pixel (y, x) inside it.
    area_px : ndarray of int64 (n,)
    lane : ndarray of int64 (n,)
    doubt_below : float
        Links with a lower confidence are doubtful.
    """

    object_id: int
    graph: BranchGraph
    section: NDArray[np.int64]
    place: NDArray[np.int64]
    area_px: NDArray[np.int64]
    lane: NDArray[np.int64]
    doubt_below: float

    @property
    def doubtful(self) -> NDArray[np.int64]:
        """Edges that a person should look at, least certain first."""
        sure = self.graph.confidence
        found = np.flatnonzero(sure < self.doubt_below)
        return np.asarray(found[np.argsort(sure[found], kind="stable")])

    @property
    def n_branches(self) -> int:
        """Places where one piece goes on as several, or several as one."""
        ends = self.graph.edges
        n = self.section.size
        return int(sum((np.bincount(ends[:, k], minlength=n) > 1).sum() for k in (0, 1)))

    @property
    def n_parts(self) -> int:
        """Parts that hang together; more than one is often a wrong merger."""
        parents, _ = self.graph.trees()
        return int((parents < 0).sum())


def prepare(
    volume: LabelVolume,
    object_id: int,
    spacing_nm: Spacing | None,
    settings: PropagateSettings,
    wanted: Callable[[], bool] = lambda: True,
) -> BranchRequest:
    """Copy the surroundings of an object; may be called in a thread.

    Parameters
    ----------
    wanted : callable
        Asked before every section; False stops the copying.

    Raises
    ------
    EmsegError
        If there is no such object.
    """
    boxes = volume.find([object_id])
    if not boxes:
        raise EmsegError(f"there is no object {object_id}", "this project", "point at one")
    sections = sorted(boxes)
    pairs = []
    for a, b in zip(sections, sections[1:] or sections, strict=False):
        if not wanted():
            break
        window = _window(boxes[a], boxes[b], volume.shape)
        first, second = (
            squeeze(volume.read(Region((z, *window.start[1:]), (z + 1, *window.stop[1:])))[0], volume.dtype)
            for z in (a, b)
        )
        pairs.append(Pair((a, b), window, first, second))
    return BranchRequest(object_id, tuple(pairs), volume.dtype.str, spacing_nm, settings)


def run(request: BranchRequest, progress: Progress) -> BranchView:
    """Find the pieces and link them; in a worker."""
    pieces = _Pieces(request)
    edges: list[tuple[int, int, float]] = []
    for k, pair in enumerate(request.pairs):
        first, second = pieces.look(pair)
        if pair.sections[0] != pair.sections[1]:
            edges += _linked(request, first, second)
        progress.report((k + 1) / len(request.pairs), f"section {pair.sections[0]}")
    return pieces.view(edges)


class _Pieces:
    """Numbers the pieces of the object as their sections come by."""

    def __init__(self, request: BranchRequest) -> None:
        self._request = request
        self._number: dict[tuple[int, int, int], int] = {}
        self.section: list[int] = []
        self.place: list[tuple[int, int]] = []
        self.area: list[int] = []

    def look(self, pair: Pair) -> tuple[tuple[Any, list[int]], tuple[Any, list[int]]]:
        """Ids of both windows with the pieces taken apart, and the numbers of the pieces in each."""
        shape = pair.region.shape[1:]
        dtype = np.dtype(self._request.dtype)
        first = self._apart(swell(pair.first, shape, dtype), pair.sections[0], pair.region)
        second = self._apart(swell(pair.second, shape, dtype), pair.sections[1], pair.region)
        return first, second

    def _apart(self, ids: NDArray[Any], z: int, window: Region) -> tuple[NDArray[np.int64], list[int]]:
        import cc3d

        from napari_emseg.algorithms.metrics.places import middles

        parts = cc3d.connected_components((ids == self._request.object_id).astype(np.uint8), connectivity=8)
        rows, columns = np.nonzero(parts)
        numbers = []
        for _, area, y, x in middles(parts[rows, columns], rows, columns):
            at = (z, window.start[1] + y, window.start[2] + x)
            if at not in self._number:
                self._number[at] = len(self.section)
                self.section.append(z)
                self.place.append(at[1:])
                self.area.append(area)
            numbers.append(self._number[at])
        dense = ids.astype(np.int64)
        dense[parts > 0] = int(dense.max(initial=0)) + parts[parts > 0].astype(np.int64)
        return dense, numbers

    def view(self, edges: list[tuple[int, int, float]]) -> BranchView:
        section = np.array(self.section, np.int64)
        place = np.array(self.place, np.int64).reshape(-1, 2)
        area = np.array(self.area, np.int64)
        order = np.lexsort((place[:, 1], place[:, 0], section))
        number = np.empty_like(order)
        number[order] = np.arange(order.size)
        ends = number[np.array([e[:2] for e in edges], np.int64).reshape(-1, 2)]
        spacing = np.array(self._request.spacing_nm or (1.0, 1.0, 1.0))
        centre = np.c_[section[order], place[order]] * spacing
        graph = BranchGraph(
            np.full(order.size, self._request.object_id, np.int64),
            centre,
            np.sqrt(area[order] * spacing[1] * spacing[2] / np.pi),
            ends,
            np.array([e[2] for e in edges], float),
        )
        return BranchView(
            self._request.object_id, graph, section[order], place[order], area[order],
            lanes(section[order], area[order].astype(float), ends), self._request.settings.doubt_below,
        )  # fmt: skip


def _linked(
    request: BranchRequest,
    first: tuple[NDArray[np.int64], list[int]],
    second: tuple[NDArray[np.int64], list[int]],
) -> list[tuple[int, int, float]]:
    """Links between the pieces of two sections.

    Every piece has a link to the likeliest of the other section; further ones where they are more likely than not.
    """
    from napari_emseg.algorithms.evidence import tabulate
    from napari_emseg.algorithms.matching import candidates

    (ids_a, names_a), (ids_b, names_b) = first, second
    one, two = tabulate(ids_a), tabulate(ids_b)
    found = candidates(one, two, request.settings, request.spacing_nm)
    top_a, top_b = (int(ids.max()) - len(names) for ids, names in ((ids_a, names_a), (ids_b, names_b)))
    a, b = one.ids[found.a] - top_a - 1, two.ids[found.b] - top_b - 1
    ours = (a >= 0) & (b >= 0)
    a, b, chance = a[ours], b[ours], found.probability[ours]
    keep = chance >= 0.5
    for ends in (a, b):
        order = np.lexsort((-chance, ends))
        keep[order[np.r_[True, np.diff(ends[order]) > 0]] if ends.size else order] = True
    return [
        (names_a[i], names_b[j], float(p))
        for i, j, p in zip(a[keep].tolist(), b[keep].tolist(), chance[keep].tolist(), strict=True)
    ]


def _window(a: Region, b: Region, shape: Sequence[int]) -> Region:
    """A window around both boxes, with some of what is beside them."""
    low = [max(0, min(a.start[k], b.start[k]) - _MARGIN_PX) for k in (1, 2)]
    high = [min(shape[k], max(a.stop[k], b.stop[k]) + _MARGIN_PX) for k in (1, 2)]
    return Region((a.start[0], low[0], low[1]), (a.start[0] + 1, high[0], high[1]))
