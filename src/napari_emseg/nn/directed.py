"""Truth that has a direction, made anew for every sample after it has been turned and bent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.targets.directed import directed_truth
from napari_emseg.core.learning import IGNORE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.learning import Directed

_FIRST_ID = IGNORE + 1  # what lies beyond the stack is drawn as IGNORE, so ids begin above it


class DirectedTruth:
    """Ids that travel with the truth of one volume, and what is made of them.

    Parameters
    ----------
    directed : mapping of target name to Directed
    targets : sequence of str
        All targets of the training.
    """

    def __init__(self, directed: Mapping[str, Directed], targets: Sequence[str]) -> None:
        self._made: list[tuple[int, int, Directed]] = []
        held: list[tuple[int, int | None]] = []
        self.ids: list[NDArray[np.int32]] = []
        for channel, target in enumerate(targets):
            one = directed.get(target)
            if one is None:
                continue
            key = (id(one.objects), one.ignore)
            if key not in held:
                held.append(key)
                self.ids.append(_renumbered(one))
            self._made.append((channel, held.index(key), one))

    def __bool__(self) -> bool:
        return bool(self._made)

    def replace(self, truth: NDArray[Any], ids: NDArray[np.int32]) -> None:
        """Put what ids (n, z, y, x) of a sample say into its truth (targets, z, y, x)."""
        for channel, number, one in self._made:
            objects = np.where(ids[number] == IGNORE, -1, ids[number] - _FIRST_ID)
            truth[channel] = directed_truth(objects, one.kind, one.offset, ignore_id=-1)


def _renumbered(one: Directed) -> NDArray[np.int32]:
    """Ids from `_FIRST_ID` on (which is "no object"), `IGNORE` where nothing is known."""
    names, number = np.unique(one.objects, return_inverse=True)
    number = number.reshape(one.objects.shape) + (0 if 0 in names[:1] else 1)
    out = (number + _FIRST_ID).astype(np.int32)
    if one.ignore is not None:
        out[one.objects == one.ignore] = IGNORE
    return out
