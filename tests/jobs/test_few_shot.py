"""What travels to the worker when a person clicks in the window."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs import few_shot
from napari_emseg.jobs.few_shot import Click

SILENT = SimpleNamespace(report=lambda *a, **v: None, partial=lambda part: None)
CLICKS = (Click(1, 30, 40, True), Click(2, 24, 24, False))


@pytest.fixture
def chosen(session, model):
    session.model = str(model)
    return session


def test_only_what_is_needed_travels(chosen) -> None:
    request = few_shot.prepare_region(chosen, CLICKS, Region((3, 10, 20), (4, 60, 120)))
    assert sorted(request.stack.data) == [0, 1, 2, 3], "the sections and their neighbours"
    assert request.stack.shape == (4, 96, 160)
    assert request.sections == (3,)
    for z, section in request.stack.data.items():
        np.testing.assert_array_equal(section, np.asarray(chosen.image.data[z]))
        assert request.stack.statistics(z) == chosen.image.statistics(z)


def test_the_answer_is_that_of_the_whole_stack(chosen) -> None:
    """Here the box is all of the sections, so that a cut-out may change nothing."""
    region = Region((1, 10, 20), (2, 60, 120))
    found = few_shot.run(few_shot.prepare_region(chosen, CLICKS, region), SILENT)
    whole = few_shot.run(few_shot.prepare(chosen.image, CLICKS, [1], chosen.model), SILENT)
    assert found.shape == (1, 50, 100)
    np.testing.assert_allclose(found, whole[region.slices[0].start - 1 :, 10:60, 20:120], atol=1e-6)


def test_what_is_too_far_apart_is_refused(chosen, monkeypatch) -> None:
    monkeypatch.setattr(few_shot, "_MOST_PX", 1000)
    with pytest.raises(EmsegError, match="too far apart"):
        few_shot.prepare_region(chosen, CLICKS, Region((1, 10, 20), (2, 60, 120)))


def test_both_kinds_of_clicks_are_needed(chosen) -> None:
    with pytest.raises(EmsegError, match="no click outside"):
        few_shot.prepare_region(chosen, CLICKS[:1], Region((1, 10, 20), (2, 60, 120)))
