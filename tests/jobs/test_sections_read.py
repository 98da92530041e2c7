"""Sections that cannot be read are worked around where they are left out, and named where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ignored import Ignored

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import finetune, measure, predict, suggest
from napari_emseg.jobs.sections_read import ProjectImage, read_sections, statistics_of
from napari_emseg.settings import MeasureSettings

IMAGE = np.random.default_rng(0).integers(1, 255, (5, 8, 9)).astype(np.uint8)


class Torn:
    """Section 2 cannot be decoded."""

    def __init__(self, data: Any, torn: int = 2) -> None:
        self.data, self.torn = data, torn
        self.shape, self.dtype, self.ndim = data.shape, data.dtype, 3

    def __getitem__(self, key: Any) -> Any:
        first = key[0] if isinstance(key, tuple) else key
        looked_at = range(self.shape[0])[first]
        if self.torn in (looked_at if isinstance(looked_at, range) else [looked_at]):
            raise EmsegError("the section cannot be decoded", "2.png", "copy or export it again")
        return self.data[key]


def torn_stack(data: Any = IMAGE) -> ImageStack:
    return ImageStack(Torn(data), (50.0, 4.0, 4.0), "file", "torn", "")


def test_what_is_left_out_is_blank_and_the_rest_as_it_is() -> None:
    found = read_sections(torn_stack(), 1, 4, (2,), rows=slice(2, 5), columns=slice(1, 9))
    np.testing.assert_array_equal(found[[0, 2]], IMAGE[[1, 3], 2:5, 1:9])
    assert not found[1].any()
    assert found.dtype == np.uint8
    assert read_sections(torn_stack(), 2, 3, (2,)).shape == (1, 8, 9)
    assert statistics_of(torn_stack(), 2, (2,)) == (0.0, 1.0)
    np.testing.assert_array_equal(read_sections(torn_stack(), 3, 5, (4,)), IMAGE[3:5])


def test_what_is_not_left_out_is_named_with_what_to_do() -> None:
    with pytest.raises(EmsegError, match="or exclude section 2"):
        read_sections(torn_stack(), 1, 4, ())
    for excluded, needed in (((), (2,)), ((2,), (2,)), (None, ())):
        with pytest.raises(EmsegError, match=r"2\.png") as refused:
            read_sections(torn_stack(), 1, 4, excluded, needed=needed)
        assert "exclude" not in refused.value.remedy
    with pytest.raises(EmsegError, match="decoded"):
        statistics_of(torn_stack(), 2, ())


@pytest.fixture
def project(session: Any, cells: Any, model: Any) -> Any:
    """Sections 1 and 3 are proofread; section 2 between them cannot be read."""
    session.model = str(model)
    labels = np.stack([cells] * 4)
    session.commit(session.around_people("segment", "model", Region.full(session.image.shape), labels))
    for z in (1, 3):
        session.mark(z, Status.PROOFREAD)
    session.whole = session.image.data
    session.image = ImageStack(Torn(np.asarray(session.image.data)), (50.0, 4.6, 4.6), "file", "torn", "")
    return session


def test_learning_goes_around_a_damaged_section_once_it_is_left_out(project: Any) -> None:
    with pytest.raises(EmsegError, match="or exclude section 2"):
        finetune.prepare(project)
    project.mark(2, Status.EXCLUDED, "missing")
    first, second = finetune.prepare(project).runs
    assert (first.name, second.name) == ("section 1", "section 3")
    grey = np.asarray(project.whole)
    np.testing.assert_array_equal(
        first.image, grey[[0, 1, 1]]
    )  # the section itself stands in, as in prediction
    np.testing.assert_array_equal(second.image, grey[[3, 3]])
    np.testing.assert_array_equal(first.statistics[2], first.statistics[1])
    assert (first.train, second.train) == ((1,), (1,))


def test_predicting_and_suggesting_beside_it_work_too(project: Any) -> None:
    beside = Region((1, 0, 0), (2, 96, 160))
    with pytest.raises(EmsegError, match="or exclude section 2"):
        predict.prepare(project, beside)
    project.mark(2, Status.EXCLUDED, "missing")
    request = predict.prepare(project, beside)
    assert request.skip == {2}
    assert not request.block.data[2].any()
    assert suggest.prepare(project).pieces
    with pytest.raises(EmsegError, match="decoded"):  # itself it cannot be predicted
        predict.prepare(project, Region((2, 0, 0), (3, 96, 160)))


def test_the_image_of_a_project_reads_like_an_array() -> None:
    image = ProjectImage(torn_stack(), (2,))
    expected = IMAGE.copy()
    expected[2] = 0
    np.testing.assert_array_equal(np.asarray(image), expected)
    np.testing.assert_array_equal(image[1:4, ::2, 3], expected[1:4, ::2, 3])
    with pytest.raises(EmsegError, match="or exclude section 2"):
        ProjectImage(torn_stack(), ())[:]


def test_sizes_are_measured_where_the_image_cannot_be_read_and_grey_values_where_it_can() -> None:
    labels = np.zeros(IMAGE.shape, np.uint32)
    labels[1:4, 2:6, 2:7] = 3
    settings = MeasureSettings(calibre=False)
    whole, torn = (
        measure.run(measure.MeasureRequest(labels, (50.0, 4.0, 4.0), settings, data), Ignored())
        for data in (IMAGE, Torn(IMAGE))
    )
    assert "grey_mean" in whole.objects[0]
    (row,) = torn.objects
    assert (torn.unread, whole.unread) == ((2,), ())
    assert row["grey_mean"] == pytest.approx(IMAGE[[1, 3], 2:6, 2:7].mean())
    assert row["grey_sd"] == pytest.approx(IMAGE[[1, 3], 2:6, 2:7].std())
    sizes = [
        {key: value for key, value in one.items() if not key.startswith("grey_")}
        for one in (row, whole.objects[0])
    ]
    assert sizes[0] == sizes[1]
