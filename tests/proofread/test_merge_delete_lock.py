"""Merge, delete and lock on a stack that fits on a screen.

::

    section 0      section 1      section 2
    1 1 0 2 2      1 1 0 2 2      3 3 0 2 2
    1 1 0 2 2      1 1 0 0 0      3 3 0 2 2
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Lock, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.volume import LabelVolume
from napari_emseg.proofread import ACTIONS
from napari_emseg.proofread.delete import delete
from napari_emseg.proofread.lock import toggle_lock
from napari_emseg.proofread.merge import merge

LABELS = np.array(
    [
        [[1, 1, 0, 2, 2], [1, 1, 0, 2, 2]],
        [[1, 1, 0, 2, 2], [1, 1, 0, 0, 0]],
        [[3, 3, 0, 2, 2], [3, 3, 0, 2, 2]],
    ],
    np.uint32,
)


@pytest.fixture
def volume() -> LabelVolume:
    volume = LabelVolume.create(None, LABELS.shape, None)
    volume.apply(Edit("start", "system", (Patch(Region.full(volume.shape), np.zeros_like(LABELS), LABELS),)))
    return volume


def done_and_undone(volume: LabelVolume, edit: Edit) -> np.ndarray:
    """What the edit makes of the volume, after checking that it can be taken back exactly."""
    volume.apply(edit)
    after = np.asarray(volume)
    volume.apply(edit.inverse())
    np.testing.assert_array_equal(np.asarray(volume), LABELS)
    return after


def test_nothing_to_merge_is_one_sentence(volume: LabelVolume) -> None:
    with pytest.raises(EmsegError, match="empty space cannot be merged"):
        merge(volume, [])


def test_merge_takes_the_first_id(volume: LabelVolume) -> None:
    edit = merge(volume, [2, 3])
    assert (edit.name, edit.source) == ("merge 3 into 2", "human")
    assert edit.relabel is not None
    assert (edit.relabel.pairs, edit.sections, edit.patches) == (((3, 2),), (2,), ())
    np.testing.assert_array_equal(done_and_undone(volume, edit), np.where(LABELS == 3, 2, LABELS))


def test_merge_of_three_in_some_sections(volume: LabelVolume) -> None:
    edit = merge(volume, [3, 1, 2, 1], sections=[1, 2])
    expected = LABELS.copy()
    expected[1:][expected[1:] != 0] = 3
    np.testing.assert_array_equal(done_and_undone(volume, edit), expected)


def test_nothing_is_written_before_the_commit(volume: LabelVolume) -> None:
    merge(volume, [1, 2])
    np.testing.assert_array_equal(np.asarray(volume), LABELS)


@pytest.mark.parametrize(
    ("ids", "message"),
    [([2, 2], "one object already"), ([2, 0], "empty space"), ([2, 77], "nothing to merge")],
)
def test_merges_that_make_no_sense(volume: LabelVolume, ids: list[int], message: str) -> None:
    with pytest.raises(EmsegError, match=message):
        merge(volume, ids)


def test_delete_here_and_everywhere(volume: LabelVolume) -> None:
    np.testing.assert_array_equal(
        done_and_undone(volume, delete(volume, [1, 2])), np.where(LABELS == 3, 3, 0)
    )
    here = done_and_undone(volume, delete(volume, [2], sections=[0]))
    np.testing.assert_array_equal(here[0], np.where(LABELS[0] == 2, 0, LABELS[0]))
    np.testing.assert_array_equal(here[1:], LABELS[1:])
    with pytest.raises(EmsegError, match="nothing to delete"):
        delete(volume, [9])
    with pytest.raises(EmsegError, match="no object here"):
        delete(volume, [0])


def test_lock_toggles() -> None:
    assert toggle_lock(set(), 4).locks == (Lock(4, False, True),)
    assert toggle_lock({4}, 4).locks == (Lock(4, True, False),)
    assert toggle_lock({4}, 4).inverse().locks == (Lock(4, False, True),)
    assert not toggle_lock({4}, 4).is_empty
    with pytest.raises(EmsegError, match="no object here"):
        toggle_lock(set(), 0)


def test_the_table_of_actions_points_at_functions() -> None:
    import importlib

    keys = [action.key for action in ACTIONS.values() if action.key]
    assert len(keys) == len(set(keys))
    for action in ACTIONS.values():
        module, _, function = action.function.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
        assert action.title[0].isupper()
        assert action.help.endswith(".")
