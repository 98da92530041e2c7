"""Scores of stacks that are read section by section are those of the whole stack, to the last digit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_emseg.algorithms.metrics import clefts
from napari_emseg.algorithms.metrics.clefts import cleft_scores
from napari_emseg.algorithms.metrics.detection import Instances, detection_scores
from napari_emseg.algorithms.metrics.meaning import look_through
from napari_emseg.algorithms.metrics.patches import PartNumbers, PatchSizes
from napari_emseg.algorithms.metrics.precision import average_precision, average_precision_of_sections
from napari_emseg.algorithms.metrics.semantic import semantic_scores

seeds = st.integers(0, 2**32 - 1)


class OneByOne:
    """A stack that gives single sections only."""

    def __init__(self, array: np.ndarray) -> None:
        self._array, self.shape, self.dtype = array, array.shape, array.dtype

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, key: Any) -> np.ndarray:
        assert isinstance(key, int), "more than one section was asked for"
        return self._array[key]


def blobs(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> np.ndarray:
    values = ndi.gaussian_filter(rng.normal(size=shape), sigma)
    return np.asarray((values - values.min()) / (np.ptp(values) + 1e-9))


@settings(max_examples=40, deadline=None)
@given(seeds, st.tuples(*[st.integers(1, 12)] * 3), st.floats(0.05, 0.6))
def test_parts_are_those_of_the_whole(seed: int, shape: tuple[int, int, int], density: float) -> None:
    mask = np.random.default_rng(seed).random(shape) < density
    parts = PartNumbers()
    numbers = np.stack([parts.add(section) for section in mask])
    found = parts.final()[numbers]
    whole, n = ndi.label(mask, np.ones((3, 3, 3)))
    pairs = np.unique(np.stack([found[mask], whole[mask]]), axis=1)
    assert pairs.shape[1] == n == np.unique(found[mask]).size
    assert not found[~mask].any()


def test_corners_join_the_parts_of_a_mask_of_truth_values() -> None:
    """cc3d 4.1 takes such parts of truth values apart."""
    rng = np.random.default_rng(1)
    for _ in range(60):
        mask = rng.random((1, 24, 17)) < 0.25
        n = ndi.label(mask[0], np.ones((3, 3)))[1]
        scores = detection_scores(Instances(mask.astype(np.float32)), Instances(mask.astype(np.float32)))
        assert scores["matched"] == n


@settings(max_examples=40, deadline=None)
@given(seeds, st.tuples(*[st.integers(1, 9)] * 3), st.integers(1, 4))
def test_patch_sizes_are_those_of_the_whole(seed: int, shape: tuple[int, int, int], top: int) -> None:
    values = np.random.default_rng(seed).integers(0, top + 1, shape).astype(np.uint8)
    patches = PatchSizes()
    for section in values:
        patches.add(section)
    sizes = [
        n
        for value in range(1, top + 1)
        for n in np.bincount(ndi.label(values == value)[0].ravel())[1:].tolist()
    ]
    assert patches.median() == (np.median(sizes) if sizes else None)


@pytest.mark.parametrize("kind", ["mask", "float32", "float64", "ids", "ids in floats", "bytes"])
def test_instances_and_masks_of_a_stack(kind: str) -> None:
    rng = np.random.default_rng(4)
    truth, smooth = blobs(rng, (7, 30, 31), 1.5), blobs(rng, (7, 30, 31), 1.2)
    make = {
        "mask": lambda x: (x > 0.6).astype(np.uint8),
        "float32": lambda x: x.astype(np.float32),
        "float64": lambda x: x,
        "ids": lambda x: ndi.label(x > 0.6)[0].astype(np.uint64) * np.uint64(2**40),
        "ids in floats": lambda x: ndi.label(x > 0.6)[0].astype(np.float32),
        "bytes": lambda x: (x * 255).astype(np.uint8),
    }[kind]
    a, b = make(truth), make(smooth)
    if kind != "bytes":
        whole = [
            x.astype(np.uint64) if "ids" in kind else ndi.label(x > (0.5, 0)[kind == "mask"], np.ones((3, 3, 3)))[0]
            for x in (a, b)
        ]  # fmt: skip
        assert detection_scores(Instances(OneByOne(a)), Instances(OneByOne(b))) == detection_scores(*whole)
    real = (truth > 0.6).astype(np.uint8)
    found = semantic_scores(OneByOne(real), OneByOne(b))
    score = b / np.float32(255) if kind == "bytes" else b if "float3" in kind or "float6" in kind else b != 0
    assert found["average_precision"] == average_precision(real.ravel() > 0, np.ravel(score))


@settings(max_examples=12, deadline=None)
@given(seeds, st.integers(1, 60), st.sampled_from([np.float32, np.float64]))
def test_few_levels_at_once_change_no_digit_of_average_precision(seed: int, levels: int, kind: type) -> None:
    rng = np.random.default_rng(seed)
    score = (rng.integers(0, levels + 1, (4, 6, 5)) / levels).astype(kind)
    score[0, 0, 0] = -0.0
    real = rng.random(score.shape) < 0.4
    real[0, 0, 1] = True
    whole = average_precision(real.ravel(), score.ravel())
    for most in (1, 7, 1 << 20):
        assert average_precision_of_sections(lambda: zip(real, score, strict=True), most=most) == whole


@pytest.mark.parametrize("spacing", [(40.0, 4.0, 4.0), (50.0, 4.6, 4.6), (8.0, 8.0, 8.0)])
@pytest.mark.parametrize("at_once", [1 << 24, 40])
def test_distances_are_those_of_the_whole(
    spacing: tuple[float, float, float], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import edt

    monkeypatch.setattr(clefts, "_VOXELS", at_once)
    rng = np.random.default_rng(2)
    for _ in range(8):
        shape = tuple(rng.integers(2, 26, 3).tolist())
        truth, said = (blobs(rng, shape, 1.5) > rng.choice([0.5, 0.8]) for _ in range(2))
        ignore = rng.random(shape) < 0.05
        scores = cleft_scores(OneByOne(truth), OneByOne(said), spacing, ignore=OneByOne(ignore))
        real, found = truth & ~ignore, said & ~ignore
        for these, others, mean, far in (
            (found, real, "adgt", "fp_voxels"),
            (real, found, "adf", "fn_voxels"),
        ):
            if scores["score"] is None:
                continue
            distance = edt.edt(np.ascontiguousarray(~others), anisotropy=spacing, black_border=False)
            values = distance[these].astype(np.float64)
            assert scores[mean] == math.fsum(values.tolist()) / values.size
            assert scores[far] == (values > clefts.TOLERANCE_NM).sum()


def test_what_the_values_are() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (3, 20, 20)).astype(np.uint8)
    found = look_through(OneByOne(grey))
    assert found.are_grey
    assert (found.high, found.n_ids) == (255, np.unique(grey[grey > 0]).size)
    ids = np.kron(np.arange(12).reshape(3, 2, 2), np.ones((1, 9, 9))).astype(np.uint16)
    assert not look_through(OneByOne(ids)).are_grey
    assert look_through(OneByOne(ids.astype(np.float64))).are_whole
    assert not look_through(OneByOne(np.full((2, 3, 3), np.nan))).are_finite
