"""Small round things drawn at sub-pixel positions: vesicles, microtubules, granules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RIM_NM = 3.8  # standard deviation of the profile of a rim
_CHUNK = 4096  # marks drawn at once: bounds the memory


@dataclass(frozen=True)
class Marks:
    """Discs with a rim: positions (nm), radius (nm), and how dark rim and core are (negative is light)."""

    position_nm: NDArray[np.float32]
    radius_nm: NDArray[np.float32]
    rim: NDArray[np.float32]
    core: NDArray[np.float32]


def draw_marks(canvas: NDArray[np.float32], marks: Marks, spacing_nm: tuple[float, float, float]) -> None:
    """Add marks to a map of darkness, in place.

    Parameters
    ----------
    canvas : ndarray (z, y, x) float32
        Darkness.
    marks : Marks
        What to draw; each appears in the section that holds its centre.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    """
    order = np.argsort(marks.radius_nm, kind="stable")
    for start in range(0, len(order), _CHUNK):
        chosen = order[start : start + _CHUNK]
        radius = marks.radius_nm[chosen]
        half = int(np.ceil((radius.max() + 2.5 * _RIM_NM) / min(spacing_nm[1:])))
        at = marks.position_nm[chosen] / np.asarray(spacing_nm, dtype=np.float32) - np.float32(0.5)
        section = np.rint(at[:, 0]).astype(np.intp)
        row, column = (np.rint(at[:, k]).astype(np.intp) for k in (1, 2))
        window = np.arange(-half, half + 1)
        rows, columns = row[:, None] + window, column[:, None] + window
        dy = (rows - at[:, 1, None]).astype(np.float32) * np.float32(spacing_nm[1])
        dx = (columns - at[:, 2, None]).astype(np.float32) * np.float32(spacing_nm[2])
        rho = np.sqrt(dy[:, :, None] ** 2 + dx[:, None, :] ** 2) - radius[:, None, None]
        ink = marks.rim[chosen, None, None] * np.exp(-0.5 * (rho / np.float32(_RIM_NM)) ** 2)
        ink += marks.core[chosen, None, None] * np.clip(np.float32(0.5) - rho / np.float32(2 * _RIM_NM), 0, 1)
        inside = (
            ((section >= 0) & (section < canvas.shape[0]))[:, None, None]
            & ((rows >= 0) & (rows < canvas.shape[1]))[:, :, None]
            & ((columns >= 0) & (columns < canvas.shape[2]))[:, None, :]
        )
        flat = (section[:, None, None] * canvas.shape[1] + rows[:, :, None]) * canvas.shape[2] + columns[
            :, None, :
        ]
        np.add.at(canvas.reshape(-1), flat[inside], ink[inside])
