"""Deflickering follows its formula, in batch and as a stream alike."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from napari_emseg.preprocess.deflicker import clean_one, deflicker, deflicker_sections, steady_level
from napari_emseg.preprocess.local_mean import Grid, box_means
from napari_emseg.preprocess.mirror import mirrored
from napari_emseg.preprocess.void import void_mask
from napari_emseg.settings import DeflickerSettings


def texture(shape, seed=0):
    from scipy.ndimage import gaussian_filter

    rough = np.random.default_rng(seed).normal(size=shape)
    smooth = gaussian_filter(rough, [0] * (len(shape) - 2) + [2, 2])
    return np.clip(128 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)


FIVE = DeflickerSettings(sections=2, radius_px=15)
"""As the method was published."""


def written_out(stack, reach=2, side=31):
    """The formula on every pixel."""
    mean, std = stack[0].mean(), stack[0].std()
    level = np.stack([(s - s.mean()) / s.std() * std + mean for s in stack])
    local = np.stack([uniform_filter(s, side, mode="mirror") for s in level])
    index = mirrored(np.arange(-reach, len(stack) + reach), len(stack))
    steady = np.stack([np.median(local[index[z : z + 2 * reach + 1]], axis=0) for z in range(len(stack))])
    change = np.stack([uniform_filter(d, side, mode="mirror") for d in steady - local])
    return np.clip(np.rint(level + change), 0, 255)


@pytest.fixture
def flickering():
    stack = texture((7, 70, 85))
    rng = np.random.default_rng(1)
    return np.clip(stack * rng.uniform(0.8, 1, (7, 1, 1)) + rng.uniform(-9, 9, (7, 1, 1)), 0, 255).astype(
        np.uint8
    )


@pytest.mark.parametrize("reach", [1, 2])
def test_it_is_the_formula_to_a_grey_level(flickering, reach):
    found = deflicker(flickering, DeflickerSettings(sections=reach, radius_px=15))
    apart = np.abs(found.astype(float) - written_out(flickering, reach))
    assert apart.max() <= 1
    assert apart.mean() < 0.15


@pytest.mark.parametrize("settings", [DeflickerSettings(), FIVE], ids=["default", "five"])
@pytest.mark.parametrize("sections", [1, 2, 3, 4, 7])
def test_stream_and_batch_and_one_give_the_same_bytes(flickering, sections, settings):
    stack = flickering[:sections]
    batch = deflicker(stack, settings)
    assert np.array_equal(batch, np.stack(list(deflicker_sections(iter(stack), settings))))
    assert np.array_equal(batch, np.stack(list(deflicker_sections(stack, settings))))
    read_again = deflicker_sections(iter(stack), settings, again=lambda z: stack[z])
    assert np.array_equal(batch, np.stack(list(read_again)))
    for z in range(sections):
        assert np.array_equal(batch[z], clean_one(lambda n: stack[n], z, sections, settings))


@pytest.mark.parametrize("count", [1, 3, 5, 7, 9, 11, 21])
def test_the_usual_level_is_the_mean_of_the_middle_half_or_the_median(count):
    maps = np.random.default_rng(count).normal(100, 9, (count, 6, 7)).astype(np.float32)
    before = maps.copy()
    ordered = np.sort(maps, axis=0)
    cut = count // 4 if count > 5 else count // 2
    assert np.allclose(steady_level(list(maps)), ordered[cut : count - cut].mean(axis=0), atol=1e-3)
    assert np.array_equal(maps, before)


def test_flicker_of_a_still_stack_goes_and_edges_stay():
    still = np.repeat(texture((1, 96, 96)), 12, axis=0)
    rng = np.random.default_rng(3)
    gain, level = rng.uniform(0.75, 1.0, (12, 1, 1)), rng.uniform(-10, 20, (12, 1, 1))
    before = np.clip(still * gain + level, 0, 255).astype(np.uint8)
    after = deflicker(before)

    def wobble(stack):
        return stack.mean(axis=(1, 2)).std(), np.stack(
            [uniform_filter(s.astype(float), 31) for s in stack]
        ).std(0).mean()

    for old, new in zip(wobble(before), wobble(after), strict=True):
        assert new < 0.1 * old
    for a, b in zip(after, still, strict=True):
        x, y = (np.stack(np.gradient(s.astype(float))).ravel() for s in (a, b))
        assert np.corrcoef(x, y)[0, 1] > 0.99


def test_mean_and_contrast_can_be_given(flickering):
    found = deflicker(flickering, DeflickerSettings(mean=150, std=-1))
    assert found.mean(axis=(1, 2)) == pytest.approx(150, abs=1.5)
    assert found[3].std() == pytest.approx(flickering[3].std(), rel=0.05)
    found = deflicker(flickering, DeflickerSettings(mean=120, std=30))
    assert found.std(axis=(1, 2)) == pytest.approx(30, abs=1.5)


def test_black_margins_and_missing_sections_stay_black_and_do_not_count():
    still = np.repeat(texture((1, 64, 64)), 6, axis=0)
    still[:, :, :20] = 0
    still[2, :, :40] = 0
    still[4] = 0
    found = deflicker(still)
    assert (found[still == 0] == 0).mean() > 0.999
    whole = (slice(None), slice(None), slice(56, None))
    assert np.abs(found[[0, 1, 3, 5]][whole].astype(int) - still[[0, 1, 3, 5]][whole]).max() <= 2


def test_a_first_section_without_contrast_is_no_reference():
    stack = np.concatenate([np.full((1, 40, 40), 7, np.uint8), texture((3, 40, 40))])
    found = deflicker(stack)
    assert found[2].std() == pytest.approx(stack[1].std(), rel=0.1)
    flat = np.full((4, 20, 20), 9, np.uint8)
    assert np.array_equal(deflicker(flat), flat)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_types_are_kept_and_the_input_is_not_changed(dtype):
    stack = texture((4, 30, 30)).astype(dtype)
    if dtype == np.float32:
        stack /= 255
    before = stack.copy()
    found = deflicker(stack)
    assert found.dtype == dtype
    assert np.array_equal(stack, before)
    assert np.array_equal(found, np.stack(list(deflicker_sections(stack))))


class File:
    """Sections that are made when they are read, as those of a file are."""

    shape = (26, 1024, 1024)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, z):
        if not 0 <= z < len(self):
            raise IndexError(z)
        return np.random.default_rng(z).integers(0, 255, self.shape[1:], dtype=np.uint8)


@pytest.mark.parametrize("settings", [DeflickerSettings(), FIVE], ids=["default", "five"])
@pytest.mark.parametrize("once", [False, True], ids=["file", "pipe"])
def test_the_stream_holds_few_sections(settings, once):
    """Also where sections can be read only once: those that wait are in a file."""
    list(deflicker_sections(np.zeros((2, 40, 40), np.uint8)))  # imports do not count
    file = File()
    tracemalloc.start()
    for _ in deflicker_sections((file[z] for z in range(len(file))) if once else file, settings):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 8 * 1024 * 1024


def test_an_empty_stream_is_empty():
    assert list(deflicker_sections([])) == []


@pytest.mark.parametrize("shape", [(5, 9), (40, 33), (64, 100)])
@pytest.mark.parametrize("radius", [1, 4, 15])
def test_box_means_are_exact_at_the_nodes(shape, radius):
    section = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    grid = Grid.of(radius)
    found = box_means(section, grid)[grid.rim : -grid.rim, grid.rim : -grid.rim]
    ys, xs = (mirrored(np.arange(-radius, n + radius + grid.step), n) for n in shape)
    wide = section[ys][:, xs].astype(float)
    for i in range(0, found.shape[0], 3):
        for j in range(0, found.shape[1], 3):
            y, x = i * grid.step, j * grid.step
            assert found[i, j] == pytest.approx(
                wide[y : y + 2 * radius + 1, x : x + 2 * radius + 1].mean(), rel=1e-5
            )


def test_dark_pixels_are_no_void():
    section = texture((50, 50))
    section[::3, ::3] = 0
    assert void_mask(section) is None
    section[:, :10] = 0
    assert np.array_equal(np.flatnonzero(void_mask(section)[25]), np.arange(10))
