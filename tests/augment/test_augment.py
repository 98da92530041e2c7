"""What holds for every augmentation of the tables, and for samples of one section with its neighbours."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from napari_emseg.augment import APPEARANCE, DEFECTS, GEOMETRY
from napari_emseg.augment.compose import augment, change_appearance, draw
from napari_emseg.augment.fields import scaled
from napari_emseg.augment.geometry import Geometry, misalignment
from napari_emseg.augment.intensity import Intensity
from napari_emseg.augment.missing import Missing, missing
from napari_emseg.augment.places import Places
from napari_emseg.augment.recipe import NAMES, Augmentation, only, settings_class
from napari_emseg.core.learning import IGNORE

STILL = Geometry(
    mirror=False, rotation_probability=0, scale=1, shear=0, elastic_probability=0, misalign_probability=0
)
PLAIN = only(geometry=STILL)


def checkerboard(shape: tuple[int, int] = (96, 120), edge: int = 12) -> np.ndarray:
    y, x = np.indices(shape)
    return ((y // edge + x // edge) % 2).astype(np.uint8)


def sections(n: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """The same board as image (1 and -1) and as truth (1 and 0), on a section that is not square."""
    board = checkerboard()
    return np.repeat((board * 2.0 - 1)[None], n, 0).astype(np.float32), board[None]


def draw_sample(image, truth, centre, size, recipe, rng, *, zoom=1.0):
    """A sample with the truth of its middle section."""
    drawn = draw(
        image, truth[:, None], (len(image), *size), centre, recipe, rng, outside=IGNORE, zoom=zoom, only=len(image) // 2
    )  # fmt: skip
    return drawn.image, drawn.labels[:, 0]


def always(name: str, **values: object) -> Augmentation:
    """A recipe of one augmentation that always happens."""
    model = settings_class(name)
    for chance in ("probability", "per_section"):
        if chance in model.model_fields:
            values.setdefault(chance, 1.0)
    return only(**{name: model(**values)})


# ---------------------------------------------------------------- the tables


def test_the_tables_and_the_recipe_name_the_same_augmentations():
    fields = set(Augmentation.model_fields) - {"about", "interpolation", "defects"}
    assert fields == set(GEOMETRY) | set(APPEARANCE) | set(DEFECTS)
    assert len(NAMES) == len(set(NAMES)) == len(fields)


@pytest.mark.parametrize("name", [n for n in APPEARANCE if n != "paste"])
def test_appearance_is_pure_reproducible_and_keeps_shape(name):
    module, function = APPEARANCE[name].split(":")
    change = getattr(import_module(module), function)
    settings = settings_class(name)()
    image = np.random.default_rng(0).normal(size=(3, 40, 52)).astype(np.float32)
    before = image.copy()
    first = change(image, settings, np.random.default_rng(5))
    again = change(image, settings, np.random.default_rng(5))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(first, again)
    assert first.shape == image.shape
    assert first.dtype == np.float32
    assert any(not np.array_equal(change(image, settings, np.random.default_rng(s)), image) for s in range(5))


@pytest.mark.parametrize("shape", [(31, 45), (3, 31, 45), (1, 16, 16)])
@pytest.mark.parametrize("name", NAMES)
def test_any_shape_goes_through_and_the_input_stays(name, shape):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    labels = rng.integers(0, 5, (2, *shape)).astype(np.uint32)
    kept = image.copy(), labels.copy()
    np.random.seed(3)  # noqa: NPY002 - the global generator must be left alone
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    drawn = augment(image, labels, always(name), np.random.default_rng(2))
    again = augment(image, labels, always(name), np.random.default_rng(2))
    np.testing.assert_array_equal(image, kept[0])
    np.testing.assert_array_equal(labels, kept[1])
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert (drawn.image.shape, drawn.image.dtype) == (shape, np.uint8)
    assert (drawn.labels.shape, drawn.labels.dtype) == ((2, *shape), np.uint32)
    np.testing.assert_array_equal(drawn.image, again.image)
    np.testing.assert_array_equal(drawn.labels, again.labels)
    if name != "paste":  # a copy gets an id of its own
        assert set(np.unique(drawn.labels)) <= set(range(5))


_GREY = sorted(n for n in NAMES if any(
    "neutral" in (f.json_schema_extra or {}) for f in settings_class(n).model_fields.values()
) and n not in DEFECTS)  # fmt: skip


@pytest.mark.parametrize("name", [n for n in _GREY if n not in ("mirror", "geometry", "stains")])
def test_strength_zero_changes_nothing(name):
    image = np.random.default_rng(0).normal(size=(3, 40, 48)).clip(-2.9, 2.9).astype(np.float32)
    recipe = scaled(always(name), 0.0)
    drawn = augment(image, None, recipe, np.random.default_rng(4))
    tolerance = {"compression": 0.05, "shot_noise": 0.2}.get(name, 1e-4)
    np.testing.assert_allclose(drawn.image, image, atol=tolerance)


def test_scaled_settings_stay_inside_their_bounds():
    twice = scaled(Augmentation(), 2.0)
    assert twice.geometry.rotation_deg == 180
    assert twice.geometry.scale == 1.5
    assert twice.intensity.contrast == 0.6
    assert twice.intensity.probability == Augmentation().intensity.probability
    assert scaled(Augmentation(), 1.0) == Augmentation()


# ---------------------------------------------------------------- one section with its neighbours


def test_without_augmentation_a_sample_is_a_crop():
    image, truth = sections()
    drawn, known = draw_sample(image, truth, (39.5, 59.5), (40, 60), PLAIN, np.random.default_rng(0))
    np.testing.assert_array_equal(known[0], truth[0, 20:60, 30:90])
    np.testing.assert_array_equal(drawn[1], image[1, 20:60, 30:90])


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


def test_a_zoomed_sample_covers_more_of_its_source():
    image, truth = sections()
    drawn, known = draw_sample(image, truth, (47.5, 59.5), (20, 30), PLAIN, np.random.default_rng(0), zoom=3)
    assert set(np.unique(known)) == {0, 1}
    np.testing.assert_array_equal(drawn[1] > 0, known[0] == 1)  # 19 * 3 = 57 pixels wide, on whole pixels


def test_the_middle_section_is_never_misaligned():
    rng = np.random.default_rng(0)
    shifts = np.array([misalignment(3, Geometry(misalign_probability=1), rng) for _ in range(50)])
    assert (shifts[:, 1] == 0).all()
    assert (shifts[:, (0, 2)] != 0).all()


def test_probabilities_are_kept():
    image = np.random.default_rng(0).normal(size=(1, 8, 8)).astype(np.float32)
    recipe = PLAIN.model_copy(update={"intensity": Intensity(probability=0.3)})
    rng = np.random.default_rng(2)
    changed = sum(not np.array_equal(change_appearance(image, recipe, rng)[0], image) for _ in range(1000))
    assert 240 < changed < 360  # 300 expected, four standard deviations


def test_the_middle_section_is_never_lost():
    image = np.arange(3, dtype=np.float32)[:, None, None] + np.ones((3, 4, 4), np.float32)
    rng = np.random.default_rng(0)
    for _ in range(50):
        out = missing(image, Missing(blank=0.5), rng)
        np.testing.assert_array_equal(out[1], image[1])
        assert (out != image).any()


def test_all_eight_mirrors_and_transposes_of_the_bundle_come_equally_often():
    from napari_emseg.augment.geometry import geometry

    seen: dict[bytes, int] = {}
    rng = np.random.default_rng(0)
    settings = STILL.model_copy(update={"mirror": True})
    for _ in range(1600):
        key = np.round(geometry(Places.still(1, (4, 4)), settings, rng).at * 2).astype(int).tobytes()
        seen[key] = seen.get(key, 0) + 1
    assert len(seen) == 8
    assert all(130 < count < 270 for count in seen.values())  # 200 expected, five standard deviations
