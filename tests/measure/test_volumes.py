"""Sizes and places, counted by hand and on shapes of known volume and surface, the same whatever the blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_emseg.core.errors import EmsegError
from napari_emseg.measure.blocks import block_at, core_size, cores, count_cores
from napari_emseg.measure.directions import directions
from napari_emseg.measure.surfaces import SurfaceTally
from napari_emseg.measure.volumes import VolumeTally

SPACING = (50.0, 4.0, 5.0)


def counted(labels, image=None, size=None, spacing=SPACING):
    volumes, surfaces = VolumeTally(), SurfaceTally(spacing)
    for core in cores(labels.shape, size):
        block = block_at(labels, core, surfaces.margin)
        volumes.add(block, None if image is None else image[core.slices])
        surfaces.add(block)
    rows = volumes.rows(spacing, labels.shape, with_grey=image is not None)
    areas = surfaces.areas_um2(volumes.ids)
    return [{**row, "surface_area_um2": float(a)} for row, a in zip(rows, areas, strict=True)]


def test_a_box_by_hand():
    labels = np.zeros((5, 10, 12), np.uint16)
    labels[1:3, 2:6, 3:9] = 7
    labels[4, 0, 0] = 2
    first, second = counted(labels)
    assert (first["id"], second["id"]) == (2, 7)
    assert second["voxels"] == 2 * 4 * 6
    assert second["volume_um3"] == pytest.approx(48 * 1000e-9, rel=1e-12)
    assert (second["sections"], second["first_section"], second["last_section"]) == (2, 1, 2)
    assert [second[f"centroid_{a}_nm"] for a in "zyx"] == [100.0, 16.0, 30.0]
    assert [second[f"box_{a}_start_px"] for a in "zyx"] == [1, 2, 3]
    assert [second[f"box_{a}_stop_px"] for a in "zyx"] == [3, 6, 9]
    assert (first["touches_edge"], second["touches_edge"]) == (1, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("end", [0, -1])
def test_each_of_the_six_faces_is_an_edge(axis, end):
    labels = np.zeros((5, 6, 7), np.uint8)
    place = [2, 3, 3]
    place[axis] = end
    labels[tuple(place)] = 1
    labels[1:4, 1:5, 1:6][labels[1:4, 1:5, 1:6] == 0] = 2  # all that is not at the edge
    assert [row["touches_edge"] for row in counted(labels)] == [1, 0]


def test_sections_between_are_not_counted():
    labels = np.zeros((6, 4, 4), np.uint8)
    labels[0, 1, 1] = labels[3, 1, 1] = labels[5, 2, 2] = 1
    (row,) = counted(labels)
    assert (row["sections"], row["first_section"], row["last_section"]) == (3, 0, 5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_grey_values(dtype):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, (3, 9, 7)).astype(np.uint32)
    image = rng.integers(0, 256, labels.shape).astype(dtype)
    for row in counted(labels, image, size=(1, 5, 4)):
        inside = image[labels == row["id"]].astype(np.float64)
        assert row["grey_mean"] == pytest.approx(inside.mean(), rel=1e-12)
        assert row["grey_sd"] == pytest.approx(inside.std(), rel=1e-9)


@pytest.mark.parametrize("dtype", [np.int32, np.float64])
def test_the_spread_of_large_values_is_not_lost_in_them(dtype):
    """Values of a billion that differ by one: the square of their mean has no digit left for that."""
    image = (1_000_000_000 + np.arange(60).reshape(3, 4, 5) % 2).astype(dtype)
    (row,) = counted(np.ones((3, 4, 5), np.uint8), image=image)
    assert row["grey_mean"] == 1_000_000_000.5
    assert row["grey_sd"] == pytest.approx(0.5)


def test_large_sixteen_bit_values_lose_nothing():
    labels = np.ones((1, 300, 300), np.uint8)
    image = np.full(labels.shape, 65535, np.uint16)
    image[0, 0, 0] = 65534
    (row,) = counted(labels, image)
    n = labels.size
    assert row["grey_sd"] == pytest.approx(math.sqrt(n - 1) / n, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 11)),
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 11)),
)
def test_blocks_of_any_size_give_the_same_digits(seed, shape, size):
    rng = np.random.default_rng(seed)
    ids = np.array([0, 0, 3, 8, 2**40, 2**62], np.uint64)
    labels = ids[rng.integers(0, ids.size, shape)]
    image = rng.integers(0, 65536, shape).astype(np.uint16)
    assert counted(labels, image, size) == counted(labels, image)


def test_an_empty_volume_has_no_rows():
    assert counted(np.zeros((2, 3, 4), np.uint8)) == []


def test_a_large_section_is_read_in_parts():
    boxes = list(cores((2, 100, 10), voxels=300))
    assert [box.shape for box in boxes] == [(1, 30, 10), (1, 30, 10), (1, 30, 10), (1, 10, 10)] * 2
    assert [box.shape for box in cores((7, 10, 10), voxels=300)] == [(3, 10, 10), (3, 10, 10), (1, 10, 10)]


@pytest.mark.parametrize(
    ("value", "dtype", "what"),
    [
        (np.inf, np.float32, "above 16777216, and float32 cannot tell them apart"),
        (2.0**24 + 2, np.float32, "above 16777216"),
        (1e19, np.float64, "above 9007199254740992"),
        (-np.inf, np.float64, "negative"),
        (np.nan, np.float64, "fractions"),
    ],
)
def test_ids_stored_as_fractions_that_are_no_ids_any_more(value, dtype, what):
    """Two objects of neighbouring ids would be one; and nothing is warned about on the way."""
    labels = np.ones((2, 3, 4), dtype)
    labels[1, 1, 1] = value
    with pytest.raises(EmsegError, match=what):
        block_at(labels, next(iter(cores(labels.shape))), (0, 0, 0))


@given(
    st.tuples(*[st.integers(0, 9)] * 3),
    st.one_of(st.none(), st.tuples(*[st.integers(1, 4)] * 3)),
    st.integers(1, 90),
)
def test_boxes_are_counted_without_a_list_of_them(shape, size, voxels):
    assert count_cores(shape, size, voxels) == len(list(cores(shape, size, voxels)))


def test_boxes_of_whole_chunks_where_these_are_deep():
    """Sections of 4096 x 4096 in chunks of 64 x 64 x 64: whole sections would decode each chunk 64 times."""
    assert core_size((1000, 4096, 4096), chunks=(64, 64, 64)) == (64, 64, 4096)
    assert core_size((1000, 4096, 4096), chunks=(1, 512, 512)) == (1, 4096, 4096)
    assert core_size((1000, 1024, 1024), chunks=(16, 128, 128)) == (16, 1024, 1024)
    assert core_size((30, 4096, 4096), chunks=(64, 64, 64)) == (30, 128, 4096)
    assert core_size((1000, 4096, 4096), chunks=(1000, 4096, 4096)) == (1, 4096, 4096)  # larger than a box
    assert core_size((5, 20, 30), chunks=(64, 64, 64)) == core_size((5, 20, 30))


def test_a_file_that_claims_any_size_is_begun_at_once():
    """A list of 2^36 boxes would fill the memory before the first of them is read."""
    shape = (2**20,) * 3
    assert count_cores(shape) == 2**36
    assert next(iter(cores(shape))).shape == (1, 16, 2**20)


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (np.full((1, 2, 2), 0.5), "fractions"),
        (np.full((1, 2, 2), np.nan), "fractions"),
        (np.full((1, 2, 2), -1), "negative"),
        (np.full((1, 2, 2), 2**63, np.uint64), "2\\^63"),
        (np.full((1, 2, 2), 1j), "no object ids"),
    ],
)
def test_what_is_no_segmentation_is_refused(labels, what):
    with pytest.raises(EmsegError, match=what):
        counted(labels)


def test_the_surface_of_a_sphere_of_cubes_within_half_a_percent(shapes):
    z, y, x = shapes.grid((344, 344, 344), (8.0, 8.0, 8.0))
    (row,) = counted((z**2 + y**2 + x**2 <= 320**2).astype(np.uint8), spacing=(8.0, 8.0, 8.0))
    assert row["surface_area_um2"] == pytest.approx(4 * np.pi * 0.32**2, rel=0.005)


def ellipsoid_area(a, b, c):
    """By Gauss-Legendre integration over the sphere's angles."""
    x, w = np.polynomial.legendre.leggauss(200)
    polar, azimuth = np.pi * (x + 1) / 2, np.pi * (x + 1)
    sin, cos = np.sin(polar)[:, None], np.cos(polar)[:, None]
    part = (b * c * sin * np.cos(azimuth)) ** 2 + (a * c * sin * np.sin(azimuth)) ** 2 + (a * b * cos) ** 2
    return float((sin * np.sqrt(part) * w[:, None] * w).sum() * np.pi / 2 * np.pi)


