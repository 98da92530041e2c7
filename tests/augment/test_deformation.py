"""Elastic fields, affine maps and lens distortions: sizes, smoothness, directions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi
from skimage.transform import AffineTransform, warp

from napari_emseg.augment.affine import Affine, draw_matrix, rotation
from napari_emseg.augment.compose import augment
from napari_emseg.augment.drop import Drop
from napari_emseg.augment.elastic import Elastic, control_point_field
from napari_emseg.augment.perspective import Perspective, perspective
from napari_emseg.augment.piecewise_affine import mesh_field
from napari_emseg.augment.pincushion import Pincushion, pincushion
from napari_emseg.augment.places import Places
from napari_emseg.augment.recipe import only
from napari_emseg.augment.slip import Slip, draw_offsets
from napari_emseg.augment.smooth_noise import SmoothNoise, expected_rms, smoothed_noise


def ramps(shape: tuple[int, int, int]) -> np.ndarray:
    """Labels that say where a pixel comes from: z, y, x as channels."""
    return np.stack(np.indices(shape)).astype(np.int32)


# ---------------------------------------------------------------- elastic


def test_control_points_have_the_stated_deviation_and_the_field_is_smooth():
    fields = [control_point_field((256, 200), 2.0, (40, 40), np.random.default_rng(s)) for s in range(40)]
    corners = np.array([f[0, 0] for f in fields] + [f[-1, -1] for f in fields])
    assert 1.5 < corners.std() < 2.5
    # between its points a cubic spline through independent ones wiggles a little less than at them
    assert 1.2 < np.std(fields) < 2.0
    assert np.abs(np.diff(fields, axis=1)).max() < 0.5
    assert np.abs(fields).max() <= 6.0


def test_a_control_point_field_is_the_spline_through_its_points():
    from scipy.interpolate import CubicSpline

    from napari_emseg.augment.elastic import _spline

    points = np.random.default_rng(0).normal(size=6)
    drawn = _spline(201, 40) @ points
    assert drawn[[0, 40, 80, 120, 160, 200]] == pytest.approx(points, abs=1e-5)
    expected = CubicSpline(np.linspace(0, 200, 6), points, bc_type="natural")(np.arange(201))
    np.testing.assert_allclose(drawn, expected, atol=1e-5)


def test_sections_are_not_mixed_unless_asked():
    shape = (8, 40, 56)
    labels = ramps(shape)
    image = np.zeros(shape, np.float32)
    drawn = augment(
        image, labels, only(elastic=Elastic(jitter_px=4, spacing_px=16)), np.random.default_rng(0)
    )
    np.testing.assert_array_equal(drawn.labels[0][drawn.inside], labels[0][drawn.inside])
    for axis in (1, 2):  # rows and columns both move, by different amounts in different sections
        moved = (drawn.labels[axis] - labels[axis])[drawn.inside]
        assert moved.std() > 1
    through = only(elastic=Elastic(jitter_px=1, jitter_sections=1, spacing_px=16))
    drawn = augment(image, labels, through, np.random.default_rng(0))
    assert (drawn.labels[0] != labels[0])[drawn.inside].mean() > 0.2


def test_sections_share_one_field_when_the_grid_has_no_sections():
    shape = (4, 40, 56)
    drawn = augment(
        np.zeros(shape, np.float32), ramps(shape), only(elastic=Elastic(jitter_px=4, spacing_sections=0)),
        np.random.default_rng(0),
    )  # fmt: skip
    assert (drawn.labels[1:] == drawn.labels[1:, :1]).all()


def test_smoothed_noise_moves_rows_and_columns_by_the_stated_amount_and_never_sections():
    size = (96, 160)
    fields = np.array([smoothed_noise(size, 2.0, 0.07, np.random.default_rng(s)) for s in range(30)])
    inner = fields[:, :, 30:-30, 30:-30]
    expected = expected_rms(size, 2.0, 0.07)
    for axis in (0, 1):
        assert inner[:, axis].std() == pytest.approx(expected, rel=0.15)
    shape = (3, *size)
    drawn = augment(
        np.zeros(shape, np.float32),
        ramps(shape),
        only(smooth_noise=SmoothNoise(alpha=4)),
        np.random.default_rng(0),
    )
    np.testing.assert_array_equal(drawn.labels[0][drawn.inside], ramps(shape)[0][drawn.inside])
    assert (drawn.labels[2] != ramps(shape)[2]).mean() > 0.3


def test_coarsely_drawn_noise_is_like_that_of_the_full_grid():
    size, alpha, sigma = (64, 64), 2.0, 0.2  # sigma 12.8 pixels: drawn on every third pixel
    coarse = np.array([smoothed_noise(size, alpha, sigma, np.random.default_rng(s)) for s in range(200)])
    rng = np.random.default_rng(0)
    full = np.array([
        ndi.gaussian_filter(rng.uniform(-1, 1, (2, *size)), (0, 12.8, 12.8), mode="reflect") * alpha * 64
        for _ in range(200)
    ])  # fmt: skip
    assert coarse[:, :, 20:44, 20:44].std() == pytest.approx(full[:, :, 20:44, 20:44].std(), rel=0.1)


# ---------------------------------------------------------------- closed forms


def test_an_affine_sample_is_what_scikit_image_draws():
    rng = np.random.default_rng(2)
    image = ndi.gaussian_filter(rng.normal(size=(70, 90)), 2).astype(np.float32)
    settings = Affine(rotation_deg=40, scale=1.2, aspect=1.2, shear=0.1)
    drawn = augment(image, None, only(affine=settings), np.random.default_rng(7))
    again = np.random.default_rng(7)
    again.random()
    matrix = draw_matrix(settings, again)
    # ours maps (y, x) about the centre, theirs (x, y) from the corner
    swapped = np.eye(3)
    swapped[:2, :2] = matrix[::-1, ::-1]
    centre = np.array([89 / 2, 69 / 2])
    to, back = AffineTransform(translation=-centre), AffineTransform(translation=centre)
    expected = warp(image, to + AffineTransform(swapped) + back, order=1, mode="reflect", preserve_range=True)
    np.testing.assert_allclose(drawn.image[drawn.inside[0]], expected[drawn.inside[0]], atol=1e-4)


def test_what_a_translation_brings_in_from_beyond_the_border_is_mirrored():
    image = np.random.default_rng(0).normal(size=(1, 40, 52)).astype(np.float32)
    settings = Affine(rotation_deg=0, scale=1, translate_px=15)
    moved = set()
    for seed in range(8):
        drawn = augment(image, image, only(affine=settings), np.random.default_rng(seed), outside=7)
        by = drawn.places.at[:, 0, 0, 0] - Places.still(1, (40, 52)).at[:, 0, 0, 0]
        assert np.abs(by).max() <= 15
        at = np.indices((40, 52)) + by[:, None, None]
        np.testing.assert_allclose(
            drawn.image[0], ndi.map_coordinates(image[0], at, order=1, mode="mirror"), atol=1e-4
        )
        beyond = ~drawn.inside[0]
        assert (drawn.labels[0][beyond] == 7).all()  # an image of the tissue, and no lesson
        moved.add(bool(beyond.any()))
    assert True in moved


def test_a_rotation_by_a_right_angle_is_exact():
    image = np.arange(25.0).reshape(1, 5, 5)
    places = Places.still(1, (5, 5)).mapped(rotation(np.pi / 2))
    y, x = np.rint(places.at[:, 0] + 2).astype(int)
    np.testing.assert_array_equal(image[0][y, x], np.rot90(image[0], -1))


def test_a_piecewise_affine_mesh_goes_through_its_corners_and_is_linear_between():
    corners = np.random.default_rng(0).normal(size=(2, 3, 4))
    field = mesh_field(corners, (41, 61))
    np.testing.assert_allclose(field[:, ::20, ::20], corners, atol=1e-5)
    middle = field[:, 10, 10]  # on the diagonal of the first cell
    np.testing.assert_allclose(middle, (corners[:, 0, 0] + corners[:, 1, 1]) / 2, atol=1e-5)
    assert np.abs(np.diff(field, 2, axis=1)[:, 1:17, 0]).max() < 1e-5


def test_pincushion_moves_corners_by_the_stated_share_and_the_centre_not():
    still = Places.still(1, (41, 61))
    moved = pincushion(still, Pincushion(amount=0.2), np.random.default_rng(0)).at / np.where(
        still.at == 0, 1, still.at
    )
    share = moved[0, 0, 0, 0] - 1
    assert 0 < abs(share) <= 0.2
    np.testing.assert_allclose(moved[:, 0, (0, 0, -1, -1), (0, -1, 0, -1)], 1 + share, atol=1e-5)
    assert np.abs(moved[:, 0, 19:22, 29:32][:, [0, 2]][:, :, [0, 2]] - 1).max() < 0.001


def test_perspective_keeps_straight_lines_straight():
    moved = perspective(Places.still(1, (41, 61)), Perspective(slant=0.3), np.random.default_rng(1)).at[:, 0]
    for line in (moved[:, 0], moved[:, :, 5], np.stack([np.diagonal(m) for m in moved])):
        a, b, c = line[:, 0], line[:, 7], line[:, -1]
        (ay, ax), (by, bx) = b - a, c - a
        assert abs(ay * bx - ax * by) < 1e-2


# ---------------------------------------------------------------- sections as a whole


def test_a_slip_takes_nothing_away_from_the_shift_before_it():
    settings = Slip(per_section_slip=0.3, per_section_shift=0.3, max_misalign_px=5, max_total_px=500)
    rng = np.random.default_rng(0)
    offsets = draw_offsets(400, settings, rng)
    again = np.random.default_rng(0)
    steps = again.integers(-5, 6, (2, 400, 2))
    number = again.random(400)
    slipped, shifted = number < 0.3, (number >= 0.3) & (number < 0.6)
    base = offsets - steps[0] * slipped[:, None]
    np.testing.assert_array_equal(np.diff(base, axis=0), (steps[1] * shifted[:, None])[1:])
    assert np.issubdtype(offsets.dtype, np.integer)


def test_a_slip_moves_one_section_and_a_shift_all_that_follow():
    shape = (12, 40, 40)
    only_slips = Slip(per_section_slip=0.4, per_section_shift=0, max_misalign_px=3)
    drawn = augment(
        np.zeros(shape, np.float32), ramps(shape), only(slip=only_slips), np.random.default_rng(4)
    )
    offset = drawn.labels[1:, :, 20, 20] - 20
    struck = (offset != 0).any(0)
    assert 0 < struck.sum() < 11
    only_shifts = Slip(per_section_slip=0, per_section_shift=0.25, max_misalign_px=3)
    drawn = augment(
        np.zeros(shape, np.float32), ramps(shape), only(slip=only_shifts), np.random.default_rng(6)
    )
    offset = drawn.labels[1:, :, 20, 20] - 20
    steps = (np.diff(offset, axis=1) != 0).any(0)
    assert 0 < steps.sum() < 8
    assert (offset[:, -1] != 0).any()


def test_dropped_sections_are_gone_and_the_rest_stay_in_order():
    image = np.repeat(np.arange(14, dtype=np.float32)[:, None, None], 8, 1).repeat(8, 2)
    gaps = set()
    for seed in range(30):
        drawn = augment(
            image, image.astype(int), only(drop=Drop(probability=1, sections=2)), np.random.default_rng(seed),
            size=(10, 8, 8),
        )  # fmt: skip
        shown = drawn.labels[:, 0, 0]
        np.testing.assert_array_equal(drawn.image[:, 0, 0], shown)
        assert (np.diff(shown) > 0).all()
        gaps.add(int(shown[-1] - shown[0] - 9))
    assert gaps == {1, 2}


def test_without_spare_sections_none_is_dropped():
    image = np.zeros((5, 8, 8), np.float32)
    drawn = augment(image, None, only(drop=Drop(probability=1)), np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.places.sections, np.arange(5))
