"""After S there is one yellow dot a segment: those of fragments that joined a neighbour are not shown.

Cell 1 of the toy has a false membrane of 60 % at x 26 and 27; what lies right of it is a fragment of 2 x 40 pixels::

    #########################
    #           |#          #
    #  cell 1   |#  cell 2  #
    #########################
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_emseg.jobs.predict import PredictResult
from napari_emseg.ui.flows import seeding

FRAGMENT = (2, 23, 28)


def with_false_membrane(request: Any, progress: Any) -> PredictResult:
    (z0, y0, x0), (z1, y1, x1) = request.region.start, request.region.stop
    probability = np.zeros((1, 6, 48, 64), np.float32)
    for x in (0, 30, 60):
        probability[..., x : x + 4] = 1
    probability[:, :, :4] = probability[:, :, -4:] = 1
    probability[:, :, 4:44, 26:28] = 0.6
    part = probability[:, z0:z1, y0:y1, x0:x1]
    progress.partial((request.region, part))
    return PredictResult(request.region, part, request.targets, "CPU, 1 core", (), 0.1)


@pytest.fixture
def shown(desk: Any, engine: Any) -> Any:
    engine.answers["napari_emseg.jobs.predict:run"] = with_false_membrane
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("predict")
    seeding.preview(desk)
    assert len(found(desk)) == 3
    return desk


def found(desk: Any) -> list[int]:
    """Columns of the dots of found seeds."""
    layer = desk.layers.seeds
    return sorted(
        round(x)
        for (_, _, x), kind in zip(layer.data, layer.features["seed"], strict=True)
        if kind == "found"
    )


def test_dots_of_fragments_that_joined_are_not_shown(shown: Any) -> None:
    before = found(shown)
    shown.do("segment")
    assert len(np.unique(np.asarray(shown.session.volume[2]))) == 2
    assert found(shown) == [before[0], before[2]], "the larger part of a cell keeps its dot"
    assert seeding.words(shown) == "2 found"
    seeding.preview(shown)  # the layer was hidden meanwhile, or another seed was placed
    assert len(found(shown)) == 2
    shown.set_settings("segment", shown.settings("segment").model_copy(update={"small_segment_nm2": 0.0}))
    seeding.preview(shown)
    assert found(shown) == before, "with these settings it does not join"
    shown.do("segment")
    assert found(shown) == before


def test_a_seed_of_ones_own_in_a_fragment_stays(shown: Any) -> None:
    shown.seeds.marks.add([FRAGMENT])
    seeding.preview(shown)
    shown.do("segment")
    kinds = list(shown.layers.seeds.features["seed"])
    assert kinds.count("placed by you") == 1
    ids = np.asarray(shown.session.volume[2])
    assert ids[FRAGMENT[1:]] not in (0, ids[20, 15], ids[20, 45])
