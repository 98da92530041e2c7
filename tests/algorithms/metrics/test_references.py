"""Scores against their published definitions, written down once more from dense tables, and independent scorers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from scipy.optimize import linear_sum_assignment

from napari_emseg.algorithms.metrics.boundary import boundary_scores, section_v_rand_v_info
from napari_emseg.algorithms.metrics.detection import THRESHOLDS, detection_scores
from napari_emseg.algorithms.metrics.objects import count_objects
from napari_emseg.algorithms.metrics.segmentation import border_mask, segmentation_scores
from napari_emseg.algorithms.metrics.semantic import semantic_scores

if TYPE_CHECKING:
    from pathlib import Path

seeds = st.integers(0, 2**32)


def dense(truth: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """Pixels of every object (rows from 1) and piece (columns from 0)."""
    table = np.zeros((truth.max() + 1, pieces.max() + 1))
    np.add.at(table, (truth, pieces), 1)
    return table[1:]


def isbi(table: np.ndarray) -> tuple[float, float]:
    """V_rand and V_info as the contract of the command writes them."""
    n = table.sum()
    p, alone = table[:, 1:] / n, table[:, 0].sum()
    a, b, s = table.sum(1) / n, p.sum(0), alone / n**2
    precision, recall = ((p**2).sum() + s) / ((b**2).sum() + s), ((p**2).sum() + s) / (a**2).sum()

    def bits(x: np.ndarray) -> float:
        return float(-(x[x > 0] * np.log2(x[x > 0])).sum())

    single = alone / n * np.log2(n)
    h_a, h_b, h_ab = bits(a), bits(b) + single, bits(p) + single
    shared = h_a + h_b - h_ab
    if h_a < 1e-12 or h_b < 1e-12:
        return 2 * precision * recall / (precision + recall), np.nan
    v_info = 2 * (shared / h_a) * (shared / h_b) / (shared / h_a + shared / h_b) if shared > 1e-12 else 0.0
    return 2 * precision * recall / (precision + recall), v_info


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 6), st.integers(1, 6))
def test_v_rand_and_v_info(seed: int, n_objects: int, n_pieces: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, n_objects + 1, 300)
    pieces = np.where(rng.random(300) < 0.7, truth % (n_pieces + 1), rng.integers(0, n_pieces + 1, 300))
    v_rand, v_info = isbi(dense(truth, pieces))
    found = section_v_rand_v_info(truth, pieces)
    assert found[0] == pytest.approx(v_rand, abs=1e-12)
    if not np.isnan(v_info):
        assert found[1] == pytest.approx(v_info, abs=1e-9)
    scores = segmentation_scores(truth[None, None], pieces[None, None])
    assert (scores["v_rand"], scores["v_info"]) == found


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_edits_and_f1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(1, 9), rng.integers(30, 200, 8))
    pieces = np.repeat(rng.integers(0, 9, truth.size // 23 + 1), 23)[: truth.size]
    table = dense(truth, pieces)
    table = table[table.sum(1) >= 64, 1:]
    table = table[:, table.sum(0) >= 16]
    # Sizes of objects count their pixels without a piece too.
    objects = np.bincount(truth)[1:]
    objects = objects[objects >= 64].astype(float)
    hit = (table > 32) & ((table / objects[:, None] > 0.1) | (table / np.maximum(table.sum(0), 1) > 0.1))
    found = count_objects(truth, pieces)
    assert found.merges_needed == np.maximum(hit.sum(1) - 1, 0).sum()
    assert found.splits_needed == np.maximum(hit.sum(0) - 1, 0).sum()
    assert found.missed == (hit.sum(1) == 0).sum()
    iou = table / (objects[:, None] + table.sum(0) - table)
    best = iou[linear_sum_assignment(-iou)]
    for k, f1 in ((0.5, found.f1_50), (0.75, found.f1_75)):
        assert f1 == pytest.approx(2 * (best >= k).sum() / sum(iou.shape))


@settings(max_examples=40, deadline=None)
@given(seeds, st.floats(0, 40))
def test_cremi_border(seed: int, border_nm: float) -> None:
    """As cremi.evaluation masks borders: a pixel that differs from one of its four neighbours is a border pixel."""
    section = np.random.default_rng(seed).integers(1, 4, (5, 6)).repeat(4, 0).repeat(4, 1)
    around = np.pad(section, 1, mode="edge")
    same = (section == around[:-2, 1:-1]) & (section == around[2:, 1:-1])
    same &= (section == around[1:-1, :-2]) & (section == around[1:-1, 2:])
    expected = ndi.distance_transform_edt(same) * 4.0 <= border_nm if not same.all() else ~same
    if border_nm == 0:
        expected = ~same
    np.testing.assert_array_equal(border_mask(section, border_nm, (40.0, 4.0, 4.0)), expected)


def test_variation_of_information_from_conditional_entropies() -> None:
    rng = np.random.default_rng(3)
    truth, other = rng.integers(0, 5, (3, 20, 20)), rng.integers(0, 7, (3, 20, 20))
    p = dense(truth.ravel(), other.ravel())
    p /= p.sum()
    split = -sum(p[i, j] * np.log2(p[i, j] / p[i].sum()) for i, j in zip(*np.nonzero(p), strict=True))
    merge = -sum(p[i, j] * np.log2(p[i, j] / p[:, j].sum()) for i, j in zip(*np.nonzero(p), strict=True))
    scores = segmentation_scores(truth, other)
    assert scores["voi_split"] == pytest.approx(split, abs=1e-12)
    assert scores["voi_merge"] == pytest.approx(merge, abs=1e-12)


def test_adapted_rand_error_from_all_pairs() -> None:
    rng = np.random.default_rng(4)
    truth, other = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    scores = segmentation_scores(truth[None], other[None])
    keep = truth != 0
    truth, other = truth[keep], other[keep]
    upper = np.triu_indices(truth.size, 1)
    a, b = (truth[:, None] == truth)[upper], (other[:, None] == other)[upper]
    assert scores["adapted_rand_error"] == pytest.approx(
        1 - 2 * (a & b).sum() / (a.sum() + b.sum()), abs=1e-12
    )


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 40))
def test_semantic(seed: int, n_values: int) -> None:
    """Counts of pixels; average precision as the sum of precision times the step of recall, over all thresholds."""
    rng = np.random.default_rng(seed)
    truth = rng.random(200) < 0.3
    truth[0] = True
    score = rng.integers(0, n_values + 1, 200) / n_values
    score[1] = 1.0
    found = semantic_scores(truth, score)
    said = score > 0.5
    hits = (truth & said).sum()
    assert found["dice"] == pytest.approx(2 * hits / (truth.sum() + said.sum()))
    assert found["iou"] == pytest.approx(hits / (truth | said).sum())
    assert found["precision"] == pytest.approx(hits / said.sum())
    assert found["recall"] == pytest.approx(hits / truth.sum())
    total, before = 0.0, 0.0
    for threshold in np.unique(score)[::-1]:
        above = score >= threshold
        recall = (truth & above).sum() / truth.sum()
        total += (recall - before) * (truth & above).sum() / above.sum()
        before = recall
    assert found["average_precision"] == pytest.approx(total)


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_panoptic_quality(seed: int) -> None:
    """Kirillov et al. 2019: above an overlap of one half every object has one partner at most."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.integers(0, 6, 30), 10)
    other = np.where(rng.random(300) < 0.8, (truth + 3) % 6, rng.integers(0, 6, 300))
    pairs = [
        ((truth == i) & (other == j)).sum() / ((truth == i) | (other == j)).sum()
        for i in set(truth[truth > 0].tolist())
        for j in set(other[other > 0].tolist())
    ]
    matched = [iou for iou in pairs if iou > 0.5]
    n = len(set(truth[truth > 0].tolist())) + len(set(other[other > 0].tolist()))
    found = detection_scores(truth, other)
    if not any(iou == 0.5 for iou in pairs):
        assert found["panoptic_quality"] == pytest.approx(sum(matched) / (n / 2))
        assert found["f1"] == pytest.approx(len(matched) / (n / 2))
        assert found["f1_mean"] == pytest.approx(
            np.mean([sum(iou >= t for iou in pairs) / (n / 2) for t in THRESHOLDS])
        )


@pytest.fixture
def scorers(data_dir: Path) -> Path:
    """A folder of independent scorers beside the real data."""
    folder = data_dir.resolve().parent / "checks"
    if not (folder / "isbi_score.py").is_file():
        pytest.skip("no independent scorers beside the real data")
    return folder


def test_independent_scorers_agree(scorers: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import imageio.v3 as iio

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(scorers))
    import isbi_score
    import object_score

    label = iio.imread(data_dir / "isbi2012/train/label/21.png")[:160, :160] > 0
    image = iio.imread(data_dir / "isbi2012/train/image/21.png")[:160, :160].astype(np.float32) / 255
    border = (1 - ndi.gaussian_filter(image, 1.5))[None]
    with np.errstate(all="ignore"):  # one piece has no information: 0 / 0 there
        other = {**isbi_score.score(label[None], border), **object_score.score(label[None], border)}
    ours = boundary_scores(label[None], border)
    assert set(other) == set(ours)
    assert ours == pytest.approx(other, abs=1e-9)
