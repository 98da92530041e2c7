"""The labels as they were at an earlier moment, worked out from the journal.

Every step of the log is known with what was there before it, so the present can be walked back. Steps that were
taken back later cancel out and need not be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.edit import Answer, Edit, Lock, Mark
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.grid import page_tiles
from napari_emseg.core.patching import section_patches
from napari_emseg.core.rebuild import page_region
from napari_emseg.core.recovery import replay
from napari_emseg.core.search import candidates
from napari_emseg.core.volume import LabelVolume

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from napari_emseg.core.answers import Sites
    from napari_emseg.core.edit import Patch
    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.journal import Journal
    from napari_emseg.core.sections import SectionState, SectionStates

Step = tuple[int, int]
"""An edit of the log and its direction: applied (1) or taken back (-1)."""


def position_of(journal: Journal, number: int) -> int:
    """Place in the log at which an edit was made first.

    Raises
    ------
    EmsegError
        If there is no such edit.
    """
    rows = journal.query("SELECT min(seq) FROM log WHERE edit = ?", number)
    if not rows or rows[0][0] is None:
        raise EmsegError(
            "there is no such edit", f"edit {number} in {journal.path}", "choose one of the list"
        )
    return int(rows[0][0])


def steps_since(journal: Journal, position: int) -> list[Step]:
    """What happened after a place in the log and still has an effect, oldest first."""
    steps: list[Step] = []
    for number, direction in journal.query(
        "SELECT edit, direction FROM log WHERE seq > ? ORDER BY seq", position
    ):
        if steps and steps[-1] == (number, -direction):
            steps.pop()  # undone or redone right away: the log is a stack
        else:
            steps.append((number, direction))
    return steps


def steps_back(journal: Journal, position: int) -> Iterator[Edit]:
    """Edits that lead from the present back to a place in the log, in the order in which to apply them.

    Raises
    ------
    EmsegError
        If one of them can no longer be read.
    """
    for number, direction in reversed(steps_since(journal, position)):
        try:
            edit = journal.read(number)
        except EmsegError as error:
            if error.what != "this edit was forgotten":
                raise
            raise EmsegError(
                "this moment can no longer be brought back",
                f"what edit {number} changed since then is not kept any more",
                "choose a later one",
            ) from error
        yield edit.inverse() if direction == 1 else edit


def volume_at(labels: Path, journal: Journal, position: int) -> LabelVolume:
    """The labels as they were at a place in the log, in memory beside the store, which is only read.

    Parameters
    ----------
    labels : Path
        The label store.
    journal : Journal
        Its journal; may be in use.
    position : int
        Place in the log.
    """
    volume = LabelVolume.open(labels)
    volume.pages.out.may_write = False
    replay(journal, volume)
    for edit in steps_back(journal, position):
        volume.apply_quietly(edit)
    volume.read_only_reason = "it is an earlier moment"
    return volume


def edit_back_to(
    journal: Journal,
    volume: LabelVolume,
    sections: SectionStates,
    locked: Collection[int],
    position: int,
    name: str,
    answers: Mapping[Sites, str],
) -> Edit:
    """One edit that brings labels, section states, locks and answers back to a place in the log.

    Parameters
    ----------
    journal : Journal
    volume : LabelVolume
        The present labels; not changed here.
    sections, locked
        The present states.
    position : int
        Place in the log.
    name : str
        Of the edit.
    answers : mapping
        Sites of a synapse to what is said of them at present.

    Returns
    -------
    Edit
        Not committed; empty where nothing is different.
    """
    back = list(steps_back(journal, position))
    store = volume.pages.store
    if store is None:
        raise EmsegError("earlier moments are in the label store", name, "put labels.zarr back from a backup")
    then = volume_at(store.path, journal, position)
    patches: list[Patch] = []
    for key in _concerned(back, volume):
        region = page_region(key).clipped(volume.shape)
        patches.extend(section_patches(region, volume.read(region), then.read(region)))
    return Edit(
        name, "system", tuple(patches), _marks(back, sections), _locks(back, locked),
        answers=_answers(back, answers),
    )  # fmt: skip


def _marks(back: list[Edit], sections: SectionStates) -> tuple[Mark, ...]:
    then: dict[int, SectionState] = {mark.section: mark.after for edit in back for mark in edit.marks}
    return tuple(Mark(z, sections[z], then[z]) for z in sorted(then) if sections[z] != then[z])


def _locks(back: list[Edit], locked: Collection[int]) -> tuple[Lock, ...]:
    then = {lock.object_id: lock.after for edit in back for lock in edit.locks}
    return tuple(Lock(i, i in locked, then[i]) for i in sorted(then) if (i in locked) != then[i])


def _answers(back: list[Edit], answers: Mapping[Sites, str]) -> tuple[Answer, ...]:
    then = {answer.sites: answer.after for edit in back for answer in edit.answers}
    return tuple(
        Answer(k, answers.get(k, ""), then[k]) for k in sorted(then) if answers.get(k, "") != then[k]
    )


def _concerned(back: list[Edit], volume: LabelVolume) -> list[ChunkKey]:
    """Pages that may have been different."""
    keys = {key for edit in back for patch in edit.patches for key, *_ in page_tiles(patch.region)}
    relabels = [edit.relabel for edit in back if edit.relabel is not None]
    ids = {i for change in relabels for pair in change.pairs for i in pair if i}
    return sorted(keys.union(candidates(volume, ids) if ids else ()))
