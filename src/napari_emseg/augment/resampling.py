"""Read a stack at the places of a sample: images linear or cubic, labels at the nearest pixel, once.

Linear reading is written out in numpy because coordinates and weights are shared by image and labels, and by all
sections where the geometry is: that is most of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places

Interpolation = Literal["linear", "cubic"]


@dataclass(frozen=True, eq=False)
class Reading:
    """Where one section of a sample is read: flat indices and weights for one extent of the source.

    Beyond the border the source is mirrored about its outermost pixels.
    """

    shape: tuple[int, int]
    places: NDArray[np.float32]
    corner: NDArray[np.intp]
    weights: NDArray[np.float32]
    nearest: NDArray[np.intp]
    inside: NDArray[np.bool_] | None

    @classmethod
    def at(cls, places: NDArray[np.float32], shape: tuple[int, int]) -> Reading:
        """Prepare reading at absolute coordinates (2, y, x) of sections of this shape."""
        inside: NDArray[np.bool_] | None = None
        folded = places
        limits = np.array(shape, np.float32) - 1
        for axis in (0, 1):
            low, high = float(places[axis].min()), float(places[axis].max())
            if low < -0.5 or high >= limits[axis] + 0.5:
                ok = (places[axis] >= -0.5) & (places[axis] < limits[axis] + 0.5)
                inside = ok if inside is None else inside & ok
            if low < 0 or high > limits[axis]:
                folded = folded.copy() if folded is places else folded
                folded[axis] = mirrored(folded[axis], shape[axis])
        whole = folded.astype(np.int32)  # truncation is the floor of what is not negative
        weights = np.subtract(folded, whole, dtype=np.float32)
        corner = (whole[0] * shape[1] + whole[1]).astype(np.intp)
        step_y, step_x = _steps(shape)
        nearest = corner + step_y * (weights[0] >= 0.5) + step_x * (weights[1] >= 0.5)
        return cls(shape, folded, corner, weights, nearest, inside)

    def linear(self, section: NDArray[np.float32]) -> NDArray[np.float32]:
        """Grey values, interpolated between four pixels."""
        flat = np.ascontiguousarray(section).ravel()
        step_y, step_x = _steps(self.shape)
        # on the last row or column the weight is 0, and whatever is taken beyond it does not matter
        wy, wx = self.weights
        top = flat.take(self.corner, mode="clip")
        right = flat.take(self.corner + step_x, mode="clip")
        right -= top
        right *= wx
        top += right
        below = flat.take(self.corner + step_y, mode="clip")
        right = flat.take(self.corner + (step_y + step_x), mode="clip")
        right -= below
        right *= wx
        below += right
        below -= top
        below *= wy
        top += below
        return top

    def cubic(self, section: NDArray[np.float32]) -> NDArray[np.float32]:
        """Grey values from a cubic spline through the pixels."""
        from scipy import ndimage as ndi

        drawn: NDArray[np.float32] = ndi.map_coordinates(section, self.places, order=3, mode="mirror")
        return drawn

    def label(self, section: NDArray[Any], outside: int) -> NDArray[Any]:
        """Labels of the nearest pixel, `outside` beyond the border."""
        found = np.ascontiguousarray(section).ravel().take(self.nearest, mode="clip")
        if self.inside is not None:
            found[~self.inside] = outside
        return found


def _steps(shape: tuple[int, int]) -> tuple[int, int]:
    """Flat distance to the pixel below and to the right; 0 where there is only one."""
    return (shape[1] if shape[0] > 1 else 0), (1 if shape[1] > 1 else 0)


def mirrored(places: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Coordinates folded back into 0 .. n - 1, mirrored about both outermost pixels."""
    if n == 1:
        return np.zeros_like(places)
    last = np.float32(n - 1)
    folded: NDArray[np.float32] = last - np.abs(np.abs(places) % (2 * last) - last)
    return folded


