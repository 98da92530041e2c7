"""What is looked up in a list of synapses: made once, of a long list in a thread."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from napari_emseg.jobs.kept_synapses import cells_at, rows
from napari_emseg.ui.garbage import no_search_for_garbage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from napari_emseg.core.answers import Sites
    from napari_emseg.core.edit import Region
    from napari_emseg.jobs.kept_synapses import Row, Synapse, Voxel


class Index(NamedTuple):
    """Where the pairs of a list are.

    Attributes
    ----------
    sites : frozenset of Sites
        Of all pairs.
    further : dict of Sites to int
        How many more pairs have the same sites, where any has.
    near : dict of int to list of Synapse
        Those with a pair in a section.
    owners : dict of (z, y, x) to tuple of Sites
        Pairs of which a voxel is a site.
    by_section : dict of int to list of (z, y, x)
        Sites in a section.
    """

    sites: frozenset[Sites]
    further: dict[Sites, int]
    near: dict[int, list[Synapse]]
    owners: dict[Voxel, tuple[Sites, ...]]
    by_section: dict[int, list[Voxel]]


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A list of synapses with what is looked up for it.

    Attributes
    ----------
    found : tuple of Synapse
    index : Index
    cells : dict of (z, y, x) to int
        Cells at the sites.
    rows : list of Row
        All pairs as they stand, the least sure first.
    places : dict of Sites to tuple of int
        Where in these rows a pair stands.
    """

    found: tuple[Synapse, ...]
    index: Index
    cells: dict[Voxel, int]
    rows: list[Row]
    places: dict[Sites, tuple[int, ...]]


def listed(
    found: tuple[Synapse, ...],
    answers: Mapping[Sites, str],
    read: Callable[[Region], NDArray[Any]],
    index: Index | None = None,
) -> Listed:
    """Look up all that a list needs, block by block; a thread may do it.

    Parameters
    ----------
    found : tuple of Synapse
    answers : mapping of sites to verdict
    read : callable
        Gives the ids (z, y, x) of a box.
    index : Index, optional
        That of the list, where there is one already.
    """
    with no_search_for_garbage():
        index = index or index_of(found)
        cells = cells_at(index.owners, read)
        there = list(rows(found, answers, cells.__getitem__))
        return Listed(found, index, cells, there, places_of(there))


def index_of(found: Sequence[Synapse]) -> Index:
    """Where the pairs of a list are."""
    near: dict[int, list[Synapse]] = {}
    owners: dict[Voxel, tuple[Sites, ...]] = {}
    for one in found:
        for z in {z for pair in one.pairs for z in between(pair.pre_at[0], pair.post_at[0])}:
            near.setdefault(z, []).append(one)
        for pair in one.pairs:
            for at in (pair.pre_at, pair.post_at):
                owners[at] = (*owners.get(at, ()), pair.sites)
    by_section: dict[int, list[Voxel]] = {}
    for at in owners:
        by_section.setdefault(at[0], []).append(at)
    counts = Counter(pair.sites for one in found for pair in one.pairs)
    further = {sites: n - 1 for sites, n in counts.items() if n > 1}
    return Index(frozenset(counts), further, near, owners, by_section)


def places_of(found: Sequence[Row]) -> dict[Sites, tuple[int, ...]]:
    """Where each pair stands among rows; two synapses may share two voxels."""
    places: dict[Sites, tuple[int, ...]] = {}
    for k, row in enumerate(found):
        sites = row.sites
        places[sites] = (*places.get(sites, ()), k)
    return places


def between(a: int, b: int) -> range:
    """Sections from one site to the other."""
    return range(min(a, b), max(a, b) + 1)
