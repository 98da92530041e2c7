"""Bounding boxes of what is labelled, section by section or object by object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

Box = tuple[slice, ...]


def labelled_box(labels: NDArray[Any], margin_px: int = 10) -> Box | None:
    """Smallest box around everything that is not 0, with a margin, inside the array.

    Parameters
    ----------
    labels : ndarray, any number of axes
    margin_px : int
        On every side of every axis.

    Returns
    -------
    tuple of slice, or None
        Usable as an index of the labels and of their image; None where nothing is labelled.

    Examples
    --------
    >>> labelled_box(np.array([[0, 0, 0, 0], [0, 0, 5, 0]]), 1)
    (slice(0, 2, None), slice(1, 4, None))
    """
    box = []
    for axis, n in enumerate(labels.shape):
        others = tuple(a for a in range(labels.ndim) if a != axis)
        found = np.flatnonzero((labels != 0).any(others))
        if not found.size:
            return None
        box.append(slice(max(0, int(found[0]) - margin_px), min(n, int(found[-1]) + 1 + margin_px)))
    return tuple(box)


def section_boxes(labels: NDArray[Any], margin_px: int = 10) -> list[Box | None]:
    """`labelled_box` of every section of labels (z, y, x)."""
    return [labelled_box(section, margin_px) for section in labels]


def object_boxes(labels: NDArray[Any], margin_px: int = 0) -> dict[int, Box]:
    """Box of every object of labels, any number of axes, by its id."""
    ids, compact = np.unique(labels, return_inverse=True)
    found = ndi.find_objects(compact.reshape(labels.shape) + (ids[0] != 0))
    names = ids if ids[0] != 0 else ids[1:]
    boxes = {}
    for label, box in zip(names.tolist(), found, strict=True):
        boxes[int(label)] = tuple(
            slice(max(0, s.start - margin_px), min(n, s.stop + margin_px))
            for s, n in zip(box, labels.shape, strict=True)
        )
    return boxes