def read(
    image: NDArray[np.float32],
    labels: NDArray[Any] | None,
    places: Places,
    centre: tuple[float, float],
    *,
    interpolation: Interpolation = "linear",
    outside: int = 0,
    only: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[Any] | None, NDArray[np.bool_]]:
    """Draw a sample.

    Parameters
    ----------
    image : ndarray (z, y, x) float32
    labels : ndarray (channels, z, y, x) of int, optional
    places : Places
    centre : (y, x)
        Of the sample, in pixels of the source.
    outside : int
        Label beyond the border of the source.
    only : int, optional
        `labels` has a single section, which belongs to this one of the sample.

    Returns
    -------
    image : ndarray (z, y, x) float32
    labels : ndarray (channels, z, y, x)
    inside : ndarray (z, y, x) of bool
        False where the sample reaches beyond the source.
    """
    if places.depth is not None:
        if only is not None:
            raise EmsegError(
                "displacement through sections needs labels of all sections", "elastic", "set it to 0"
            )
        return _read_through(image, labels, places, centre, interpolation, outside)
    n, size = len(places.sections), places.size
    drawn = np.empty((n, *size), np.float32)
    planes = n if only is None else 1
    known = None if labels is None else np.empty((len(labels), planes, *size), labels.dtype)
    inside = np.ones((n, *size), bool)
    shape = (image.shape[1], image.shape[2])
    last: tuple[Any, ...] = ()
    reading: Reading | None = None
    for z, source in enumerate(places.sections):
        same = (z if places.at.shape[1] > 1 else 0, *places.shifts[z].tolist())
        if reading is None or same != last:
            offset = np.asarray(centre, np.float32) + places.shifts[z]
            reading, last = Reading.at(places.plane(z) + offset[:, None, None], shape), same
        if reading.inside is not None:
            inside[z] = reading.inside
        if known is not None and labels is not None and only in (None, z):
            here, there = (z, source) if only is None else (0, 0)
            for channel in range(len(labels)):
                known[channel, here] = reading.label(labels[channel, there], outside)
        seen = reading
        if z in places.image_only:
            offset = np.asarray(centre, np.float32) + places.shifts[z]
            seen = Reading.at(places.plane(z) + places.image_only[z] + offset[:, None, None], shape)
        drawn[z] = seen.linear(image[source]) if interpolation == "linear" else seen.cubic(image[source])
    return drawn, known, inside


def _read_through(
    image: NDArray[np.float32],
    labels: NDArray[Any] | None,
    places: Places,
    centre: tuple[float, float],
    interpolation: Interpolation,
    outside: int,
) -> tuple[NDArray[np.float32], NDArray[Any] | None, NDArray[np.bool_]]:
    """As `read`, for places that also move between sections."""
    from scipy import ndimage as ndi

    assert places.depth is not None
    n, size = len(places.sections), places.size
    at = np.empty((3, n, *size), np.float32)
    at[0] = places.sections[:, None, None] + places.depth
    offsets = np.asarray(centre, np.float32) + places.shifts
    for axis in (0, 1):
        at[1 + axis] = places.at[axis] + offsets[:, axis, None, None]
    nearest = np.floor(at + 0.5).astype(np.intp)
    inside = np.ones((n, *size), bool)
    for axis, extent in enumerate(image.shape):
        inside &= (nearest[axis] >= 0) & (nearest[axis] < extent)
        nearest[axis] = np.clip(nearest[axis], 0, extent - 1)
    known: NDArray[Any] | None = None
    if labels is not None:
        known = labels[:, nearest[0], nearest[1], nearest[2]]
        known[:, ~inside] = outside
    for z, extra in places.image_only.items():
        at[1:, z] += extra
    order: Literal[1, 3] = 1 if interpolation == "linear" else 3
    drawn: NDArray[np.float32] = ndi.map_coordinates(image, at, order=order, mode="mirror")
    return drawn, known, inside
