"""What is said of sections of the image that could not be read while objects were measured."""

from __future__ import annotations

import pytest

from napari_emseg.measure.survey import Survey
from napari_emseg.settings import MeasureSettings
from napari_emseg.ui.flows.measuring import grey_words


@pytest.mark.parametrize(
    ("unread", "said"),
    [
        ((), ""),
        ((7,), " Grey values are of the other sections: section 7 of the image cannot be read."),
        (
            (1, 2, 3, 4),
            " Grey values are of the other sections: sections 1, 2, 3 ... of the image cannot be read.",
        ),
        (tuple(range(9)), " Without grey values: the image cannot be read."),
    ],
)
def test_sections_without_grey_values_are_named(unread: tuple[int, ...], said: str) -> None:
    found = Survey((), (), {}, (50.0, 4.0, 4.0), (9, 8, 8), MeasureSettings(), unread)
    assert grey_words(found) == said
