"""Edits are values: built first, applied later, and able to say how to take themselves back.

Coordinates are voxels in (z, y, x) order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import SectionState

if TYPE_CHECKING:
    from numpy.typing import NDArray

Source = Literal["human", "model", "propagation", "system"]


@dataclass(frozen=True, slots=True)
class Region:
    """A half-open box of voxels, ``start`` included and ``stop`` excluded, in (z, y, x)."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    def __post_init__(self) -> None:
        if any(b < a for a, b in zip(self.start, self.stop, strict=True)):
            raise EmsegError("a region ends before it starts", f"{self.start} to {self.stop}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Extent in voxels, (z, y, x)."""
        z, y, x = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return z, y, x

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index into a (z, y, x) array."""
        z, y, x = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return z, y, x

    def clipped(self, shape: tuple[int, int, int]) -> Region:
        """The part of the box that lies inside an array of this shape (may be empty)."""
        start = tuple(min(max(a, 0), n) for a, n in zip(self.start, shape, strict=True))
        stop = tuple(max(s, min(b, n)) for s, b, n in zip(start, self.stop, shape, strict=True))
        return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    @classmethod
    def full(cls, shape: tuple[int, int, int]) -> Region:
        """The whole of an array of this shape."""
        return cls((0, 0, 0), shape)


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Label ids of one box before and after an edit; arrays have ``region.shape``."""

    region: Region
    before: NDArray[np.unsignedinteger]
    after: NDArray[np.unsignedinteger]

    def __post_init__(self) -> None:
        if self.before.shape != self.region.shape or self.after.shape != self.region.shape:
            raise EmsegError(
                "a patch does not fill its region",
                f"before {self.before.shape}, after {self.after.shape}, region {self.region.shape}",
            )

    def inverse(self) -> Patch:
        """The patch that takes this one back."""
        return Patch(self.region, self.after, self.before)

    @property
    def nbytes(self) -> int:
        """Memory held by the two arrays, in bytes."""
        return int(self.before.nbytes + self.after.nbytes)


@dataclass(frozen=True, slots=True)
class Mark:
    """The state of one section before and after an edit."""

    section: int
    before: SectionState
    after: SectionState

    def inverse(self) -> Mark:
        """The mark that takes this one back."""
        return Mark(self.section, self.after, self.before)


@dataclass(frozen=True, slots=True)
class Lock:
    """Whether one object is locked, before and after an edit."""

    object_id: int
    before: bool
    after: bool

    def inverse(self) -> Lock:
        """The change that takes this one back."""
        return Lock(self.object_id, self.after, self.before)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person says of two sites at a synapse, before and after an edit.

    Parameters
    ----------
    sites : tuple of int
        The voxels (z, y, x) of the two sites below each other, as they were found.
    before, after : str
        "" nobody has said anything; "right", "wrong", or "turned": right, with the two sides changed over.
    """

    sites: tuple[int, int, int, int, int, int]
    before: str
    after: str

    def inverse(self) -> Answer:
        """The answer that takes this one back."""
        return Answer(self.sites, self.after, self.before)


@dataclass(frozen=True, slots=True)
class Relabel:
    """Ids that become other ids wherever they are, all at once; no voxel is touched for it.

    Parameters
    ----------
    pairs : tuple of (int, int)
        Old and new id; new may be 0 (deleted), old may not.
    sections : tuple of int
        Sections that held the objects, as far as that is known.
    region : Region or None
        A box around them, as far as that is known.
    number : int
        Place among all relabels of a volume; given when it is committed, 0 before.
    back : bool
        True to take it back. Only the newest relabel can be taken back: see `core.equivalence`.
    """

    pairs: tuple[tuple[int, int], ...]
    sections: tuple[int, ...] = ()
    region: Region | None = None
    number: int = 0
    back: bool = False

    def __post_init__(self) -> None:
        if any(old <= 0 or new < 0 for old, new in self.pairs):
            raise EmsegError("empty space cannot be given an id", str(self.pairs), "choose an object")
        if len({old for old, _ in self.pairs}) < len(self.pairs):
            raise EmsegError("an object cannot become two others", str(self.pairs), "choose one id for it")

    def inverse(self) -> Relabel:
        """The relabel that takes this one back."""
        return replace(self, back=not self.back)


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One undoable change of labels, of section states, of locks, of answers, or of all of them.

    Parameters
    ----------
    name : str
        What happened in the biologist's words: "paint", "merge 4 into 7", "mark section 12 proofread".
    source : {"human", "model", "propagation", "system"}
        Who decided. Only human edits count as corrections.
    patches : tuple of Patch
        Applied in order. Taken back in the reverse order.
    marks : tuple of Mark
        Section states that change together with the labels.
    locks : tuple of Lock
        Objects that become locked or unlocked.
    relabel : Relabel or None
        Ids that change everywhere. An edit has either this or patches.
    answers : tuple of Answer
        What is said of synapses.
    """

    name: str
    source: Source
    patches: tuple[Patch, ...] = ()
    marks: tuple[Mark, ...] = ()
    locks: tuple[Lock, ...] = ()
    relabel: Relabel | None = None
    answers: tuple[Answer, ...] = ()

    def __post_init__(self) -> None:
        if self.relabel is not None and self.patches:
            raise EmsegError("an edit either paints or changes ids everywhere", self.name)

    def inverse(self) -> Edit:
        """The edit that takes this one back exactly."""
        return Edit(
            self.name,
            self.source,
            tuple(p.inverse() for p in reversed(self.patches)),
            tuple(m.inverse() for m in reversed(self.marks)),
            tuple(k.inverse() for k in reversed(self.locks)),
            None if self.relabel is None else self.relabel.inverse(),
            tuple(a.inverse() for a in reversed(self.answers)),
        )

    @property
    def nbytes(self) -> int:
        """Memory held by the patches, in bytes."""
        return sum(p.nbytes for p in self.patches)

    @property
    def sections(self) -> tuple[int, ...]:
        """Sections whose labels or state this edit touches, in order."""
        return tuple(sorted({*self.painted_sections, *(m.section for m in self.marks)}))

    @property
    def painted_sections(self) -> tuple[int, ...]:
        """Sections whose labels this edit touches, in order."""
        touched = {z for p in self.patches for z in range(p.region.start[0], p.region.stop[0])}
        return tuple(sorted(touched | set(self.relabel.sections if self.relabel else ())))

    @property
    def highest_id(self) -> int:
        """The highest id that this edit writes."""
        painted = max((int(p.after.max()) for p in self.patches if p.after.size), default=0)
        return max([painted, *(new for _, new in self.relabel.pairs)] if self.relabel else [painted])

    @property
    def is_empty(self) -> bool:
        """Whether applying this edit changes nothing."""
        if self.marks or self.locks or self.answers:
            return False
        if self.relabel and any(old != new for old, new in self.relabel.pairs):
            return False
        return all(np.array_equal(p.before, p.after) for p in self.patches)
