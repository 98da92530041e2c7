"""What is synapse, and which side of it, read from maps only where it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SynapseSettings

Box = tuple[slice, slice, slice]
Form = Literal["channels", "signed", "sides"]

_BEYOND = 1e-3  # networks and compression leave values a little outside


class CleftMap:
    """Where clefts are, from a map (z, y, x) of their probability or a mask.

    Parameters
    ----------
    array : array-like (z, y, x)
        Floats in [0, 1], uint8 in 0..255, or truth values.
    threshold : float
    where : str
        The file, for messages.
    """

    def __init__(self, array: Any, threshold: float, where: str = "") -> None:
        self.shape = shape_of(array)
        self._array, self._threshold, self._where = array, threshold, where

    def __getitem__(self, box: Box) -> NDArray[np.bool_]:
        return _chance(np.asarray(self._array[box]), self._where) > self._threshold


class SideMap:
    """Pre- and postsynaptic sides of synapses.

    Parameters
    ----------
    array : array-like
        (2, z, y, x) or (3, z, y, x), probabilities that a voxel is presynaptic, postsynaptic (and either of them); or
        (z, y, x), near 1 on the presynaptic and near -1 on the postsynaptic side (a signed proximity map), or the same
        from 1 over 0.5 to 0, as `predict` writes what was taught as `polarity` (eight bits: 255, 128, 0); or
        (z, y, x) of labels, 2n - 1 on the presynaptic and 2n on the postsynaptic side of synapse n.
    settings : SynapseSettings
    where : str
        The file, for messages.

    Raises
    ------
    EmsegError
        If it is none of these.
    """

    def __init__(self, array: Any, settings: SynapseSettings, where: str = "") -> None:
        dtype = np.dtype(array.dtype)
        self.form: Form = "channels"
        if len(array.shape) == 4 and array.shape[0] not in (2, 3):
            raise EmsegError(
                f"the map of sides has {array.shape[0]} channels",
                where,
                "give pre and post: predict --targets pre,post",
            )
        if len(array.shape) == 3:
            self.form = "signed" if dtype.kind == "f" or dtype.itemsize == 1 else "sides"
            array = _about_zero(array, where) if self.form == "signed" else array
        self.shape = shape_of(array)
        self._lowest = self._highest = 0.0  # of what was read so far
        self._array, self._where = array, where
        self._threshold = settings.signed_threshold if self.form == "signed" else settings.threshold

    def __getitem__(self, box: Box) -> NDArray[np.bool_]:
        """Where a synapse is, whichever side."""
        if self.form == "channels" and self._array.shape[0] == 3:
            either = _chance(np.asarray(self._array[(2, *box)]), self._where) > self._threshold
            pre, post = self.sides(box)
            return either | pre | post
        pre, post = self.sides(box)
        return pre | post

    def signed(self, box: Box) -> NDArray[np.float32]:
        """From 1, presynaptic, to -1, postsynaptic.

        Raises
        ------
        EmsegError
            If the map holds values that are none of these, or no probabilities.
        """
        if self.form == "channels":
            pre, post = (_chance(np.asarray(self._array[(k, *box)]), self._where) for k in (0, 1))
            return np.asarray(pre - post, np.float32)
        values = np.asarray(self._array[box])
        if self.form == "sides":
            return np.where(values == 0, 0, np.where(values % 2 == 1, 1, -1)).astype(np.float32)
        values = values.astype(np.float32)
        low, high = float(values.min(initial=0)), float(values.max(initial=0))
        if not (low >= -1 - _BEYOND and high <= 1 + _BEYOND):
            raise EmsegError(
                f"values from {low:g} to {high:g} are no signed map",
                self._where,
                "give floats from -1 (post) to 1 (pre)",
            )
        self._lowest, self._highest = min(self._lowest, low), max(self._highest, high)
        return values

    def ids(self) -> SideIds | None:
        """Numbers of synapses, where the map is labels that say them."""
        return SideIds(self._array) if self.form == "sides" else None

    def refuse_unsigned(self) -> None:
        """Refuse a signed map in which nothing that was read is negative: it is a probability.

        Raises
        ------
        EmsegError
        """
        if self.form == "signed" and self._highest > self._threshold and self._lowest >= 0:
            raise EmsegError(
                "no value of the signed map is negative",
                self._where,
                "postsynaptic sides are near -1; or give two channels",
            )

    def sides(self, box: Box) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Pre- and postsynaptic voxels; none is both."""
        if self.form != "channels":
            signed = self.signed(box)
            limit = self._threshold if self.form == "signed" else 0.5
            return signed > limit, signed < -limit
        pre, post = (_chance(np.asarray(self._array[(k, *box)]), self._where) for k in (0, 1))
        return (pre > self._threshold) & (pre >= post), (post > self._threshold) & (post > pre)


