"""Samples are drawn as promised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_emseg.augment.recipe import Augmentation, load_recipe
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, TrainingVolume
from napari_emseg.nn.dataset import Pool, neighbours, stack_truth


def test_neighbours_are_mirrored_at_the_ends():
    assert neighbours(0, 5, 1) == [1, 0, 1]
    assert neighbours(4, 5, 2) == [2, 3, 4, 3, 2]
    assert neighbours(0, 1, 1) == [0, 0, 0]


def test_a_sample_depends_on_its_number_and_seed_alone(volume):
    pool = Pool([volume], ("membrane",), 1, 4.6)
    once, again = (pool.draw(7, 1, (32, 32), Augmentation()) for _ in range(2))
    np.testing.assert_array_equal(once[0], again[0])
    assert not np.array_equal(once[0], pool.draw(8, 1, (32, 32), Augmentation())[0])
    assert not np.array_equal(once[0], pool.draw(7, 2, (32, 32), Augmentation())[0])


def test_sections_that_validate_are_never_drawn(volume):
    pool = Pool([volume], ("membrane",), 0, 4.6)
    assert pool.sections == [(0, 1)]
    validates = [z for z in range(len(volume.image)) if z not in (0, 1)]
    assert validates
    truth = volume.truth["membrane"].copy()
    truth[validates] = 200  # would be seen wherever it was drawn
    marked = replace(volume, truth={"membrane": truth})
    for depth in (0, 2):
        pool = Pool([marked], ("membrane",), 0, 4.6, depth=depth)
        for n in range(40):
            assert not (pool.draw(n, 0, (32, 32), load_recipe("heavy"))[1] == 200).any()


@pytest.mark.parametrize(("context", "depth"), [(1, 0), (2, 0), (0, 3), (0, 5)])
def test_of_sections_that_validate_nothing_is_seen(volume, context, depth):
    """Neither beside a section nor within a block: another picture there changes nothing."""
    image = volume.image.copy()
    image[list(volume.validate)] = 255 - image[list(volume.validate)]
    pools = [
        Pool([v], ("membrane",), context, 4.6, depth=depth) for v in (volume, replace(volume, image=image))
    ]
    for z in volume.train:
        np.testing.assert_array_equal(*(pool.window(0, z) for pool in pools))


@pytest.mark.parametrize("preset", ["gentle", "serial sections", "heavy"])
def test_samples_leave_the_volumes_as_they_were(volume, preset):
    """Augmentation in place would wear the volume out, epoch by epoch."""
    pool = Pool([volume], ("membrane",), 1, 4.6)
    held = [volume.image, volume.truth["membrane"], *pool.images, *pool.truths]
    before = [array.copy() for array in held]
    for n in range(60):
        pool.draw(n, 0, (32, 32), load_recipe(preset))
    for array, kept in zip(held, before, strict=True):
        assert array.tobytes() == kept.tobytes()


def test_a_section_in_both_sets_is_refused(volume):
    with pytest.raises(ValueError, match=r"sections \[1\] are in training and in validation"):
        TrainingVolume("both", volume.image, 4.6, volume.truth, (0, 1), (1, 2))


def test_volumes_are_drawn_by_their_supervised_area(make_lines):
    small, large = make_lines(2, 32), make_lines(2, 64)
    pool = Pool([small, large], ("membrane",), 0, 4.6)
    assert pool.shares == pytest.approx([0.2, 0.8])


def test_a_volume_without_a_target_supervises_nothing_there(volume):
    truth = stack_truth(volume, ("membrane", "cleft"))
    assert set(np.unique(truth[0])) == {0, 1}
    assert set(np.unique(truth[1])) == {IGNORE}


def test_nothing_to_learn_from_is_said(volume):
    with pytest.raises(EmsegError, match="nothing to learn from"):
        Pool([volume], ("cleft",), 1, 4.6)


def test_a_volume_of_another_pixel_size_is_resampled(volume):
    pool = Pool([volume], ("membrane",), 0, 9.2, keep_size=(8, 10))
    assert pool.zooms == [2.0]
    assert Pool([volume], ("membrane",), 0, 5.0, keep_size=(4, 6)).zooms == [1.0]
