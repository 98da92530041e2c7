"""Bring a colleague's corrections into a project: a three-way merge on the history that both share.

What only they changed goes in as one edit that can be undone. Pixels that both changed, in different ways, stay as
they are here and become conflicts, one for each pair of objects and section, that somebody decides.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.conflicts import Conflict
from napari_emseg.core.edit import Edit, Mark, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.imports import Import, end_of, known_of, remember_import, was_taken_back
from napari_emseg.core.journal import Journal
from napari_emseg.core.leftovers import temporary_folder
from napari_emseg.core.merged import merged_since, renamed
from napari_emseg.core.moments import steps_since, volume_at
from napari_emseg.core.packing import unpack_project
from napari_emseg.core.patching import section_patches
from napari_emseg.core.progress import Silent
from napari_emseg.core.project import load_project
from napari_emseg.core.rebuild import page_region
from napari_emseg.core.recovery import replay
from napari_emseg.core.volume import LabelVolume
from napari_emseg.jobs import said_elsewhere
from napari_emseg.jobs.said_elsewhere import Moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.answers import Sites
    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.project import Project
    from napari_emseg.core.sections import SectionState
    from napari_emseg.jobs.kept_synapses import Synapse
    from napari_emseg.session import Session


_ROWS = 5000  # of two histories in memory at a time

Change = tuple[Region, "NDArray[np.bool_]", "NDArray[np.unsignedinteger]", "NDArray[np.unsignedinteger]"]


@dataclass(eq=False)
class Corrections:
    """What a colleague has done since the two projects parted.

    Attributes
    ----------
    author : str
        Who did most of it; empty where the system knew no name.
    edits : int
        How many of their edits still have an effect.
    parted : int
        Place in the log up to which both are the same.
    highest : int
        Highest id at that moment; higher ones of theirs are other objects than ours.
    changes : list of (Region, mask, their ids, our ids)
        Pixels that only they changed, a chunk at a time; one id for each pixel of the mask.
    conflicts : dict of (section, our id, their id) to list of (rows, columns)
        Pixels that both changed, in voxels of the section.
    marks : list of (section, their state)
        Sections whose state only they changed.
    states : list of (section, our state, their state)
        Sections whose state both changed.
    answers : list of (sites, their answer)
        Synapses of which only they have said something else.
    disputed : list of (sites, our answer, their answer)
        Synapses of which both have.
    synapses : tuple of Synapse
        Theirs, with the pairs that the answers are about.
    known : Import or None
        How far the same copy has been brought in before.
    seen : int
        Place in its log up to which that stands; 0 if all of it was undone.
    end : Import or None
        How far it is brought in with this.
    is_anew : bool
        Whether all of it comes in: nothing came in before, or that was taken back.
    merged : dict of int to int
        Objects that were merged here since, and into which.
    merged_there : dict of int to int
        Objects that they have merged since, by their ids.
    """

    author: str = ""
    edits: int = 0
    parted: int = 0
    highest: int = 0
    changes: list[Change] = field(default_factory=list)
    conflicts: dict[tuple[int, int, int], list[NDArray[np.int64]]] = field(default_factory=dict)
    marks: list[tuple[int, SectionState]] = field(default_factory=list)
    states: list[tuple[int, SectionState, SectionState]] = field(default_factory=list)
    answers: list[tuple[Sites, str]] = field(default_factory=list)
    disputed: list[tuple[Sites, str, str]] = field(default_factory=list)
    synapses: tuple[Synapse, ...] = ()
    known: Import | None = None
    seen: int = 0
    end: Import | None = None
    is_anew: bool = True
    merged: dict[int, int] = field(default_factory=dict)
    merged_there: dict[int, int] = field(default_factory=dict)

    @property
    def ids(self) -> dict[int, int]:
        """Objects of theirs that came in before: their ids there, to their ids here."""
        return self.known.ids if self.known else {}

    def as_here(
        self, theirs: NDArray[np.unsignedinteger], ids: dict[int, int] | None = None
    ) -> NDArray[np.unsignedinteger]:
        """What ids of theirs are called here, where objects may have been merged since."""
        return renamed(renamed(theirs, self.ids if ids is None else ids), self.merged)

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to bring in."""
        said = self.marks or self.states or self.answers or self.disputed
        return not (self.changes or self.conflicts or said)

    @property
    def moments(self) -> Moments:
        """With what their words are compared."""
        return Moments(self.parted, max(self.parted, self.seen), self.is_anew)


