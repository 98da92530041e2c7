"""The shapes of all objects, packed section by section while the volume comes by once, so that each can be cut out."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.measure.crop import ObjectCrop

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.measure.blocks import Block

MOST_VOXELS = 1 << 28
"""Voxels of a crop at most: what is longer is cut out with coarser pixels."""

_FASTEST = 1  # zlib level: outlines are simple, and packing should not take longer than counting


@dataclass(frozen=True, slots=True)
class _Piece:
    """Pixels of an object in its box in one section."""

    z: int
    y: int
    x: int
    height: int
    width: int
    bits: bytes

    def pixels(self) -> NDArray[np.bool_]:
        flat = np.unpackbits(
            np.frombuffer(zlib.decompress(self.bits), np.uint8), count=self.height * self.width
        )
        return flat.reshape(self.height, self.width).astype(bool)


class MaskStore:
    """Packs objects; a hundredth of the volume is a usual size.

    Parameters
    ----------
    only : collection of int, optional
        Keep these objects alone.
    """

    def __init__(self, only: Collection[int] | None = None) -> None:
        self._only = None if only is None else frozenset(only)
        self._pieces: dict[int, list[_Piece]] = {}

    @property
    def packed_bytes(self) -> int:
        """Memory that the shapes take."""
        return sum(len(piece.bits) for pieces in self._pieces.values() for piece in pieces)

    def add(self, block: Block) -> None:
        """Pack the objects of the core of one more block."""
        from scipy import ndimage as ndi

        z0, y0, x0 = block.core.start
        for k, section in enumerate(block.labels[block.inner].astype(np.int32, copy=False)):
            for number, box in enumerate(ndi.find_objects(section), start=1):
                if not box or not self._wants(int(block.ids[number])):
                    continue
                inside = section[box] == number
                height, width = inside.shape
                bits = zlib.compress(np.packbits(inside).tobytes(), _FASTEST)
                piece = _Piece(z0 + k, y0 + box[0].start, x0 + box[1].start, height, width, bits)
                self._pieces.setdefault(int(block.ids[number]), []).append(piece)

    def _wants(self, object_id: int) -> bool:
        return self._only is None or object_id in self._only

    def crop(
        self,
        object_id: int,
        spacing_nm: Spacing,
        volume_shape: tuple[int, int, int],
        most_voxels: int = MOST_VOXELS,
    ) -> ObjectCrop:
        """Cut one object out.

        Parameters
        ----------
        object_id : int
            One that was packed.
        spacing_nm : (z, y, x)
        volume_shape : (z, y, x)
        most_voxels : int
            A larger box gets coarser pixels; the crop's voxel size and places say so.
        """
        pieces = self._pieces[object_id]
        low = np.min([(p.z, p.y, p.x) for p in pieces], axis=0)
        high = np.max([(p.z + 1, p.y + p.height, p.x + p.width) for p in pieces], axis=0)
        step = 1
        while np.prod(_coarser(high - low, step).astype(np.float64)) > most_voxels:
            step += 1
        low[1:] -= low[1:] % step
        z, y, x = _coarser(high - low, step).tolist()
        mask = np.zeros((z, y, x), bool)
        solid = mask if step == 1 else np.zeros_like(mask)
        for section, group in groupby(sorted(pieces, key=lambda p: p.z), key=lambda p: p.z):
            count = np.zeros(y * x, np.int64)
            for p in group:
                rows, columns = np.nonzero(p.pixels())
                count += np.bincount(
                    (rows + p.y - low[1]) // step * x + (columns + p.x - low[2]) // step, minlength=count.size
                )
            mask[section - low[0]] = (count > 0).reshape(y, x)
            solid[section - low[0]] = (2 * count >= step * step).reshape(y, x)
        start = (int(low[0]), int(low[1]) // step, int(low[2]) // step)
        region = Region(start, (start[0] + z, start[1] + y, start[2] + x))
        whole = _coarser(np.asarray(volume_shape), step).tolist()
        size = (spacing_nm[0], spacing_nm[1] * step, spacing_nm[2] * step)
        return ObjectCrop(
            object_id, mask, region, (whole[0], whole[1], whole[2]), size, None if step == 1 else solid
        )


def _coarser(shape: NDArray[Any], step: int) -> NDArray[np.int64]:
    return np.asarray([shape[0], -(-shape[1] // step), -(-shape[2] // step)], np.int64)
