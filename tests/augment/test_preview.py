"""The preview shows what training would see, and says what is false in it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.augment.affine import Affine
from napari_emseg.augment.defects import Defects
from napari_emseg.augment.elektronn import Elektronn
from napari_emseg.augment.fold import Fold
from napari_emseg.augment.lost import Lost
from napari_emseg.augment.mirror import Mirror
from napari_emseg.augment.places import Places
from napari_emseg.augment.preview import PreviewRequest, grid_lines, normalised, preview
from napari_emseg.augment.recipe import Augmentation, load_recipe, only
from napari_emseg.augment.scale_shift import ScaleShift
from napari_emseg.core.errors import EmsegError

SIZE = (3, 48, 56)


def stack() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(40, 220, (5, 120, 140), dtype=np.uint8)


def cells() -> np.ndarray:
    """Squares of 14 pixels with gaps of 2, the same in every section."""
    _, y, x = np.indices((5, 120, 140))
    return np.where((y % 16 < 14) & (x % 16 < 14), 1 + y // 16 * 20 + x // 16, 0).astype(np.uint32)


def ask(recipe: Augmentation, **more: object) -> object:
    return preview(PreviewRequest(stack(), cells(), recipe, size=SIZE, count=6, **more))


def test_without_augmentation_before_is_after():
    found = ask(only())
    for sample in found.samples:
        np.testing.assert_array_equal(sample.before, sample.after)
        np.testing.assert_array_equal(sample.labels_before, sample.labels_after)
        np.testing.assert_array_equal(sample.grid_before, sample.grid_after)
    np.testing.assert_array_equal(found.histogram_before, found.histogram_after)
    assert found.histogram_after.sum() == pytest.approx(1)
    assert found.warnings == ()
    assert len({s.before.tobytes() for s in found.samples}) == 6


def test_the_same_seed_shows_the_same_samples_and_the_next_others():
    recipe = load_recipe("heavy")
    a, b, c = ask(recipe, seed=1), ask(recipe, seed=1), ask(recipe, seed=2)
    assert [s.after.tobytes() for s in a.samples] == [s.after.tobytes() for s in b.samples]
    assert a.samples[0].after.tobytes() != c.samples[0].after.tobytes()


def test_strength_zero_leaves_geometry_and_grey_values_alone():
    found = ask(only(affine=Affine(), scale_shift=ScaleShift(clip=False)), strength=0.0)
    for sample in found.samples:
        np.testing.assert_allclose(sample.after, sample.before, atol=1e-4)
        np.testing.assert_array_equal(sample.labels_after, sample.labels_before)


def test_the_grid_is_turned_with_the_image():
    still = Places.still(1, (40, 40))
    lines = grid_lines(still, (60.0, 60.0), 10)[0]
    assert (lines.all(1).sum(), lines.all(0).sum()) == (3, 3)
    found = preview(PreviewRequest(stack(), None, only(affine=Affine(rotation_deg=45)), size=SIZE, count=3))
    assert not any(s.grid_after[0].all(1).any() for s in found.samples)


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (
            only(affine=Affine(scale=4, rotation_deg=0, translate_px=200)),
            "labels are nearly all gone|beyond the stack",
        ),
        (only(elektronn=Elektronn(probability=1, contrast=2, brightness=2)), "cut off at black or white"),
        (only(scale_shift=ScaleShift(scale=1.0, shift=0, mode="3D")), "too faint"),
        (only(lost=Lost(per_section=1)), "hidden, beside it too, but its labels are kept"),
        (only(fold=Fold(per_section=1, labels_follow=False)), "moves the image and not its labels"),
    ],
)
def test_what_is_false_is_said(recipe, says):
    import re

    warnings = preview(
        PreviewRequest(stack(), np.where(cells() % 20 < 4, cells(), 0), recipe, size=SIZE, count=24)
    ).warnings
    assert any(re.search(says, text) for text in warnings), warnings


def test_an_object_that_vanishes_is_noticed():
    from napari_emseg.augment.honesty import Evidence, falsehoods

    before = np.random.default_rng(0).normal(size=(1, 40, 40)).astype(np.float32)
    labels = np.zeros((1, 40, 40), int)
    labels[0, 10:20, 10:20], labels[0, 25:30, 25:35] = 1, 2
    gone = np.where(labels == 2, 0, labels)
    none = np.zeros(before.shape, bool)
    footprint = np.ones((40, 40), bool)
    seen = Evidence(before, before, labels, gone, ~none, none, {}, footprint)
    assert "has no label left" in falsehoods([seen], only())[0]
    footprint[20:] = False  # that part of the section is not shown any more
    assert falsehoods([seen], only()) == ()


@pytest.mark.parametrize("name", ["mirror", "affine"])
def test_what_is_harmless_is_not_complained_about(name):
    recipe = only(mirror=Mirror()) if name == "mirror" else only(affine=Affine(scale=1.1))
    assert ask(recipe).warnings == ()


def test_hidden_tissue_that_teaches_nothing_is_fine():
    recipe = only(lost=Lost(per_section=1)).model_copy(update={"defects": Defects(hidden_labels="ignore")})
    assert not any("hidden" in text for text in ask(recipe).warnings)


def test_tissue_that_a_neighbour_shows_need_not_be_guessed():
    """A section lost between two good ones can be drawn from them; alone it cannot."""
    from napari_emseg.augment.honesty import Evidence, falsehoods

    recipe = only(lost=Lost())
    image = np.random.default_rng(0).normal(size=(3, 30, 30)).astype(np.float32)
    labels, hidden = np.ones(image.shape, int), np.zeros(image.shape, bool)
    hidden[1] = True
    for n, is_false in ((slice(0, 3), False), (slice(1, 2), True)):
        seen = Evidence(
            image[n],
            image[n],
            labels[n],
            labels[n],
            np.ones_like(hidden[n]),
            hidden[n],
            {},
            np.ones((30, 30), bool),
        )
        assert any("has to guess" in text for text in falsehoods([seen], recipe)) is is_false


def test_small_stacks_nan_and_missing_labels_go_through():
    image = np.full((1, 20, 30), np.nan, np.float32)
    image[0, 5:] = 3
    found = preview(PreviewRequest(image, None, load_recipe("heavy"), size=(3, 64, 64), count=2))
    assert found.samples[0].after.shape == (1, 20, 30)
    assert found.samples[0].labels_after is None
    assert np.isfinite(normalised(image)).all()
    with pytest.raises(EmsegError, match="nothing to augment"):
        preview(PreviewRequest(image[0], None, only()))
