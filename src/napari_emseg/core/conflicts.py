"""Where two people changed the same pixels, or said of the same thing, what does not agree: kept until somebody has decided."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.edit import Answer, Edit, Mark, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.patching import section_patches
from napari_emseg.core.sections import SectionState, SectionStates, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.answers import Sites
    from napari_emseg.core.volume import LabelVolume

FILE = "conflicts.npz"
Decision = Literal["", "mine", "theirs"]
_SYNAPSE = "synapse"  # no state of a section is called so


@dataclass(frozen=True, eq=False)
class Conflict:
    """Pixels of one section that one person gave to one object and the other to another; the section's state; or a synapse.

    Attributes
    ----------
    section : int
    mine, theirs : int
        Ids, 0 for nothing. For a state or a synapse both are 0.
    region : Region
        Box around the pixels, one section deep; the whole section for a state, the first site for a synapse.
    mask : ndarray of bool (y, x)
        The pixels in the box; empty for a state or a synapse.
    author : str
        Who the other person is.
    states : (SectionState, SectionState) or None
        Mine and theirs, where it is the state that differs.
    decision : {"", "mine", "theirs"}
        What was decided; empty while nobody has.
    """

    section: int
    mine: int
    theirs: int
    region: Region
    mask: NDArray[np.bool_]
    author: str = ""
    states: tuple[SectionState, SectionState] | None = None
    decision: Decision = ""
    answers: tuple[Answer, Answer] | None = None
    """Mine and theirs, where it is the answer about two sites at a synapse that differs; what is said is in ``after``."""
    came_with: int = 0
    """Number of the edit that brought in what else that person did; 0 where that was nothing."""

    @property
    def pixels(self) -> int:
        """How many pixels it is about."""
        return int(np.count_nonzero(self.mask))

    @property
    def place(self) -> tuple[int, int, int]:
        """A voxel (z, y, x) to look at: one of its pixels, near their middle."""
        if self.states is not None:
            return self.section, -1, -1
        if self.answers is not None:
            return self.answers[0].sites[:3]
        rows, columns = np.nonzero(self.mask)
        nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
        return (
            self.section,
            int(rows[nearest]) + self.region.start[1],
            int(columns[nearest]) + self.region.start[2],
        )

    @property
    def words(self) -> str:
        """What it is about: "you: object 7, anna: object 9, 320 px"."""
        who = self.author or "the other"
        if self.states is not None:
            return f"you: {_state(self.states[0])}, {who}: {_state(self.states[1])}"
        if self.answers is not None:
            return f"pair at a synapse, you: {_said(self.answers[0])}, {who}: {_said(self.answers[1])}"
        n = self.pixels
        return f"you: {_object(self.mine)}, {who}: {_object(self.theirs)}, {n} px"


def decide(
    conflict: Conflict,
    decision: Literal["mine", "theirs"],
    volume: LabelVolume,
    sections: SectionStates,
    answers: Mapping[Sites, str],
) -> Edit:
    """The edit that a decision means; empty where the labels are so already.

    Parameters
    ----------
    conflict : Conflict
    decision : {"mine", "theirs"}
    volume, sections, answers
        Present labels, states and answers; not changed here.
    """
    who = "mine" if decision == "mine" else conflict.author or "theirs"
    name = f"decide a conflict in section {conflict.section}: keep {who}"
    if conflict.states is not None:
        wanted = conflict.states[0 if decision == "mine" else 1]
        present = sections[conflict.section]
        marks = (Mark(conflict.section, present, wanted),) if present != wanted else ()
        return Edit(name, "human", (), marks)
    if conflict.answers is not None:
        said = conflict.answers[0 if decision == "mine" else 1]
        known = answers.get(said.sites, "")
        return Edit(
            name, "human", answers=(Answer(said.sites, known, said.after),) if known != said.after else ()
        )
    before = volume.read(conflict.region)
    after = before.copy()
    after[0][conflict.mask] = conflict.mine if decision == "mine" else conflict.theirs
    return Edit(name, "human", section_patches(conflict.region, before, after))


def decided(conflicts: Sequence[Conflict], n: int, decision: Decision) -> tuple[Conflict, ...]:
    """The list with one decision noted."""
    return tuple(replace(c, decision=decision) if i == n else c for i, c in enumerate(conflicts))


def save_conflicts(folder: Path, conflicts: Sequence[Conflict]) -> None:
    """Keep conflicts with a project; nothing is left of a list in which everything is decided.

    Raises
    ------
    EmsegError
        If the folder cannot be written.
    """
    path = folder / FILE
    try:
        if all(c.decision for c in conflicts):
            path.unlink(missing_ok=True)
            return
        columns: dict[str, Any] = {
            "numbers": np.array(
                [(c.section, *c.region.start, *c.region.stop) for c in conflicts], np.int64
            ).reshape(-1, 7),
            "ids": np.array([(c.mine, c.theirs) for c in conflicts], np.uint64).reshape(-1, 2),
            "words": np.array([_row(c) for c in conflicts], "U"),
            "bits": np.concatenate([np.packbits(c.mask.ravel()) for c in conflicts]),
            "shapes": np.array([c.mask.shape for c in conflicts], np.int64).reshape(-1, 2),
            "edits": np.array([c.came_with for c in conflicts], np.int64),
        }
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **columns)
        write_atomic(path, buffer.getvalue())
    except OSError as error:
        raise EmsegError(
            f"the conflicts are not kept ({error.strerror})", str(path), "free space or mend the permissions"
        ) from error


def load_conflicts(folder: Path) -> tuple[Conflict, ...]:
    """Conflicts that wait in a project; none if the file is missing.

    Raises
    ------
    EmsegError
        If the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return ()
    found = []
    try:
        with np.load(path, allow_pickle=False) as columns:
            numbers, ids, words = columns["numbers"], columns["ids"], columns["words"]
            shapes, bits = columns["shapes"], columns["bits"]
            edits = columns["edits"] if "edits" in columns else np.zeros(len(shapes), np.int64)
            rows, at = zip(numbers, ids, words, shapes, edits, strict=True), 0
            for row, (mine, theirs), text, (height, width), edit in rows:
                section, z0, y0, x0, z1, y1, x1 = (int(n) for n in row)
                size = -(-int(height) * int(width) // 8)
                flat = np.unpackbits(bits[at : at + size], count=int(height) * int(width)).astype(bool)
                at += size
                region = Region((z0, y0, x0), (z1, y1, x1))
                mask = flat.reshape(int(height), int(width))
                one = _read(section, int(mine), int(theirs), region, mask, str(text))
                found.append(replace(one, came_with=int(edit)))
    except Exception as error:  # numpy and zipfile raise anything at all on a damaged file
        raise EmsegError(
            "the list of conflicts is damaged", str(path), "delete it and import the corrections again"
        ) from error
    return tuple(found)


def _row(conflict: Conflict) -> str:
    states = [str(part) for s in conflict.states or () for part in (s.status, s.reason)]
    if conflict.answers is not None:
        mine, theirs = conflict.answers
        states = [_SYNAPSE, mine.after, theirs.after, *(str(n) for n in mine.sites)]
    return "\t".join(part.replace("\t", " ") for part in (conflict.author, conflict.decision, *states))


def _read(
    section: int, mine: int, theirs: int, region: Region, mask: NDArray[np.bool_], text: str
) -> Conflict:
    author, decision, *states = text.split("\t")
    known: dict[str, Decision] = {"": "", "mine": "mine", "theirs": "theirs"}
    both = None
    if states[:1] == [_SYNAPSE]:
        a, b, *numbers = states[1:]
        z0, y0, x0, z1, y1, x1 = (int(n) for n in numbers)
        sites = (z0, y0, x0, z1, y1, x1)
        answers = Answer(sites, "", a), Answer(sites, "", b)
        return Conflict(section, mine, theirs, region, mask, author, None, known[decision], answers)
    if states:
        a, why_a, b, why_b = states
        both = SectionState(Status(a), why_a), SectionState(Status(b), why_b)
    return Conflict(section, mine, theirs, region, mask, author, both, known[decision])


def _said(answer: Answer) -> str:
    words = {"": "nothing", "wrong": "no pair", "turned": "turned round"}
    return words.get(answer.after, answer.after)


def _object(number: int) -> str:
    return f"object {number}" if number else "nothing"


def _state(state: SectionState) -> str:
    words = {Status.EXCLUDED: "left out", Status.PREDICTED: "segmented", Status.UNSEEN: "not segmented"}
    return words.get(state.status, str(state.status)) + (f" ({state.reason})" if state.reason else "")
