"""Grey values: windows, equalisation, and one normalisation for training and use."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import ModelCard
from napari_emseg.core.stack import section_statistics
from napari_emseg.preprocess.contrast import SECTION_STATISTICS, Normalisation, clahe, window, window_of


@pytest.fixture
def section():
    return np.random.default_rng(0).integers(60, 180, (64, 64), dtype=np.uint8)


def card(text=SECTION_STATISTICS):
    return ModelCard(
        name="toy", architecture="unet", targets=("membrane",), pixel_size_nm=4, pixel_size_range_nm=(3, 5),
        normalisation=text,
    )  # fmt: skip


def test_a_window_is_a_straight_line():
    values = np.array([[0, 50, 100, 150, 200]], np.uint8)
    assert window(values, 50, 150).tolist() == [[0, 0, 128, 255, 255]]
    assert window(values.astype(np.uint16), 0, 200).tolist()[0][-1] == 65535
    assert window(values.astype(np.float32), 0, 200).tolist()[0] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    with pytest.raises(EmsegError, match="is empty"):
        window(values, 5, 5)


def test_margins_do_not_count_for_the_window(section):
    padded = np.zeros((64, 128), np.uint8)
    padded[:, :64] = section
    assert window_of(padded) == window_of(section)


def test_equalising_spreads_grey_values_and_leaves_margins_black(section):
    section[:, :16] = 0
    found = clahe(section)
    assert found.dtype == np.uint8
    assert (found[:, :16] == 0).all()
    assert found[:, 16:].std() > 1.2 * section[:, 16:].std()
    assert clahe(section.astype(np.float32) / 255).max() <= 1


def test_the_model_card_carries_the_normalisation(section):
    assert Normalisation.of_card(card()) == Normalisation()
    for chosen in (
        Normalisation(),
        Normalisation(kind="fixed", mean=120, std=40),
        Normalisation(clahe_clip=2),
    ):
        again = Normalisation.of_card(card(chosen.text))
        assert again == chosen
        assert np.array_equal(again.apply(section), chosen.apply(section))
    with pytest.raises(EmsegError, match="is not known"):
        Normalisation.of_card(card("per-pixel mean of the data set"))


def test_a_crop_with_the_sections_statistics_is_the_same_tensor(section):
    whole = Normalisation().apply(section)
    assert whole.dtype == np.float32
    assert whole.mean() == pytest.approx(0, abs=1e-3)
    part = Normalisation().apply(section[10:20, 5:30], section_statistics(section))
    assert np.array_equal(part, whole[10:20, 5:30])


def test_range_and_fixed():
    values = np.array([[0, 255]], np.uint8)
    assert Normalisation(kind="range").apply(values).tolist() == [[0, 1]]
    assert Normalisation(kind="fixed", mean=55, std=100).apply(values).tolist()[0] == pytest.approx(
        [-0.55, 2]
    )
    with pytest.raises(ValueError, match="fixed kind"):
        Normalisation(mean=3)
