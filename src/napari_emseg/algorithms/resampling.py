"""Change the voxel size: grey values by the mean over the area of a new voxel, labels by the id that fills most of it.

A factor is the new voxel size divided by the old one. Output voxel ``i`` of an axis covers the input from ``i * factor``
to ``(i + 1) * factor``, so the corners of both volumes coincide, and the centre of the first voxel moves by
``(factor - 1) / 2`` old voxels. Whole and fractional factors are dealt with alike: an input voxel that is covered in
part counts in part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.object_ids import need_id_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

_SAME = 1e-6  # relative: factors come from quotients of voxel sizes
_LARGEST_FACTOR = 4096.0
_MIXED_AT_ONCE = 1 << 18  # output voxels whose samples are sorted together


@dataclass(frozen=True, eq=False)
class _Axis:
    """Which input voxels each output voxel of one axis covers.

    Attributes
    ----------
    index : ndarray of int64 (outputs, samples)
    share : ndarray of float64 (outputs, samples)
        Part of the output voxel that each of them fills; a row sums to one.
    outside : ndarray of bool (outputs,)
        Whether there is no input at all below the output voxel; it then shows the nearest.
    """

    index: NDArray[np.int64]
    share: NDArray[np.float64]
    outside: NDArray[np.bool_]

    @classmethod
    def covering(cls, inputs: int, outputs: int, factor: float, origin: float) -> _Axis:
        corner = origin + np.arange(outputs) * factor
        outside = (corner > inputs - _SAME) | (corner + factor < _SAME)
        end = np.clip(corner + factor, min(factor, 1.0), inputs)
        begin = np.clip(corner, 0, np.maximum(end - min(factor, 1.0), 0))
        begin = np.where(outside, begin, np.maximum(corner, 0))
        first = np.floor(begin + _SAME).astype(np.int64)
        samples = int(np.max(np.ceil(end - _SAME) - first))
        index = first[:, None] + np.arange(max(samples, 1))
        share = np.minimum(end[:, None], index + 1) - np.maximum(begin[:, None], index)
        share[share < _SAME * factor] = 0
        return cls(np.minimum(index, inputs - 1), share / share.sum(1, keepdims=True), outside)

    @classmethod
    def between(cls, inputs: int, outputs: int, factor: float, origin: float) -> _Axis:
        """Linear interpolation between centres, for voxels that become smaller."""
        centre = np.clip(origin + (np.arange(outputs) + 0.5) * factor - 0.5, 0, inputs - 1)
        first = np.minimum(np.floor(centre).astype(np.int64), max(inputs - 2, 0))
        second = np.minimum(first + 1, inputs - 1)
        far = centre - first
        return cls(np.stack([first, second], 1), np.stack([1 - far, far], 1), np.zeros(outputs, bool))

    def part(self, start: int, stop: int) -> _Axis:
        """Some of the output voxels."""
        return _Axis(self.index[start:stop], self.share[start:stop], self.outside[start:stop])


@dataclass(frozen=True)
class Resampling:
    """From one grid of voxels to another, block by block or at once; the answer is the same.

    Parameters
    ----------
    shape : (z, y, x)
        Of the volume as it is, in voxels.
    factors : (z, y, x)
        New voxel size divided by old one.
    target : (z, y, x), optional
        Shape to come out, where it is given by another volume. By default only voxels that are fully covered, as
        VAST's mip levels count them (5 pixels give 2), at least one an axis.
    origin : (z, y, x)
        Corner of the output in voxels of the input, where the two do not begin at the same place. Output beyond the
        input is 0 for labels, and for grey values the nearest one.

    Raises
    ------
    EmsegError
        If a shape is empty or a factor is no positive number, or absurd.
    """

    shape: tuple[int, int, int]
    factors: tuple[float, float, float]
    target: tuple[int, int, int] | None = None
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for factor in self.factors:
            if not (math.isfinite(factor) and 1 / _LARGEST_FACTOR <= factor <= _LARGEST_FACTOR):
                raise EmsegError(
                    f"a volume cannot be resampled by a factor of {factor:g}",
                    "new voxel size divided by old one",
                    f"choose factors from 1/{_LARGEST_FACTOR:g} to {_LARGEST_FACTOR:g}",
                )
        if min(self.shape) < 1 or (self.target is not None and min(self.target) < 1):
            raise EmsegError("an empty volume cannot be resampled", f"shape {self.shape}")

    @classmethod
    def between(cls, shape: tuple[int, int, int], old_nm: Spacing, new_nm: Spacing) -> Resampling:
        """Resampling from one voxel size (z, y, x) in nanometres to another.

        Raises
        ------
        EmsegError
            If a size is not larger than 0, or the factor between two is absurd.
        """
        if min(*old_nm, *new_nm) <= 0:
            raise EmsegError("a voxel size must be larger than 0 nm", f"from {old_nm} to {new_nm}")
        z, y, x = (b / a for a, b in zip(old_nm, new_nm, strict=True))
        return cls(shape, (z, y, x))

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes."""
        return (
            self.output == self.shape
            and all(abs(f - 1) < _SAME for f in self.factors)
            and all(abs(o) < _SAME for o in self.origin)
        )

    @cached_property
    def output(self) -> tuple[int, int, int]:
        """Shape that comes out, (z, y, x)."""
        if self.target is not None:
            return self.target
        z, y, x = (
            max(1, math.floor(n / f * (1 + _SAME))) for n, f in zip(self.shape, self.factors, strict=True)
        )
        return z, y, x

    @property
    def offset(self) -> tuple[float, float, float]:
        """Centre of the first new voxel, in old voxels from the centre of the first old one, (z, y, x)."""
        z, y, x = (o + (f - 1) / 2 for o, f in zip(self.origin, self.factors, strict=True))
        return z, y, x

    def needed(self, region: Region) -> Region:
        """Box of the input that a box of the output is made of, for grey values and labels alike."""
        axes = (*self._axes_for(region, smooth=True), *self._axes_for(region, smooth=False))
        low = [min(int(axes[n].index.min()), int(axes[n + 3].index.min())) for n in range(3)]
        high = [max(int(axes[n].index.max()), int(axes[n + 3].index.max())) + 1 for n in range(3)]
        return Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))

    def image(self, block: NDArray[Any], region: Region | None = None) -> NDArray[Any]:
        """Grey values of a box of the output.

        Larger voxels get the mean over their area, smaller ones are interpolated linearly.

        Parameters
        ----------
        block : ndarray (z, y, x)
            The input: all of it where `region` is not given, else the box ``needed(region)``.
        region : Region, optional
            Box of the output; default everything.

        Returns
        -------
        ndarray (z, y, x)
            Of the input's type; integers are rounded to the nearest.
        """
        region, source = self._boxes(block, region)
        wide = np.float32 if block.dtype.itemsize <= 2 or block.dtype == np.float32 else np.float64
        out: NDArray[Any] = block
        for n, axis in enumerate(self._axes_for(region, smooth=True)):
            out = _weighted(out, axis.index - source.start[n], axis.share.astype(wide), n, wide)
        if block.dtype == bool:
            return np.asarray(out >= 0.5)
        if np.issubdtype(block.dtype, np.integer):
            limits = np.iinfo(block.dtype)
            return np.asarray(np.clip(np.rint(out), limits.min, limits.max).astype(block.dtype))
        return np.asarray(out.astype(block.dtype, copy=False))

    def labels(self, block: NDArray[Any], region: Region | None = None) -> NDArray[Any]:
        """Ids of a box of the output: in each voxel the id that fills most of it.

        Of two that fill it equally, an object wins over 0, and then the lower id.

        Parameters
        ----------
        block : ndarray (z, y, x) of integers
        region : Region, optional
            As for `image`.

        Returns
        -------
        ndarray (z, y, x)
            Of the input's type.

        Raises
        ------
        EmsegError
            If `block` does not hold ids.
        """
        if block.dtype != bool:
            need_id_type(block.dtype, "", remedy="resample them as an image")
        region, source = self._boxes(block, region)
        axes = self._axes_for(region, smooth=False)
        samples = [
            (a, b, c)
            for a in range(axes[0].index.shape[1])
            for b in range(axes[1].index.shape[1])
            for c in range(axes[2].index.shape[1])
        ]
        index = [axis.index - start for axis, start in zip(axes, source.start, strict=True)]

        def sample(a: int, b: int, c: int) -> NDArray[Any]:
            taken = block[index[0][:, a]] if block.shape[0] > 1 else block[:1].repeat(len(index[0]), 0)
            return taken[:, index[1][:, b]][:, :, index[2][:, c]]

        out = sample(0, 0, 0)
        mixed = np.zeros(out.shape, bool)
        for one in samples[1:]:
            mixed |= sample(*one) != out
        where = np.nonzero(mixed)
        columns = np.array(samples).T
        for start in range(0, len(where[0]), _MIXED_AT_ONCE):  # few voxels lie on a border
            part = tuple(w[start : start + _MIXED_AT_ONCE] for w in where)
            at = [i[p][:, k] for i, p, k in zip(index, part, columns, strict=True)]
            shares = [axis.share[p][:, k] for axis, p, k in zip(axes, part, columns, strict=True)]
            out[part] = _most(block[at[0], at[1], at[2]], shares[0] * shares[1] * shares[2])
        for n, axis in enumerate(axes):
            out[(slice(None),) * n + (axis.outside,)] = 0
        return out

    def _boxes(self, block: NDArray[Any], region: Region | None) -> tuple[Region, Region]:
        """The box of the output, and the box of the input that `block` has to fill for it."""
        source = Region.full(self.shape) if region is None else self.needed(region)
        if block.shape != source.shape:
            raise EmsegError("a block does not fill its box", f"{block.shape}, expected {source.shape}")
        return region or Region.full(self.output), source

    def _axes_for(self, region: Region, *, smooth: bool) -> tuple[_Axis, _Axis, _Axis]:
        whole = self._smooth if smooth else self._covering
        z, y, x = (axis.part(a, b) for axis, a, b in zip(whole, region.start, region.stop, strict=True))
        return z, y, x

    @cached_property
    def _covering(self) -> list[_Axis]:
        return [
            _Axis.covering(n, m, _whole(f), o)
            for n, m, f, o in zip(self.shape, self.output, self.factors, self.origin, strict=True)
        ]

    @cached_property
    def _smooth(self) -> list[_Axis]:
        axes = zip(self._covering, self.shape, self.output, self.factors, self.origin, strict=True)
        return [covering if _whole(f) >= 1 else _Axis.between(n, m, f, o) for covering, n, m, f, o in axes]


