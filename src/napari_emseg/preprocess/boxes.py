"""Boxes around what is there, cropping and padding that can be undone, and drawn outlines to masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.mirror import mirrored

if TYPE_CHECKING:
    from numpy.typing import NDArray

Fill = Literal["reflect", "zero", "edge"]


def bounding_box(labels: NDArray[Any], *, margin: int = 0) -> Region | None:
    """The box of everything that is not 0.

    Parameters
    ----------
    labels : ndarray (z, y, x) or (y, x)
        A section counts as z = 0.
    margin : int
        Pixels (y, x) added on each side; the box stays within the array.

    Returns
    -------
    Region or None
        Ends excluded. None where there is nothing.
    """
    volume = labels[None] if labels.ndim == 2 else labels
    there = volume != 0
    spans = []
    for axis in range(3):
        hit = np.flatnonzero(there.any(axis=tuple(k for k in range(3) if k != axis)))
        if not len(hit):
            return None
        spare = margin if axis else 0
        spans.append((max(0, int(hit[0]) - spare), min(volume.shape[axis], int(hit[-1]) + 1 + spare)))
    (z0, z1), (y0, y1), (x0, x1) = spans
    return Region((z0, y0, x0), (z1, y1, x1))


@dataclass(frozen=True)
class Frame:
    """A box of an array, possibly reaching beyond it; cropping and padding in one.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x) of the array.
    start, stop : tuple of int
        Corner and end (excluded) of the box in voxels of the array; negative starts and ends beyond it pad.
    """

    shape: tuple[int, int, int]
    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    def __post_init__(self) -> None:
        if any(b <= a for a, b in zip(self.start, self.stop, strict=True)):
            raise EmsegError("a box is empty", f"{self.start} to {self.stop}", "let it end after it starts")

    @classmethod
    def crop(cls, shape: tuple[int, int, int], region: Region) -> Frame:
        """The part inside a region."""
        return cls(shape, region.start, region.stop)

    @classmethod
    def centred(cls, shape: tuple[int, int, int], target: tuple[int, int, int]) -> Frame:
        """A box of another size around the middle; of an odd difference the smaller half comes first."""
        start = tuple(-((t - n) // 2) if t >= n else (n - t) // 2 for n, t in zip(shape, target, strict=True))
        z, y, x = start
        return cls(shape, (z, y, x), (z + target[0], y + target[1], x + target[2]))

    @classmethod
    def padded(cls, shape: tuple[int, int, int], pads: tuple[tuple[int, int], ...]) -> Frame:
        """More on each side: ((before, after) in z, y and x)."""
        (a, b), (c, d), (e, f) = pads
        return cls(shape, (-a, -c, -e), (shape[0] + b, shape[1] + d, shape[2] + f))

    @property
    def size(self) -> tuple[int, int, int]:
        """(z, y, x) of the box."""
        z, y, x = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return z, y, x

    def apply(self, array: NDArray[Any], *, fill: Fill = "reflect") -> NDArray[Any]:
        """Cut the box out.

        Parameters
        ----------
        array : ndarray (z, y, x)
        fill : {"reflect", "zero", "edge"}
            What lies beyond the array. Reflection repeats as often as needed, also beyond the array's own size.
        """
        self._check(array, self.shape)
        out = array
        for axis, (a, b, n) in enumerate(zip(self.start, self.stop, self.shape, strict=True)):
            index = np.arange(a, b)
            inside = (index >= 0) & (index < n)
            taken = mirrored(index, n) if fill == "reflect" else np.clip(index, 0, n - 1)
            out = out.take(taken, axis)
            if fill == "zero" and not inside.all():
                out[(slice(None),) * axis + (~inside,)] = 0
        return out

    def undo(self, array: NDArray[Any], original: NDArray[Any] | None = None) -> NDArray[Any]:
        """Put a box back where it came from.

        Parameters
        ----------
        array : ndarray
            Of the box's size.
        original : ndarray (z, y, x), optional
            What surrounds it; default 0. Not changed.

        Returns
        -------
        ndarray (z, y, x)
            Of the shape of the array that the box was cut from.
        """
        self._check(array, self.size)
        out = np.zeros(self.shape, array.dtype) if original is None else original.copy()
        to, of = [], []
        for a, b, n in zip(self.start, self.stop, self.shape, strict=True):
            low, high = max(a, 0), min(b, n)
            to.append(slice(low, max(low, high)))
            of.append(slice(low - a, max(low, high) - a))
        out[tuple(to)] = array[tuple(of)]
        return out

    def move_points(self, points: NDArray[np.floating], *, back: bool = False) -> NDArray[np.float64]:
        """Points (n, 3) in voxels of the array, in those of the box (or back)."""
        offset = np.array(self.start, dtype=np.float64)
        return np.asarray(points, dtype=np.float64) + (offset if back else -offset)

    def _check(self, array: NDArray[Any], shape: tuple[int, int, int]) -> None:
        if array.shape != shape:
            raise EmsegError(f"an array of {array.shape} voxels does not fit", f"expected {shape}")


def mask_of_outline(outline: NDArray[np.floating], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The inside of a drawn outline.

    Parameters
    ----------
    outline : ndarray (n, 2)
        Corners (y, x) in pixels, in order; the last is joined to the first.
    shape : tuple of int
        (y, x) of the section. What lies outside is cut off.

    Raises
    ------
    EmsegError
        If it has fewer than three corners.
    """
    from skimage.draw import polygon2mask

    corners = np.asarray(outline, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise EmsegError("an outline has at least three corners (y, x)", f"{corners.shape}")
    return np.asarray(polygon2mask(shape, corners), dtype=np.bool_)
