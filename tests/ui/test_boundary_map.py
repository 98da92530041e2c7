"""Only predicted pixels count; everything else is a wall for seeds and transparent for eyes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.ui import boundary_map
from napari_emseg.ui.boundary_map import BoundaryMap

BOX = Region((1, 2, 2), (2, 4, 5))


def test_reads_what_was_written() -> None:
    found = BoundaryMap((4, 6, 6))
    found.write(BOX, np.full((1, 2, 3), 0.5))
    assert found.sections == (1,)
    assert found.covers(BOX)
    assert not found.covers(Region((1, 2, 2), (2, 4, 6)))
    np.testing.assert_allclose(found.read(BOX), 0.5, atol=0.003)


def test_what_is_known_is_read_as_it_is() -> None:
    found = BoundaryMap((4, 6, 6))
    found.write(BOX, np.full((1, 2, 3), 0.25))
    known = found.known
    assert (known.shape, known.dtype) == ((4, 6, 6), np.float32)
    np.testing.assert_allclose(known[1, 2:4, 2:5], 0.25, atol=0.003)
    np.testing.assert_array_equal(np.isnan(known[:]), found[:] == 0)


def test_unknown_is_a_wall_and_transparent() -> None:
    found = BoundaryMap((4, 6, 6))
    found.write(BOX, np.zeros((1, 2, 3)))
    full = Region((1, 0, 0), (2, 6, 6))
    assert found.walls(full)[0, 0, 0] == 255
    assert found.walls(full)[0, 2, 2] <= 1
    assert found[1, 0, 0] == 0
    assert found[1, 2, 2] == 1


def test_takes_the_keys_that_napari_uses() -> None:
    found = BoundaryMap((4, 6, 6))
    found.write(BOX, np.ones((1, 2, 3)))
    assert np.asarray(found[1]).shape == (6, 6)
    assert found[1, :, :].max() == 255
    assert found[(1, slice(2, 4), slice(2, 5))].min() == 255
    assert found[0:3, 1:2].shape == (3, 1, 6)
    assert found[:, 2, 2].tolist() == [0, 255, 0, 0]
    assert found[np.int64(3)].sum() == 0


def test_forgets() -> None:
    found = BoundaryMap((4, 6, 6))
    found.write(BOX, np.ones((1, 2, 3)))
    found.clear()
    assert found.sections == ()


def test_sections_that_are_wanted_together_are_not_forgotten_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boundary_map, "_LIMIT_BYTES", 2 * 8 * 10)
    held = BoundaryMap((6, 8, 10))
    held.write(Region((0, 0, 0), (1, 8, 10)), np.full((1, 8, 10), 0.5))
    four = Region((1, 0, 0), (5, 8, 10))
    held.keep(four)
    held.write(four, np.full((4, 8, 10), 0.5))
    assert held.covers(four)
    assert held.sections == (1, 2, 3, 4), "the one that nobody asked for now has gone"
    held.keep(Region((5, 0, 0), (6, 8, 10)))
    held.write(Region((5, 0, 0), (6, 8, 10)), np.full((1, 8, 10), 0.5))
    assert held.sections == (4, 5)
