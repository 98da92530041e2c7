"""CREMI's cleft scores: single voxels by hand, masks against the published definition with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_emseg.algorithms.metrics.clefts import cleft_scores
from napari_emseg.core.errors import EmsegError

SPACING = (40.0, 4.0, 4.0)


def voxel(*place: int) -> np.ndarray:
    mask = np.zeros((9, 60, 60), bool)
    mask[place] = True
    return mask


@pytest.mark.parametrize(
    ("moved", "nm", "is_false"),
    [((4, 30, 30), 0, 0), ((5, 30, 30), 40, 0), ((4, 31, 30), 4, 0), ((4, 33, 34), 20, 0), ((8, 30, 30), 160, 0),
     ((4, 30, 55), 100, 0), ((8, 59, 59), np.hypot(160, 4 * 29 * np.sqrt(2)), 1)],
)  # fmt: skip
def test_one_voxel_beside_another(moved: tuple[int, ...], nm: float, is_false: int) -> None:
    scores = cleft_scores(voxel(4, 30, 30), voxel(*moved), SPACING)
    assert scores["adgt"] == scores["adf"] == scores["score"] == pytest.approx(nm)
    assert scores["fp_voxels"] == scores["fn_voxels"] == is_false


def test_exactly_at_the_tolerance_is_right() -> None:
    near, far = voxel(4, 0, 0), voxel(4, 0, 50)
    assert cleft_scores(near, far, SPACING)["fp_voxels"] == 0
    assert cleft_scores(near, voxel(4, 0, 51), SPACING)["fp_voxels"] == 1
    assert cleft_scores(near, far, SPACING, tolerance_nm=199)["fp_voxels"] == 1


def test_means_differ_when_one_side_says_too_much() -> None:
    truth, prediction = voxel(4, 30, 30), voxel(4, 30, 30) | voxel(4, 30, 40)
    scores = cleft_scores(truth, prediction, SPACING)
    assert (scores["adgt"], scores["adf"], scores["score"]) == (20, 0, 10)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.001, 0.2))
def test_agrees_with_the_published_definition(seed: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    shape = (5, 17, 13)
    truth, said = rng.random(shape) < density, rng.random(shape) < density
    truth[0, 0, 0] = said[4, 16, 12] = True
    spacing = (40.0, 25.0, 31.0)
    to_truth = ndi.distance_transform_edt(~truth, sampling=spacing)
    to_said = ndi.distance_transform_edt(~said, sampling=spacing)
    scores = cleft_scores(truth, said, spacing, tolerance_nm=100)
    assert scores["fp_voxels"] == (to_truth[said] > 100).sum()
    assert scores["fn_voxels"] == (to_said[truth] > 100).sum()
    assert scores["adgt"] == pytest.approx(to_truth[said].mean(), rel=1e-5)
    assert scores["adf"] == pytest.approx(to_said[truth].mean(), rel=1e-5)


def test_what_is_ignored_counts_for_nothing() -> None:
    truth, said = voxel(4, 30, 30), voxel(4, 30, 30) | voxel(0, 0, 0)
    assert cleft_scores(truth, said, SPACING)["fp_voxels"] == 1
    scores = cleft_scores(truth, said, SPACING, ignore=voxel(0, 0, 0))
    assert (scores["fp_voxels"], scores["score"]) == (0, 0)
    # A true cleft that is ignored is not missed, and is no true cleft for others either.
    both = cleft_scores(truth | voxel(8, 5, 5), voxel(8, 5, 5) | truth, SPACING, ignore=voxel(8, 5, 5))
    assert both == cleft_scores(truth, truth, SPACING)


@pytest.mark.parametrize(("n_real", "n_said"), [(0, 3), (3, 0), (0, 0)])
def test_an_empty_mask_gives_null_with_a_reason(n_real: int, n_said: int) -> None:
    truth, said = np.zeros((2, 3, 4), bool), np.zeros((2, 3, 4), bool)
    truth[0, 0, :n_real] = said[0, 0, :n_said] = True
    scores = cleft_scores(truth, said, SPACING)
    assert (scores["fp_voxels"], scores["fn_voxels"]) == (n_said, n_real)
    assert scores["adgt"] is scores["adf"] is scores["score"] is None
    assert str(scores["reason"]).startswith("no cleft in the ")


def test_shapes_must_fit() -> None:
    with pytest.raises(EmsegError, match="differ in shape"):
        cleft_scores(np.zeros((2, 2, 2), bool), np.zeros((2, 2, 3), bool), SPACING)
