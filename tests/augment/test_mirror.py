"""The sixteen mirrors and transposes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from napari_emseg.augment.compose import augment
from napari_emseg.augment.mirror import RULES, Mirror, draw_rule
from napari_emseg.augment.recipe import only


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5), (4, 7)])
def test_every_rule_is_taken_back_exactly(rule, shape):
    array = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(rule.inverse(rule.forward(array)), array)


def test_the_sixteen_are_sixteen_and_come_equally_often():
    array = np.arange(3 * 4 * 4).reshape(3, 4, 4)
    assert len({rule.forward(array).tobytes() for rule in RULES}) == 16
    rng = np.random.default_rng(0)
    seen = Counter(draw_rule(Mirror(), rng) for _ in range(1000))
    assert len(seen) == 16
    assert all(0.04 <= count / 1000 <= 0.085 for count in seen.values())  # 1/16, three standard deviations


def test_a_rule_is_drawn_anew_for_every_sample():
    image = np.arange(16.0).reshape(1, 4, 4).astype(np.float32)
    rng = np.random.default_rng(0)
    recipe = only(mirror=Mirror())
    assert len({augment(image, None, recipe, rng).image.tobytes() for _ in range(60)}) == 8


def test_image_and_labels_are_turned_alike_and_no_grey_value_is_interpolated():
    rng = np.random.default_rng(3)
    image = rng.normal(size=(3, 6, 6)).astype(np.float32)
    labels = np.arange(108).reshape(3, 6, 6)
    found = set()
    for seed in range(40):
        drawn = augment(image, labels, only(mirror=Mirror()), np.random.default_rng(seed))
        np.testing.assert_array_equal(drawn.image, image.ravel()[drawn.labels])
        found.add(drawn.labels.tobytes())
    assert found <= {rule.forward(labels).tobytes() for rule in RULES}
    assert len(found) > 10


def test_what_is_not_asked_for_is_not_turned():
    rng = np.random.default_rng(0)
    rules = {draw_rule(Mirror(sections=False, transpose=False), rng) for _ in range(200)}
    assert len(rules) == 4
    assert not any(rule.z or rule.transpose for rule in rules)
