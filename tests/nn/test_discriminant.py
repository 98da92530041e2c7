"""A line between what was clicked on and what was not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage as ndi

from napari_emseg.nn.discriminant import Examples
from napari_emseg.nn.features import LOOKS, Features


def section(truth, seed=0, *, noise=0.3, length=30):
    """Two values tell the target, in noise that many other values share."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, noise, (length, *truth.shape))
    values[3] += truth
    values[7:12] -= truth
    looks = np.zeros((LOOKS, truth.shape[0] // 4, truth.shape[1] // 4))
    levels = tuple(torch.from_numpy(v.astype(np.float32)) for v in (values, looks))
    return Features(levels, truth.shape, truth.shape)


def things(radius, seed=0):
    seeds = np.zeros((160, 200), bool)
    seeds[20::40, 20 + seed :: 50] = True
    return ndi.distance_transform_edt(~seeds) <= radius


ON = np.array([(20, 20), (60, 70), (100, 120), (140, 170)], float)
BESIDE = np.array([(40, 45), (80, 95), (120, 30), (40, 145)], float)


def taught(features, on=ON, beside=BESIDE):
    examples = Examples()
    examples.add(features, on, beside)
    return examples.line()


def dice(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


@pytest.mark.parametrize(("radius", "near"), [(14, (8.0,)), (3, (4.0, 2.0, 1.0))])
def test_things_of_another_section_are_found_wide_or_narrow(radius, near):
    line = taught(section(things(radius)))
    other = things(radius, seed=7)
    found = line.probability(section(other, 1))
    assert line.near_px in near
    assert found.dtype == np.float32
    assert dice(found > 0.5, other) > 0.7
    assert found[other].mean() > 2 * found[~other].mean()


def test_it_does_not_matter_in_which_units_values_are():
    features = section(things(14))
    factor = torch.linspace(0.01, 50, 30)[:, None, None]
    scaled = Features(
        (features.levels[0] * factor + 1000 * factor, features.levels[1]), features.shape, features.extent
    )
    one, two = (taught(f).probability(f) for f in (features, scaled))
    np.testing.assert_allclose(one, two, atol=0.02)


def test_the_same_clicks_give_the_same_line_and_more_clicks_a_better_one():
    truth = things(14)
    features = section(truth, noise=1.5)
    few, again = (taught(features, ON[:1], BESIDE[:1]) for _ in range(2))
    assert torch.equal(few.weights, again.weights)
    assert few.bias == again.bias
    other = section(things(14, seed=7), 1, noise=1.5)
    better = taught(features).probability(other)
    separated = [p[things(14, 7)].mean() - p[~things(14, 7)].mean() for p in (few.probability(other), better)]
    assert separated[1] > separated[0] > 0.05


def test_most_of_what_nobody_clicked_on_is_taken_for_something_else():
    """One click of either kind, both on the same kind of place: the rest decides."""
    features = section(np.zeros((160, 200), bool))
    found = taught(features, ON[:1], BESIDE[:1]).probability(features)
    assert np.median(found) < 0.45


def test_half_of_the_clicks_are_sure_where_they_can_be_told_apart_and_none_where_not():
    truth = things(14)
    features = section(truth)
    found = taught(features).probability(features)
    sure = [found[int(y), int(x)] for y, x in ON] + [1 - found[int(y), int(x)] for y, x in BESIDE]
    assert 0.85 < np.median(sure) < 0.97
    nothing = section(np.zeros((160, 200), bool), noise=0)
    assert taught(nothing).probability(nothing).max() < 0.5


def test_clicks_of_several_sections_count_together():
    truth = things(14)
    first, second = section(truth, 0), section(truth, 1)
    examples = Examples()
    examples.add(first, ON, BESIDE[:0])
    examples.add(second, ON[:0], BESIDE)
    assert dice(examples.line().probability(second) > 0.5, truth) > 0.7


def test_clicks_in_corners_and_in_tiny_sections_are_safe():
    truth = np.zeros((4, 4), bool)
    truth[0, 0] = True
    features = section(truth)
    line = taught(features, np.array([[0.0, 0.0]]), np.array([[3.0, 3.0], [-0.3, 3.4]]))
    assert np.isfinite(line.probability(features)).all()