@dataclass(frozen=True)
class Imported:
    """What came of it: the edit that was committed, what waits for a decision, and the synapses if there are others now."""

    edit: Edit
    conflicts: tuple[Conflict, ...]
    author: str
    edits: int
    synapses: tuple[Synapse, ...] | None = None


def find_corrections(session: Session, theirs: Path, progress: Progress | None = None) -> Corrections:
    """Compare a colleague's copy with this project and with the moment at which they parted. Changes nothing.

    Parameters
    ----------
    session : Session
        The open project; work may go on in it meanwhile.
    theirs : Path
        A copy of this project: ``NAME.emseg``, or a pack.
    progress : Progress, optional

    Returns
    -------
    Corrections

    Raises
    ------
    EmsegError
        If it is no copy of this project, or what happened since cannot be read any more.
    """
    progress = progress or Silent()
    if theirs.is_dir():
        return _compare(session, theirs, progress)
    if theirs.is_file() and not zipfile.is_zipfile(theirs):
        raise EmsegError(
            "this is neither a pack nor a project", str(theirs),
            "labels of other programs are dropped into the window and taken over in the first stage",
        )  # fmt: skip
    with temporary_folder("emseg-corrections") as place:
        return _compare(session, unpack_project(theirs, place / "theirs.emseg"), progress)


def bring_in(session: Session, found: Corrections) -> Imported:
    """Commit what only they changed as one edit, and keep the conflicts with the project.

    Raises
    ------
    EmsegError
        If somebody painted over the same pixels meanwhile, the project is read-only, or the disk refuses.
    """
    session.commit_stroke()
    volume = session.volume
    fresh = _fresh_ids(session, found)
    patches: list[Patch] = []
    for region, mask, theirs, ours in found.changes:
        before = volume.read(region)
        if not np.array_equal(before[mask], ours):
            raise EmsegError(
                "the labels have changed since they were compared",
                f"section {region.start[0]}",
                "import the corrections again",
            )
        after = before.copy()
        after[mask] = found.as_here(theirs, fresh)
        patches.extend(section_patches(region, before, after))
    marks = tuple(
        Mark(z, session.sections[z], state) for z, state in found.marks if session.sections[z] != state
    )
    name = f"import corrections of {found.author or 'a colleague'}"
    edit = Edit(
        name, "human", tuple(patches), marks, answers=said_elsewhere.as_answers(session, found.answers)
    )
    conflicts = _conflicts(found, fresh, volume.shape)
    session.add_conflicts(conflicts)  # first: a conflict too many does no harm, a lost one does
    session.commit(edit)
    entry = None if edit.is_empty else session.history.undoable
    if entry is not None:
        session.came_with(conflicts, entry.id)
    synapses = said_elsewhere.take_over_pairs(session, found.synapses)
    if found.end is not None:
        number = entry.id if entry else found.known.edit if found.known and not found.is_anew else 0
        remember_import(session.project.folder, replace(found.end, ids=fresh, edit=number))
    return Imported(edit, conflicts, found.author, found.edits, synapses)