def _about_zero(array: Any, where: str) -> Any:
    """A signed map; one that lies about a half, as three of its sections tell, is spread to -1 .. 1."""
    sections = np.stack([np.asarray(array[z]) for z in sorted({0, array.shape[0] // 2, array.shape[0] - 1})])
    is_bytes = np.dtype(array.dtype).itemsize == 1
    if not is_bytes and float(sections.min(initial=0)) < 0:
        return array
    middle = float(np.median(sections)) / (255 if is_bytes else 1) if sections.size else 0.5
    if abs(middle - 0.5) < _HALF_WAY:
        return _Spread(array, where)
    if is_bytes:
        raise EmsegError(
            f"most of a signed map of eight bits is about 128, and most of this is about {middle * 255:.0f}",
            where,
            "give two channels, pre and post, or a signed map",
        )
    return array


_HALF_WAY = 0.2


class _Spread:
    """A map about a half, from -1 to 1."""

    dtype = np.dtype(np.float32)

    def __init__(self, array: Any, where: str) -> None:
        self.shape, self._array, self._where = array.shape, array, where

    def __getitem__(self, box: Box) -> NDArray[np.float32]:
        return 2 * _chance(np.asarray(self._array[box]), self._where) - 1


class SideIds:
    """Synapse numbers n of labels 2n - 1 and 2n, read lazily."""

    dtype = np.dtype(np.uint64)

    def __init__(self, array: Any) -> None:
        self.shape = shape_of(array)
        self._array = array

    def __getitem__(self, box: Box) -> NDArray[np.uint64]:
        labels = np.asarray(self._array[box])
        if labels.dtype.kind == "i":
            labels = np.maximum(labels, 0)
        labels = labels.astype(np.uint64)
        return np.asarray(labels // 2 + labels % 2, np.uint64)


class Widened:
    """A mask of which every part is widened within its sections, read with a margin.

    Parameters
    ----------
    mask : CleftMap or SideMap
    width_nm : float
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    """

    def __init__(self, mask: CleftMap | SideMap, width_nm: float, spacing_nm: Spacing) -> None:
        self.shape = mask.shape
        self.dtype = np.dtype(bool)
        self._mask, self._width, self._spacing = mask, width_nm, spacing_nm
        self._halo = [0, *(int(width_nm / s) for s in spacing_nm[1:])]

    def __getitem__(self, box: Box) -> NDArray[np.bool_]:
        import edt

        if not any(self._halo):
            return self._mask[box]
        wide, inner = [], []
        for one, n, halo in zip(box, self.shape, self._halo, strict=True):
            start, stop, _ = one.indices(n)
            low = max(start - halo, 0)
            wide.append(slice(low, min(stop + halo, n)))
            inner.append(slice(start - low, stop - low))
        core = self._mask[(wide[0], wide[1], wide[2])]
        limit = self._width * (1 + 1e-6)
        grown = [
            section
            if not section.any()
            else edt.edt(np.ascontiguousarray(~section), anisotropy=self._spacing[1:], black_border=False)
            <= limit
            for section in core
        ]
        return np.asarray(np.stack(grown)[tuple(inner)]) if grown else core[tuple(inner)]


def shape_of(array: Any) -> tuple[int, int, int]:
    """Extent (z, y, x), without channels."""
    z, y, x = array.shape[-3:]
    return int(z), int(y), int(x)


def _chance(values: NDArray[Any], where: str) -> NDArray[np.float32]:
    """Probabilities as floats."""
    if values.dtype == np.bool_:
        return values.astype(np.float32)
    if values.dtype == np.uint8:
        return np.asarray(values.astype(np.float32) / np.float32(255), np.float32)
    values = values.astype(np.float32)
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if not (low >= -_BEYOND and high <= 1 + _BEYOND):
        raise EmsegError(
            f"values from {low:g} to {high:g} are no probabilities",
            where,
            "give floats in [0, 1] or eight bits in 0..255",
        )
    return values
