"""A small phantom, and whether what it says about itself is true of it."""

from __future__ import annotations

import cc3d
import edt
import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom import Phantom, PhantomSettings, make_phantom, take_census

SHAPE = (8, 200, 220)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    settings = PhantomSettings(synapses_per_um3=15, mitochondria_per_um3=15)
    return make_phantom(SHAPE, seed=2, settings=settings)


def test_shapes_and_types(phantom: Phantom) -> None:
    for name, dtype in (
        ("image", np.uint8), ("labels", np.uint32), ("membranes", np.bool_),
        ("mitochondria", np.uint32), ("clefts", np.uint32), ("damaged", np.bool_),
    ):  # fmt: skip
        array = getattr(phantom, name)
        assert array.shape == SHAPE
        assert array.dtype == dtype
    assert phantom.spacing_nm == (50.0, 4.6, 4.6)
    assert phantom.bad_sections == {}
    assert not phantom.shifts.any()
    assert not phantom.damaged.any()


def test_every_voxel_has_an_id_and_every_id_is_one_object(phantom: Phantom) -> None:
    ids = np.unique(phantom.labels)
    assert np.array_equal(ids, np.arange(1, len(ids) + 1))
    assert len(ids) > 10
    assert cc3d.connected_components(phantom.labels, connectivity=26).max() == len(ids)


def test_touching_ids_have_membrane_between_them(phantom: Phantom) -> None:
    labels, membranes = phantom.labels, phantom.membranes
    for axis in (1, 2):
        a, b = np.moveaxis(labels, axis, 0)[:-1], np.moveaxis(labels, axis, 0)[1:]
        m = np.moveaxis(membranes, axis, 0)
        assert (m[:-1] & m[1:])[a != b].all()


def test_membranes_have_the_given_width(phantom: Phantom) -> None:
    for section, truth in zip(phantom.labels, phantom.membranes, strict=True):
        distance = edt.edt(section, anisotropy=(4.6, 4.6)) - 2.3
        assert np.array_equal(truth, distance < 13.0)
    assert 0.08 < phantom.membranes.mean() < 0.35


def test_membranes_are_dark_and_mitochondria_darker_than_cytoplasm(phantom: Phantom) -> None:
    cytoplasm = ~phantom.membranes & (phantom.mitochondria == 0)
    bright = phantom.image[cytoplasm].mean()
    assert phantom.image[phantom.membranes].mean() < 0.6 * bright
    assert phantom.image[phantom.mitochondria > 0].mean() < 0.75 * bright


def test_neurites_branch_and_end() -> None:
    """Counted in the labels themselves, in the volume of the sample."""
    census = take_census(make_phantom((20, 200, 200), seed=0).labels)
    assert len(census.branching) >= 1
    assert len(census.ending) >= 1
    assert len(census.ids) >= 20


def test_mitochondria_lie_in_one_cell_each_and_are_connected(phantom: Phantom) -> None:
    ids = np.unique(phantom.mitochondria)
    assert len(ids) > 2
    assert np.array_equal(ids, np.arange(len(ids)))
    for i in ids[1:]:
        assert len(np.unique(phantom.labels[phantom.mitochondria == i])) == 1
        assert cc3d.connected_components(phantom.mitochondria == i, connectivity=26).max() == 1
    assert not (phantom.membranes & (phantom.mitochondria > 0)).any()


def test_clefts_lie_between_pre_and_post(phantom: Phantom) -> None:
    clefts = np.unique(phantom.clefts)[1:]
    assert len(clefts) > 2
    assert {p.cleft_id for p in phantom.partners} == set(clefts.tolist())
    for i in clefts:
        mine = [p for p in phantom.partners if p.cleft_id == i]
        (pre,) = {p.pre_id for p in mine}
        posts = {p.post_id for p in mine}
        assert pre not in posts
        assert len(posts) == len(mine)
        cleft = phantom.clefts == i
        assert set(np.unique(phantom.labels[cleft]).tolist()) == {pre} | posts
        assert cc3d.connected_components(cleft, connectivity=26).max() == 1


def test_partner_points_lie_in_their_cells(phantom: Phantom) -> None:
    for partner in phantom.partners:
        for point, cell in ((partner.pre_point_nm, partner.pre_id), (partner.post_point_nm, partner.post_id)):
            voxel = tuple(int(p / s) for p, s in zip(point, phantom.spacing_nm, strict=True))
            assert phantom.labels[voxel] == cell


def test_vesicles_lie_in_presynaptic_cells(phantom: Phantom) -> None:
    assert len(phantom.vesicles_nm) > 20
    voxels = np.floor(phantom.vesicles_nm / phantom.spacing_nm).astype(int)
    assert set(phantom.labels[tuple(voxels.T)].tolist()) <= {p.pre_id for p in phantom.partners}
    assert not phantom.mitochondria[tuple(voxels.T)].any()


def test_same_seed_same_bytes_other_seed_other_bytes() -> None:
    a, b, c = (make_phantom((3, 64, 80), seed=s) for s in (5, 5, 6))
    for name in ("image", "labels", "membranes", "mitochondria", "clefts", "vesicles_nm"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()
    assert a.partners == b.partners
    assert (a.labels != c.labels).any()
    assert (a.image != c.image).mean() > 0.5


def test_the_picture_does_not_change_the_truth() -> None:
    plain = make_phantom((3, 64, 80), seed=5)
    noisy = make_phantom(
        (3, 64, 80), seed=5, settings=PhantomSettings(noise=3, flicker=4, synapses_per_um3=0)
    )
    assert np.array_equal(plain.labels, noisy.labels)
    assert np.array_equal(plain.mitochondria, noisy.mitochondria)
    assert not noisy.clefts.any()
    assert noisy.partners == ()


def test_flicker_changes_brightness_between_sections() -> None:
    def spread(flicker: float) -> float:
        image = make_phantom((6, 96, 96), seed=1, settings=PhantomSettings(flicker=flicker)).image
        return float(image.mean(axis=(1, 2)).std())

    assert spread(5.0) > 3 * spread(0.0)


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [
        ((4, 64, 64), (50.0, 4.6, 4.6)),
        ((1, 33, 47), (40.0, 4.0, 4.0)),
        ((24, 40, 40), (8.0, 8.0, 8.0)),
        ((2, 1, 5), (50.0, 9.0, 9.0)),
    ],
)
def test_any_shape_and_spacing(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> None:
    phantom = make_phantom(shape, spacing, seed=4)
    assert phantom.image.shape == phantom.labels.shape == shape
    assert phantom.labels.min() == 1


def test_glia_can_be_left_out() -> None:
    assert make_phantom((3, 128, 128), seed=3, settings=PhantomSettings(glia=0)).glia == frozenset()
    with_glia = make_phantom((3, 300, 300), seed=3)
    assert with_glia.glia
    assert with_glia.glia <= set(np.unique(with_glia.labels).tolist())
    assert not with_glia.glia & {p.pre_id for p in with_glia.partners}


def test_nonsense_is_refused() -> None:
    with pytest.raises(EmsegError, match="three positive extents"):
        make_phantom((0, 5, 5))
    with pytest.raises(EmsegError, match="three positive extents"):
        make_phantom((3, 5, 5), (50.0, 0.0, 4.0))
