"""How far weights may move, by what is known of the starting model."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.learning import TrainingVolume
from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.nn.how_far import familiar, how_far, is_stranger, most_steps
from napari_emseg.nn.lesson import Budget
from napari_emseg.nn.verdict import candidates, surely_worse


def test_how_far_weights_move_depends_on_the_start():
    assert how_far({"edits_per_100_objects": 14.0}) == how_far({}) == 1
    assert how_far({"edits_per_100_objects": 2.0}) == 0.2
    assert how_far({"edits_per_100_objects": 9.0}) == pytest.approx(0.5)
    few = how_far({"edits_per_100_objects": 3.0, "objects": 100.0})  # 3 edits, as many as 5 on another day
    assert few == pytest.approx(0.2)
    assert how_far({"edits_per_100_objects": 12.0, "objects": 250.0}) == 1
    # three edits among 25 objects: what is learned from so few holds elsewhere in part only, unless most are wrong
    assert how_far({"edits_per_100_objects": 12.0, "objects": 25.0}) == pytest.approx(25 / 80)
    assert how_far({"edits_per_100_objects": 80.0, "objects": 25.0}) == 1
    assert candidates(1.0) == (1.0,)
    assert candidates(0.5) == (0.25, 0.5, 1.0)
    assert candidates(0.5, is_one=True) == (0.25, 0.5)
    assert candidates(1.0, is_one=True) == (1.0,)


def test_an_edit_more_among_few_objects_is_no_worse():
    """One section of FIB-SEM: two edits instead of one, which did better on 33 other sections (7 instead of 10)."""
    before = {"edits_per_100_objects": 3.23, "v_rand": 0.9763, "objects": 31.0}
    assert not surely_worse(before, {"edits_per_100_objects": 6.45, "v_rand": 0.9794, "objects": 31.0})
    assert not surely_worse(before, {"edits_per_100_objects": 6.45, "v_rand": 0.97, "objects": 31.0})
    assert surely_worse(before, {"edits_per_100_objects": 9.7, "v_rand": 0.97, "objects": 31.0})
    assert not surely_worse(before, {"edits_per_100_objects": 9.7, "v_rand": 0.98, "objects": 31.0})
    assert surely_worse(
        {**before, "objects": 230.0}, {"edits_per_100_objects": 6.45, "v_rand": 0.97, "objects": 230.0}
    )
    assert not surely_worse({}, {})


def test_a_stranger_moves_all_the_way_where_it_sees_enough_objects():
    assert how_far({"edits_per_100_objects": 3.0, "objects": 31.0}) < 0.4
    assert how_far({"edits_per_100_objects": 3.0, "objects": 31.0}, stranger=True) == 1
    assert how_far({"edits_per_100_objects": 3.0, "objects": 15.0}, stranger=True) == 0.5
    assert how_far({"edits_per_100_objects": 3.0, "objects": 1.0}, stranger=True) == 0.2
    assert how_far({}, stranger=True) == how_far({"edits_per_100_objects": 3.0}, stranger=True) == 1


def test_models_are_strangers_to_pixels_of_another_size_and_to_all_that_is_real():
    bundled, drawn = (read_card(find_model(name)) for name in ("membrane", "membrane-phantom"))
    assert not is_stranger(bundled, (4.0, 4.6))
    assert is_stranger(bundled, (4.6, 10.0))
    assert is_stranger(drawn, (4.6,))


def test_a_model_is_a_stranger_no_longer_to_pixels_that_taught_it():
    bundled, drawn = (read_card(find_model(name)) for name in ("membrane", "membrane-phantom"))
    once = bundled.model_copy(update=familiar(bundled, (10.0,)))
    assert not is_stranger(once, (4.6, 10.0))
    assert not is_stranger(once, (8.5,))  # nearly as large
    assert not is_stranger(once, (12.0,))
    assert is_stranger(once, (16.0,))
    twice = once.model_copy(update=familiar(once, (16.0,)))
    assert not is_stranger(twice, (10.0, 16.0))
    assert not is_stranger(drawn.model_copy(update=familiar(drawn, (4.6,))), (4.6,))


def volume(extent, pixel_nm, sections):
    image = np.zeros((3, extent, extent), np.uint8)
    return TrainingVolume("some", image, pixel_nm, {"membrane": image}, tuple(range(sections)))


def test_small_sections_are_not_learned_by_heart():
    card = read_card(find_model("membrane"))
    assert most_steps(card, [volume(1024, 4.6, 1)]) == 288
    assert most_steps(card, [volume(1024, 4.6, 1), volume(1024, 4.6, 2)]) == 3 * 288
    assert (
        most_steps(card, [volume(512, 2 * card.pixel_size_nm, 1)]) == 288
    )  # as large, in pixels of another size
    assert most_steps(card, [volume(128, 4.6, 1)]) == 80
    assert Budget(60.0, 275).at_most(80) == Budget(60.0).at_most(80) == Budget(60.0, 80)
    assert Budget(60.0, 50).at_most(80) == Budget(60.0, 50)
    assert Budget(60.0).at_most(80).spent(30.0, 10) == 0.5  # the clock still ends it
