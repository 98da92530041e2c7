"""Edits are values: built first, applied later, and able to say how to take themselves back.

Coordinates are voxels in (z, y, x) order.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One undoable change of labels, of section states, of locks, or of all of them.

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
    """

    name: str
    source: Source
    patches: tuple[Patch, ...] = ()
    marks: tuple[Mark, ...] = ()
    locks: tuple[Lock, ...] = ()

    def inverse(self) -> Edit:
        """The edit that takes this one back exactly."""
        return Edit(
            self.name,
            self.source,
            tuple(p.inverse() for p in reversed(self.patches)),
            tuple(m.inverse() for m in reversed(self.marks)),
            tuple(k.inverse() for k in reversed(self.locks)),
        )

    @property
    def nbytes(self) -> int:
        """Memory held by the patches, in bytes."""
        return sum(p.nbytes for p in self.patches)

    @property
    def sections(self) -> tuple[int, ...]:
        """Sections whose labels or state this edit touches, in order."""
        touched = {z for p in self.patches for z in range(p.region.start[0], p.region.stop[0])}
        return tuple(sorted(touched | {m.section for m in self.marks}))

    @property
    def is_empty(self) -> bool:
        """Whether applying this edit changes nothing."""
        return not (self.marks or self.locks) and all(np.array_equal(p.before, p.after) for p in self.patches)
