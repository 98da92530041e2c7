"""Defects of sections: how often, on which sections, and what they do to image and labels."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.augment.artefact import Artefact, DefectSource, artefact, synthesise
from napari_emseg.augment.compose import augment, source_size
from napari_emseg.augment.defects import Defects, plan
from napari_emseg.augment.fold import Fold, draw_fold
from napari_emseg.augment.greys import BLACK
from napari_emseg.augment.lines import Line, signed_distance
from napari_emseg.augment.lost import Lost
from napari_emseg.augment.low_contrast import LowContrast, low_contrast
from napari_emseg.augment.partial import Partial, partial
from napari_emseg.augment.recipe import only
from napari_emseg.core.errors import EmsegError

RATES = {"lost": 0.03, "low_contrast": 0.01, "artefact": 0.03, "fold": 0.05}


def stack(shape: tuple[int, int, int] = (6, 40, 60)) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_each_defect_comes_as_often_as_asked():
    n = 100_000
    struck = plan(n, RATES, Defects(), np.random.default_rng(0))
    for name, rate in RATES.items():
        found = sum(v == name for v in struck.values()) / n
        assert abs(found - rate) < 3 * np.sqrt(rate * (1 - rate) / n)


@pytest.mark.parametrize("gap", [1, 2, 5])
def test_struck_sections_keep_their_distance(gap):
    struck = sorted(plan(5000, {"lost": 0.5}, Defects(gap_sections=gap), np.random.default_rng(0)))
    assert np.diff(struck).min() == gap + 1
    assert 1 in np.diff(sorted(plan(500, {"lost": 0.5}, Defects(), np.random.default_rng(0))))


def test_the_middle_section_is_spared_if_asked():
    for seed in range(50):
        struck = plan(5, {"lost": 1.0}, Defects(spare_middle=True), np.random.default_rng(seed))
        assert sorted(struck) == [0, 1, 3, 4]


def test_rates_above_one_are_refused():
    with pytest.raises(EmsegError, match=r"would strike 120% of the sections.*lower their rates"):
        plan(5, {"lost": 0.7, "fold": 0.5}, Defects(), np.random.default_rng(0))


def test_a_lost_section_is_black_or_mean_and_labels_stay_or_teach_nothing():
    image = stack()
    labels = np.ones(image.shape, np.uint8)
    drawn = augment(image, labels, only(lost=Lost(per_section=1)), np.random.default_rng(0))
    assert (drawn.image == BLACK).all()
    assert drawn.hidden.all()
    np.testing.assert_array_equal(drawn.labels, labels)
    drawn = augment(image, labels, only(lost=Lost(per_section=1, fill="mean")), np.random.default_rng(0))
    np.testing.assert_allclose(drawn.image[:, 0, 0], image.mean((1, 2)), atol=1e-6)
    recipe = only(lost=Lost(per_section=0.5)).model_copy(update={"defects": Defects(hidden_labels="ignore")})
    drawn = augment(image, labels, recipe, np.random.default_rng(1), outside=255)
    assert 0 < len(drawn.struck) < 6
    for z in range(6):
        assert (drawn.labels[z] == (255 if z in drawn.struck else 1)).all()


def test_low_contrast_is_about_the_mean():
    section = stack()[0]
    out, hidden = low_contrast(section, LowContrast(scale=0.1), np.random.default_rng(0))
    np.testing.assert_allclose(out, section.mean() + (section - section.mean()) * 0.1, atol=1e-6)
    assert hidden is None


def test_an_artefact_is_blended():
    section = stack()[0]
    image = np.full((1, 40, 60), 5.0, np.float32)
    mask = np.zeros((1, 40, 60), np.float32)
    mask[0, 10:20] = 0.25
    mask[0, 30:35] = 1.0
    out, hidden = artefact(
        section, Artefact(min_masked=0), np.random.default_rng(0), DefectSource(image, mask)
    )
    alpha = (5.0 - out)[np.abs(5 - section) > 1] / (5.0 - section)[np.abs(5 - section) > 1]
    assert set(np.round(1 - alpha, 3)) <= {0.0, 0.25, 1.0}
    np.testing.assert_array_equal(out[hidden], 5.0)
    assert 0 < hidden.mean() < 0.5


def test_a_cut_out_has_enough_artefact_where_there_is_enough():
    masks = np.zeros((1, 200, 200), np.float32)
    masks[0, :60, :60] = 1
    source = DefectSource(np.zeros_like(masks), masks)
    shares = [source.draw((50, 40), 0.2, np.random.default_rng(s))[1].mean() for s in range(30)]
    assert np.mean([s >= 0.2 for s in shares]) > 0.9
    assert source.draw((300, 10), 0.0, np.random.default_rng(0))[0].shape == (300, 10)
    with pytest.raises(EmsegError, match="do not go together"):
        DefectSource(masks, masks[0])


def test_synthesised_artefacts_cover_no_more_than_asked():
    covered = [(synthesise((80, 120), 0.2, np.random.default_rng(s))[1] > 0).mean() for s in range(30)]
    assert max(covered) <= 0.21
    assert min(covered) > 0.02


def test_distance_from_a_line():
    away = signed_distance((5, 6), Line((0.0, 1.0), 2.0))
    np.testing.assert_array_equal(away, np.tile(np.arange(6) - 2.0, (5, 1)))


@pytest.mark.parametrize("shape", [(200, 300), (64, 64), (33, 90)])
def test_a_fold_of_any_section_keeps_shape_and_pulls_by_its_strength(shape):
    settings = Fold(per_section=1, strength_px=20, width_px=10)
    found = draw_fold(shape, settings, np.random.default_rng(0))
    length = np.hypot(*found.displacement)
    np.testing.assert_allclose(length, 20, atol=1e-3)
    drawn = augment(stack((2, *shape)), None, only(fold=settings), np.random.default_rng(0))
    assert drawn.image.shape == (2, *shape)
    assert drawn.image.dtype == np.float32


def test_tissue_beside_a_fold_moves_towards_it_and_labels_follow_or_stay():
    size = (1, 64, 80)
    settings = Fold(per_section=1, strength_px=10, width_px=0)
    source = source_size(size, only(fold=settings))
    assert source == (1, 84, 100)
    columns = np.broadcast_to(np.indices(source)[2], source).astype(np.float32)
    follow = augment(columns, columns.astype(int), only(fold=settings), np.random.default_rng(3), size=size)
    assert follow.inside.all()
    np.testing.assert_allclose(follow.image, follow.labels, atol=0.51)
    stay = augment(
        columns, columns.astype(int), only(fold=settings.model_copy(update={"labels_follow": False})),
        np.random.default_rng(3), size=size,
    )  # fmt: skip
    np.testing.assert_array_equal(stay.labels, columns.astype(int)[:, 10:-10, 10:-10])
    np.testing.assert_array_equal(stay.image, follow.image)
    # what is seen lies further from the line than where it is seen
    moved = follow.image[0] - np.arange(10, 90)
    assert moved.min() < -1
    assert moved.max() > 1


def test_a_fold_without_strength_only_draws_its_line():
    image = stack((3, 50, 70))
    drawn = augment(image, None, only(fold=Fold(per_section=1, strength_px=0)), np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.image[~drawn.hidden], image[~drawn.hidden])
    assert drawn.hidden.any()


def test_a_part_of_a_section_is_missing():
    section = stack()[0]
    for seed in range(10):
        out, hidden = partial(section, Partial(width_px=12), np.random.default_rng(seed))
        np.testing.assert_array_equal(out[~hidden], section[~hidden])
        assert hidden.mean() <= 0.5
        if hidden.any():
            assert np.unique(out[hidden]).size == 1


def test_a_blank_of_any_shade_is_black_mean_or_white_and_other_recipes_draw_nothing_for_it():
    from napari_emseg.augment.lost import chosen_fill

    rng = np.random.default_rng(0)
    drawn = [chosen_fill("any", rng) for _ in range(300)]
    assert {shade: drawn.count(shade) > 70 for shade in ("black", "mean", "white")} == dict.fromkeys(
        ("black", "mean", "white"), True
    )
    before = rng.bit_generator.state
    assert chosen_fill("black", rng) == "black"
    assert rng.bit_generator.state == before
    image = np.random.default_rng(1).normal(size=(40, 50, 60)).astype(np.float32)
    found = augment(image, None, only(lost=Lost(per_section=1, fill="any")), rng).image
    assert len({float(section[0, 0]) for section in found}) >= 3
    assert all(np.ptp(section) == 0 for section in found)
