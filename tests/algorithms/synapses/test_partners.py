"""Who synapses onto whom, around one synapse.

A synapse of the fly, drawn by hand.

::

    y
    0  11111111111111111111
       11111111111111111111     1: presynaptic, faces 2 and 3 over the cleft (#)
    30 1111###########11111     2, 3: postsynaptic; they touch each other too
       2222###########33344     4: a neighbour that the cleft does not reach
       22222222223333333344
    60 22222222223333333344 x
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from napari_emseg.algorithms.synapses.partners import find_partners
from napari_emseg.algorithms.synapses.surroundings import Crop, survey_crop
from napari_emseg.settings import SynapseSettings

SPACING = (40.0, 8.0, 8.0)


USUAL = SynapseSettings()
FEW = settings(max_examples=6, deadline=None)


def draw(names=(1, 2, 3, 4)):
    """Cells and cleft; sections 0-8, cleft in 3-5."""
    cells = np.zeros((9, 60, 60), np.int64)
    cells[:, :30] = 1
    cells[:, 30:, :28] = 2
    cells[:, 30:, 28:50] = 3
    cells[:, 30:, 50:] = 4
    cleft = np.zeros(cells.shape, bool)
    cleft[3:6, 28:32, 14:42] = True
    return np.concatenate([[0], np.asarray(names)])[cells], cleft


def sides(cells, cleft, pre, post):
    """Signed map: 1 in the presynaptic, -1 in the postsynaptic cells up to four pixels from the cleft's middle."""
    near = np.zeros(cleft.shape, bool)
    for shift in range(-3, 4):
        near |= np.roll(cleft, shift, 1)
    return (near * (np.isin(cells, pre).astype(np.float32) - np.isin(cells, post))).astype(np.float32)


def crop_of(cells, cleft, signed=None, spacing=SPACING, image=None):
    """A crop as the job makes it."""
    names = [int(n) for n in np.unique(cells) if n > 0]
    number = np.zeros(cells.shape, np.int64)
    for k, name in enumerate(names, 1):
        number[cells == name] = k
    return Crop(cleft, number, tuple(names), spacing, signed, image)


def pairs_of(verdict):
    """Pairs as a set, undirected ones as frozen sets."""
    return {
        (p.pre_id, p.post_id) if p.is_directed else frozenset((p.pre_id, p.post_id)) for p in verdict.pairs
    }


@pytest.fixture
def scene():
    """Cells, cleft, and a map in which 1 is presynaptic to 2 and 3."""
    cells, cleft = draw()
    return cells, cleft, sides(cells, cleft, [1], [2, 3])


def found(cells, cleft, signed=None, how=USUAL, **more):
    return find_partners(crop_of(cells, cleft, signed, **more), how)


def test_one_cell_speaks_to_two(scene):
    verdict = found(*scene)
    assert pairs_of(verdict) == {(1, 2), (1, 3)}
    assert all(0.9 < p.confidence <= 1 for p in verdict.pairs)
    assert verdict.n_unsure >= 1  # 2 and 3 touch at the cleft and are no partners


def test_the_likeliest_pair_comes_first_and_alone_if_wished(scene):
    verdict = found(*scene)
    sure = [p.confidence for p in verdict.pairs]
    assert sure == sorted(sure, reverse=True)
    one = found(*scene, SynapseSettings(partners="one"))
    assert one.pairs == verdict.pairs[:1]
    assert one.n_unsure == verdict.n_unsure + 1


def test_two_cells_speak_to_one():
    cells, cleft = draw()
    assert pairs_of(found(cells, cleft, sides(cells, cleft, [2, 3], [1]))) == {(2, 1), (3, 1)}


@FEW
@given(st.floats(0.25, 1.0), st.floats(0, 0.15), st.integers(0, 2**32 - 1))
def test_the_mirrored_map_turns_every_pair_round(strength, noise, seed):
    cells, cleft = draw()
    signed = sides(cells, cleft, [1], [2, 3]) * np.float32(strength)
    signed += np.random.default_rng(seed).normal(0, noise, signed.shape).astype(np.float32)
    one, other = found(cells, cleft, signed), found(cells, cleft, -signed)
    assert pairs_of(one) == {(1, 2), (1, 3)}
    assert pairs_of(other) == {(b, a) for a, b in pairs_of(one)}
    sure = {(p.pre_id, p.post_id): p.confidence for p in one.pairs}
    for pair in other.pairs:
        assert pair.confidence == pytest.approx(sure[pair.post_id, pair.pre_id], abs=1e-6)


