"""Elastic alignment: its inverse, its estimate on tissue that was bent on purpose, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom.warps import draw_warps, warped
from napari_emseg.preprocess.alignment import Alignment
from napari_emseg.preprocess.elastic import (
    STEEPEST,
    Warp,
    nodes_of,
    read_warp,
    steepness,
    tempered,
    unwarp_points,
    unwarp_section,
    warp_as_bytes,
    warp_points,
    warp_section,
)
from napari_emseg.preprocess.elastic_estimate import estimate_warp
from napari_emseg.preprocess.shift_table import ShiftTable


def some_warp(shape=(3, 90, 120), spacing=24, size_px=6.0, seed=0):
    rng = np.random.default_rng(seed)
    nodes = size_px * rng.standard_normal((shape[0], 2, *nodes_of(shape[1:], spacing)))
    return Warp(tempered(nodes.astype(np.float32), spacing), spacing, shape[1:])


def smooth(shape, seed=0):
    rough = gaussian_filter(np.random.default_rng(seed).normal(size=shape), [0] * (len(shape) - 2) + [3, 3])
    return np.clip(128 + 45 * rough / rough.std(), 1, 255).astype(np.uint8)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**16), size=st.floats(0, 40), spacing=st.integers(8, 60),
    shape=st.tuples(st.integers(1, 3), st.integers(2, 150), st.integers(2, 150)),
)  # fmt: skip
def test_points_come_back_however_strong_the_field(seed, size, spacing, shape):
    warp = some_warp(shape, spacing, size, seed)
    assert warp.steepest <= STEEPEST * 1.001
    rng = np.random.default_rng(seed)
    points = np.column_stack([rng.uniform(-1, shape[0] + 1, 200), rng.uniform(-30, 200, (200, 2))])
    there = warp_points(points, warp)
    assert np.abs(unwarp_points(there, warp) - points).max() <= 1e-5
    assert np.abs(warp_points(unwarp_points(points, warp), warp) - points).max() <= 1e-5
    assert np.array_equal(there[:, 0], points[:, 0])


def test_a_pixel_shows_what_lay_where_the_field_says():
    warp = some_warp()
    y, x = np.indices((90, 120), dtype=float)
    for ramp, axis in ((y, 0), (x, 1)):
        found = warp_section((ramp * 100 + 1000).astype(np.uint16), 1, warp)
        origin = warp.origin_of(1, np.stack([y, x]))
        inside = np.all([(o > 1) & (o < n - 2) for o, n in zip(origin, (90, 120), strict=True)], axis=0)
        assert np.abs(found[inside] - (origin[axis][inside] * 100 + 1000)).max() <= 1
        assert inside.mean() > 0.8


def test_an_image_comes_back_blurred_a_little_and_in_its_place():
    warp, image = some_warp(), smooth((90, 120))
    back = unwarp_section(warp_section(image, 2, warp), 2, warp)
    inner = (slice(15, -15), slice(15, -15))
    assert np.abs(back[inner].astype(int) - image[inner]).mean() < 1.5


def test_labels_change_only_along_their_borders_and_keep_all_64_bits():
    big = np.uint64(2**60 + 1)
    labels = np.where(smooth((90, 120), 4) > 128, big, np.uint64(7))
    warp = some_warp()
    there = warp_section(labels, 0, warp, labels=True)
    assert set(np.unique(there)) <= {0, 7, int(big)}
    back = unwarp_section(there, 0, warp, labels=True)
    differs = back != labels
    differs[:15] = differs[-15:] = differs[:, :15] = differs[:, -15:] = False
    border = np.zeros(labels.shape, bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            border |= np.roll(labels, (dy, dx), (0, 1)) != labels
    assert not (differs & ~border).any()
    assert differs.mean() < 0.03


def test_no_displacement_changes_nothing():
    warp = Warp(np.zeros((1, 2, *nodes_of((50, 70), 16)), np.float32), 16, (50, 70))
    image = smooth((50, 70))
    assert np.array_equal(warp_section(image, 0, warp), image)
    assert np.array_equal(unwarp_section(image, 0, warp, labels=True), image)


def test_fields_that_fold_tissue_are_refused_and_tempered_ones_are_not():
    nodes = np.zeros((1, 2, *nodes_of((64, 64), 16)), np.float32)
    nodes[0, 1, 2, 2] = 30
    assert steepness(nodes, 16) > 1
    with pytest.raises(EmsegError, match="from one pixel to the next"):
        Warp(nodes, 16, (64, 64))
    assert Warp(tempered(nodes, 16), 16, (64, 64)).steepest <= STEEPEST * 1.001
    with pytest.raises(EmsegError, match="do not cover"):
        Warp(nodes[..., :-1], 16, (64, 64))
    nodes[:] = np.nan
    with pytest.raises(EmsegError, match="not a number"):
        Warp(nodes, 16, (64, 64))


def test_a_warp_is_written_and_read():
    warp = some_warp()
    again = read_warp(warp_as_bytes(warp), "here")
    assert np.array_equal(again.nodes, warp.nodes)
    assert (again.spacing_px, again.shape) == (warp.spacing_px, warp.shape)


@pytest.mark.parametrize("content", [b"", b"nothing", warp_as_bytes(some_warp())[:200]])
def test_other_files_are_refused(content):
    with pytest.raises(EmsegError, match="no elastic alignment"):
        read_warp(content, "fields.npz")


def true_error(warp, fields):
    """What is left of known displacements, (z, 2, y, x), without the rim."""
    from scipy.ndimage import map_coordinates

    grid = np.indices(fields.shape[2:], dtype=float)
    left = []
    for z, field in enumerate(fields):
        origin = warp.origin_of(z, grid)
        left.append(origin - grid + [map_coordinates(f, origin, order=1, mode="nearest") for f in field])
    return np.stack(left)[:, :, 24:-24, 24:-24]


def between_neighbours(error):
    return float(np.median(np.hypot(*np.diff(error, axis=0).transpose(1, 0, 2, 3))))


def test_known_bending_is_found():
    still = np.repeat(smooth((1, 256, 256)), 8, axis=0)
    fields = draw_warps(np.random.default_rng(1), still.shape, sigma_px=3, length_px=60)
    bent = warped(still, fields)
    warp = estimate_warp(lambda z: bent[z], len(bent))
    before, after = (
        between_neighbours(fields[:, :, 24:-24, 24:-24]),
        between_neighbours(true_error(warp, fields)),
    )
    assert before > 3
    assert after < 0.3 * before


def test_what_runs_obliquely_stays_oblique():
    wide = smooth((400, 400))
    drift = np.stack([wide[3 * z : 3 * z + 256, 2 * z : 2 * z + 256] for z in range(12)])
    warp = estimate_warp(lambda z: drift[z], len(drift))
    middle = np.hypot(*warp.nodes.transpose(1, 0, 2, 3))
    assert np.median(middle) < 0.5


def test_a_bad_section_spoils_nothing():
    still = np.repeat(smooth((1, 192, 192)), 7, axis=0)
    still[3] = np.random.default_rng(0).integers(1, 255, (192, 192))
    warp = estimate_warp(lambda z: still[z], 7, excluded={3})
    assert warp.largest_px < 0.5
    unnamed = estimate_warp(
        lambda z: still[z], 7
    )  # a bad section that nobody has named moves, its neighbours a little
    assert np.abs(unnamed.nodes[[0, 1, 2, 4, 5, 6]]).max() < 3


@pytest.mark.parametrize("shape", [(1, 128, 128), (2, 20, 300), (3, 40, 40)])
def test_small_stacks_are_taken_as_they_are(shape):
    stack = smooth(shape)
    warp = estimate_warp(lambda z: stack[z], len(stack))
    assert warp.shape == shape[1:]
    assert len(warp) == shape[0]
    with pytest.raises(EmsegError, match="no sections"):
        estimate_warp(lambda z: stack[z], 0)


def test_shifts_and_bending_together_there_and_back():
    table = ShiftTable.of([[0, 0], [-7, 4], [3, 9]], margin=5)
    alignment = Alignment(table, some_warp((3, *table.canvas((80, 70)))))
    points = np.random.default_rng(0).uniform(0, 70, (500, 3)) * [0.04, 1, 1]
    assert np.abs(alignment.points_back(alignment.points_forward(points)) - points).max() < 1e-3
    labels = (np.indices((80, 70)).sum(0) // 30 + 1).astype(np.uint32)
    back = alignment.back(alignment.forward(labels, 1, labels=True), 1, labels=True)
    assert back.shape == labels.shape
    assert (back == labels)[15:-15, 15:-15].mean() > 0.95
    with pytest.raises(EmsegError, match="is for 3 sections"):
        alignment.check((3, 81, 70), "fields.npz")
