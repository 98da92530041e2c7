"""Parts of stacks as stacks: windows, boxes that move from section to section, and mirrored margins; nothing is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.lazy import LazyStack
from napari_emseg.io.reflect import mirrored_index, read_reflected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region

Box = tuple[int, int, int, int]
"""y0, y1, x0, x1 of a section, ends excluded."""


def _where(array: Any) -> str:
    return str(getattr(array, "where", ""))


class Window(LazyStack):
    """A box of a stack.

    Parameters
    ----------
    array : array-like (z, y, x)
    region : Region
        Must lie inside it.
    """

    def __init__(self, array: Any, region: Region) -> None:
        if region != region.clipped(tuple(int(n) for n in array.shape)) or 0 in region.shape:  # type: ignore[arg-type]
            raise EmsegError(
                f"the window {region.start} to {region.stop} is not in the stack",
                _where(array),
                f"it has {tuple(array.shape)} voxels (z, y, x)",
            )
        super().__init__(region.shape, array.dtype, getattr(array, "chunks", None), _where(array))
        self._array, self._start = array, region.start

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box of the window."""
        shifted = tuple(
            slice(s.start + o, s.stop + o) for s, o in zip(region.slices, self._start, strict=True)
        )
        return np.asarray(self._array[shifted])


def centred(shape: Sequence[int], size: Sequence[int]) -> tuple[slice, ...]:
    """Where the middle part of a given size lies; an odd rest goes to the end.

    Raises
    ------
    EmsegError
        If it is larger than the whole.
    """
    if any(s > n or s < 1 for s, n in zip(size, shape, strict=True)):
        raise EmsegError(
            f"a middle part of {tuple(size)} does not fit into {tuple(shape)}", "", "choose a smaller one"
        )
    return tuple(slice((n - s) // 2, (n - s) // 2 + s) for s, n in zip(size, shape, strict=True))


class Margins(LazyStack):
    """A stack with mirrored margins, which are real voxels nowhere.

    Parameters
    ----------
    array : array-like (z, y, x)
    before, after : sequence of int
        Voxels (z, y, x) to add in front and behind; any number, also more than the stack has.
    """

    def __init__(self, array: Any, before: Sequence[int], after: Sequence[int]) -> None:
        if min(*before, *after) < 0:
            raise EmsegError("a margin cannot be negative", _where(array), "cut with a window instead")
        shape = [n + a + b for n, a, b in zip(array.shape, before, after, strict=True)]
        super().__init__(shape, array.dtype, None, _where(array))
        self._array, self._before = array, tuple(before)

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box."""
        start = [a - b for a, b in zip(region.start, self._before, strict=True)]
        stop = [a - b for a, b in zip(region.stop, self._before, strict=True)]
        return read_reflected(self._array, start, stop)


class MovingBox(LazyStack):
    """One box per section, each possibly elsewhere; smaller ones get mirrored margins up to a common size.

    A box in the middle of the common size: the margin in front is half of what is missing, rounded down.

    Parameters
    ----------
    array : array-like (z, y, x)
    boxes : sequence of (section, (y0, y1, x0, x1))
        Which box of which section of `array` each new section shows.

    Raises
    ------
    EmsegError
        If a box is empty or not in its section.
    """

    def __init__(self, array: Any, boxes: Sequence[tuple[int, Box]]) -> None:
        n, height, width = array.shape
        if not boxes:
            raise EmsegError("there is no section to cut out", _where(array), "check the table")
        for z, (y0, y1, x0, x1) in boxes:
            if not (0 <= z < n and 0 <= y0 < y1 <= height and 0 <= x0 < x1 <= width):
                raise EmsegError(
                    f"the box x {x0}-{x1}, y {y0}-{y1} of section {z} is not in the stack",
                    _where(array),
                    f"it has {tuple(array.shape)} voxels (z, y, x); check the table and the mip level",
                )
        self.common = (max(b[1] - b[0] for _, b in boxes), max(b[3] - b[2] for _, b in boxes))
        super().__init__((len(boxes), *self.common), array.dtype, None, _where(array))
        self._array, self._boxes = array, tuple(boxes)

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box, section by section."""
        return np.stack([self._one(z, region) for z in range(region.start[0], region.stop[0])])

    def _one(self, z: int, region: Region) -> NDArray[Any]:
        section, box = self._boxes[z]
        axes = []
        for axis in (0, 1):
            low, size = box[2 * axis], box[2 * axis + 1] - box[2 * axis]
            front = (self.common[axis] - size) // 2
            a, b = region.start[axis + 1] - front, region.stop[axis + 1] - front
            axes.append(mirrored_index(a, b, size) + low)
        y, x = axes
        part = np.asarray(self._array[section, y.min() : y.max() + 1, x.min() : x.max() + 1])
        return np.asarray(part[np.ix_(y - y.min(), x - x.min())])


def put_back(cut: NDArray[Any], boxes: Sequence[Box], common: tuple[int, int]) -> list[NDArray[Any]]:
    """Sections without the margins that `MovingBox` gave them: each has the size of its box again."""
    out = []
    for section, (y0, y1, x0, x1) in zip(cut, boxes, strict=True):
        size = (y1 - y0, x1 - x0)
        out.append(section[centred(common, size)])
    return out