def _compare(session: Session, folder: Path, progress: Progress) -> Corrections:
    project = load_project(folder)
    mine = session.project
    if project.identity != mine.identity or project.image.shape != mine.image.shape:
        raise EmsegError(
            "this is no copy of the open project",
            str(folder),
            "import from a copy or a pack that was made of it; other labels are taken over as a layer",
        )
    if folder.resolve() == mine.folder.resolve():
        raise EmsegError("this is the open project itself", str(folder), "choose a colleague's copy")
    journal = Journal.open_read_only(project.journal)
    try:
        position = _parted(session.journal, journal)
        steps = steps_since(journal, position)
        found = Corrections(_author(journal, steps), len(steps), position)
        if not steps and known_of(mine.folder, journal, position) is None:
            return found
        base = volume_at(mine.labels, session.journal, position)
        earlier = _brought_in(session, project, journal, found) or base
        theirs = LabelVolume.open(project.labels)
        theirs.pages.out.may_write = False
        replay(journal, theirs)
        found.highest = _highest(base, position, mine, project)
        found.merged = merged_since(session.journal, position)
        since = position if found.known is None or found.is_anew else found.known.seen
        found.merged_there = {
            old: new for old, new in merged_since(journal, since).items() if old <= found.highest
        }
        found.marks, found.states = said_elsewhere.compare_states(session, journal, found.moments)
        found.answers, found.disputed = said_elsewhere.compare_answers(session, journal, found.moments)
        found.synapses = said_elsewhere.synapses_of(project.folder, [sites for sites, _ in found.answers])
        places = set(theirs.occupied()) | set(base.occupied()) | set(earlier.occupied())
        keys = sorted(places | set(session.volume.occupied()) if found.merged_there else places)
        for n, key in enumerate(keys, 1):
            _compare_chunk(session.volume, base, earlier, theirs, key, found)
            progress.report(n / len(keys), f"comparing section {key[0]}")
        return found
    finally:
        journal.close()


def _parted(mine: Journal, theirs: Journal) -> int:
    """The last place in both logs up to which they are the same."""
    sql = (
        "SELECT l.seq, l.edit, l.direction, e.name, e.author, e.time FROM log l JOIN edits e ON e.id = l.edit "
        "WHERE l.seq > ? ORDER BY l.seq LIMIT ?"
    )
    position = 0
    while True:
        ours, others = (journal.query(sql, position, _ROWS) for journal in (mine, theirs))
        for a, b in zip(ours, others, strict=False):
            if tuple(a) != tuple(b):
                return position
            position = a[0]
        if not ours or len(ours) != len(others):
            return position


def _author(journal: Journal, steps: list[tuple[int, int]]) -> str:
    if not steps:  # all of it taken back
        rows = journal.query(
            "SELECT e.author FROM log l JOIN edits e ON e.id = l.edit ORDER BY l.seq DESC LIMIT 1"
        )
        return str(rows[0][0]) if rows else ""
    names = Counter(
        journal.query("SELECT author FROM edits WHERE id = ?", number)[0][0] for number, _ in steps[-1000:]
    )
    return str(names.most_common(1)[0][0])


def _highest(base: LabelVolume, position: int, *projects: Project) -> int:
    """Highest id when the two parted: noted when the copy was made, else looked for."""
    for project in projects:
        if project.origin is not None and project.origin.position == position:
            return project.origin.max_id
    return max(
        (int(base.read(page_region(key).clipped(base.shape)).max()) for key in base.occupied()), default=0
    )


def _brought_in(
    session: Session, project: Project, journal: Journal, found: Corrections
) -> LabelVolume | None:
    """Their labels as they came in before, but for what was undone here; None where they did not."""
    found.end, folder = end_of(journal), session.project.folder
    known = known_of(folder, journal, found.parted)
    if known is None:
        return None
    standing = known_of(folder, journal, found.parted, session.journal)
    try:
        earlier = volume_at(project.labels, journal, standing.seen) if standing else None
    except EmsegError:  # they have forgotten that moment: compared as if nothing had come in, which asks more
        return None
    found.known, found.seen = known, standing.seen if standing else 0
    found.is_anew = was_taken_back(known, session.journal)
    if not found.is_anew:
        found.edits = len(steps_since(journal, known.seen))
    return earlier


