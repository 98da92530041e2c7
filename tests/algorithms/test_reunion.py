"""Broken strands of hand-made tubes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_emseg.algorithms.likelihood import network
from napari_emseg.algorithms.propagation import collect, propagate, track
from napari_emseg.algorithms.reunion import N_CLUES, breaks, merged, reunite
from napari_emseg.algorithms.strands import join
from napari_emseg.core.errors import EmsegError
from napari_emseg.settings import PropagateSettings

SETTINGS = PropagateSettings()
SPACING = (50.0, 4.0, 4.0)


def tubes(n: int = 12, hidden: tuple[int, ...] = ()) -> np.ndarray:
    """Twenty discs that stay, of different sizes; the eighth is not seen in the hidden sections."""
    y, x = np.mgrid[:160, :200]
    stack = np.zeros((n, 160, 200), np.uint32)
    for z, section in enumerate(stack):
        for k in range(20):
            row, column = 20 + 40 * (k // 5), 20 + 40 * (k % 5)
            if k == 7 and z in hidden:
                continue
            section[(y - row) ** 2 + (x - column) ** 2 <= (9 + k % 4) ** 2] = k + 1
    return stack


def test_an_object_that_hides_for_one_section_is_found_again() -> None:
    stack = tubes(hidden=(6,))
    result, links = propagate(stack, SETTINGS, SPACING)
    assert result[5, 60, 100] == result[7, 60, 100] > 0
    over = [k for k in links if k.section_b - k.section_a == 2]
    assert [(k.section_a, k.a, k.section_b, k.b, k.kind) for k in over] == [(5, 8, 7, 8, "same")]
    assert 0.5 <= over[0].confidence <= 1
    assert not [k for k in links if k.kind in ("end", "start")]
    assert [k.section_a for k in links] == sorted(k.section_a for k in links)


def test_where_an_object_hides_for_long_nothing_is_joined() -> None:
    result, _ = propagate(tubes(hidden=(4, 5, 6, 7)), SETTINGS, SPACING)
    assert result[3, 60, 100] != result[8, 60, 100]


def test_nothing_is_joined_across_a_gap_that_settings_forbid() -> None:
    stack = tubes()
    stack[5:7] = 0
    narrow = SETTINGS.model_copy(update={"max_gap": 1})
    ids = propagate(stack, narrow, SPACING)[0]
    assert not set(np.unique(ids[:5])) & set(np.unique(ids[7:])) - {0}
    ids = propagate(stack, SETTINGS, SPACING)[0]
    assert set(np.unique(ids[:5])) == set(np.unique(ids[7:]))


def test_no_object_is_found_again_across_sections_that_may_not_be_skipped() -> None:
    stack = tubes(hidden=(6,))
    for most, is_one in ((0, False), (1, True), (2, True)):
        ids, links = propagate(stack, SETTINGS.model_copy(update={"max_gap": most}), SPACING)
        assert (ids[5][stack[5] == 8][0] == ids[7][stack[7] == 8][0]) == is_one
        assert (max(k.section_b - k.section_a for k in links if k.kind == "same") == 2) == is_one


def test_an_object_steps_no_farther_than_settings_allow() -> None:
    stack = tubes(hidden=(6,))
    stack[7:] = np.where(np.roll(stack[7:], 5, axis=2) == 8, 8, np.where(stack[7:] == 8, 0, stack[7:]))
    for most_nm, n_far in ((600.0, 1), (8.0, 0)):  # five pixels are 20 nm, in two sections
        pieces = collect(stack, SETTINGS.model_copy(update={"max_shift_nm": most_nm}), SPACING).pieces()
        found = breaks(pieces, np.unique(join(pieces), return_inverse=True)[1])
        assert (pieces.section[found.v] - pieces.section[found.u] > 1).sum() == n_far


def test_anchors_that_differ_stay_apart() -> None:
    stack = tubes(hidden=(6,))
    other = stack[7].copy()
    other[other == 8] = 99
    anchors = {5: stack[5], 7: other}
    tracks = track(stack, SETTINGS, SPACING, anchors=anchors)
    assert tracks.names[5][8] == 8
    assert tracks.names[7][99] == 99
    assert not [k for k in tracks.links if k.section_b - k.section_a == 2]


def test_a_strand_joins_once_in_a_round_and_clues_fit_the_network() -> None:
    stack = tubes(hidden=(6,))
    pieces = collect(stack, SETTINGS, SPACING).pieces()
    strand = np.unique(join(pieces), return_inverse=True)[1].astype(np.int64)
    found = breaks(pieces, strand)
    assert found.clues.shape == (found.u.size, N_CLUES)
    assert network("reunion").mean.size == N_CLUES
    assert np.isfinite(found.clues).all()
    joined, at = merged(pieces, strand, found, np.zeros(found.u.size))
    assert at.size == 0
    assert joined.tolist() == strand.tolist()
    joined, at = merged(pieces, strand, found, np.ones(found.u.size))
    assert len({int(k) for k in strand[found.u[at]]}) == at.size


def test_clues_follow_the_picture_and_not_how_it_lies() -> None:
    """A drift of all sections that is known, or the axes of a section exchanged, tell nothing about objects."""
    still = collect(tubes(hidden=(6,)), SETTINGS, SPACING).pieces()
    strand = np.unique(join(still), return_inverse=True)[1].astype(np.int64)
    strand = np.where((strand == 2) & (still.section > still.section.min() + 3), strand.max() + 1, strand)
    scatter = np.random.default_rng(0).normal(0, 0.7, still.place.shape)
    still = replace(still, place=still.place + scatter)
    drift = np.array([3.0, -2.0])
    drifting = replace(
        still,
        place=still.place + drift * still.section[:, None],
        move=np.broadcast_to(drift, still.move.shape),
    )
    turned = replace(still, place=still.place[:, ::-1], move=still.move[:, ::-1])
    found = breaks(still, strand)
    assert {1, 2} <= set((still.section[found.v] - still.section[found.u]).tolist())
    for other in (breaks(drifting, strand), breaks(turned, strand)):
        one, two = (np.lexsort((k.v, k.u)) for k in (found, other))
        np.testing.assert_array_equal(other.u[two], found.u[one])
        np.testing.assert_array_equal(other.v[two], found.v[one])
        np.testing.assert_allclose(other.clues[two], found.clues[one], atol=1e-6)


def test_the_edge_of_the_picture_counts_at_either_piece() -> None:
    pieces = collect(tubes(hidden=(6,)), SETTINGS, SPACING).pieces()
    strand = np.unique(join(pieces), return_inverse=True)[1].astype(np.int64)
    inside = breaks(replace(pieces, rim=np.zeros(strand.size)), strand)
    for side in (inside.u, inside.v):
        there = breaks(
            replace(pieces, rim=np.bincount(side[:1], minlength=strand.size).astype(float)), strand
        )
        touched = (inside.u == side[0]) | (inside.v == side[0])
        np.testing.assert_array_equal((there.clues - inside.clues).sum(1), touched)


def test_looks_alone_are_not_believed_so_easily() -> None:
    stack = tubes(hidden=(6,))
    pieces = collect(stack, SETTINGS, SPACING).pieces()
    strand = np.unique(join(pieces), return_inverse=True)[1].astype(np.int64)
    found = breaks(pieces, strand)
    likely = np.full(found.u.size, 0.7)
    assert merged(pieces, strand, found, likely)[1].size > 0
    seen = found.clues.copy()
    seen[:, -1] = 1  # the image tells how both look
    assert merged(pieces, strand, replace(found, clues=seen), likely)[1].size == 0


@pytest.mark.parametrize("shape", [(3, 20, 20), (0, 20, 20)])
def test_without_objects_there_is_nothing_to_join(shape: tuple[int, int, int]) -> None:
    pieces = collect(np.zeros(shape, np.uint32), SETTINGS, SPACING).pieces()
    group, joints = reunite(pieces, join(pieces))
    assert group.size == joints.u.size == 0


def test_greys_of_objects_reach_the_pieces_without_flicker() -> None:
    stack = tubes(3)
    image = np.full(stack.shape, 120.0)
    for k in range(1, 21):
        image[stack == k] = 90 + 6 * ((k * 7) % 11)
    image += np.random.default_rng(0).normal(0, 2, image.shape)
    image[1] = 0.6 * image[1] + 50
    pieces = collect(stack, SETTINGS, SPACING, image=image).pieces()
    greys = pieces.texture[:, 0].reshape(3, 20)
    assert np.abs(greys - greys[0]).max() < 0.2
    assert np.ptp(greys[0]) > 2
    assert np.isnan(collect(stack, SETTINGS, SPACING).pieces().texture).all()


def test_an_image_of_another_shape_is_refused() -> None:
    with pytest.raises(EmsegError, match="the image is"):
        propagate(tubes(3), SETTINGS, SPACING, image=np.zeros((3, 5, 5)))
