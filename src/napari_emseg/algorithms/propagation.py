"""Carrying ids through a stack: evidence from all sections, then groups that no anchor contradicts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

import numpy as np

from napari_emseg.algorithms.evidence import tabulate
from napari_emseg.algorithms.holes import HoleFinder
from napari_emseg.algorithms.matching import candidates
from napari_emseg.algorithms.runs import Runs, run_starts
from napari_emseg.algorithms.scale import working_spacing
from napari_emseg.algorithms.section_graph import Graph
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from numpy.typing import DTypeLike, NDArray

    from napari_emseg.algorithms.evidence import Objects
    from napari_emseg.algorithms.matching import Link
    from napari_emseg.algorithms.section_graph import Tracks
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, Spacing
    from napari_emseg.settings import PropagateSettings

_T = TypeVar("_T")
_MIN_OBJECTS = 1  # a section with fewer is taken for missing


class Known(TypedDict, total=False):
    """What may be known of a stack besides its labels.

    Attributes
    ----------
    image : array (z, y, x)
        The stack that the labels are of: how objects look inside then counts as well. Read section by section, and
        not where there are no objects.
    anchors : mapping of section to ndarray (y, x)
        Sections whose ids are true: they replace those of the labels, never change, and spread.
    keep : collection of int
        Ids that are true in every section, such as those of locked objects.
    excluded : collection of int
        Sections that are left as they are, and not read.
    progress : Progress
        Told after every section.
    """

    image: ArrayLike3D | None
    anchors: Mapping[int, NDArray[Any]] | None
    keep: Collection[int]
    excluded: Collection[int]
    progress: Progress | None


def track(
    labels: ArrayLike3D,
    settings: PropagateSettings,
    spacing_nm: Spacing | None,
    *,
    first_new: int | None = None,
    **known: Unpack[Known],
) -> Tracks:
    """Find out which objects of a stack of sections are one.

    Parameters
    ----------
    labels : array (z, y, x) of int
        Per-section ids, 0 is none; ids mean nothing between sections. Read section by section.
    settings : PropagateSettings
        Gates, and how many missing sections are bridged.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    first_new : int, optional
        First id for objects that no anchor reaches; by default after the highest anchored id.
    **known
        See `Known`.

    Returns
    -------
    Tracks

    Raises
    ------
    EmsegError
        If the image has another shape.

    Notes
    -----
    The evidence of all sections is weighed together (see `napari_emseg.algorithms.strands`), so the result does
    not depend on the direction in which the stack is read, and between two anchors both count alike. A link
    that would join two anchored ids is refused and kept as "conflict".
    """
    return collect(labels, settings, spacing_nm, **known).tracks(first_new)


def collect(
    labels: ArrayLike3D,
    settings: PropagateSettings,
    spacing_nm: Spacing | None,
    *,
    image: ArrayLike3D | None = None,
    anchors: Mapping[int, NDArray[Any]] | None = None,
    keep: Collection[int] = (),
    excluded: Collection[int] = frozenset(),
    progress: Progress | None = None,
) -> Graph:
    """Find all objects of all sections, and all pairs that may be one; parameters are those of `track`."""
    if image is not None and tuple(image.shape) != tuple(labels.shape):
        raise EmsegError(
            f"the image is {tuple(image.shape)}, the labels are {tuple(labels.shape)}",
            "propagate",
            "give the stack that the labels are of",
        )
    anchors = anchors or {}
    report = progress or Silent()
    kept = list(keep)
    n_sections = labels.shape[0]
    pixel_nm = min(working_spacing(spacing_nm)[1:])
    graph = Graph(pixel_nm, settings.max_shift_nm, settings.max_gap)
    finder = HoleFinder(settings.max_gap)
    recent: int | None = None
    before: Objects | None = None

    def found_in(z: int) -> Objects | None:
        if z in excluded:
            return None
        section = np.asarray(anchors[z] if z in anchors else labels[z])
        # Where there are no objects, the image is not read.
        seen = None if image is None or not section.any() else np.asarray(image[z])
        return tabulate(section, pixel_nm, seen)

    for z, here in enumerate(_ahead(found_in, n_sections)):
        if here is None:
            graph.skip()
            continue
        true = np.full(here.ids.size, z in anchors) | np.isin(here.ids, kept)
        graph.add(here, np.where(true, here.ids, 0))
        if here.ids.size < _MIN_OBJECTS:
            continue
        if recent is not None and before is not None and z - recent - 1 <= settings.max_gap:
            links = candidates(before, here, settings, spacing_nm)
            graph.link(recent, z, links)
            finder.look((recent, z), before, here, links)
        else:
            finder.forget()
        recent, before = z, here
        report.report((z + 1) / n_sections, f"section {z + 1} of {n_sections}")
    graph.holes = finder.found
    return graph


def _ahead(work: Callable[[int], _T], n: int) -> Iterator[_T]:
    """Results for 0 to ``n`` - 1, the next one being made while the last one is used."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(work, 0) if n else None
        for k in range(n):
            assert waiting is not None
            result = waiting.result()
            waiting = pool.submit(work, k + 1) if k + 1 < n else None
            yield result


def propagate(
    labels: ArrayLike3D, settings: PropagateSettings, spacing_nm: Spacing | None, **known: Unpack[Known]
) -> tuple[NDArray[np.unsignedinteger[Any]], list[Link]]:
    """Give the objects of all sections consistent ids.

    Parameters are those of `track`.

    Returns
    -------
    labels : ndarray of uint32 (z, y, x), or of uint64 where anchors have such ids
        Anchored sections are unchanged, excluded ones empty. Without anchors ids run from 1 in the order of
        their first section.
    links : list of Link
    """
    tracks = track(labels, settings, spacing_nm, **known)
    dtype = id_type(tracks.names)
    result = np.zeros(labels.shape, dtype)
    anchors = known.get("anchors") or {}
    for z, names in enumerate(tracks.names):
        section = np.asarray(anchors[z] if z in anchors else labels[z])
        result[z] = rename(section, names, dtype)
    return result, tracks.links


def id_type(names: Iterable[Mapping[int, int]]) -> np.dtype[np.unsignedinteger[Any]]:
    """The type that holds all new ids of all sections: 32 bits where they fit."""
    highest = max((max(section.values(), default=0) for section in names), default=0)
    return np.dtype(np.uint32 if highest <= np.iinfo(np.uint32).max else np.uint64)


def rename(section: NDArray[Any], names: Mapping[int, int], dtype: DTypeLike = np.int64) -> NDArray[Any]:
    """Replace the ids of one section (y, x); ids without a new name become 0. ``dtype`` is that of the result."""
    import fastremap

    runs = Runs.at(run_starts(section))
    old, place = fastremap.unique(section.ravel()[runs.start], return_inverse=True)
    new = np.array([names.get(k, 0) for k in old.tolist()], dtype)
    return np.repeat(new[place], runs.length).reshape(section.shape)
