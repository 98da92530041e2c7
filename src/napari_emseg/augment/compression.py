"""Compression artefacts: blocks of eight pixels whose fine structure is rounded away, as JPEG does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.augment.greys import from_unit, to_unit
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 8
# quantisation of luminance, table K.1 of ITU-T T.81
_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=np.float32,
)


class Compression(Settings):
    """How strongly the image may be compressed."""

    probability: float = chance(0.1)
    loss: float = strength(70.0, "Compression up to", "100 minus the quality of JPEG", unit="%", ge=0, le=99)


def compression(
    image: NDArray[np.float32], settings: Compression, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Compress an image (sections, y, x) and unpack it again, all sections alike."""
    quality = 100 - rng.uniform(0, settings.loss)
    return from_unit(jpeg(to_unit(image), quality))


def jpeg(unit: NDArray[np.float32], quality: float) -> NDArray[np.float32]:
    """What JPEG leaves of sections (z, y, x) of grey values from 0 to 1.

    The scaling of the table with the quality (1 to 100) is that of the Independent JPEG Group.
    """
    from scipy.fft import dctn, idctn

    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    table = np.clip(np.floor((_TABLE * np.float32(scale) + 50) / 100), 1, 255)
    z, height, width = unit.shape
    rows, columns = -height % _BLOCK, -width % _BLOCK
    grey = np.pad(np.clip(unit, 0, 1) * 255 - 128, ((0, 0), (0, rows), (0, columns)), mode="edge")
    blocks: NDArray[Any] = grey.reshape(
        z, (height + rows) // _BLOCK, _BLOCK, (width + columns) // _BLOCK, _BLOCK
    )
    waves = dctn(blocks, axes=(2, 4), norm="ortho")
    spread = table[:, None, :]
    found = idctn(np.round(waves / spread) * spread, axes=(2, 4), norm="ortho")
    back = np.clip(np.round(found + 128), 0, 255) / 255
    return back.reshape(grey.shape)[:, :height, :width].astype(np.float32)
