"""Smooth distortion of whole sections, as sections stretch on water or heat in the beam: drawn, applied, recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def draw_warps(
    rng: np.random.Generator, shape: tuple[int, int, int], *, sigma_px: float = 3.0, length_px: float = 100.0
) -> NDArray[np.float32]:
    """Displacements (z, 2, y, x), every section its own.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x).
    sigma_px : float
        Standard deviation of each component.
    length_px : float
        Standard deviation of the Gaussian that makes them smooth.
    """
    from scipy.ndimage import gaussian_filter, zoom

    step = max(1, int(length_px / 8))
    small = [-(-n // step) + 2 for n in shape[1:]]
    out = np.empty((shape[0], 2, *shape[1:]), np.float32)
    for section in out:
        for axis in (0, 1):
            field = gaussian_filter(rng.standard_normal(small), length_px / step, mode="wrap")
            wide = zoom(field, step, order=1)[: shape[1], : shape[2]]
            wide -= wide.mean()  # a shift of the whole section is another defect
            section[axis] = wide * (sigma_px / max(float(wide.std()), 1e-9))
    return out


def warped(image: NDArray[np.uint8], fields: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A stack (z, y, x) whose pixel p shows what was at ``p + fields[z, :, p]``, mirrored beyond its frame."""
    from scipy.ndimage import map_coordinates

    grid = np.indices(image.shape[1:], dtype=np.float32)
    return np.stack(
        [
            np.rint(map_coordinates(s.astype(np.float32), grid + f, order=1, mode="mirror")).astype(np.uint8)
            for s, f in zip(image, fields, strict=True)
        ]
    )
