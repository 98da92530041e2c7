"""Shapes of objects made thinner, thicker or smoother; every object keeps its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.algorithms.scale import working_spacing
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

Operation = Literal["erosion", "dilation", "opening", "closing"]


def reshape_objects(
    labels: NDArray[Any],
    operation: Operation,
    radius_nm: float,
    spacing_nm: Spacing | None,
    *,
    dims: Literal[2, 3] = 2,
) -> NDArray[Any]:
    """Erosion, dilation, opening or closing of all objects at once with a ball, in nanometres.

    Parameters
    ----------
    labels : ndarray of non-negative integers (y, x) or (z, y, x)
        Object ids; 0 is none.
    operation : {"erosion", "dilation", "opening", "closing"}
        Erosion counts other objects as outside: touching ones part. Dilation goes into empty pixels only, to the nearest
        object. Opening takes away what is thinner than the ball, closing fills what is narrower.
    radius_nm : float
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    dims : {2, 3}
        2: every section by itself; 3: through sections.

    Returns
    -------
    ndarray of the same type
        The edge of the stack is no border.

    Raises
    ------
    EmsegError
        If the radius is negative or the operation unknown.
    """
    if radius_nm < 0:
        raise EmsegError(f"a radius of {radius_nm:g} nm is less than nothing", operation, "give 0 or more")
    if labels.ndim == 3 and dims == 2:
        sections = [reshape_objects(s, operation, radius_nm, spacing_nm) for s in labels]
        return np.stack(sections) if sections else labels.copy()
    spacing = working_spacing(spacing_nm)[-labels.ndim :]
    if operation == "erosion":
        return _eroded(labels, radius_nm, spacing)
    if operation == "dilation":
        return _dilated(labels, radius_nm, spacing)
    if operation == "opening":
        kept = _eroded(labels, radius_nm, spacing)
        grown = _dilated(kept, radius_nm, spacing)
        return np.where(grown == labels, labels, labels.dtype.type(0))
    if operation == "closing":
        return np.where(labels > 0, labels, _closed(labels, radius_nm, spacing))
    raise EmsegError(f"{operation} is not known", "", "take erosion, dilation, opening or closing")


def _closed(labels: NDArray[Any], radius_nm: float, spacing: tuple[float, ...]) -> NDArray[Any]:
    """Closed as if objects went on beyond the edge as they reach it: without that, those near it would grow up to it."""
    margin = [int(np.ceil(2 * radius_nm / size)) for size in spacing]
    wide = np.pad(labels, [(n, n) for n in margin], "edge") if labels.size else labels
    shrunk = _eroded(_dilated(wide, radius_nm, spacing), radius_nm, spacing)
    return shrunk[tuple(slice(n, n + size) for n, size in zip(margin, labels.shape, strict=True))]


def _eroded(labels: NDArray[Any], radius_nm: float, spacing: tuple[float, ...]) -> NDArray[Any]:
    import edt

    depth = edt.edt(np.ascontiguousarray(labels), anisotropy=spacing, black_border=False, parallel=1)
    return np.where(depth > radius_nm, labels, labels.dtype.type(0))


def _dilated(labels: NDArray[Any], radius_nm: float, spacing: tuple[float, ...]) -> NDArray[Any]:
    from scipy import ndimage as ndi

    empty = labels == 0
    if not empty.any() or empty.all():
        return labels.copy()
    distance, nearest = ndi.distance_transform_edt(empty, sampling=spacing, return_indices=True)
    return np.where(empty & (distance <= radius_nm), labels[tuple(nearest)], labels)
