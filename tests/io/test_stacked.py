"""Stacks one behind the other read as one."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.io.stacked import Stacked
from napari_emseg.io.views import Window

WHOLE = np.arange(9 * 4 * 5, dtype=np.uint16).reshape(9, 4, 5)
PARTS = [Window(WHOLE, Region((a, 0, 0), (b, 4, 5))) for a, b in ((0, 1), (1, 6), (6, 8), (8, 9))]


@pytest.mark.parametrize(
    "key", [np.s_[:], np.s_[3], np.s_[-1], np.s_[5:7, 1:3, 2], np.s_[::3], np.s_[0:0], np.s_[[8, 0, 6], :, 1]]
)
def test_any_key_gives_what_the_whole_gives(key: object) -> None:
    np.testing.assert_array_equal(Stacked(PARTS)[key], WHOLE[key])


def test_parts_of_different_stacks_are_refused() -> None:
    other = Window(WHOLE[:, :3], Region((0, 0, 0), (2, 3, 5)))
    with pytest.raises(EmsegError, match="do not follow"):
        Stacked([PARTS[0], other])
    with pytest.raises(EmsegError, match=r"uint8 do not follow \(4, 5\) uint16"):
        Stacked([PARTS[0], Window(WHOLE.astype(np.uint8), Region((0, 0, 0), (2, 4, 5)))])
