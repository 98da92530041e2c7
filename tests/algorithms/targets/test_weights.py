"""Weight maps: formulas, limits that bite, and nothing where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.algorithms.targets.away import away
from napari_emseg.algorithms.targets.balance import balance
from napari_emseg.algorithms.targets.border import border


def test_class_balance_by_its_formula():
    positive = np.zeros(100)
    positive[:20] = 1
    weight = balance(positive)
    np.testing.assert_allclose(weight[:20], 0.8 / 0.2)
    np.testing.assert_allclose(weight[20:], 1)
    np.testing.assert_allclose(balance(positive, alpha=3)[:20], 12)
    assert weight.dtype == np.float32


def test_the_limit_of_the_class_balance_bites():
    positive = np.zeros(10_000)
    positive[0] = 1
    assert balance(positive)[0] == 50  # 9999 without the limit
    assert balance(positive, most=7)[0] == 7
    assert balance(positive, most=1e9, least=1e-2)[0] == pytest.approx(99)
    assert np.isfinite(balance(np.zeros(5))).all()
    assert (balance(np.ones(5)) == 0).all()  # nothing but positives: nothing to weigh them against


def test_unknown_pixels_neither_weigh_nor_count():
    positive = np.array([1, 0, 0, 0, 1, 1])
    known = np.array([1, 1, 1, 1, 0, 0])
    np.testing.assert_allclose(balance(positive, known), [3, 1, 1, 1, 0, 0])
    assert (balance(positive, np.zeros(6)) == 0).all()


def test_distance_weight_is_zero_on_the_target_and_rises():
    positive = np.zeros((1, 9, 30), bool)
    positive[0, 4, 0] = True
    weight = away(positive, (50.0, 5.0, 10.0), scale_nm=60)
    assert weight[0, 4, 0] == 0
    np.testing.assert_allclose(weight[0, 4], np.tanh(np.arange(30) * 10 / 60), atol=1e-6)
    assert (np.diff(weight[0, 4]) >= 0).all()
    assert (away(np.zeros((3, 3)), (5.0, 5.0)) == 1).all()


def test_border_weight_by_its_formula():
    section = np.zeros((20, 30), int)
    section[:, :10], section[:, 14:24] = 4, 9
    section[5:9, 27:] = 2
    found = border(section, (5.0, 5.0), weight=10, sigma_nm=20)
    distances = np.sort([ndi.distance_transform_edt(section != i, sampling=5.0) for i in (4, 9, 2)], axis=0)
    expected = 1 + 10 * np.exp(-((distances[0] + distances[1]) ** 2) / 800)
    np.testing.assert_allclose(found[section == 0], expected[section == 0], atol=0.02)
    assert (found[section != 0] == 1).all()
    assert (border(np.zeros((5, 5), int), (5.0, 5.0)) == 1).all()
