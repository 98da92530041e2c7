"""An image stack as the rest of the program sees it: lazy voxels with a size in nanometres."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_emseg.core.fingerprint import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

Spacing = tuple[float, float, float]
"""Voxel size in nanometres, (z, y, x)."""

_STATS_SAMPLE = 256  # samples along each axis: 65 k pixels give the mean to 0.2 grey levels


class ArrayLike3D(Protocol):
    """What a lazy stack must offer: numpy, h5py, zarr and dask arrays all do."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent in voxels, (z, y, x)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one voxel."""

    def __getitem__(self, key: Any, /) -> Any:
        """Read a part."""


def pixel_size(spacing_nm: Spacing) -> float:
    """Size of a pixel of a section in nanometres, as models see it: the mean of its height and its width.

    Models look at square pixels. Where the two differ, tissue is stretched for them, which `core.pixel_guard` says.
    """
    return (spacing_nm[1] + spacing_nm[2]) / 2


@dataclass(frozen=True, eq=False)
class ImageStack:
    """A lazily read grey stack.

    Parameters
    ----------
    data : array-like (z, y, x)
        Grey values, read only when sliced.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x) in nanometres; None when unknown, which is shown and never guessed.
    spacing_source : str
        Where the voxel size comes from: "file", "you", "sample", "unknown".
    name : str
        Short name for people.
    uri : str
        Where the stack can be opened again: a path with optional ``::internal/path``, or ``sample:NAME``.
    offset_nm : tuple of float or None
        Where the first voxel lies (z, y, x) in nanometres; None where the file does not say.
    """

    data: ArrayLike3D
    spacing_nm: Spacing | None
    spacing_source: str
    name: str
    uri: str
    offset_nm: tuple[float, float, float] | None = None
    _statistics: dict[int, tuple[float, float]] = field(default_factory=dict, repr=False)
    _fingerprint: list[str] = field(default_factory=list, repr=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Extent in voxels, (z, y, x)."""
        z, y, x = self.data.shape
        return z, y, x

    @property
    def fingerprint(self) -> str:
        """`core.fingerprint` of the grey values, remembered: reading whole sections is slow."""
        if not self._fingerprint:
            self._fingerprint.append(fingerprint(self.data))
        return self._fingerprint[0]

    def statistics(self, section: int) -> tuple[float, float]:
        """`section_statistics` of one section, remembered: reading a whole section is slow."""
        if section not in self._statistics:
            self._statistics[section] = section_statistics(self.data[section])
        return self._statistics[section]


def section_statistics(section: NDArray[Any]) -> tuple[float, float]:
    """Mean and standard deviation of the grey values of one whole section, from a regular sample.

    Zero pixels (padding, missing tissue) are left out unless the section holds little else, so that a
    section gives the same numbers with and without a black margin.

    Parameters
    ----------
    section : ndarray (y, x)
        One whole section, never a crop: the numbers are to be the same for every tile of it.

    Returns
    -------
    mean, std : float
        In grey values of the input. The standard deviation is at least one grey level of 255.
    """
    step = [max(1, n // _STATS_SAMPLE) for n in section.shape]
    sample = np.asarray(section[:: step[0], :: step[1]], dtype=np.float32)
    sample = sample[np.isfinite(sample)]
    tissue = sample[sample != 0]
    if tissue.size >= max(64, sample.size // 50):
        sample = tissue
    if sample.size == 0:
        return 0.0, 1.0
    floor = 1.0 if sample.max() > 1.5 else 1.0 / 255
    return float(sample.mean()), float(max(sample.std(), floor))