@FEW
@given(st.permutations([3, 70, 2**33, 2**63 + 11]))
def test_ids_and_their_order_mean_nothing(names):
    cells, cleft = draw()
    signed = sides(cells, cleft, [1], [2, 3])
    plain = found(cells, cleft, signed)
    number = dict(zip((1, 2, 3, 4), names, strict=True))
    ranks = {name: k for k, name in enumerate(sorted(names), 1)}
    renamed = np.vectorize(lambda k: ranks[number[k]])(cells)
    crop = replace(crop_of(renamed, cleft, signed), ids=tuple(sorted(names)))
    verdict = find_partners(crop, USUAL)
    assert [(p.pre_id, p.post_id) for p in verdict.pairs] == [
        (number[p.pre_id], number[p.post_id]) for p in plain.pairs
    ]
    assert [p.pre_nm for p in verdict.pairs] == [p.pre_nm for p in plain.pairs]
    assert [p.confidence for p in verdict.pairs] == pytest.approx([p.confidence for p in plain.pairs])


@pytest.mark.parametrize("with_map", [True, False])
@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1, 2)])
def test_mirrored_tissue_has_mirrored_partners(scene, axes, with_map):
    cells, cleft, signed = scene
    signed = signed if with_map else None
    plain = found(cells, cleft, signed)
    turned = found(
        np.flip(cells, axes), np.flip(cleft, axes), None if signed is None else np.flip(signed, axes)
    )
    assert pairs_of(turned) == pairs_of(plain) == {(1, 2), (1, 3)}
    size = np.array(cells.shape) * SPACING
    for pair in plain.pairs:
        other = next(p for p in turned.pairs if p.post_id == pair.post_id)
        for here, there in ((pair.pre_nm, other.pre_nm), (pair.post_nm, other.post_nm)):
            back = [s - t if k in axes else t for k, (s, t) in enumerate(zip(size, there, strict=True))]
            assert (
                np.abs(np.subtract(here, back)).max() <= 40
            )  # between voxels that are as good, one is taken


