"""A pixel size that differs is said, with what is done about it."""

from __future__ import annotations

import pytest

from napari_emseg.core.model_card import ModelCard
from napari_emseg.core.pixel_guard import check_labels, check_model, same_size, unknown_size

CARD = ModelCard(
    name="membrane",
    architecture="space_unet",
    targets=("membrane",),
    pixel_size_nm=4.0,
    pixel_size_range_nm=(3.0, 6.0),
)


@pytest.mark.parametrize("pixel", [3.0, 4.6, 6.0])
def test_a_fitting_model_is_no_news(pixel: float) -> None:
    assert check_model(CARD, (50.0, pixel, pixel)) is None


def test_another_pixel_size_is_shown_with_what_predicting_does() -> None:
    found = check_model(CARD, (50.0, 8.0, 8.0))
    assert found is not None
    assert found.kind == "model"
    assert "knows pixels of 3 to 6 nm, these are 8 nm" in found.text
    assert "resamples the image to 4 nm" in found.text
    assert not found.is_grave


def test_a_size_that_no_resampling_mends_is_grave() -> None:
    found = check_model(CARD, (30.0, 16.0, 16.0))
    assert found is not None
    assert found.is_grave
    assert "poor results" in found.text


def test_an_unknown_size_is_its_own_finding() -> None:
    assert check_model(CARD, None) is None
    assert unknown_size().is_grave


def test_labels_of_another_size_are_resampled_by_vote() -> None:
    found = check_labels("truth", (50.0, 9.2, 9.2), (50.0, 4.6, 4.6))
    assert found is not None
    assert "by 0.5 × 0.5 × 1" in found.text
    assert check_labels("truth", (50.0, 4.6, 4.6), (50.0, 4.6, 4.6)) is None
    assert check_labels("truth", None, (50.0, 4.6, 4.6)) is None
    assert check_labels("truth", (50.0, 4.62, 4.6), (50.0, 4.6, 4.6)) is None


def test_rounding_is_no_difference() -> None:
    assert same_size((50, 4.6, 4.6), (50, 4.604, 4.6))
    assert not same_size((50, 4.6, 4.6), (50, 4.8, 4.6))


def test_pixels_that_are_not_square_are_said() -> None:
    """Also where their mean is one that the model knows."""
    found = check_model(CARD, (50.0, 6.0, 3.0))
    assert found is not None
    assert found.is_grave
    assert found.short == "Pixels of 6 x 3 nm are not square."
    assert "Pixels are 6 nm high and 3 nm wide, and membrane looks at square ones" in found.text
    assert check_model(CARD, (50.0, 4.6, 4.5)) is None
