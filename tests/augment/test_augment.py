"""Samples change as asked, and only as asked."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from napari_emseg.augment import APPEARANCE
from napari_emseg.augment.geometry import Geometry, elastic_field, misalignment, resample, source_coordinates
from napari_emseg.augment.intensity import Intensity
from napari_emseg.augment.missing import Missing, missing
from napari_emseg.augment.recipe import Augmentation, change_appearance, draw_sample
from napari_emseg.core.learning import IGNORE

STILL = Geometry(
    mirror=False, rotation_probability=0, scale=1, shear=0, elastic_probability=0, misalign_probability=0
)
PLAIN = Augmentation(geometry=STILL, intensity=None, blur=None, noise=None, stains=None, missing=None)


def checkerboard(shape: tuple[int, int] = (96, 120), edge: int = 12) -> np.ndarray:
    y, x = np.indices(shape)
    return ((y // edge + x // edge) % 2).astype(np.uint8)


def sections(n: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """The same board as image (1 and -1) and as truth (1 and 0), on a section that is not square."""
    board = checkerboard()
    return np.repeat((board * 2.0 - 1)[None], n, 0).astype(np.float32), board[None]


def test_without_augmentation_a_sample_is_a_crop():
    image, truth = sections()
    drawn, known = draw_sample(image, truth, (39.5, 59.5), (40, 60), PLAIN, np.random.default_rng(0))
    np.testing.assert_array_equal(known[0], truth[0, 20:60, 30:90])
    np.testing.assert_allclose(drawn[1], image[1, 20:60, 30:90], atol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_image_and_truth_share_their_geometry(seed):
    image, truth = sections()
    recipe = PLAIN.model_copy(update={"geometry": Geometry(misalign_probability=0)})
    drawn, known = draw_sample(image, truth, (48, 60), (64, 64), recipe, np.random.default_rng(seed))
    inside = known[0] != IGNORE
    clear = inside & (np.abs(drawn[1]) > 0.3)  # away from the edges of the fields
    assert clear.mean() > 0.4
    np.testing.assert_array_equal(drawn[1][clear] > 0, known[0][clear] == 1)


def test_beyond_the_section_nothing_is_known():
    image, truth = sections()
    _, known = draw_sample(image, truth, (0, 60), (40, 40), PLAIN, np.random.default_rng(0))
    assert (known[0, :19] == IGNORE).all()
    assert not (known[0, 21:] == IGNORE).any()


def test_all_eight_mirrors_and_transposes_come_equally_often():
    seen: dict[bytes, int] = {}
    rng = np.random.default_rng(0)
    settings = STILL.model_copy(update={"mirror": True})
    for _ in range(1600):
        places = source_coordinates((4, 4), settings, rng)
        seen[np.round(places * 2).astype(int).tobytes()] = (
            seen.get(np.round(places * 2).astype(int).tobytes(), 0) + 1
        )
    assert len(seen) == 8
    assert all(130 < count < 270 for count in seen.values())  # 200 expected, five standard deviations


def test_elastic_displacement_has_the_stated_size_and_is_smooth():
    field = elastic_field((256, 200), 3.0, 40, np.random.default_rng(1))
    assert field.shape == (2, 256, 200)
    assert 1.0 < field.std() < 4.0
    assert np.abs(np.diff(field, axis=1)).max() < 1.5  # no folds


def test_the_middle_section_is_never_misaligned():
    rng = np.random.default_rng(0)
    shifts = np.array([misalignment(3, Geometry(misalign_probability=1), rng) for _ in range(50)])
    assert (shifts[:, 1] == 0).all()
    assert (shifts[:, (0, 2)] != 0).all()


def test_neighbours_are_shifted_by_what_is_asked():
    image = np.zeros((3, 32, 32), np.float32)
    image[:, 16, 16] = 1
    places = np.stack(np.meshgrid(np.arange(32.0), np.arange(32.0), indexing="ij")).astype(np.float32)
    drawn, _ = resample(image, np.zeros((1, 32, 32), np.uint8), places, np.array([[2, 0], [0, 0], [0, -3]]))
    assert [tuple(int(i) for i in np.argwhere(s)[0]) for s in drawn] == [(14, 16), (16, 16), (16, 19)]


@pytest.mark.parametrize("name", sorted(APPEARANCE))
def test_appearance_is_pure_reproducible_and_keeps_shape(name):
    module, function = APPEARANCE[name].split(":")
    change = getattr(import_module(module), function)
    settings = getattr(Augmentation(), name)
    image = np.random.default_rng(0).normal(size=(3, 40, 52)).astype(np.float32)
    before = image.copy()
    first = change(image, settings, np.random.default_rng(5))
    again = change(image, settings, np.random.default_rng(5))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(first, again)
    assert first.shape == image.shape
    assert first.dtype == np.float32
    assert not np.array_equal(first, image)


def test_probabilities_are_kept():
    image = np.random.default_rng(0).normal(size=(1, 8, 8)).astype(np.float32)
    recipe = PLAIN.model_copy(update={"intensity": Intensity(probability=0.3)})
    rng = np.random.default_rng(2)
    changed = sum(not np.array_equal(change_appearance(image, recipe, rng), image) for _ in range(1000))
    assert 240 < changed < 360  # 300 expected, four standard deviations


def test_the_middle_section_is_never_lost():
    image = np.arange(3, dtype=np.float32)[:, None, None] + np.ones((3, 4, 4), np.float32)
    rng = np.random.default_rng(0)
    for _ in range(50):
        out = missing(image, Missing(blank=0.5), rng)
        np.testing.assert_array_equal(out[1], image[1])
        assert (out != image).any()


def test_the_global_generator_is_left_alone():
    image, truth = sections()
    np.random.seed(3)  # noqa: NPY002 - the point of the test
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    draw_sample(image, truth, (48, 60), (32, 32), Augmentation(), np.random.default_rng(0))
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