def resample_image(image: NDArray[Any], factors: tuple[float, ...]) -> NDArray[Any]:
    """Grey values at another voxel size: area mean for larger voxels, linear interpolation for smaller ones.

    Parameters
    ----------
    image : ndarray (z, y, x) or (y, x)
    factors : tuple of float
        New voxel size divided by old one, one an axis.

    Returns
    -------
    ndarray
        Of the same type; only voxels that are fully covered.

    Examples
    --------
    >>> resample_image(np.array([[0, 4, 9], [4, 8, 9]], np.uint8), (2, 2))
    array([[4]], dtype=uint8)
    """
    block, three = _as_volume(image, factors)
    return Resampling(block.shape, three).image(block).reshape(_shape(block, three, image.ndim))


def resample_labels(labels: NDArray[Any], factors: tuple[float, ...]) -> NDArray[Any]:
    """Ids at another voxel size: the most frequent one in each new voxel.

    Parameters
    ----------
    labels : ndarray (z, y, x) or (y, x) of integers
    factors : tuple of float
        New voxel size divided by old one, one an axis.

    Returns
    -------
    ndarray
        Of the same type; only voxels that are fully covered.

    Examples
    --------
    >>> resample_labels(np.array([[5, 5, 1], [5, 7, 1]], np.uint32), (2, 2))
    array([[5]], dtype=uint32)
    """
    block, three = _as_volume(labels, factors)
    return Resampling(block.shape, three).labels(block).reshape(_shape(block, three, labels.ndim))


