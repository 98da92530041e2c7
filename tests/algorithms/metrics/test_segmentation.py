"""Segmentation scores by hand and against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.metrics as peer

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.segmentation import border_mask, segmentation_scores
from napari_emseg.core.errors import EmsegError


@pytest.mark.parametrize("top", [3, 40, 3_000_000_000])
def test_agrees_with_scikit_image(top: int) -> None:
    rng = np.random.default_rng(1)
    palette = np.r_[0, rng.integers(1, top, 12)]
    truth = palette[rng.integers(0, 13, (4, 20, 30))]
    prediction = np.where(
        rng.random(truth.shape) < 0.7, truth // 2, palette[rng.integers(0, 13, truth.shape)]
    )
    scores = segmentation_scores(truth, prediction)
    dense = [np.unique(x, return_inverse=True)[1] for x in (truth, prediction)]
    split, merge = peer.variation_of_information(*dense, ignore_labels=(0,))
    assert scores["voi_split"] == pytest.approx(split, abs=1e-9)
    assert scores["voi_merge"] == pytest.approx(merge, abs=1e-9)
    error = peer.adapted_rand_error(*dense, ignore_labels=(0,))[0]
    assert scores["adapted_rand_error"] == pytest.approx(error, abs=1e-9)


def test_halves_by_hand() -> None:
    truth = np.repeat([1, 2, 0], [8, 8, 4])
    split = segmentation_scores(truth, np.repeat([1, 3, 2, 9], [4, 4, 8, 4]))
    assert (split["voi_split"], split["voi_merge"]) == (0.5, 0)
    merged = segmentation_scores(truth, np.full(20, 7))
    assert (merged["voi_split"], merged["voi_merge"]) == (0, 1)
    # Pairs together: 2 x 8 x 7 in the truth, 16 x 15 in the prediction, all of the truth's in both.
    assert merged["adapted_rand_error"] == pytest.approx(1 - 2 * 112 / (112 + 240))


def test_perfect_is_perfect() -> None:
    truth = np.repeat([4, 9, 9_000_000_000], 5)
    assert segmentation_scores(truth, truth * 3) == {
        "voi_split": 0,
        "voi_merge": 0,
        "adapted_rand_error": 0,
        "v_rand": 1,
        "v_info": 1,
    }


def test_border_is_masked_in_nanometres_and_in_the_section_only() -> None:
    truth = np.ones((2, 1, 8), int)
    truth[0, 0, 4:] = 2
    mask = border_mask(truth, 4.0, (40.0, 4.0, 4.0))
    assert mask[0, 0].tolist() == [False, False, True, True, True, True, False, False]
    assert not mask[1].any()
    prediction = truth.copy()
    prediction[0, 0, 3] = 2
    assert segmentation_scores(truth, prediction)["voi_merge"] > 0
    assert segmentation_scores(truth, prediction, border_nm=4, spacing_nm=(40, 4, 4))["voi_merge"] == 0


def test_refusals() -> None:
    ones = np.ones((2, 3), int)
    with pytest.raises(EmsegError, match="differ in shape"):
        segmentation_scores(ones, ones[:1])
    with pytest.raises(EmsegError, match=r"no object to compare with, ground truth, ids are non-zero$"):
        segmentation_scores(ones * 0, ones)
    with pytest.raises(EmsegError, match="--pixel-size"):
        segmentation_scores(ones, ones, border_nm=10)


def test_table_of_pairs() -> None:
    table = contingency(np.array([5, 5, 0, 5]), np.array([1, 2, 2, 2]))
    assert list(zip(table.a.tolist(), table.b.tolist(), table.count.tolist(), strict=True)) == [
        (0, 2, 1),
        (5, 1, 1),
        (5, 2, 2),
    ]
    assert len(contingency(np.zeros(0, int), np.zeros(0, int))) == 0


def test_the_width_of_a_border_is_counted_in_nm_on_each_axis() -> None:
    """8 nm are two pixels of 4 nm down and one of 8 nm across, beyond the pixels of the border themselves."""
    truth = np.ones((12, 12), np.uint8)
    truth[6:] = 2
    down = border_mask(truth, 8.0, (40.0, 4.0, 8.0))
    across = border_mask(truth.T, 8.0, (40.0, 4.0, 8.0))
    assert np.flatnonzero(down[:, 3]).tolist() == [3, 4, 5, 6, 7, 8]
    assert np.flatnonzero(across[3]).tolist() == [4, 5, 6, 7]
