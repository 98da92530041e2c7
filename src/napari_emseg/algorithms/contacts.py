"""Which segments touch, along how much border, and how membrane-like that border is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Contacts:
    """Pairs of touching segments, each once.

    Attributes
    ----------
    a, b : ndarray of int64 (n,)
        Ids with ``a < b``.
    faces : ndarray of int64 (n,)
        Pixel faces that the two share.
    boundary : ndarray of float64 (n,)
        Mean membrane probability along them.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    faces: NDArray[np.int64]
    boundary: NDArray[np.float64]

    def where(self, keep: NDArray[np.bool_]) -> Contacts:
        """Keep the pairs for which ``keep`` (n,) holds."""
        return Contacts(self.a[keep], self.b[keep], self.faces[keep], self.boundary[keep])


def contacts(
    labels: NDArray[np.integer], boundary: NDArray[Any], *, only: NDArray[np.bool_] | None = None
) -> Contacts:
    """Find the pairs of segments that share pixel faces.

    Parameters
    ----------
    labels : ndarray of int (y, x) or (z, y, x)
        Segment ids; 0 touches nothing.
    boundary : ndarray, same shape
        Membrane probability. A face takes the higher value of its two pixels.
    only : ndarray of bool (largest id + 1,), optional
        Leave out pairs with neither id marked here.

    Returns
    -------
    Contacts
        Sorted by ``a`` then ``b``.
    """
    flat_labels, flat_boundary = np.ravel(labels), np.ravel(boundary)
    firsts, seconds, values = [], [], []
    for axis in range(labels.ndim):
        stride = int(np.prod(labels.shape[axis + 1 :]))
        lead = tuple(slice(None, -1) if k == axis else slice(None) for k in range(labels.ndim))
        lag = tuple(slice(1, None) if k == axis else slice(None) for k in range(labels.ndim))
        differ = np.zeros(labels.shape, bool)
        np.not_equal(labels[lead], labels[lag], out=differ[lead])
        here = np.flatnonzero(differ)
        one, other = flat_labels[here].astype(np.int64), flat_labels[here + stride].astype(np.int64)
        keep = (one > 0) & (other > 0)
        if only is not None:
            keep &= only[one] | only[other]
        here, one, other = here[keep], one[keep], other[keep]
        firsts.append(np.minimum(one, other))
        seconds.append(np.maximum(one, other))
        values.append(np.maximum(flat_boundary[here], flat_boundary[here + stride]))
    return _reduce(np.concatenate(firsts), np.concatenate(seconds), np.concatenate(values))


def _reduce(a: NDArray[np.int64], b: NDArray[np.int64], value: NDArray[Any]) -> Contacts:
    top = int(b.max(initial=0)) + 1
    if top < 1 << 31:
        keys, inverse = np.unique(a * top + b, return_inverse=True)
        first, second = keys // top, keys % top
    else:
        pairs, inverse = np.unique(np.stack([a, b], 1), axis=0, return_inverse=True)
        first, second = pairs[:, 0], pairs[:, 1]
    faces = np.bincount(inverse.ravel(), minlength=first.size)
    total = np.bincount(inverse.ravel(), weights=value, minlength=first.size)
    return Contacts(first, second, faces.astype(np.int64), total / np.maximum(faces, 1))