@pytest.mark.parametrize("spacing", [(30.0, 5.0, 5.0), (50.0, 4.6, 4.6), (10.0, 10.0, 10.0)], ids=str)
@pytest.mark.parametrize("axes", [(300, 300, 300), (400, 200, 150), (150, 300, 200)], ids=str)
@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.5, 0.7, 0.2)], ids=["straight", "turned"])
def test_volume_and_surface_of_ellipsoids(shapes, spacing, axes, turn):
    places = np.stack(np.broadcast_arrays(*shapes.grid((max(axes) + 60,) * 3, spacing)), -1)
    inside = (((places @ Rotation.from_rotvec(turn).as_matrix()) / axes) ** 2).sum(-1) <= 1
    (row,) = counted(inside, spacing=spacing)
    assert row["volume_um3"] * 1e9 == pytest.approx(4 / 3 * np.pi * np.prod(axes), rel=0.03)  # 6 sections
    assert row["surface_area_um2"] * 1e6 == pytest.approx(ellipsoid_area(*axes), rel=0.05)


def test_the_area_of_a_sphere_by_the_same_integral():
    assert ellipsoid_area(2.0, 2.0, 2.0) == pytest.approx(16 * np.pi, rel=1e-9)


def test_the_shares_of_the_thirteen_directions_of_a_cube():
    """Published: 0.04577789, 0.03698062, 0.03519563 of the sphere for one of the two ends of each."""
    found = directions((1.0, 1.0, 1.0))
    wanted = {1: 2 * 0.04577789, 2: 2 * 0.03698062, 3: 2 * 0.03519563}
    for step, share in zip(found.steps, found.share, strict=True):
        assert share == pytest.approx(wanted[int(np.abs(step).sum())], abs=2e-4)
    assert found.share.sum() == pytest.approx(1)


def test_slanting_steps_are_long_where_sections_are_thick():
    steps = directions((50.0, 5.0, 5.0)).steps.tolist()
    assert [1, 10, 0] in steps
    assert [1, 10, -10] in steps
    assert [0, 1, 1] in steps
    assert directions((50.0, 5.0, 5.0)).margin == (1, 10, 10)


def test_the_cut_at_the_edge_of_the_volume_is_no_surface():
    labels = np.ones((4, 8, 8), np.uint8)
    assert counted(labels)[0]["surface_area_um2"] == 0
