"""Bounding boxes of objects; `algorithms.boxes` has that of everything labelled in a section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

Box = tuple[slice, ...]


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
