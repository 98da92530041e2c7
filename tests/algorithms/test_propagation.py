"""Ids through sections, on discs and squares that are drawn here.

The field is 64 x 96 pixels of 4 nm; discs have a radius of 8 pixels unless said otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from napari_emseg.algorithms.assignment import assign
from napari_emseg.algorithms.matching import JOIN_BIAS, link_sections
from napari_emseg.algorithms.metrics.segmentation import segmentation_scores
from napari_emseg.algorithms.motion import coarse_borders, coarse_step, shift_between
from napari_emseg.algorithms.propagation import propagate, rename
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (64, 96)
SPACING = (50.0, 4.0, 4.0)
SETTINGS = PropagateSettings()


def discs(**at: tuple[float, float] | tuple[float, float, float]) -> NDArray[np.uint32]:
    """One section; ``i7=(y, x)`` or ``i7=(y, x, radius)`` draws disc 7."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    section = np.zeros(SHAPE, np.uint32)
    for name, (cy, cx, *r) in at.items():
        section[(y - cy) ** 2 + (x - cx) ** 2 <= (r[0] if r else 8) ** 2] = int(name[1:])
    return section


def ids(stack: NDArray[Any], *at: tuple[int, int, int]) -> list[int]:
    return [int(stack[p]) for p in at]


def test_discs_that_pass_each_other_keep_their_ids() -> None:
    # One goes right, one goes left, four pixels a section; numbers are scrambled in every section.
    stack = np.stack(
        [discs(**{f"i{1 + z % 2}": (20, 12 + 4 * z), f"i{2 - z % 2}": (44, 84 - 4 * z)}) for z in range(16)]
    )
    result, links = propagate(stack, SETTINGS, SPACING)
    assert [int(result[z, 20, 12 + 4 * z]) for z in range(16)] == [1] * 16
    assert [int(result[z, 44, 84 - 4 * z]) for z in range(16)] == [2] * 16
    assert {link.kind for link in links} == {"same"}
    assert min(link.confidence for link in links) > 0.8


def test_an_axon_ends_and_another_starts() -> None:
    stack = np.stack([discs(i1=(20, 20)), discs(i1=(20, 20)), discs(i1=(44, 70)), discs(i1=(44, 70))])
    result, links = propagate(stack, SETTINGS, SPACING)
    assert ids(result, (0, 20, 20), (1, 20, 20), (2, 44, 70), (3, 44, 70)) == [1, 1, 2, 2]
    assert [(k.kind, k.a, k.b) for k in links if k.kind != "same"] == [("end", 1, 0), ("start", 0, 1)]


def test_the_alternative_of_what_has_no_rival_is_that_it_ends() -> None:
    (link,) = link_sections(discs(i1=(30, 30)), discs(i1=(30, 30)), SETTINGS, SPACING)
    assert link.runner_up == pytest.approx(1 - 1 / (1 + np.exp(-JOIN_BIAS)))
    halves = discs(i1=(30, 29, 7), i2=(30, 43, 6))
    found = [k for k in link_sections(discs(i1=(30, 36, 14)), halves, SETTINGS, SPACING) if k.a and k.b]
    alone = link.runner_up
    assert [k.runner_up for k in found] == [min(alone, k.cost) for k in reversed(found)]  # the other half
    assert min(k.runner_up for k in found) < alone


def test_how_far_an_object_moves_is_counted_in_nm_on_each_axis() -> None:
    """Twenty pixels are 400 nm along x and 80 nm along y; 300 nm are allowed."""
    settings, spacing = SETTINGS.model_copy(update={"max_shift_nm": 300.0}), (50.0, 4.0, 20.0)
    here = discs(i1=(32, 40, 18))
    across, along = discs(i1=(32, 60, 18)), discs(i1=(44, 40, 18))
    still = (0.0, 0.0)
    assert {k.kind for k in link_sections(here, across, settings, spacing, still)} == {"end", "start"}
    assert {k.kind for k in link_sections(here, along, settings, spacing, still)} == {"same"}


def test_a_branch_and_a_merger_are_one_object() -> None:
    whole = np.zeros(SHAPE, np.uint32)
    whole[20:40, 20:60] = 5
    halves = whole.copy()
    halves[:, 39:41] = 0
    halves[:, 41:][halves[:, 41:] > 0] = 6
    result, links = propagate(np.stack([whole, halves, whole]), SETTINGS, SPACING)
    assert np.unique(result).tolist() == [0, 1]
    assert sorted(link.kind for link in links) == ["branch", "merger", "same", "same"]


def test_a_crumb_does_not_join_two_neighbours() -> None:
    left, right = discs(i1=(32, 30, 14)), discs(i2=(32, 59, 14))
    both = left + right
    crumb = both.copy()
    crumb[32, 44:45] = 3
    shifted = np.roll(both, 1, axis=1)
    result, _ = propagate(np.stack([both, crumb, shifted, both]), SETTINGS, SPACING)
    assert result[0, 32, 30] != result[0, 32, 59]
    assert (result[:, 32, 30] == result[0, 32, 30]).all()