def _compare_chunk(
    mine: LabelVolume,
    base: LabelVolume,
    earlier: LabelVolume,
    theirs: LabelVolume,
    key: ChunkKey,
    found: Corrections,
) -> None:
    region = page_region(key).clipped(mine.shape)
    then, before, there = base.read(region), earlier.read(region), theirs.read(region)
    if not found.merged_there and np.array_equal(then, there) and np.array_equal(before, there):
        return
    here = mine.read(region)
    as_it_came = here == found.as_here(before)
    # both sides give the same numbers to different new objects
    foreign = (there > found.highest) & ~np.isin(there, list(found.ids))
    same = (here == found.as_here(there)) & ~foreign
    fresh = before != there
    only_they = fresh & as_it_came & ~same
    if found.is_anew:
        only_they |= (here == found.as_here(then, {})) & (then != there) & ~same
    both = fresh & ~only_they & ~same
    if found.merged_there:  # what was added here to an object that they have merged goes with it
        added = np.isin(here, list(found.merged_there)) & ~fresh & ~only_they & (here != there)
        there = np.where(added, renamed(here, found.merged_there), there)
        only_they |= added
    if only_they.any():
        found.changes.append((region, only_they, there[only_they], here[only_they]))
    if both.any():
        pairs = np.stack([here[both], there[both]]).astype(np.uint64)
        _, rows, columns = np.nonzero(both)
        unique, which = np.unique(pairs, axis=1, return_inverse=True)
        for n, (a, b) in enumerate(unique.T):
            pick = which.ravel() == n
            pixels = np.stack([rows[pick] + region.start[1], columns[pick] + region.start[2]]).astype(
                np.int64
            )
            found.conflicts.setdefault((region.start[0], int(a), int(b)), []).append(pixels)


def _fresh_ids(session: Session, found: Corrections) -> dict[int, int]:
    """Ids that they gave since, to ids that nobody has here."""
    new = {int(i) for _, _, ids, _ in found.changes for i in np.unique(ids) if i > found.highest}
    new |= {theirs for _, _, theirs in found.conflicts if theirs > found.highest}
    new -= found.ids.keys()
    if not new:
        return dict(found.ids)
    first = session.volume.next_ids(len(new))
    return found.ids | {old: first + n for n, old in enumerate(sorted(new))}


def _conflicts(
    found: Corrections, fresh: dict[int, int], shape: tuple[int, int, int]
) -> tuple[Conflict, ...]:
    listed = []
    for (z, mine, theirs), parts in sorted(found.conflicts.items()):
        rows, columns = np.concatenate(parts, axis=1)
        y0, x0, y1, x1 = int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1
        mask = np.zeros((y1 - y0, x1 - x0), bool)
        mask[rows - y0, columns - x0] = True
        region = Region((z, y0, x0), (z + 1, y1, x1))
        there = fresh.get(theirs, theirs)
        listed.append(Conflict(z, mine, found.merged.get(there, there), region, mask, found.author))
    nothing = np.zeros((0, 0), bool)
    for z, ours, their_state in found.states:
        region = Region((z, 0, 0), (z + 1, shape[1], shape[2]))
        listed.append(Conflict(z, 0, 0, region, nothing, found.author, (ours, their_state)))
    listed += said_elsewhere.disputes(found.disputed, found.author)
    return tuple(sorted(listed, key=lambda c: (c.section, -c.pixels)))


def keep_all(session: Session, decision: str) -> int:
    """Decide every conflict that waits in the same way: "mine" or "theirs". Returns how many those were."""
    waiting = [n for n, conflict in enumerate(session.conflicts) if not conflict.decision]
    for n in waiting:
        session.decide_conflict(n, "mine" if decision == "mine" else "theirs")
    return len(waiting)
