"""What automatic results may write, and what people may."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.edit import Mark, Region
from napari_emseg.core.people import around_people
from napari_emseg.core.sections import SectionState, SectionStates, Status
from napari_emseg.core.volume import LabelVolume

SHAPE = (4, 3, 5)


@pytest.mark.parametrize(
    ("source", "written"), [("model", [0, 1]), ("propagation", [0, 1]), ("human", [0, 1, 3])]
)
def test_only_people_write_into_excluded_sections_and_nobody_into_proofread_ones(
    source: str, written: list[int]
) -> None:
    volume = LabelVolume.create(None, SHAPE, None)
    states = SectionStates(
        4,
        {
            1: SectionState(Status.PREDICTED),
            2: SectionState(Status.PROOFREAD),
            3: SectionState(Status.EXCLUDED),
        },
    )
    marks = [Mark(z, states[z], SectionState(Status.PREDICTED)) for z in range(4)]
    labels = np.full(SHAPE, 7)
    edit = around_people(volume, states, (), "test", source, Region.full(SHAPE), labels, marks)  # type: ignore[arg-type]
    assert [patch.region.start[0] for patch in edit.patches] == written
    assert [mark.section for mark in edit.marks] == written
