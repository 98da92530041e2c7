"""Calibre of shapes whose diameter is known, however they lie and however thick the sections are."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.measure.calibre import calibre_row
from napari_emseg.measure.profile import NOTHING, profile


@pytest.mark.parametrize("spacing", [(30.0, 4.0, 4.0), (50.0, 4.6, 4.6), (8.0, 8.0, 8.0)], ids=str)
@pytest.mark.parametrize("angle", [0, 30, 60, 75])
def test_a_tilted_cylinder_within_two_percent(shapes, angle, spacing):
    row = calibre_row(profile(shapes.in_space(shapes.tilted(angle, 150.0, spacing), spacing)))
    for name in (
        "calibre_median_nm",
        "calibre_mean_nm",
        "calibre_five_point_mean_nm",
        "minor_axis_median_nm",
    ):
        assert row[name] == pytest.approx(300, rel=0.02), name
    assert row["calibre_min_nm"] == pytest.approx(300, rel=0.02)
    assert row["min_feret_median_nm"] == pytest.approx(300, rel=0.02)
    assert row["length_nm"] == pytest.approx(1500, rel=0.04)
    assert (row["branches"], row["parts"]) == (1, 1)


@pytest.mark.parametrize("spacing", [(30.0, 4.0, 4.0), (50.0, 4.6, 4.6)], ids=str)
@pytest.mark.parametrize("radius", [80.0, 150.0])
def test_a_cylinder_that_lies_in_the_sections_within_five_percent(shapes, radius, spacing):
    row = calibre_row(profile(shapes.in_space(shapes.tilted(90, radius, spacing), spacing)))
    assert row["calibre_median_nm"] == pytest.approx(2 * radius, rel=0.05)
    assert row["calibre_min_nm"] == pytest.approx(2 * radius, rel=0.05)


def test_one_pixel_at_most_from_two_radii(shapes):
    """Straight through the sections, pixels of 8 nm."""
    spacing = (30.0, 8.0, 8.0)
    for radius in (40.0, 100.0, 180.0):
        row = calibre_row(profile(shapes.in_space(shapes.tilted(0, radius, spacing), spacing)))
        for name in ("calibre_median_nm", "calibre_five_point_mean_nm", "calibre_min_nm", "calibre_max_nm"):
            assert abs(row[name] - 2 * radius) <= 8, (radius, name)


@pytest.mark.parametrize("angle", [0, 30, 60])
def test_the_minor_axis_of_an_elliptic_cylinder(shapes, angle):
    """It is what is narrow: neither the area nor the longer axis change it."""
    spacing = (30.0, 4.0, 4.0)
    row = calibre_row(profile(shapes.in_space(shapes.tilted(angle, 200.0, spacing, minor=100.0), spacing)))
    assert row["minor_axis_median_nm"] == pytest.approx(200, rel=0.02)
    assert row["min_feret_median_nm"] == pytest.approx(200, rel=0.03)
    assert row["calibre_median_nm"] == pytest.approx(2 * np.sqrt(200 * 100), rel=0.02)


def test_the_three_widths_of_a_square_bar_and_where_they_are(shapes):
    """192 nm wide. The minor axis is that of an ellipse of the same spread, the calibre that of a disc of the same area."""
    spacing, side = (8.0, 8.0, 8.0), 192.0
    z, y, x = shapes.grid((800, 160, 160), spacing)
    mask = (abs(z) < 700) & (abs(y) < side / 2) & (abs(x) < side / 2)
    found = profile(shapes.in_space(mask, spacing, room=100))
    row = calibre_row(found)
    assert row["min_feret_median_nm"] == pytest.approx(side, rel=0.02)
    assert row["minor_axis_median_nm"] == pytest.approx(side * 2 / np.sqrt(3), rel=0.02)
    assert row["calibre_median_nm"] == pytest.approx(side * 2 / np.sqrt(np.pi), rel=0.02)
    middle = (100 + np.array(mask.shape) / 2) * spacing
    np.testing.assert_allclose(found.place_nm[found.is_measured].mean(0), middle, atol=10)


def test_the_minor_axis_of_what_lies_flat_in_thick_sections(shapes):
    """150 nm high, three sections of 50: their thickness is taken out of the spread across them, or it were 163."""
    spacing = (50.0, 4.6, 4.6)
    z, y, x = shapes.grid((150, 200, 700), spacing)
    found = [
        calibre_row(profile(shapes.in_space(tube & (abs(x) <= 600), spacing)))["minor_axis_median_nm"]
        for tube in (((z + shift) / 75) ** 2 + (y / 150) ** 2 <= 1 for shift in (10, 20))
    ]
    assert np.mean(found) == pytest.approx(150, rel=0.03)


def test_what_is_enclosed_belongs_to_the_calibre(shapes):
    """A mitochondrion with an id of its own leaves a hole."""
    spacing = (30.0, 6.0, 6.0)
    tube = shapes.tilted(30, 150.0, spacing)
    z, y, x = (n // 2 for n in tube.shape)
    tube[z - 3 : z + 3, y - 6 : y + 6, x - 6 : x + 6] = False
    row = calibre_row(profile(shapes.in_space(tube, spacing)))
    assert row["calibre_median_nm"] == pytest.approx(300, rel=0.02)
    assert row["calibre_min_nm"] == pytest.approx(300, rel=0.03)


def test_a_sphere_is_as_thick_as_its_middle(shapes):
    spacing = (20.0, 8.0, 8.0)
    z, y, x = shapes.grid((360, 360, 360), spacing)
    row = calibre_row(profile(shapes.in_space(z**2 + y**2 + x**2 <= 300**2, spacing)))
    assert row["calibre_max_nm"] == pytest.approx(600, rel=0.02)
    assert row["calibre_median_nm"] == pytest.approx(600, rel=0.1)
    assert row["length_nm"] == pytest.approx(600, rel=0.05)


def test_a_neck_is_the_least_calibre(shapes):
    spacing = (30.0, 6.0, 6.0)
    z, y, x = shapes.grid((900, 220, 220), spacing)
    radius = np.where(abs(z) < 200, 70.0, 180.0)
    row = calibre_row(profile(shapes.in_space((y**2 + x**2 <= radius**2) & (abs(z) <= 850), spacing)))
    assert row["calibre_min_nm"] == pytest.approx(140, rel=0.03)
    assert row["calibre_median_nm"] == pytest.approx(360, rel=0.03)
    assert row["calibre_max_nm"] == pytest.approx(360, rel=0.03)


def test_a_branch_is_found_and_forks_are_left_out(shapes):
    """A T: cutting where three tubes meet would give far too much."""
    spacing = (20.0, 8.0, 8.0)
    z, y, x = shapes.grid((800, 140, 1000), spacing)
    stem = (y**2 + x**2 <= 100**2) & (abs(z) <= 760)
    side = (y**2 + z**2 <= 100**2) & (x >= 0) & (x <= 900)
    row = calibre_row(profile(shapes.in_space(stem | side, spacing)))
    assert row["branches"] == 2
    assert row["calibre_median_nm"] == pytest.approx(200, rel=0.03)
    assert row["calibre_max_nm"] < 225
    assert row["length_nm"] == pytest.approx(1520 + 900, rel=0.06)


def test_parts_are_counted_and_all_are_measured(shapes):
    spacing = (30.0, 6.0, 6.0)
    one = shapes.tilted(0, 100.0, spacing, length=900.0)
    both = np.concatenate([one, np.zeros_like(one), one], axis=2)
    row = calibre_row(profile(shapes.in_space(both, spacing)))
    assert (row["parts"], row["branches"]) == (2, 2)
    assert row["calibre_median_nm"] == pytest.approx(200, rel=0.02)
    assert row["length_nm"] == pytest.approx(1800, rel=0.03)


def test_an_object_that_goes_through_a_thin_stack_is_cut_along_the_sections(shapes):
    """Four sections of a wide neurite: its axis leads through them and not along them."""
    spacing = (50.0, 5.0, 5.0)
    _, y, x = shapes.grid((100, 400, 400), spacing)
    disc = np.repeat(y**2 + x**2 <= 300**2, 4, axis=0)[:4]
    row = calibre_row(profile(shapes.filling(np.pad(disc[:, 1:-1, 1:-1], ((0, 0), (9, 9), (9, 9))), spacing)))
    assert row["calibre_median_nm"] == pytest.approx(600, rel=0.01)
    assert row["length_nm"] == pytest.approx(200, rel=0.05)


def test_a_single_section_is_measured_in_itself(shapes):
    spacing = (50.0, 5.0, 5.0)
    disc = np.zeros((1, 100, 120), bool)
    disc[0] = ((np.arange(100)[:, None] - 50) ** 2 + (np.arange(120) - 60) ** 2) <= 30**2
    row = calibre_row(profile(shapes.filling(disc, spacing)))
    assert row["calibre_median_nm"] == pytest.approx(300, rel=0.02)


def test_what_the_edge_cuts_off_is_missing_and_not_zero(shapes):
    """Half of a cylinder outside of the volume all along: no cross-section is whole."""
    spacing = (30.0, 6.0, 6.0)
    tube = shapes.tilted(0, 150.0, spacing)
    tube = tube[:, tube.shape[1] // 2 :]
    row = calibre_row(profile(shapes.filling(tube, spacing)))
    assert row["cross_sections"] == 0
    assert row["calibre_median_nm"] is None
    assert row["calibre_five_point_mean_nm"] is None


def test_cross_sections_at_wanted_steps(shapes):
    spacing = (30.0, 6.0, 6.0)
    crop = shapes.in_space(shapes.tilted(30, 100.0, spacing), spacing)
    found = profile(crop, 200.0)
    assert np.diff(found.along_nm) == pytest.approx(200, rel=0.15)
    assert found.is_measured.sum() < profile(crop, 60.0).is_measured.sum() / 2


def test_an_object_without_an_axis_has_the_same_columns(shapes):
    spacing = (30.0, 6.0, 6.0)
    row = calibre_row(profile(shapes.in_space(shapes.tilted(0, 60.0, spacing, 400.0), spacing)))
    blank = calibre_row(NOTHING)
    assert list(row) == list(blank)
    assert {v for k, v in blank.items() if k.endswith("_nm")} == {None}


def test_one_voxel_does_not_break(shapes):
    row = calibre_row(profile(shapes.in_space(np.ones((1, 1, 1), bool), (50.0, 5.0, 5.0))))
    assert row["parts"] == 1


def test_turning_the_axes_round_changes_nothing(shapes):
    spacing = (8.0, 8.0, 8.0)
    tube = shapes.tilted(35, 120.0, spacing)
    one = calibre_row(profile(shapes.in_space(tube, spacing)))
    other = calibre_row(profile(shapes.in_space(np.ascontiguousarray(tube.transpose(2, 0, 1)), spacing)))
    assert other["calibre_median_nm"] == pytest.approx(one["calibre_median_nm"], rel=0.01)


@pytest.mark.parametrize("angle", [0, 30, 60, 90])
@pytest.mark.parametrize("minor", [150.0, 80.0])
def test_a_cylinder_that_the_volume_cuts_off_at_both_ends(shapes, angle, minor):
    """The usual stack: few thick sections, and everything goes on beyond them."""
    spacing, shape = (50.0, 4.6, 4.6), (16, 110, 512)
    half = [n * s / 2 for n, s in zip(shape, spacing, strict=True)]
    z, y, x = shapes.grid(half, spacing)
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    tube = ((x * cos - z * sin) / 150) ** 2 + (y / minor) ** 2 <= 1
    row = calibre_row(profile(shapes.filling(np.ascontiguousarray(tube), spacing)))
    assert row["calibre_median_nm"] == pytest.approx(2 * np.sqrt(150 * minor), rel=0.02)
    assert row["minor_axis_median_nm"] == pytest.approx(2 * minor, rel=0.02)


def test_specks_do_not_outvote_the_object(shapes):
    """A hundred specks of two voxels around a neurite: parts, but no branches and no calibre of their own."""
    spacing = (30.0, 6.0, 6.0)
    tube = shapes.tilted(0, 150.0, spacing, length=1200.0)
    wide = np.pad(tube, ((0, 0), (60, 60), (60, 60)))
    for k in range(100):
        z, y = divmod(k, 25)
        wide[8 * z + 4, 6 * y + 2, 2:4] = True
    alone = calibre_row(profile(shapes.in_space(np.pad(tube, 60), spacing), 0.0, 100))
    row = calibre_row(profile(shapes.in_space(wide, spacing), 0.0, 100))
    assert (row["parts"], row["branches"]) == (101, 1)
    assert row["calibre_median_nm"] == pytest.approx(300, rel=0.02)
    assert row["calibre_min_nm"] == pytest.approx(alone["calibre_min_nm"], rel=0.02)
    assert row["length_nm"] == pytest.approx(alone["length_nm"], rel=0.02)


def test_an_object_of_specks_alone_is_measured_in_its_largest(shapes):
    mask = np.zeros((4, 20, 20), bool)
    mask[1, 2:4, 2:4] = mask[3, 10, 10] = True
    row = calibre_row(profile(shapes.in_space(mask, (30.0, 6.0, 6.0)), 0.0, 100))
    assert (row["parts"], row["branches"]) == (2, 1)


@pytest.mark.parametrize("spacing", [(50.0, 4.6, 4.6), (16.0, 16.0, 16.0)], ids=str)
@pytest.mark.parametrize("tilt", [0, 50, 85])
def test_square_ends_leave_no_sliver(shapes, spacing, tilt):
    """A beaded neurite of 80 to 280 nm, cut off square: a plane that leans at the end cut 40 nm off."""
    a = np.deg2rad(tilt)
    z, y, x = shapes.grid((900, 900, 900) if tilt > 60 else (900, 500, 900), spacing)
    along = np.cos(a) * (z + 3) + np.sin(a) * (np.cos(0.4) * (y + 1) + np.sin(0.4) * (x + 2))
    across = (z + 3) ** 2 + (y + 1) ** 2 + (x + 2) ** 2 - along**2
    beads = (across <= (90 + 50 * np.cos(2 * np.pi * along / 500)) ** 2) & (abs(along) <= 850)
    row = calibre_row(profile(shapes.in_space(beads, spacing)))
    assert row["calibre_min_nm"] > 70
    assert row["calibre_max_nm"] < 290


def test_two_arms_at_an_acute_angle(shapes):
    """Near the fork a plane across one arm cuts into the other: that gave up to 30 percent too much."""
    spacing, radius = (50.0, 4.6, 4.6), 80.0
    z, y, x = shapes.grid((800, 220, 520), spacing)

    def arm(to):
        d = np.asarray(to) / np.linalg.norm(to)
        along = (z * d[0] + y * d[1] + x * d[2]).clip(0, np.linalg.norm(to))
        return (z - along * d[0]) ** 2 + (y - along * d[1]) ** 2 + (x - along * d[2]) ** 2 <= radius**2

    row = calibre_row(
        profile(shapes.in_space(arm((-700, 0, 0)) | arm((550, 0, 400)) | arm((550, 60, -400)), spacing))
    )
    assert row["branches"] == 2
    assert row["calibre_median_nm"] == pytest.approx(160, rel=0.02)
    assert row["calibre_max_nm"] < 1.13 * 160


@pytest.mark.parametrize("spacing", [(30.0, 6.0, 6.0), (16.0, 16.0, 16.0)], ids=str)
def test_a_ring(shapes, spacing):
    """Its length was a fifth too large: both halves went on through the other."""
    z, y, x = shapes.grid((130, 580, 580), spacing)
    ring = (np.hypot(y, x) - 450) ** 2 + z**2 <= 110**2
    row = calibre_row(profile(shapes.in_space(ring, spacing)))
    assert row["calibre_median_nm"] == pytest.approx(220, rel=0.02)
    assert row["calibre_max_nm"] == pytest.approx(220, rel=0.04)
    assert row["length_nm"] == pytest.approx(2 * np.pi * 450, rel=0.14)
