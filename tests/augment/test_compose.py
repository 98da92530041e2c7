"""Whole recipes: bookkeeping of sizes, image and labels together, files and presets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_emseg.augment.affine import draw_matrix
from napari_emseg.augment.compose import augment, source_size
from napari_emseg.augment.drop import Drop
from napari_emseg.augment.elastic import elastic
from napari_emseg.augment.paste import Paste
from napari_emseg.augment.places import Places
from napari_emseg.augment.recipe import (
    GEOMETRY,
    Augmentation,
    load_recipe,
    only,
    parse_recipe,
    presets,
    recipe_text,
    settings_class,
)
from napari_emseg.core.errors import EmsegError


def board(shape: tuple[int, int, int], edge: int = 10) -> np.ndarray:
    _, y, x = np.indices(shape)
    return ((y // edge + x // edge) % 2).astype(np.uint8)


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize("name", list(GEOMETRY))
@pytest.mark.parametrize("size", [(3, 40, 64), (3, 65, 33)])
def test_a_source_of_the_right_size_is_never_left(name, size):
    model = settings_class(name)
    extra = {
        k: 1.0
        for k in ("probability", "rotation_probability", "elastic_probability")
        if k in model.model_fields
    }
    recipe = only(**{name: model(**extra)})
    source = source_size(size, recipe)
    assert all(a >= b for a, b in zip(source, size, strict=True))
    image = np.zeros(source, np.float32)
    for seed in range(15):
        drawn = augment(image, None, recipe, np.random.default_rng(seed), size=size)
        assert drawn.image.shape == size
        assert drawn.inside.all(), seed


@settings(max_examples=25, deadline=None)
@given(
    preset=st.sampled_from(["gentle", "serial sections", "heavy"]),
    size=st.tuples(st.integers(1, 4), st.integers(16, 70), st.integers(16, 70)),
    seed=st.integers(0, 1000),
)
def test_presets_give_the_size_of_the_model_from_inside_their_source(preset, size, seed):
    recipe = load_recipe(preset)
    source = source_size(size, recipe)
    assert all((a - b) % 2 == 0 for a, b in zip(source[1:], size[1:], strict=True))
    drawn = augment(np.zeros(source, np.float32), None, recipe, np.random.default_rng(seed), size=size)
    assert drawn.image.shape == size
    assert drawn.inside.all()


def test_a_sample_without_geometry_is_the_centre():
    image = np.arange(6 * 9 * 12, dtype=np.float32).reshape(6, 9, 12)
    drawn = augment(image, image, only(), np.random.default_rng(0), size=(2, 3, 4))
    np.testing.assert_array_equal(drawn.image, image[2:4, 3:6, 4:8])
    np.testing.assert_array_equal(drawn.labels, image[2:4, 3:6, 4:8])
    assert source_size((2, 3, 4), only()) == (2, 3, 4)
    assert source_size((3, 4), only(drop=Drop())) == (3, 4)
    assert source_size((5, 3, 4), only(drop=Drop(sections=2))) == (7, 3, 4)


# ---------------------------------------------------------------- together


@pytest.mark.parametrize("preset", ["serial sections", "heavy", "gentle"])
def test_a_checkerboard_shows_that_image_and_labels_share_every_geometry(preset):
    recipe = load_recipe(preset)
    off = {n: None for n in recipe.active if n not in GEOMETRY}
    recipe = Augmentation.model_validate(recipe.model_dump() | off)
    size = (5, 80, 110)
    labels = board(source_size(size, recipe), 14)
    for seed in range(5):
        drawn = augment(labels * 2.0 - 1, labels, recipe, np.random.default_rng(seed), size=size)
        clear = np.abs(drawn.image) > 0.4
        assert clear.mean() > 0.4
        np.testing.assert_array_equal(drawn.image[clear] > 0, drawn.labels[clear] == 1)


@pytest.mark.parametrize("seed", range(4))
def test_composed_geometry_is_one_map_that_is_read_once(seed):
    """Elastic, then affine, then mirror: the product of the three maps, and one linear reading of the source."""
    image = np.random.default_rng(9).normal(size=(1, 70, 80)).astype(np.float32)
    affine, field = (
        "affine: {rotation_deg: 180, scale: 1.3, shear: 0.1}",
        "elastic: {jitter_px: 3, spacing_px: 10}",
    )
    recipe = parse_recipe(f"{affine}\n{field}\nmirror: {{sections: false}}")
    drawn = augment(image, None, recipe, np.random.default_rng(seed), size=(1, 31, 31))
    rng = np.random.default_rng(seed)
    still = Places.still(1, (31, 31))
    rng.random()
    displaced = elastic(still, recipe.elastic, rng).at[:, 0]
    rng.random()
    matrix = draw_matrix(recipe.affine, rng)
    turned = np.einsum("ij,jyx->iyx", matrix, displaced)
    own = drawn.places.at[:, 0]
    rules = [np.stack([a * turned[0], b * turned[1]]) for a in (1, -1) for b in (1, -1)]
    rules += [np.stack([a * turned[1], b * turned[0]]) for a in (1, -1) for b in (1, -1)]
    assert sum(np.allclose(own, rule, atol=1e-3) for rule in rules) == 1
    at = own + np.array([34.5, 39.5], np.float32)[:, None, None]
    np.testing.assert_allclose(
        drawn.image[0], ndi.map_coordinates(image[0], at, order=1, mode="mirror"), atol=1e-4
    )


def test_geometry_that_does_nothing_blurs_nothing():
    image = np.random.default_rng(0).normal(size=(1, 41, 41)).astype(np.float32)
    recipe = parse_recipe("affine: {rotation_deg: 0, scale: 1}\nelastic: {jitter_px: 0}\nmirror: {}")
    drawn = augment(image, None, recipe, np.random.default_rng(0))
    assert set(drawn.image.ravel()) == set(image.ravel())


def test_the_same_seed_gives_the_same_sample_in_every_worker():
    recipe = load_recipe("heavy")
    image = np.random.default_rng(0).integers(0, 255, (4, 90, 120), dtype=np.uint8)
    labels = np.random.default_rng(1).integers(0, 9, image.shape)

    def work(seed: int) -> tuple[bytes, bytes]:
        drawn = augment(image, labels, recipe, np.random.default_rng((7, seed)), size=(3, 48, 40))
        return drawn.image.tobytes(), drawn.labels.tobytes()

    alone = [work(s) for s in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(8))) == alone
    assert len({a for a, _ in alone}) == 8


def test_whole_numbers_keep_their_type_and_real_ones_theirs():
    rng = np.random.default_rng(0)
    for dtype in (np.uint8, np.uint16, np.int16, np.float32, np.float64):
        image = (rng.random((2, 20, 24)) * 200).astype(dtype)
        drawn = augment(image, None, load_recipe("gentle"), np.random.default_rng(0), greys=(100, 50))
        assert drawn.image.dtype == dtype


@pytest.mark.parametrize(
    ("image", "labels", "size", "says"),
    [
        (np.zeros((2, 3, 4)), np.zeros((3, 4)), None, "do not go together"),
        (np.zeros((2, 2, 3, 4)), None, None, "cannot be augmented"),
        (np.zeros((0, 3, 4)), None, None, "cannot be augmented"),
        (np.full((2, 3, 4), np.nan), None, None, "no numbers"),
        (np.zeros((2, 3, 4)), None, (3, 3, 4), "3 sections does not fit into 2"),
    ],
)
def test_what_cannot_be_augmented_is_refused(image, labels, size, says):
    with pytest.raises(EmsegError, match=says):
        augment(image, labels, load_recipe("gentle"), np.random.default_rng(0), size=size)


# ---------------------------------------------------------------- cut and paste


def test_pasted_objects_are_whole_and_have_ids_of_their_own():
    image = np.zeros((2, 64, 64), np.float32)
    labels = np.zeros((2, 64, 64), np.uint32)
    labels[:, 20:30, 20:32] = 7
    image[labels == 7] = 2.0
    recipe = only(paste=Paste(probability=1, count=3, rim_px=0))
    most = 0
    for seed in range(10):
        drawn = augment(image, labels, recipe, np.random.default_rng(seed))
        np.testing.assert_array_equal(drawn.image == 2.0, drawn.labels > 0)
        areas = np.bincount(drawn.labels.ravel(), minlength=8)
        assert (areas[1:7] == 0).all()
        assert areas[8] == 240  # the copy, whole, unless a later one lies over it
        most = max(most, int(drawn.labels.max()))
        if drawn.labels.max() > 8:
            break
    assert most > 8


def test_copies_from_a_mask_stay_mask():
    image = np.zeros((1, 64, 64), np.float32)
    mask = np.zeros((2, 1, 64, 64), np.uint8)
    mask[0, :, 20:30, 20:32] = 1
    mask[1, :, 20:30, 20:26] = 1  # another target, of which a part lies on the object
    recipe = only(paste=Paste(probability=1, count=1, rim_px=0))
    drawn = augment(image, mask, recipe, np.random.default_rng(1), outside=255)
    assert set(np.unique(drawn.labels)) == {0, 1}
    assert 120 < drawn.labels[0].sum() <= 240
    assert 60 < drawn.labels[1].sum() <= 120


def test_nothing_to_paste_changes_nothing():
    image = np.zeros((1, 30, 30), np.float32)
    drawn = augment(
        image, np.zeros((1, 30, 30), int), only(paste=Paste(probability=1)), np.random.default_rng(0)
    )
    assert not drawn.labels.any()


# ---------------------------------------------------------------- files


def test_presets_are_there_and_survive_a_round_trip():
    assert set(presets()) == {"gentle", "serial sections", "heavy"}
    for name in presets():
        recipe = load_recipe(name)
        assert recipe.about
        assert parse_recipe(recipe_text(recipe)) == recipe
    assert parse_recipe(recipe_text(Augmentation())) == Augmentation()


def test_what_a_recipe_does_not_name_is_off():
    assert parse_recipe("mirror: {}\nlost:\n").active == ("mirror", "lost")


def test_a_training_recipe_may_name_a_preset():
    assert Augmentation.model_validate("heavy") == load_recipe("heavy")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mirror: {sideways: true}", "mirror.sideways"),
        ("blur: {probability: 3}", "blur.probability"),
        ("wobble: {}", "wobble"),
        ("- mirror", "empty"),
        ("mirror: {", "not YAML"),
        ("", "empty"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_place(text, says):
    with pytest.raises(EmsegError, match=says):
        parse_recipe(text)


def test_an_unknown_preset_is_refused():
    with pytest.raises(EmsegError, match=r"no such augmentation recipe, wild, choose one of: gentle"):
        load_recipe("wild")