@FEW
@given(
    st.integers(0, 2), st.booleans(), st.sampled_from([(40.0, 4.0, 4.0), (50.0, 8.0, 8.0), (8.0, 8.0, 8.0)]),
    st.integers(2, 9),
)  # fmt: skip
def test_two_cells_whichever_way_they_lie(axis, forward, spacing, width):
    n = [max(int(400 / s), 8) for s in spacing]
    cells = np.ones(n, np.int64)
    half = n[axis] // 2
    low, high = [slice(None)] * 3, [slice(None)] * 3
    low[axis], high[axis] = slice(half - 1, half), slice(half, half + 1)
    upper = [slice(None)] * 3
    upper[axis] = slice(half, None)
    cells[tuple(upper)] = 2
    cleft = np.zeros(n, bool)
    middle = [
        slice(max(k // 2 - max(int(width * 12 / s), 1), 0), k // 2 + max(int(width * 12 / s), 1))
        for k, s in zip(n, spacing, strict=True)
    ]
    middle[axis] = slice(half - 1, half + 1)
    cleft[tuple(middle)] = True
    signed = cleft * np.where(cells == (1 if forward else 2), 1.0, -1.0).astype(np.float32)
    verdict = find_partners(crop_of(cells, cleft, signed, spacing), SynapseSettings(min_cell_nm3=0))
    assert pairs_of(verdict) == ({(1, 2)} if forward else {(2, 1)})


@pytest.mark.parametrize(
    "cut", [np.s_[3:, :, :], np.s_[:, 26:, :], np.s_[:, :, 20:], np.s_[3:6, 27:34, 14:42]]
)
def test_at_the_border_of_the_volume(scene, cut):
    cells, cleft, signed = (a[cut] for a in scene)
    assert pairs_of(found(cells, cleft, signed, SynapseSettings(min_cell_nm3=0))) == {(1, 2), (1, 3)}


def test_in_one_section(scene):
    cells, cleft, signed = (a[4:5] for a in scene)
    verdict = found(cells, cleft, signed)
    assert pairs_of(verdict) == {(1, 2), (1, 3)}
    assert all(p.pre_nm[0] == 20 for p in verdict.pairs)


def test_background_between_the_cells(scene):
    cells, cleft, signed = scene
    cells = cells.copy()
    cells[:, 27:33] = 0
    verdict = found(cells, cleft, signed)
    assert pairs_of(verdict) == {(1, 2), (1, 3)}
    assert not found(cells, cleft, signed, SynapseSettings(gap_nm=20)).pairs


def test_sites_lie_in_their_cells_near_each_other(scene):
    cells = scene[0]
    for pair in found(*scene).pairs:
        for name, at in ((pair.pre_id, pair.pre_nm), (pair.post_id, pair.post_nm)):
            voxel = tuple((np.asarray(at) / SPACING).astype(int))
            assert cells[voxel] == name
            # Inside the cell and not at its membrane, but no deeper than needed.
            assert 24 <= distance_transform_edt(cells == name, sampling=SPACING)[voxel] <= 48
        assert np.linalg.norm(np.subtract(pair.pre_nm, pair.post_nm)) < 120


def test_a_cell_with_itself(scene):
    _, cleft, signed = scene
    verdict = found(np.full(cleft.shape, 7), cleft, signed)
    assert pairs_of(verdict) == {(7, 7)}
    pair = verdict.pairs[0]
    assert pair.pre_nm[1] < 30 * 8 < pair.post_nm[1]
    # A fainter map changes neither site.
    (fainter,) = found(np.full(cleft.shape, 7), cleft, (0.6 * signed).astype(np.float32)).pairs
    assert (fainter.pre_nm, fainter.post_nm) == (pair.pre_nm, pair.post_nm)


def test_one_side_in_one_cell_is_no_pair(scene):
    _, cleft, signed = scene
    verdict = found(np.full(cleft.shape, 7), cleft, np.abs(signed))
    assert not verdict.pairs
    assert verdict.reason == "only one cell is at it"
    assert found(np.full(cleft.shape, 7), cleft).reason == "only one cell is at it"


def test_nobody_there(scene):
    cells, cleft, signed = scene
    verdict = found(np.zeros_like(cells), cleft, signed)
    assert (verdict.pairs, verdict.reason) == ((), "no cell is at it")


def test_a_map_without_sides_means_no_synapse(scene):
    cells, cleft, signed = scene
    verdict = found(cells, cleft, np.zeros_like(signed))
    assert not verdict.pairs
    assert verdict.reason == "no pair of cells is likely enough"


def test_without_a_map_the_cell_that_faces_all_others_is_presynaptic(scene):
    cells, cleft, _ = scene
    verdict = found(cells, cleft)
    assert pairs_of(verdict) == {(1, 2), (1, 3)}


def test_without_a_map_two_equal_sides_have_no_direction():
    cells, cleft = draw((1, 2, 2, 2))
    verdict = found(cells, cleft)
    assert pairs_of(verdict) == {frozenset((1, 2))}
    assert verdict.pairs[0].direction_probability < 0.75
    assert verdict.pairs[0].confidence == verdict.pairs[0].partner_probability


def test_the_image_tells_a_dense_side_from_a_plain_one():
    cells, cleft = draw((1, 2, 2, 2))
    image = np.full(cells.shape, 180, np.uint8)
    image += np.random.default_rng(0).integers(0, 10, image.shape).astype(np.uint8)
    image[3:6, 21:30, 14:42] = 40
    assert pairs_of(found(cells, cleft, image=image)) == {(1, 2)}
    assert pairs_of(found(cells[:, ::-1], cleft[:, ::-1], image=image[:, ::-1])) == {(1, 2)}


def test_crumbs_are_no_partners(scene):
    cells, cleft, signed = scene
    cells = cells.copy()
    cells[4, 30:33, 20:24] = 9
    assert 9 not in {p.post_id for p in found(cells, cleft, signed).pairs}


def test_every_candidate_has_its_own_clues(scene):
    """Once negatives were looked up with the number of positives."""
    cells, cleft, signed = scene
    crop = crop_of(cells, cleft, signed)
    plain = survey_crop(crop, USUAL)
    assert len(plain.pair_clues) == len(plain.direction_clues) == len(plain.pairs) == len(plain.gap_nm)
    swapped = survey_crop(replace(crop, cells=np.array([0, 4, 3, 2, 1])[crop.cells]), USUAL)
    mirror = {k: 5 - k for k in range(1, 5)}

    def table(survey, name):
        return {
            frozenset(name[int(survey.cells[k])] for k in pair): clues
            for pair, clues in zip(survey.pairs, survey.pair_clues, strict=True)
        }

    one, other = table(plain, {k: k for k in range(1, 5)}), table(swapped, mirror)
    assert one.keys() == other.keys()
    for key, clues in one.items():
        np.testing.assert_allclose(clues, other[key], rtol=1e-6, atol=1e-9)


def test_reach_grows_with_thick_sections(scene):
    """The next section counts even where sections are thicker than the reach."""
    cells = np.ones((4, 40, 40), np.int64)
    cells[2:] = 2
    cleft = np.zeros(cells.shape, bool)
    cleft[1, 10:30, 10:30] = True
    signed = np.zeros(cells.shape, np.float32)
    signed[1, 10:30, 10:30], signed[2, 10:30, 10:30] = 1, -1
    verdict = find_partners(crop_of(cells, cleft, signed, (100.0, 8.0, 8.0)), USUAL)
    assert pairs_of(verdict) == {(1, 2)}