def _as_volume(
    array: NDArray[Any], factors: tuple[float, ...]
) -> tuple[NDArray[Any], tuple[float, float, float]]:
    if array.ndim not in (2, 3) or len(factors) != array.ndim:
        raise EmsegError(
            "a section needs two factors and a stack three", f"shape {array.shape}, factors {factors}"
        )
    block = array.reshape((1,) * (3 - array.ndim) + array.shape)
    z, y, x = (1.0,) * (3 - array.ndim) + tuple(float(f) for f in factors)
    return block, (z, y, x)


def _shape(block: NDArray[Any], factors: tuple[float, float, float], ndim: int) -> tuple[int, ...]:
    z, y, x = block.shape
    return Resampling((z, y, x), factors).output[3 - ndim :]


def _whole(factor: float) -> float:
    nearest = float(round(factor))
    return nearest if nearest and abs(factor - nearest) < _SAME * nearest else factor


def _weighted(
    array: NDArray[Any], index: NDArray[np.int64], share: NDArray[Any], axis: int, wide: type
) -> NDArray[Any]:
    """Weighted mean of samples along one axis."""
    if index.shape[1] == 1:
        whole = np.array_equal(index[:, 0], np.arange(array.shape[axis]))
        return array if whole else array.take(index[:, 0], axis)
    shape = [1, 1, 1]
    shape[axis] = -1
    out = None
    for n in range(index.shape[1]):
        part: NDArray[Any] = array.take(index[:, n], axis).astype(wide)
        part *= share[:, n].reshape(shape)
        out = part if out is None else np.add(out, part, out=out)
    assert out is not None
    return out


def _most(ids: NDArray[Any], share: NDArray[np.float64]) -> NDArray[Any]:
    """For each row the id with the largest share, objects before 0 and then the lower id."""
    # 0 sorts last: among equal shares the first column wins.
    order = np.lexsort((ids, ids == 0), axis=1)
    ids, share = np.take_along_axis(ids, order, 1), np.take_along_axis(share, order, 1)
    rows, width = ids.shape
    begins = np.ones((rows, width), bool)
    begins[:, 1:] = ids[:, 1:] != ids[:, :-1]
    starts = np.flatnonzero(begins)
    runs = np.zeros((rows, width))
    runs.ravel()[starts] = np.round(np.add.reduceat(share.ravel(), starts), 9)  # equal shares are equal
    return np.asarray(np.take_along_axis(ids, runs.argmax(1)[:, None], 1)[:, 0])
