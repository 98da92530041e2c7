"""Which sections count as labelled, on the toy stack: both cells in sections 1 to 3."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.ui.facts import facts


def emptied(desk: Any, section: int, columns: slice) -> Edit:
    """Take away all labels of some columns of one section."""
    region = Region((section, 0, columns.start), (section + 1, 48, columns.stop))
    before = desk.session.volume.read(region)
    return Edit("erase", "human", (Patch(region, before, np.zeros_like(before)),))


def test_undo_and_redo_of_a_segmentation(labelled: Any) -> None:
    assert labelled.labelled == {1, 2, 3}
    labelled.undo()
    assert labelled.labelled == set()
    assert not facts(labelled).labels_here
    labelled.redo()
    assert labelled.labelled == {1, 2, 3}


def test_erasing_a_part_leaves_the_section_labelled(labelled: Any) -> None:
    labelled.session.commit(emptied(labelled, 2, slice(0, 32)))
    assert labelled.labelled == {1, 2, 3}
    labelled.session.commit(emptied(labelled, 2, slice(32, 64)))
    assert labelled.labelled == {1, 3}


def test_how_much_of_a_section_has_labels(labelled: Any) -> None:
    from napari_emseg.ui.labelled import share

    assert share(labelled.session.volume, 2) == 2 * 40 * 26 / (48 * 64)
    assert share(labelled.session.volume, 5) == 0


def test_opening_finds_what_an_earlier_day_left(labelled: Any) -> None:
    from napari_emseg.ui.labelled import at_opening

    region = Region((5, 10, 10), (6, 12, 12))
    labelled.session.commit(
        Edit(
            "paint", "human", (Patch(region, np.zeros((1, 2, 2), np.uint32), np.ones((1, 2, 2), np.uint32)),)
        )
    )
    assert at_opening(labelled.session) == {1, 2, 3, 5}
