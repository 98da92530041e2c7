"""Damage is found and named; whole sections are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.injuries import KINDS as INJURIES
from napari_emseg.phantom.injuries import injure
from napari_emseg.preprocess.bad_sections import KINDS, find_bad_sections

NAMES = {"fold": "folded", "crack": "cracked"}


@pytest.fixture(scope="module")
def stack():
    return make_phantom((12, 224, 224), seed=6).image


def test_a_whole_stack_has_no_bad_section(stack):
    assert find_bad_sections(stack) == []


@pytest.mark.parametrize("kind", [kind for kind in INJURIES if kind != "fold"])
def test_each_kind_is_found_and_named(stack, kind):
    damaged, truth = injure(stack, [kind], np.random.default_rng(11), width_px=20)
    found = {s.section: s for s in find_bad_sections(damaged)}
    assert set(found) == set(truth)
    (one,) = found.values()
    assert one.kind == NAMES.get(kind, kind)
    assert one.kind in KINDS
    assert 0.5 < one.score < 1
    assert one.reason
    assert one.picture.dtype == np.uint8
    assert max(one.picture.shape) <= 96


def test_a_fold_across_the_section_is_found(stack):
    damaged = stack.copy()
    damaged[5, :, 100:108] = damaged[5, :, 100:108] // 5
    assert [(s.section, s.kind) for s in find_bad_sections(damaged)] == [(5, "folded")]


def test_two_bad_neighbours_are_both_found(stack):
    damaged = stack.copy()
    damaged[6:8] = 0
    assert [s.section for s in find_bad_sections(damaged)] == [6, 7]


def test_the_copy_is_told_from_its_source(stack):
    damaged = stack.copy()
    damaged[5] = stack[6]
    assert [(s.section, s.kind) for s in find_bad_sections(damaged)] == [(5, "duplicated")]


def test_a_lasting_change_is_no_bad_section(stack):
    """The microscope was set anew in the middle: brighter, paler, and all sections shifted from there on."""
    changed = stack.copy()
    changed[7:] = np.clip(0.7 * stack[7:].astype(float) + 70, 0, 255)
    changed[7:] = np.roll(changed[7:], 9, axis=2)
    assert find_bad_sections(changed) == []


@pytest.mark.parametrize("shape", [(1, 64, 64), (2, 64, 64), (3, 5, 7)])
def test_small_stacks_do_not_stumble(stack, shape):
    z, y, x = shape
    assert find_bad_sections(stack[:z, :y, :x]) == []


def test_sixteen_bits_and_fractions_are_judged_alike(stack):
    damaged, truth = injure(stack, ["low contrast", "blurred"], np.random.default_rng(2))
    for other in (damaged.astype(np.uint16) * 257, (damaged / 255).astype(np.float32)):
        assert {s.section: s.kind for s in find_bad_sections(other)} == truth


def test_ten_percent_of_defects_on_real_sections(data_dir):
    from napari_emseg.io import open_array

    data, _ = open_array(data_dir / "vnc" / "stack1" / "raw")
    stack = data[:, :512, :512]
    hits = misses = false = 0
    for seed in range(2):
        rng = np.random.default_rng(seed)
        kinds = list(rng.permutation(INJURIES)[:2])
        damaged, truth = injure(stack, kinds, rng)
        found = {s.section for s in find_bad_sections(damaged)}
        hits += len(found & set(truth))
        misses += len(set(truth) - found)
        false += len(found - set(truth))
    assert 2 * hits / (2 * hits + misses + false) >= 0.95
