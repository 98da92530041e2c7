"""Synapses that were found in a project, and what people said of them.

``synapses.json`` holds what was found: it may be made anew at any time. The answers are edits of the journal, and name the
two sites of a pair, so they outlive what was found.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.grid import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.answers import Sites
    from napari_emseg.core.stack import Spacing
    from napari_emseg.session import Session

Voxel = tuple[int, int, int]

FILE = "synapses.json"
SAME_NM = 200.0
"""Sites of a pair that is found anew lie this near to those of the pair that was answered."""

_VERSION = 1
_LONG_BYTES = 200_000  # some 500 pairs


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sites at a synapse, the presynaptic one first.

    Attributes
    ----------
    pre_at, post_at : (z, y, x)
        A voxel in each cell. Ids are read from the labels there, so they follow every correction.
    is_directed : bool
        False where nothing told which of the two is presynaptic.
    confidence, partner_probability, direction_probability : float
        As in `napari_emseg.algorithms.synapses.partners.Pair`.
    """

    pre_at: Voxel
    post_at: Voxel
    is_directed: bool
    confidence: float
    partner_probability: float
    direction_probability: float

    @property
    def sites(self) -> Sites:
        """Both sites: what an answer is about."""
        return (*self.pre_at, *self.post_at)


@dataclass(frozen=True, slots=True)
class Synapse:
    """One synapse.

    Attributes
    ----------
    at : (z, y, x)
        The voxel in the middle of the box around it.
    sections : (int, int)
        First and last section that it lies in.
    volume_nm3 : float
    pairs : tuple of Pair
        The likeliest first.
    reason : str
        Why there is no pair, else empty.
    """

    at: Voxel
    sections: tuple[int, int]
    volume_nm3: float
    pairs: tuple[Pair, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A pair as it stands: with the cells that are at its sites now, and with what was said of it.

    Attributes
    ----------
    number : int
        Of its synapse, from 1.
    synapse : Synapse
    pair : Pair
        As it was found.
    verdict : str
        "", "right", "wrong" or "turned".
    pre_id, post_id : int
        Cells at the sites now, after the answer: of a pair that was turned, the other way round. 0 is nobody.
    """

    number: int
    synapse: Synapse
    pair: Pair
    verdict: str
    pre_id: int
    post_id: int

    @property
    def sites(self) -> Sites:
        """What an answer is about."""
        return self.pair.sites

    @property
    def pre_at(self) -> Voxel:
        """The presynaptic site."""
        return self.pair.post_at if self.verdict == "turned" else self.pair.pre_at

    @property
    def post_at(self) -> Voxel:
        """The postsynaptic site."""
        return self.pair.pre_at if self.verdict == "turned" else self.pair.post_at

    @property
    def is_directed(self) -> bool:
        """Whether anything or anybody says which of the two is presynaptic."""
        return self.pair.is_directed or self.verdict in ("right", "turned")

    @property
    def is_open(self) -> bool:
        """Whether nobody has said anything of it."""
        return not self.verdict


def kept_in(folder: Path) -> tuple[Synapse, ...]:
    """What was found last in a project folder; nothing where nothing was, or the file cannot be read: then it is found anew."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"), object_hook=_as_it_is)
        if content["version"] != _VERSION:
            return ()
        return tuple(_from_json(item) for item in content["synapses"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _as_it_is(content: dict[str, Any]) -> dict[str, Any]:
    """Other threads go on between the objects of a file, because this is Python; the window would stand still until its end."""
    return content


def is_long(folder: Path) -> bool:
    """Whether the list that is kept takes longer to read than a window may stand still."""
    try:
        return (folder / FILE).stat().st_size > _LONG_BYTES
    except OSError:
        return False


def how_found(folder: Path) -> dict[str, Any]:
    """How the synapses that are kept in a project folder were found, as far as that is known."""
    try:
        return dict(json.loads((folder / FILE).read_text(encoding="utf-8"))["made"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def read_synapses(session: Session) -> tuple[Synapse, ...]:
    """What was found last in the open project; nothing where it does not fit the stack."""
    found = kept_in(session.project.folder)
    shape = session.volume.shape
    voxels = (v for one in found for v in (one.at, *(p for pair in one.pairs for p in _ends(pair))))
    return found if all(0 <= a < n for v in voxels for a, n in zip(v, shape, strict=True)) else ()


def keep_synapses(
    session: Session, synapses: Sequence[Synapse], made: Mapping[str, Any] | None = None
) -> None:
    """Keep what was found in the project. One that can only be read stays as it is.

    Parameters
    ----------
    session : Session
    synapses : sequence of Synapse
    made : mapping, optional
        How those that were found last were found.

    Raises
    ------
    EmsegError
        If the disk refuses; what was kept before is kept then.
    """
    if session.read_only:
        return
    path = session.project.folder / FILE
    content = {
        "version": _VERSION,
        "made": dict(made or {}),
        "synapses": [asdict(one) for one in synapses],
    }
    try:
        write_atomic(path, json.dumps(content, indent=1).encode())
    except OSError as error:
        raise EmsegError(
            f"the list of synapses is not kept ({error.strerror})", str(path), "make room and find them again"
        ) from error


def rows(
    synapses: Iterable[Synapse], answers: Mapping[Sites, str], cell_at: Callable[[Voxel], int]
) -> tuple[Row, ...]:
    """All pairs as they stand, the least sure first.

    Parameters
    ----------
    synapses : iterable of Synapse
        Numbered from 1 in this order.
    answers : mapping of sites to verdict
    cell_at : callable
        Id of the cell that is at a voxel now, 0 for nobody.
    """
    found = []
    for number, synapse in enumerate(synapses, 1):
        for pair in synapse.pairs:
            found.append(row_of(number, synapse, pair, answers, cell_at))
    return tuple(sorted(found, key=lambda row: (row.pair.confidence, row.sites)))


def row_of(
    number: int,
    synapse: Synapse,
    pair: Pair,
    answers: Mapping[Sites, str],
    cell_at: Callable[[Voxel], int],
) -> Row:
    """One pair as it stands; parameters as in `rows`, and the number of its synapse."""
    verdict = answers.get(pair.sites, "")
    ids = [cell_at(point) for point in _ends(pair)]
    if verdict == "turned":
        ids.reverse()
    return Row(number, synapse, pair, verdict, *ids)


def cells_at(places: Iterable[Voxel], read: Callable[[Region], NDArray[Any]]) -> dict[Voxel, int]:
    """Cells at voxels, looked up block by block; a thread may do it.

    Parameters
    ----------
    places : iterable of (z, y, x)
    read : callable
        Gives the ids (z, y, x) of a box.
    """
    blocks: dict[Voxel, set[Voxel]] = {}
    for z, y, x in places:
        blocks.setdefault((z, y // CHUNK[1], x // CHUNK[2]), set()).add((z, y, x))
    cells: dict[Voxel, int] = {}
    for inside in blocks.values():
        z, low_y, low_x = (min(at[axis] for at in inside) for axis in range(3))
        high_y, high_x = (1 + max(at[axis] for at in inside) for axis in (1, 2))
        ids = read(Region((z, low_y, low_x), (z + 1, high_y, high_x)))[0]
        cells |= {at: int(ids[at[1] - low_y, at[2] - low_x]) for at in inside}
    return cells


def with_answered(
    fresh: Sequence[Synapse],
    before: Sequence[Synapse],
    answers: Mapping[Sites, str],
    sections: range,
    cell_at: Callable[[Voxel], int],
    spacing_nm: Spacing,
) -> tuple[Synapse, ...]:
    """What was found anew, together with what people said before.

    A pair between the same two cells and near the sites of one that was answered takes over its sites, and with them the answer.
    Answered pairs that were not found again stay unless they are wrong, and so does what lies outside of the sections.

    Parameters
    ----------
    fresh : sequence of Synapse
        Found anew.
    before : sequence of Synapse
        Kept until now.
    answers : mapping of sites to verdict
    sections : range
        Where was searched.
    cell_at : callable
        Id of the cell at a voxel, 0 for nobody.
    spacing_nm : (z, y, x)

    Returns
    -------
    tuple of Synapse
        By section, then by place.
    """
    kept = [one for one in before if one.sections[1] < sections.start or one.sections[0] >= sections.stop]
    beside = {pair.sites for one in kept for pair in one.pairs}
    said = {sites: verdict for sites, verdict in answers.items() if verdict and sites not in beside}
    known = _matched(fresh, said, cell_at, spacing_nm) if said else {}
    found = [
        replace(one, pairs=tuple(known.get((n, k), pair) for k, pair in enumerate(one.pairs)))
        for n, one in enumerate(fresh)
    ]
    taken = {pair.sites for pair in known.values()}
    for one in before:
        stays = tuple(
            pair for pair in one.pairs
            if pair.sites not in taken and said.get(pair.sites) in ("right", "turned")
        )  # fmt: skip
        if stays:
            found.append(replace(one, pairs=stays))
    return tuple(sorted([*found, *kept], key=lambda one: (one.sections, one.at)))


def _matched(
    fresh: Sequence[Synapse],
    said: Mapping[Sites, str],
    cell_at: Callable[[Voxel], int],
    spacing_nm: Spacing,
) -> dict[tuple[int, int], Pair]:
    """Pairs that were answered before, by synapse and place among its pairs; of several that are near, the nearest."""
    waiting: dict[frozenset[int], list[Sites]] = {}
    for sites in said:
        cells = frozenset(cell_at(p) for p in (sites[:3], sites[3:]))
        waiting.setdefault(cells, []).append(sites)
    near: list[tuple[float, bool, Sites, int, int]] = []
    for n, one in enumerate(fresh):
        for k, pair in enumerate(one.pairs):
            for sites in waiting.get(frozenset(cell_at(p) for p in _ends(pair)), ()):
                far, is_turned = _apart(pair, sites, spacing_nm)
                if far <= SAME_NM:
                    near.append((far, is_turned, sites, n, k))
    known: dict[tuple[int, int], Pair] = {}
    taken: set[Sites] = set()
    for _, is_turned, sites, n, k in sorted(near):
        if sites in taken or (n, k) in known:
            continue
        taken.add(sites)
        pair = fresh[n].pairs[k]
        directed = pair.is_directed and not is_turned
        known[n, k] = replace(pair, pre_at=sites[:3], post_at=sites[3:], is_directed=directed)
    return known


def _ends(pair: Pair) -> tuple[Voxel, Voxel]:
    return pair.pre_at, pair.post_at


def _apart(pair: Pair, sites: Sites, spacing_nm: Spacing) -> tuple[float, bool]:
    """How far a pair is from two sites, in nm, and whether it is nearer to them the other way round."""
    here = np.array(_ends(pair)) * spacing_nm
    there = np.array((sites[:3], sites[3:])) * spacing_nm
    same, turned = (float(np.linalg.norm(here - one, axis=1).max()) for one in (there, there[::-1]))
    return min(same, turned), turned < same


def _from_json(item: dict[str, Any]) -> Synapse:
    first, last = item["sections"]
    return Synapse(
        _voxel(item["at"]),
        (int(first), int(last)),
        float(item["volume_nm3"]),
        tuple(
            Pair(
                _voxel(pair["pre_at"]), _voxel(pair["post_at"]), bool(pair["is_directed"]),
                float(pair["confidence"]), float(pair["partner_probability"]), float(pair["direction_probability"]),
            )
            for pair in item["pairs"]
        ),
        str(item["reason"]),
    )  # fmt: skip


def _voxel(values: Sequence[Any]) -> Voxel:
    z, y, x = values
    return int(z), int(y), int(x)
