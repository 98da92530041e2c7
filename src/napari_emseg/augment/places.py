"""Where each pixel of a sample comes from: what geometric augmentations change, one after the other.

Only coordinates pass from one to the next; the stack itself is read once, at the end (see `resampling`), so that no
pixel is ever interpolated twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Places:
    """Coordinates of a sample in its source, in pixels from the centre of the sample.

    Parameters
    ----------
    at : ndarray (2, 1 or z, y, x) float32
        Row and column; one plane where all sections share their geometry.
    sections : ndarray (z,) of int
        Which section of the source each section of the sample shows.
    shifts : ndarray (z, 2) float32
        By how much each section is moved as a whole, (y, x), image and labels alike.
    depth : ndarray (z, y, x) float32, optional
        Displacement through the sections; None keeps every pixel in its section.
    image_only : mapping of section to ndarray (2, y, x) float32
        Displacement of the image of a section that its labels do not follow.
    """

    at: NDArray[np.float32]
    sections: NDArray[np.intp]
    shifts: NDArray[np.float32]
    depth: NDArray[np.float32] | None = None
    image_only: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)

    @classmethod
    def still(cls, sections: int, size: tuple[int, int]) -> Places:
        """The sample as it lies in the source."""
        grid = np.stack(np.meshgrid(*(centred(n) for n in size), indexing="ij"))
        return cls(grid[:, None], np.arange(sections), np.zeros((sections, 2), np.float32))

    @property
    def size(self) -> tuple[int, int]:
        """Extent of the sample, (y, x)."""
        return self.at.shape[2], self.at.shape[3]

    def plane(self, z: int) -> NDArray[np.float32]:
        """Coordinates of one section without its shift, (2, y, x)."""
        return self.at[:, z if self.at.shape[1] > 1 else 0]

    def moved_by(self, displacement: NDArray[Any]) -> Places:
        """With a displacement (2, 1 or z, y, x) in pixels added."""
        return replace(self, at=self.at + displacement.astype(np.float32, copy=False))

    def mapped(self, matrix: NDArray[Any]) -> Places:
        """With a linear map (2, 2) applied to every coordinate."""
        m = matrix.astype(np.float32)
        y, x = self.at
        return replace(self, at=np.stack([m[0, 0] * y + m[0, 1] * x, m[1, 0] * y + m[1, 1] * x]))

    def shifted(self, by: NDArray[Any]) -> Places:
        """With whole sections moved by (z, 2) pixels more."""
        return replace(self, shifts=self.shifts + by.astype(np.float32))

    def through(self, sections: NDArray[np.intp]) -> Places:
        """Showing other sections: `sections` indexes the present ones."""
        return replace(self, sections=self.sections[sections])

    def zoomed(self, zoom: float) -> Places:
        """In pixels of a source that has `zoom` of them per pixel of the sample; shifts of sections stay."""
        if zoom == 1:
            return self
        only = {z: d * np.float32(zoom) for z, d in self.image_only.items()}
        return replace(self, at=self.at * np.float32(zoom), image_only=only)


def centred(n: int) -> NDArray[np.float32]:
    """Positions of n pixels relative to their middle."""
    return np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)
