"""What the edge of the volume cuts off: no sliver passes for a cross-section, and every object says why it has no calibre."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.measure.calibre import CUT_OFF, FORKS_AND_EDGE, ONLY_FORKS, TOO_SMALL, calibre_row
from napari_emseg.measure.cross_section import AT_EDGE, ELSEWHERE, cross_section
from napari_emseg.measure.profile import AT_END, AT_FORK, BESIDE_EDGE, NOTHING, Profile, profile
from napari_emseg.measure.survey import survey
from napari_emseg.measure.table import csv_text, profile_rows
from napari_emseg.settings import MeasureSettings

FINE = ((10.0, 10.0, 10.0), (50, 100, 200))
THICK = ((50.0, 5.0, 5.0), (16, 200, 200))


def endless(stack, radius, direction, through):
    """A cylinder without ends in a small volume: its direction, and a point of its axis in nanometres (z, y, x)."""
    spacing, shape = stack
    d = np.asarray(direction) / np.linalg.norm(direction)
    axes = [(np.arange(n) + 0.5) * s - c for n, s, c in zip(shape, spacing, through, strict=True)]
    g = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    return (g**2).sum(-1) - (g @ d) ** 2 <= radius**2


@pytest.mark.parametrize(
    ("beside", "why_not"),
    [((0, 90, -20), ELSEWHERE), ((0, -20, -90), ELSEWHERE), ((0, 170, 0), ""), ((0, 0, 900), "")],
)
def test_a_cut_that_holds_a_point_of_another_branch_says_so(shapes, beside, why_not):
    """A disc of 120 nm; the points are of other branches, in it, beside it, and outside of the window."""
    crop = shapes.in_space(shapes.tilted(0, 120.0, FINE[0], length=400), FINE[0])
    middle = np.array(crop.mask.shape) * FINE[0] / 2
    cut = cross_section(crop, middle, np.array([1.0, 0, 0]), 300.0, elsewhere=np.array([middle + beside]))
    assert cut.why_not == why_not


def row_of(mask, stack, **settings):
    (row,) = survey(mask.astype(np.uint8), stack[0], MeasureSettings(**settings)).objects
    return row


@pytest.mark.parametrize(
    ("stack", "radius", "direction", "through"),
    [
        (FINE, 74.2, (-0.219, 0.971, -0.094), (49, 13, 424)),
        (THICK, 127.1, (-0.237, 0.914, 0.328), (17, 361, 581)),
        (THICK, 165.1, (-0.353, -0.102, 0.93), (23, 543, 17)),
        (THICK, 121.6, (0.018, 0.0, -1.0), (764, 685, 906)),
        (THICK, 234.9, (0.364, -0.92, -0.146), (54, -33, 554)),
        (THICK, 180.3, (0.346, -0.938, 0.015), (36, -95, 775)),
    ],
)
def test_the_tip_of_what_is_cut_off_lengthwise_is_no_cross_section(stack, radius, direction, through):
    """At its tip a wedge is whole for a plane that leans: that gave calibres of 30 to 70 percent."""
    row = row_of(endless(stack, radius, direction, through), stack)
    if row["calibre_median_nm"] is None:
        assert row["no_calibre_because"] == CUT_OFF
    else:
        assert row["calibre_min_nm"] == pytest.approx(2 * radius, rel=0.1)
    assert row["calibre_at_least_nm"] <= 2 * radius


def test_a_process_that_goes_through_the_volume_is_measured_in_the_middle():
    """Both ends are cut off slantwise; between them cross-sections are whole."""
    row = row_of(endless(FINE, 90.0, (0.3, 0.2, 1.0), (250, 500, 1000)), FINE)
    assert row["calibre_median_nm"] == pytest.approx(180, rel=0.02)
    assert row["calibre_min_nm"] == pytest.approx(180, rel=0.05)
    assert row["no_calibre_because"] is None
    assert row["cross_sections"] >= 10


def test_each_object_says_why_it_has_none():
    labels = np.zeros((20, 60, 60), np.uint16)
    labels[10, 50, 50] = 3  # a speck
    labels[:, :8, :8] = 5  # in the corner of the volume from top to bottom
    labels[2:18, 20:32, 20:32] = 7
    found = survey(labels, (20.0, 10.0, 10.0), MeasureSettings())
    why = {row["id"]: row["no_calibre_because"] for row in found.objects}
    assert why == {3: TOO_SMALL, 5: CUT_OFF, 7: None}
    corner = next(row for row in found.objects if row["id"] == 5)
    assert 50 <= corner["calibre_at_least_nm"] <= 80
    assert set(found.profiles[5].why_not) == {AT_EDGE}
    places = list(profile_rows({5: found.profiles[5]}))
    assert {place["not_measured_because"] for place in places} == {AT_EDGE}
    assert "cut off by the edge" in csv_text(found.objects)


def test_the_reason_names_everything_that_stood_in_the_way():
    def with_reasons(*why):
        n = len(why)
        nan, along = np.full(n, np.nan), np.arange(n) * 10.0
        return Profile(np.zeros((n, 3)), along, np.zeros(n, int), nan, nan, nan, why, (10.0 * n,), 1, 5.0)

    for why, said in (
        ((), TOO_SMALL),
        ((AT_EDGE, AT_END), CUT_OFF),
        ((BESIDE_EDGE,), CUT_OFF),
        ((AT_EDGE, AT_FORK), FORKS_AND_EDGE),
        ((AT_FORK, ELSEWHERE, AT_END), ONLY_FORKS),
    ):
        assert calibre_row(with_reasons(*why))["no_calibre_because"] == said


@pytest.mark.parametrize("spacing", [(50.0, 5.0, 5.0), (10.0, 10.0, 10.0), (30.0, 8.0, 12.0)], ids=str)
def test_at_least_is_the_largest_ball_and_never_more(shapes, spacing):
    z, y, x = shapes.grid((300, 300, 300), spacing)
    ball = z**2 + y**2 + x**2 <= 220**2
    found = profile(shapes.in_space(ball, spacing)).ball_nm
    assert 440 - 2 * np.linalg.norm(spacing) <= found <= 440
    half = profile(shapes.filling(ball[:, ball.shape[1] // 2 :], spacing)).ball_nm
    assert 220 - 2 * np.linalg.norm(spacing) <= half <= 220


def test_one_voxel_holds_a_ball_of_its_narrowest_edge(shapes):
    assert profile(shapes.in_space(np.ones((1, 1, 1), bool), (50.0, 5.0, 8.0))).ball_nm == 5.0
    assert calibre_row(NOTHING)["calibre_at_least_nm"] is None


def test_a_section_of_nothing_between_two_halves(shapes):
    """A missing section: two parts, each measured; no rounding of ends turns into calibre."""
    spacing = (40.0, 5.0, 5.0)
    tube = shapes.tilted(20, 120.0, spacing)
    tube[tube.shape[0] // 2] = False
    row = calibre_row(profile(shapes.in_space(tube, spacing)))
    assert row["parts"] == 2
    assert row["calibre_median_nm"] == pytest.approx(240, rel=0.02)
    assert row["calibre_min_nm"] == pytest.approx(240, rel=0.05)
