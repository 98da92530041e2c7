"""Faces that objects share: exact on slabs in every direction, whatever the blocks; gaps are bridged when asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.measure.blocks import block_at, cores
from napari_emseg.measure.bridge import bridge, gap_between
from napari_emseg.measure.contact import ContactTally, contact_sums

SPACING = (50.0, 4.0, 5.0)
SHAPE = (6, 20, 30)


def touching(labels, gap_nm=0.0, size=None, spacing=SPACING):
    tally = ContactTally(spacing, gap_nm)
    for core in cores(labels.shape, size):
        tally.add(block_at(labels, core, tally.margin, before=tally.before))
    return tally


def slabs(axis, gap=0):
    """Object 3 before object 9 along an axis, some empty voxels between them."""
    labels = np.full(SHAPE, 9, np.uint32)
    middle = SHAPE[axis] // 2
    here = [slice(None)] * 3
    here[axis] = slice(0, middle)
    labels[tuple(here)] = 3
    here[axis] = slice(middle, middle + gap)
    labels[tuple(here)] = 0
    return labels


@pytest.mark.parametrize(
    ("axis", "faces", "face_nm2"), [(0, 20 * 30, 4 * 5), (1, 6 * 30, 50 * 5), (2, 6 * 20, 50 * 4)]
)
def test_two_slabs_share_exactly_their_faces(axis, faces, face_nm2):
    (row,) = touching(slabs(axis)).rows()
    assert (row["id_a"], row["id_b"]) == (3, 9)
    assert row["contact_area_um2"] == pytest.approx(faces * face_nm2 * 1e-6, rel=1e-14)
    assert row["contact_area_smooth_um2"] == pytest.approx(faces * face_nm2 * 1e-6, rel=1e-12)
    assert [row[f"faces_{a}"] for a in "zyx"] == [faces * (axis == k) for k in range(3)]
    wanted = [n * s / 2 for n, s in zip(SHAPE, SPACING, strict=True)]
    assert [row[f"centroid_{a}_nm"] for a in "zyx"] == pytest.approx(wanted)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_across_a_gap_nothing_touches(axis):
    for gap in (1, 2, 3):
        assert touching(slabs(axis, gap)).rows() == []


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("gap", [1, 2])
def test_a_gap_is_bridged_from_its_own_width_on(axis, gap):
    labels, width = slabs(axis, gap), gap * SPACING[axis]
    assert touching(labels, width - 0.1).rows() == []
    (row,) = touching(labels, width).rows()
    (close,) = touching(slabs(axis)).rows()
    assert row["contact_area_um2"] == pytest.approx(close["contact_area_um2"])


def test_a_gap_as_wide_as_the_settings_allow():
    """65 thousand steps to look at: more than 16 bits can number."""
    labels = np.zeros((1, 1, 120), np.uint8)
    labels[..., :4], labels[..., 112:] = 1, 2
    spacing = (50.0, 4.6, 4.6)
    assert touching(labels, 480.0, spacing=spacing).rows() == []  # 108 pixels of 4.6 nm are 496.8
    (row,) = touching(labels, 500.0, spacing=spacing).rows()
    assert row["contact_area_um2"] == pytest.approx(50 * 4.6e-6)


def test_corners_do_not_touch():
    labels = np.zeros((2, 4, 4), np.uint8)
    labels[:, :2, :2], labels[:, 2:, 2:] = 1, 2
    assert touching(labels).rows() == []


def test_a_third_object_between_two_keeps_them_apart():
    labels = np.array([[[1, 5, 2, 2]]], np.uint8)
    pairs = [(row["id_a"], row["id_b"]) for row in touching(labels, 100.0).rows()]
    assert pairs == [(1, 5), (2, 5)]


def test_background_touches_nothing():
    labels = np.zeros((3, 5, 5), np.uint8)
    labels[1, 2, 2] = 1
    assert touching(labels).rows() == []


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 5.0, 9.0, 20.0, 110.0]),
    st.tuples(st.integers(1, 5), st.integers(1, 12), st.integers(1, 14)),
    st.tuples(st.integers(1, 5), st.integers(1, 12), st.integers(1, 14)),
)
def test_blocks_of_any_size_give_the_same_digits(seed, gap_nm, shape, size):
    rng = np.random.default_rng(seed)
    labels = (rng.integers(1, 6, shape) * (rng.random(shape) < 0.4)).astype(np.uint64)
    labels[labels == 5] = 2**40
    one, other = touching(labels, gap_nm), touching(labels, gap_nm, size)
    assert one.rows() == other.rows()
    for pair, places in one.places().items():
        np.testing.assert_array_equal(places, other.places()[pair])


@pytest.mark.parametrize("normal", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (0, 1, 0.5), (0.5, 1, 0.3)], ids=str)
def test_a_slanting_wall(shapes, normal):
    """A ball of two halves: faces are up to 1.7 times too many, their vectors are not."""
    spacing = (40.0, 5.0, 5.0)
    z, y, x = shapes.grid((640, 640, 640), spacing)
    n = np.asarray(normal) / np.linalg.norm(normal)
    half = np.where(z * n[0] + y * n[1] + x * n[2] > 0, 1, 2)
    ball = np.where(z**2 + y**2 + x**2 <= 600**2, half, 0).astype(np.uint8)
    (row,) = touching(ball, spacing=spacing).rows()
    area = np.pi * 0.6**2
    assert row["contact_area_smooth_um2"] == pytest.approx(area, rel=0.04)
    assert row["contact_area_um2"] == pytest.approx(area * np.abs(n).sum(), rel=0.04)


def test_sums_of_an_object():
    labels = np.array([[[1, 5, 2, 2]]], np.uint8)
    rows = touching(labels).rows()
    face = 50 * 4 * 1e-6
    assert contact_sums(rows) == {
        1: (pytest.approx(face), 1),
        5: (pytest.approx(2 * face), 2),
        2: (pytest.approx(face), 1),
    }


def test_the_free_way_between_voxels():
    steps = np.array([[0, 0, 1], [0, 0, 3], [2, 0, 0], [1, 1, 1], [0, 2, 2]])
    wanted = [0, 10, 50, 0, np.hypot(8, 10) / 2]
    np.testing.assert_allclose(gap_between(steps, SPACING), wanted)


def test_how_far_a_bridge_looks():
    assert bridge(0.0, SPACING).steps.tolist() == [[0, 0, 0]]
    assert bridge(5.0, SPACING).reach == (0, 1, 1)
    assert bridge(50.0, SPACING).reach[0] == 1
    assert bridge(49.0, SPACING).reach[0] == 0
