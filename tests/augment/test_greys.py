"""Augmentations of grey values: published formulas, exact where they can be, and the peers' own filters."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage as ndi
from skimage import filters

from napari_emseg.augment.charging import Charging, charging
from napari_emseg.augment.clahe import Clahe, clahe
from napari_emseg.augment.compose import augment
from napari_emseg.augment.compression import jpeg
from napari_emseg.augment.defocus import disc_kernel
from napari_emseg.augment.elektronn import Elektronn, contrast_brightness_gamma, elektronn
from napari_emseg.augment.greys import from_unit, to_unit
from napari_emseg.augment.motion_blur import MotionBlur, line_kernel, motion_blur
from napari_emseg.augment.recipe import only
from napari_emseg.augment.scale_shift import ScaleShift, about_mean, scale_shift
from napari_emseg.augment.sharpen import Sharpen, sharpen
from napari_emseg.augment.shot_noise import ShotNoise, shot_noise


@pytest.fixture
def image() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(4, 48, 64))
    smooth = ndi.gaussian_filter(noise, (0, 2, 2))
    return (smooth / smooth.std()).astype(np.float32)


def test_the_form_of_elektronn():
    unit = np.array([[[0.0, 0.25, 0.5, 1.0]]], np.float32)
    found = contrast_brightness_gamma(unit, *(np.array([[[v]]], np.float32) for v in (1.2, -0.1, 2.0)))
    np.testing.assert_allclose(found, np.clip(unit * 1.2 - 0.1, 0, 1) ** 2, atol=1e-6)


def test_elektronn_stays_between_black_and_white_and_draws_in_the_published_ranges():
    flat = np.full((200, 1, 1), 0.0, np.float32)  # the middle grey, 0.5
    out = to_unit(elektronn(flat, Elektronn(mode="2D", gamma=0.0), np.random.default_rng(0)))
    # 0.5 * (1 ± 0.15) ± 0.15
    assert 0.275 <= out.min() < 0.34
    assert 0.66 < out.max() <= 0.725
    strong = Elektronn(mode="2D", contrast=2, brightness=2, gamma=3)
    out = to_unit(elektronn(flat, strong, np.random.default_rng(0)))
    assert -1e-6 <= out.min() < 0.05
    assert 0.95 < out.max() <= 1 + 1e-6


def test_mixed_changes_sections_alone_or_all_alike_half_of_the_time(image):
    rng = np.random.default_rng(0)
    same = np.repeat(image[:1], 4, 0)
    alike = skipped = 0
    for _ in range(2000):
        recipe = only(elektronn=Elektronn(probability=0.7))
        out = augment(same[:, :4, :4], None, recipe, rng).image
        if np.array_equal(out, same[:, :4, :4]):
            skipped += 1
        else:
            alike += bool((out == out[:1]).all())
    # P(skip) = 0.3, P(2D) = P(3D) = 0.35; four standard deviations
    assert abs(skipped / 2000 - 0.3) < 0.041
    assert abs(alike / 2000 - 0.35) < 0.043


def test_a_thousand_samples_leave_the_volume_as_it_was(image):
    volume = image.copy()
    rng = np.random.default_rng(0)
    recipe = only(elektronn=Elektronn(probability=1), scale_shift=ScaleShift())
    for _ in range(1000):
        augment(volume[:, :8, :8], None, recipe, rng)
    assert volume.tobytes() == image.tobytes()


def test_the_form_of_gunpowder(image):
    unit = to_unit(image)
    mean = unit.mean()
    np.testing.assert_allclose(about_mean(unit, 0.9, 0.05), mean + (unit - mean) * 0.9 + 0.05, atol=1e-6)


@pytest.mark.parametrize(("mode", "same"), [("2D", False), ("3D", True)])
def test_scale_and_shift_of_sections_alone_or_together(mode, same, image):
    flat = np.repeat(image[:1], 4, 0)
    out = scale_shift(flat, ScaleShift(scale=0.3, shift=0.2, mode=mode, clip=False), np.random.default_rng(0))
    assert bool((out == out[:1]).all()) is same
    middle = to_unit(out).mean((1, 2)) - to_unit(flat).mean((1, 2))
    assert np.abs(middle).max() <= 0.2 + 1e-5
    assert (
        (out.std((1, 2)) / flat.std((1, 2)) >= 0.7 - 1e-4) & (out.std((1, 2)) / flat.std((1, 2)) <= 1.3)
    ).all()


def test_kernels_have_sum_one_and_the_stated_extent():
    for kernel in (line_kernel(9, 0.4), disc_kernel(2.5), line_kernel(0, 1), disc_kernel(0)):
        assert kernel.sum() == pytest.approx(1)
        assert kernel.min() >= 0
        np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-12)
    assert np.count_nonzero(line_kernel(0, 1) > 1e-9) == 1
    flat = line_kernel(8, 0)
    assert flat[:4].max() < 1e-9
    assert flat[4].sum() == pytest.approx(1)
    assert np.count_nonzero(disc_kernel(3) > 0) == np.count_nonzero(np.hypot(*np.ogrid[-3:4, -3:4]) < 3.5)


def test_motion_blurs_along_its_direction_only():
    image = np.zeros((1, 41, 41), np.float32)
    image[0, 20, 20] = 1
    out = motion_blur(image, MotionBlur(length_px=12), np.random.default_rng(3))[0]
    assert out.sum() == pytest.approx(1, abs=1e-4)
    spread = np.linalg.eigvalsh(np.cov(np.argwhere(out > 0).T, aweights=out[out > 0]))
    assert spread[1] > 5 * spread[0]


def test_compression_is_that_of_jpeg(image):
    unit = np.clip(to_unit(image), 0, 1)[:1]
    ours = jpeg(unit, 30)
    file = io.BytesIO()
    Image.fromarray(np.rint(unit[0] * 255).astype(np.uint8)).save(file, "JPEG", quality=30)
    theirs = np.asarray(Image.open(file)) / 255
    assert np.abs(ours[0] - theirs).mean() < 0.004
    assert np.abs(ours[0] - unit[0]).mean() > 2 * np.abs(ours[0] - theirs).mean()
    assert np.abs(jpeg(unit, 100) - unit).max() < 2.1 / 255


def test_sharpening_is_the_unsharp_mask_of_scikit_image(image):
    rng = np.random.default_rng(1)
    found = sharpen(image, Sharpen(amount=2.0, radius_px=1.5), rng)
    amount = np.random.default_rng(1).uniform(0, 2.0)
    expected = [filters.unsharp_mask(s, 1.5, amount, preserve_range=True) for s in image]
    np.testing.assert_allclose(
        found, expected, atol=0.02
    )  # they cut their Gaussian at four sigma, we at three


def test_clahe_is_that_of_scikit_image(image):
    from skimage.exposure import equalize_adapthist

    found = clahe(image, Clahe(clip_limit=0.05, tiles=4), np.random.default_rng(1))
    limit = np.random.default_rng(1).uniform(0, 0.05)
    expected = equalize_adapthist(np.clip(to_unit(image[0]), 0, 1), kernel_size=[12, 16], clip_limit=limit)
    np.testing.assert_allclose(to_unit(found[0]), expected, atol=1e-5)
    blank = np.zeros((1, 16, 16), np.float32)
    np.testing.assert_array_equal(clahe(blank, Clahe(), np.random.default_rng(0)), blank)


def test_bright_pixels_have_more_shot_noise_than_dark_ones():
    image = from_unit(np.repeat([[[0.1]], [[0.9]]], 400, 1).repeat(100, 2).astype(np.float32))
    out = to_unit(shot_noise(image, ShotNoise(grain=0.2), np.random.default_rng(0)))
    grain = np.random.default_rng(0).uniform(0, 0.2)
    assert out[0].std() == pytest.approx(grain * np.sqrt(0.1), rel=0.05)
    assert out[1].std() == pytest.approx(grain * np.sqrt(0.9), rel=0.05)
    assert out[1].mean() == pytest.approx(0.9, abs=0.01)


def test_haloes_of_charge_fade_along_the_scan(image):
    blank = np.zeros((1, 60, 200), np.float32)
    out = charging(blank, Charging(per_section=1, halo=3, lines=0, length_px=20), np.random.default_rng(2))[0]
    assert 0 < out.max() <= 3
    row = out[np.unravel_index(out.argmax(), out.shape)[0]]
    start = int(row.argmax())
    tail = row[start : start + 40]
    assert (np.diff(tail[tail > 1e-3]) <= 1e-6).all()
