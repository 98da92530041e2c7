"""Places are drawn as the recipe says, whoever draws them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from napari_emseg.augment.recipe import Augmentation, only
from napari_emseg.core.learning import IGNORE, TrainingVolume
from napari_emseg.nn.dataset import Pool, block
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.sampling import Sampling

SIZE = (32, 32)


def blank(shape=(2, 96, 128), *, spots=(), target="cleft", pixel=4.6, name="blank", share=1.0):
    """Grey noise; the target is a square of 8 pixels at every spot (z, y, x)."""
    image = np.random.default_rng(0).integers(1, 255, shape).astype(np.uint8)
    truth = np.zeros(shape, np.uint8)
    for z, y, x in spots:
        truth[z, y : y + 8, x : x + 8] = 1
    return TrainingVolume(name, image, pixel, {target: truth}, tuple(range(shape[0])), share=share)


def places(pool, n=10_000, seed=0):
    rng = np.random.default_rng(seed)
    return [pool.place(SIZE, rng) for _ in range(n)]


def test_ten_thousand_places_are_uniform():
    pool = Pool([blank()], ("cleft",), 0, 4.6)
    drawn = places(pool)
    centres = np.array([p.centre for p in drawn])
    for axis, extent in enumerate((96, 128)):
        counts, _ = np.histogram(centres[:, axis], bins=16, range=(16, extent - 16))
        assert counts.sum() == len(drawn)
        assert stats.chisquare(counts).pvalue > 1e-3
    sections = np.bincount([p.section for p in drawn])
    assert stats.chisquare(sections).pvalue > 1e-3


def test_volumes_of_different_shapes_and_pixel_sizes_are_drawn_by_area():
    """The second has four times the pixels, but at half the pixel size they make as many samples; share 3 of it."""
    one, two = blank((1, 64, 64)), blank((1, 128, 128), pixel=2.3, name="fine", share=3.0)
    pool = Pool([one, two], ("cleft",), 0, 4.6, keep_size=(4, 5))
    assert pool.zooms == [1.0, 2.0]
    assert pool.shares == pytest.approx([0.25, 0.75])
    counts = np.bincount([p.volume for p in places(pool)])
    assert stats.chisquare(counts, [2500, 7500]).pvalue > 1e-3
    image, truth = pool.draw(0, 0, SIZE, Augmentation())
    assert image.shape == (1, 32, 32)
    assert truth.shape == (1, 32, 32)


def test_the_same_tissue_counts_as_much_at_any_pixel_size():
    """Also within the sizes that a model serves without resampling."""
    coarse, fine = blank((1, 64, 64), pixel=6.0), blank((1, 96, 96), pixel=4.0, name="fine")
    assert Pool([coarse, fine], ("cleft",), 0, 4.6).shares == pytest.approx([0.5, 0.5])
    assert Pool([coarse, fine], ("cleft",), 0, 4.6, keep_size=(3, 7)).shares == pytest.approx([0.5, 0.5])


def test_importance_sampling_chooses_volumes_by_the_area_of_the_target_and_their_share():
    many = blank((2, 256, 256))
    many.truth["cleft"][:, :200, :250] = 1  # 100 000 pixels, of which a part is remembered
    few = blank((1, 64, 64), spots=[(0, 20, 20)], share=100.0, name="few")
    pool = Pool([many, few], ("cleft",), 0, 4.6, sampling=Sampling(at={"cleft": 1.0}))
    counts = np.bincount([p.volume for p in places(pool)], minlength=2)
    few_area = 64 * 100.0
    wanted = np.array([100_000, few_area]) / (100_000 + few_area)
    assert stats.chisquare(counts, wanted * 10_000).pvalue > 1e-3


def test_sections_are_drawn_by_what_is_supervised_in_them():
    volume = blank((2, 64, 64))
    volume.truth["cleft"][1, :, 16:] = IGNORE
    counts = np.bincount([p.section for p in places(Pool([volume], ("cleft",), 0, 4.6))])
    assert stats.chisquare(counts, [8000, 2000]).pvalue > 1e-3


def test_a_small_region_of_a_large_section_is_found():
    volume = blank((1, 1024, 1024))
    volume.truth["cleft"][:] = IGNORE
    volume.truth["cleft"][0, 500:560, 700:760] = 0
    pool = Pool([volume], ("cleft",), 0, 4.6)
    shares = [(pool.draw(n, 0, SIZE, only())[1] != IGNORE).mean() for n in range(20)]
    assert min(shares) > 0.2


def test_importance_sampling_shows_rare_targets_as_often_as_asked():
    volume = blank(spots=[(0, 40, 50), (1, 70, 100)])
    pool = Pool([volume], ("cleft",), 0, 4.6, sampling=Sampling(at={"cleft": 0.4}))
    near = 0
    for place in places(pool):
        distance = [
            max(abs(place.centre[0] - y - 4), abs(place.centre[1] - x - 4))
            for z, y, x in [(0, 40, 50), (1, 70, 100)]
            if z == place.section
        ]
        near += min(distance) <= 4 + 0.25 * 32
    by_chance = 24 * 24 / (64 * 96)  # centres of uniform samples that happen to lie as near
    wanted = 0.4 + 0.6 * by_chance
    assert near / 10_000 == pytest.approx(wanted, abs=0.02)
    volumes = {p.volume for p in places(pool, 50)}
    assert volumes == {0}


def test_importance_sampling_of_what_is_nowhere_falls_back_to_uniform():
    pool = Pool([blank()], ("cleft",), 0, 4.6, sampling=Sampling(at={"cleft": 1.0}))
    counts, _ = np.histogram([p.centre[0] for p in places(pool)], bins=8, range=(16, 80))
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("otherwise", [0.25, 0.1])
def test_samples_without_the_target_are_kept_as_often_as_asked(otherwise):
    """One half of the section is full, the other empty: accepted are all of one and a share of the other."""
    volume = blank((1, 64, 256))
    volume.truth["cleft"][0, :, :128] = 1
    sampling = Sampling(reject_without="cleft", enough=1, otherwise=otherwise, tries=1000)
    pool = Pool([volume], ("cleft",), 0, 4.6, sampling=sampling)
    has = np.array([(pool.draw(n, 0, SIZE, only())[1] == 1).any() for n in range(800)])
    empty_by_chance = (256 - 16 - (128 + 16)) / (256 - 32)
    wanted = empty_by_chance * otherwise / (empty_by_chance * otherwise + 1 - empty_by_chance)
    assert 1 - has.mean() == pytest.approx(wanted, abs=0.035)


def test_rejection_without_any_positive_ends():
    sampling = Sampling(reject_without="cleft", otherwise=0.0, tries=5)
    image, _ = Pool([blank()], ("cleft",), 0, 4.6, sampling=sampling).draw(0, 0, SIZE, only())
    assert image.shape == (1, 32, 32)


def test_workers_draw_different_samples_and_the_same_as_one_alone():
    pool = Pool([blank(spots=[(0, 40, 50)])], ("cleft",), 0, 4.6, sampling=Sampling(at={"cleft": 0.5}))
    alone = [pool.draw(n, 3, SIZE, Augmentation())[0] for n in range(12)]
    with ThreadPoolExecutor(4) as workers:
        together = list(workers.map(lambda n: pool.draw(n, 3, SIZE, Augmentation())[0], range(12)))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len({a.tobytes() for a in alone}) == 12


def test_the_global_generator_decides_nothing():
    pool = Pool([blank()], ("cleft",), 0, 4.6)
    np.random.seed(0)  # noqa: NPY002 - what older code reseeds
    one = pool.draw(0, 0, SIZE, Augmentation())[0]
    np.random.seed(1)  # noqa: NPY002
    np.testing.assert_array_equal(one, pool.draw(0, 0, SIZE, Augmentation())[0])


def test_blocks_stay_in_the_stack_and_short_stacks_are_mirrored():
    assert block(-1, 4, 10) == [0, 1, 2, 3]
    assert block(8, 4, 10) == [6, 7, 8, 9]
    assert block(0, 6, 3) == [0, 1, 2, 1, 0, 1]
    assert block(0, 2, 1) == [0, 0]


def test_chances_above_one_are_refused():
    with pytest.raises(ValidationError, match="add up to more than 1"):
        TrainRecipe(targets=("a", "b"), sampling=Sampling(at={"a": 0.7, "b": 0.6}))
