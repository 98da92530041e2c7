"""Several stacks one behind the other, as one stack; nothing is copied."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.io.lazy import LazyStack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Stacked(LazyStack):
    """Stacks along z.

    Parameters
    ----------
    parts : sequence of LazyStack
        At least one; all of one size (y, x) and one type.

    Raises
    ------
    EmsegError
        If they differ.
    """

    def __init__(self, parts: Sequence[LazyStack]) -> None:
        first = parts[0]
        for part in parts:
            if (part.shape[1:], part.dtype) != (first.shape[1:], first.dtype):
                raise EmsegError(
                    f"sections of {part.shape[1:]} {part.dtype} do not follow {first.shape[1:]} {first.dtype}",
                    part.where,
                    "join parts of one stack",
                )
        self._parts = tuple(parts)
        self._starts = [0, *accumulate(part.shape[0] for part in parts)]
        super().__init__((self._starts[-1], *first.shape[1:]), first.dtype, first.chunks, first.where)

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box, from each part what lies in it."""
        (z0, *low), (z1, *high) = region.start, region.stop
        found = []
        for part, start in zip(self._parts, self._starts, strict=False):
            a, b = max(z0 - start, 0), min(z1 - start, part.shape[0])
            if a < b:
                found.append(part.read(Region((a, low[0], low[1]), (b, high[0], high[1]))))
        return np.concatenate(found)
