"""V_rand, V_info and edit counts on drawn cells, by hand, and against the slow definition.

The toy section is 40 x 82 pixels: two cells of 40 x 40 pixels with a border of two pixels between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.algorithms.metrics.boundary import _best, boundary_scores, section_v_rand_v_info
from napari_emseg.algorithms.metrics.objects import count_objects
from napari_emseg.algorithms.metrics.thinning import thin
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture
def cells() -> NDArray[np.bool_]:
    cells = np.ones((40, 82), bool)
    cells[:, 40:42] = False
    return cells


def test_the_truth_itself_is_perfect(cells: NDArray[np.bool_]) -> None:
    scores = boundary_scores(cells, (~cells).astype(np.float32))
    assert scores["v_rand"] == pytest.approx(1, abs=1e-12)
    assert scores["v_info"] == pytest.approx(1, abs=1e-12)
    assert scores["edits_per_100_objects"] == 0
    assert scores["objects"] == 2
    assert scores["f1_50"] == scores["f1_75"] == 1


def test_one_merge_lowers_v_rand_as_the_formula_says(cells: NDArray[np.bool_]) -> None:
    # a = (1/2, 1/2), one piece b = (1), p = (1/2, 1/2): precision 1/2 / 1, recall 1.
    scores = boundary_scores(cells, np.zeros(cells.shape, np.float32))
    assert scores["v_rand"] == pytest.approx(2 * 0.5 / 1.5)
    assert scores["v_info"] == 0
    assert scores["splits_needed"] == 1
    assert scores["edits_per_100_objects"] == 50


def test_one_split_and_its_line_by_hand() -> None:
    truth = np.ones(100, int)
    pieces = np.repeat([1, 2, 0], [49, 50, 1])
    joint = (0.49**2 + 0.5**2) + 1 / 100**2
    v_rand, v_info = section_v_rand_v_info(truth, pieces)
    assert v_rand == pytest.approx(2 * joint / (1 + joint))
    assert v_info == 0


def test_a_missed_object_is_one_edit() -> None:
    counts = count_objects(np.repeat([1, 2], [100, 100]), np.repeat([5, 0], [100, 100]))
    assert (counts.merges_needed, counts.splits_needed, counts.missed, counts.edits) == (0, 0, 1, 1)
    assert counts.f1_50 == pytest.approx(2 / 3)


def test_what_is_as_probable_as_the_threshold_is_membrane() -> None:
    """A wall of 0.5 between two cells, and a false one of 0.49 through one of them: only 0.5 tells them apart."""
    cells = np.ones((1, 40, 60), bool)
    cells[0, :, 30] = False
    probability = np.zeros(cells.shape, np.float32)
    probability[0, :, 30], probability[0, :, 15] = 0.5, 0.49
    scores = boundary_scores(cells, probability)
    assert (scores["v_rand"], scores["threshold"], scores["object_threshold"]) == (1.0, 0.5, 0.5)


@pytest.mark.parametrize("threshold", [0.1, 0.9])
def test_corrections_are_counted_from_a_tenth_to_nine_tenths(threshold: float) -> None:
    """A wall as probable as the threshold, and a false one a little below: the best is at either end of the range."""
    cells = np.ones((1, 40, 60), bool)
    cells[0, :, 30] = False
    probability = np.zeros(cells.shape, np.float32)
    probability[0, :, 30], probability[0, :, 15] = threshold + 0.01, threshold - 0.01
    scores = boundary_scores(cells, probability)
    assert scores["object_threshold"] == pytest.approx(threshold)
    assert scores["edits_per_100_objects"] == 0


def test_a_quick_score_that_strays_is_not_believed_about_the_others() -> None:
    quick, exact = {0.1: 0.0, 0.2: 0.5, 0.3: 9.0}, {0.1: -1.0, 0.2: -2.0, 0.3: 9.0}
    tried: list[float] = []

    def cost(threshold: float) -> float:
        tried.append(threshold)
        return exact[threshold]

    assert _best((0.1, 0.2, 0.3), quick=quick.__getitem__, exact=cost, margin=0.1) == 0.2
    assert tried == [0.1, 0.2]  # and what cannot win is not tried


def test_a_tenth_of_either_is_not_enough_to_belong() -> None:
    """40 of 400 px are exactly a tenth of the first object and of the second piece; 41 are more."""
    truth = np.repeat([1, 2], [400, 400])
    for shared, splits in ((40, 0), (41, 1)):
        pieces = np.repeat([5, 6], [400 - shared, 400 + shared])
        pieces[-shared:] = 0  # so that the second piece has 400 px, too
        assert count_objects(truth, pieces).splits_needed == splits


def test_small_things_are_left_out() -> None:
    # An object of 63 px is no object; a piece of 15 px is no piece; 32 shared pixels are not enough.
    truth = np.repeat([1, 2], [63, 100])
    pieces = np.repeat([9, 8, 7, 6], [63, 15, 32, 53])
    counts = count_objects(truth, pieces)
    assert (counts.objects, counts.merges_needed, counts.splits_needed, counts.missed) == (1, 0, 0, 0)


def test_width_of_the_border_hardly_matters(cells: NDArray[np.bool_]) -> None:
    wide = ndi.binary_dilation(~cells, iterations=3).astype(np.float32)
    assert boundary_scores(cells, wide)["v_rand"] > 0.99


def test_eight_bits_are_probabilities(cells: NDArray[np.bool_]) -> None:
    soft = ndi.gaussian_filter((~cells).astype(np.float32), 2)
    coarse = np.round(soft * 255).astype(np.uint8)
    assert boundary_scores(cells, coarse) == boundary_scores(cells, coarse.astype(np.float32) / 255)


def test_sections_are_averaged_and_empty_ones_left_out(cells: NDArray[np.bool_]) -> None:
    truth = np.stack([cells, cells, np.zeros_like(cells)])
    prediction = np.stack([~cells, np.zeros_like(cells), cells]).astype(np.float32)
    scores = boundary_scores(truth, prediction)
    assert scores["v_rand"] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["edits_per_100_objects"] == 25


@pytest.mark.parametrize("noise", [0.4, 1.2])
def test_choosing_thresholds_quickly_changes_nothing(noise: float) -> None:
    rng = np.random.default_rng(3)
    cells = ndi.gaussian_filter(rng.normal(size=(2, 96, 96)), (0, 6, 6)) < 0.02
    border = ndi.gaussian_filter(~cells + rng.normal(0, noise, cells.shape), (0, 1, 1)).clip(0, 1)
    quick = boundary_scores(cells, border.astype(np.float32))
    assert quick == boundary_scores(cells, border.astype(np.float32), every_threshold=True)
    assert quick["v_rand"] == pytest.approx(_slow_best_v_rand(cells, border.astype(np.float32)), abs=1e-12)


def test_real_sections_agree_with_the_slow_definition(data_dir: Path) -> None:
    import imageio.v3 as iio

    label = iio.imread(data_dir / "isbi2012/train/label/20.png")[:192, :192] > 0
    image = iio.imread(data_dir / "isbi2012/train/image/20.png")[:192, :192]
    border = 1 - ndi.gaussian_filter(image.astype(np.float32) / 255, 1.5)
    quick = boundary_scores(label, border)
    assert quick["v_rand"] == pytest.approx(_slow_best_v_rand(label[None], border[None]), abs=1e-12)


def test_different_shapes_are_refused(cells: NDArray[np.bool_]) -> None:
    with pytest.raises(EmsegError, match="differ in shape"):
        boundary_scores(cells, np.zeros((3, 40, 82), np.float32))


def test_a_truth_without_cells_is_refused() -> None:
    with pytest.raises(EmsegError, match="no cell to compare with, ground truth, non-zero"):
        boundary_scores(np.zeros((4, 4)), np.zeros((4, 4), np.float32))


def test_lines_are_one_pixel_wide(cells: NDArray[np.bool_]) -> None:
    lines = thin(ndi.binary_erosion(cells, iterations=4, border_value=1)) == 0
    assert lines.sum() == 40


def _slow_best_v_rand(truth: NDArray[np.bool_], border: NDArray[np.float32]) -> float:
    """V_rand from a dense table at every threshold, written down from the definition."""

    def score(cells: NDArray[np.bool_], section: NDArray[np.float32], threshold: float) -> float:
        labels, _ = ndi.label(cells)
        pieces = thin(section < threshold)
        table = np.zeros((labels.max() + 1, pieces.max() + 1))
        np.add.at(table, (labels[cells], pieces[cells]), 1)
        n = cells.sum()
        p, s = table[1:, 1:] / n, table[:, 0].sum() / n**2
        precision = ((p**2).sum() + s) / ((p.sum(0) ** 2).sum() + s)
        recall = ((p**2).sum() + s) / ((table.sum(1) / n) ** 2).sum()
        return float(2 * precision * recall / (precision + recall))

    thresholds = np.arange(0.05, 0.96, 0.05)
    return max(
        float(np.mean([score(c, s, t) for c, s in zip(truth, border, strict=True)])) for t in thresholds
    )


@pytest.mark.parametrize(("pixels", "f1_50", "f1_75"), [(63, 0, 0), (64, 1, 0), (95, 1, 0), (96, 1, 1)])
def test_an_object_is_found_from_exactly_half_of_it(pixels: int, f1_50: float, f1_75: float) -> None:
    """A piece inside of an object of 128 pixels, and nothing else: the overlap is its part of the object."""
    pieces = np.zeros(128, int)
    pieces[:pixels] = 5
    found = count_objects(np.ones(128, int), pieces)
    assert (found.f1_50, found.f1_75) == (f1_50, f1_75)
