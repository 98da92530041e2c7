"""Bad sections are taken from good ones only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.flow import between, flow_between
from napari_emseg.preprocess.replacement import (
    plan_replacements,
    replaced_section,
    replacements_as_rows,
    replacements_from_rows,
)


def sources(bad, count, method="nearest"):
    return {r.section: r.sources for r in plan_replacements(bad, count, method)}


@pytest.mark.parametrize(
    ("bad", "wanted"),
    [
        # the tables that were used for CREMI's volumes A, B, C and A+; in the last, 124 stands in for 123 already
        ([143], {143: 142}),
        ([1, 29, 30, 58, 59, 91], {1: 0, 29: 28, 30: 31, 58: 57, 59: 60, 91: 90}),
        ([28, 88, 100], {28: 27, 88: 87, 100: 99}),
        ([65, 93, 94, 122, 123, 125], {65: 64, 93: 92, 94: 95, 122: 121, 123: 124, 125: 126}),
    ],
)
def test_double_bad_pairs_take_from_both_sides(bad, wanted):
    assert {z: n for z, (n,) in sources(bad, 153).items()} == wanted


@given(bad=st.sets(st.integers(0, 19), max_size=19), method=st.sampled_from(["nearest", "flow"]))
def test_never_from_a_bad_one(bad, method):
    for z, taken in sources(bad, 20, method).items():
        assert z in bad
        assert not set(taken) & bad


def test_a_plan_survives_being_written():
    plan = plan_replacements([2, 3], 8, "flow")
    assert plan == replacements_from_rows(replacements_as_rows(plan), 8)
    with pytest.raises(EmsegError, match="by a bad one"):
        replacements_from_rows([{"section": 2, "sources": [3]}, {"section": 3, "sources": [4]}], 8)
    with pytest.raises(EmsegError, match="no section of this stack"):
        replacements_from_rows([{"section": 9, "sources": [1]}], 8)


def test_impossible_plans_are_refused():
    with pytest.raises(EmsegError, match="no section 8"):
        plan_replacements([8], 8)
    with pytest.raises(EmsegError, match="every section is bad"):
        plan_replacements(range(3), 3)


def moving_disc(z, shape=(64, 80)):
    y, x = np.indices(shape)
    return np.clip(200 - 15 * np.maximum(np.hypot(y - 30, x - 24 - 4 * z) - 10, 0), 40, 200).astype(np.uint8)


def test_flow_follows_what_moves_where_a_mean_would_smear_it():
    a, b, truth = moving_disc(0), moving_disc(2), moving_disc(1)
    field = flow_between(a, b)
    assert field[1, 30, 24] == pytest.approx(8, abs=1.5)
    error = np.abs(between(a, b) - truth).mean()
    assert error < 0.4 * np.abs((a.astype(float) + b) / 2 - truth).mean()


def test_labels_are_copied_and_never_mixed():
    labels = np.stack([np.full((4, 4), n, np.uint32) for n in (7, 0, 9)])
    (plan,) = plan_replacements([1], 3, "flow")
    assert (replaced_section(labels, plan, labels=True) == 7).all()
