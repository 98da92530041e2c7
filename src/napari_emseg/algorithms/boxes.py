"""Boxes around what is labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def section_box(labels: NDArray[Any], margin: int = 0) -> tuple[int, int, int, int] | None:
    """Box around all non-zero pixels of a section.

    Parameters
    ----------
    labels : ndarray (y, x)
    margin : int
        Pixels to add on every side; the box stays inside the section.

    Returns
    -------
    tuple of int or None
        y0, y1, x0, x1, ends excluded; None where nothing is labelled.

    Examples
    --------
    >>> section_box(np.array([[0, 0, 0], [0, 7, 7]]))
    (1, 2, 1, 3)
    """
    rows, columns = np.flatnonzero((labels != 0).any(1)), np.flatnonzero((labels != 0).any(0))
    if not rows.size:
        return None
    height, width = labels.shape
    return (
        max(int(rows[0]) - margin, 0),
        min(int(rows[-1]) + 1 + margin, height),
        max(int(columns[0]) - margin, 0),
        min(int(columns[-1]) + 1 + margin, width),
    )