def test_an_empty_and_an_excluded_section_are_bridged() -> None:
    disc = discs(i4=(30, 30))
    wrong = discs(i4=(30, 60))
    stack = np.stack([disc, np.zeros_like(disc), wrong, disc])
    result, _ = propagate(stack, SETTINGS, SPACING, excluded={2})
    assert ids(result, (0, 30, 30), (3, 30, 30)) == [1, 1]
    assert result[1:3].max() == 0
    narrow = SETTINGS.model_copy(update={"max_gap": 1})
    result, _ = propagate(stack, narrow, SPACING, excluded={2})
    assert ids(result, (0, 30, 30), (3, 30, 30)) == [1, 2]


def test_a_jump_of_the_whole_section_is_found() -> None:
    rng = np.random.default_rng(0)
    places = [(y, x) for y in range(10, 60, 18) for x in range(10, 80, 18)]
    first = {
        f"i{k}": (y + rng.integers(-3, 4), x + rng.integers(-3, 4), 6) for k, (y, x) in enumerate(places, 1)
    }
    second = {name: (y + 9, x + 11, r) for name, (y, x, r) in first.items()}
    a, b = discs(**first), discs(**second)
    found = shift_between(coarse_borders(a), coarse_borders(b), coarse_step(a.shape))
    np.testing.assert_array_equal(found, [9, 11])
    links = link_sections(a, b, SETTINGS, SPACING)
    inside = set(np.unique(b)) - {0}
    assert {(k.a, k.b) for k in links if k.kind == "same"} >= {(k, k) for k in range(1, 9) if k in inside}


def test_anchors_never_change_and_two_anchored_ids_never_join() -> None:
    disc = discs(i9=(30, 30))
    anchors = {0: discs(i7=(30, 30)), 4: discs(i8=(30, 30))}
    result, links = propagate(np.stack([disc] * 5), SETTINGS, SPACING, anchors=anchors)
    np.testing.assert_array_equal(result[0], anchors[0])
    np.testing.assert_array_equal(result[4], anchors[4])
    assert set(np.unique(result)) == {0, 7, 8}
    assert sum(link.kind == "conflict" for link in links) == 1


def test_ids_to_keep_are_true_everywhere() -> None:
    stack = np.stack([discs(i1=(30, 30)), discs(i50=(30, 30)), discs(i2=(30, 30))])
    result, _ = propagate(stack, SETTINGS, SPACING, keep={50})
    assert np.unique(result).tolist() == [0, 50]


@pytest.mark.parametrize("seed", range(5))
def test_assignment_is_the_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    possible = rng.random((12, 15)) < 0.2
    cost = rng.random(possible.shape)
    row, column = np.nonzero(possible)
    alone = 0.4
    chosen = assign(row, column, cost[row, column], 12, 15, alone)
    total = cost[row, column][chosen].sum() + alone * (12 + 15 - 2 * chosen.size)
    # The same with a dummy partner for everybody.
    square = np.full((27, 27), np.inf)
    square[:12, :15] = np.where(possible, cost, 1e3)
    square[:12, 15:] = np.where(np.eye(12, dtype=bool), alone, 1e3)
    square[12:, :15] = np.where(np.eye(15, dtype=bool), alone, 1e3)
    square[12:, 15:] = 0
    assert total == pytest.approx(square[linear_sum_assignment(square)].sum())
    assert np.unique(row[chosen]).size == np.unique(column[chosen]).size == chosen.size


def test_numbers_of_sections_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    stack = np.stack([discs(i1=(20, 20 + z), i2=(44, 70 - z), i3=(20, 60, 5 + z % 3)) for z in range(6)])
    table = np.stack([np.r_[0, rng.permutation(3) + 1 + 10 * z] for z in range(6)])
    scrambled = np.stack([table[z][stack[z]] for z in range(6)])
    one, _ = propagate(stack, SETTINGS, SPACING)
    other, _ = propagate(scrambled, SETTINGS, SPACING)
    assert segmentation_scores(one, other)["v_rand"] == 1


def test_real_neurites_in_thin_sections(data_dir: Path) -> None:
    import cc3d
    import h5py

    with h5py.File(data_dir / "fib/train-gt.lzf.h5") as file:
        truth = file["stack"][:].astype(np.uint32)
    cut = np.stack([cc3d.connected_components(section, connectivity=4) for section in truth])
    result, _ = propagate(cut, SETTINGS, (10.0, 10.0, 10.0))
    assert segmentation_scores(truth, result)["v_rand"] > 0.995


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_new_names_of_any_ids(dtype: type) -> None:
    top = min(int(np.iinfo(dtype).max), 2**62)
    section = np.array([[0, top, top], [top, 3, 0], [7, 7, 3]], dtype)
    renamed = rename(section, {top: 5, 3: 2**40})
    assert renamed.dtype == np.int64
    assert renamed.tolist() == [[0, 5, 5], [5, 2**40, 0], [0, 0, 2**40]]
    assert rename(section, {3: 1}, np.uint32).dtype == np.uint32
    assert rename(section[:0], {3: 1}).shape == (0, 3)
