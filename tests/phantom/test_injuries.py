"""Damage is done where it is said to be done, and the input stays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom import DefectSettings, PhantomSettings, make_phantom
from napari_emseg.phantom.injuries import KINDS, draw_displacement, injure, shift


@pytest.fixture
def stack():
    return np.random.default_rng(0).integers(60, 200, (40, 40, 50), dtype=np.uint8)


def test_only_the_named_sections_are_damaged(stack):
    before = stack.copy()
    damaged, truth = injure(stack, KINDS, np.random.default_rng(1), width_px=6)
    assert np.array_equal(stack, before)
    assert sorted(truth.values()) == sorted(KINDS)
    for z in range(len(stack)):
        assert np.array_equal(damaged[z], stack[z]) == (z not in truth)
    assert not {0, 39} & set(truth)
    chosen = sorted(truth)
    assert min(b - a for a, b in itertools.pairwise(chosen)) >= 2
    copy = next(z for z, kind in truth.items() if kind == "duplicated")
    assert np.array_equal(damaged[copy], stack[copy - 1])


def test_a_recorded_shift_is_the_shift(stack):
    moved, (dy, dx) = shift(np.random.default_rng(3), stack[0])
    assert (dy, dx) != (0, 0)
    to = (slice(max(0, dy), 40 + min(0, dy)), slice(max(0, dx), 50 + min(0, dx)))
    of = (slice(max(0, -dy), 40 - max(0, dy)), slice(max(0, -dx), 50 - max(0, dx)))
    assert np.array_equal(moved[to], stack[0][of])


def test_a_crack_pulls_apart_and_a_fold_draws_together():
    """Beside a crack nothing is lost; a fold hides as much as it is wide."""
    lost = {}
    for sense in (1, -1):
        where = draw_displacement(np.random.default_rng(2), (80, 90), 10, sense)
        seen = np.zeros((80, 90), bool)
        seen[where.rows[~where.band], where.columns[~where.band]] = True
        lost[sense] = (~seen[20:60, 20:70]).mean()
    assert lost[1] > lost[-1] + 0.5 * where.band.mean()


def test_impossible_wishes_are_refused(stack):
    with pytest.raises(EmsegError, match="41 sections cannot be damaged"):
        injure(stack, ["dark"] * 41, np.random.default_rng(0))
    with pytest.raises(EmsegError, match="'burnt'"):
        injure(stack, ["burnt"], np.random.default_rng(0))


def test_the_phantom_keeps_the_truth_of_blurred_dark_and_duplicated_sections():
    settings = PhantomSettings(defects=DefectSettings(blurred=1, dark=1, duplicated=1))
    clean, damaged = make_phantom((7, 48, 48), seed=3), make_phantom((7, 48, 48), seed=3, settings=settings)
    assert sorted(damaged.bad_sections.values()) == ["blurred", "dark", "duplicated"]
    assert np.array_equal(damaged.labels, clean.labels)
    for z in range(7):
        kind = damaged.bad_sections.get(z)
        assert (kind is None) == np.array_equal(damaged.image[z], clean.image[z])
        if kind == "dark":
            assert damaged.image[z].mean() < 0.65 * clean.image[z].mean()
        if kind == "duplicated":
            assert any(np.array_equal(damaged.image[z], clean.image[n]) for n in range(7))
