"""Damage is recorded as it was done."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom import DefectSettings, Phantom, PhantomSettings, make_phantom

SHAPE = (9, 96, 110)


def damaged(**defects: float) -> Phantom:
    return make_phantom(
        SHAPE, seed=7, settings=PhantomSettings(defects=DefectSettings.model_validate(defects))
    )


@pytest.fixture(scope="module")
def clean() -> Phantom:
    return make_phantom(SHAPE, seed=7)


def test_undoing_the_recorded_shifts_gives_the_still_stack() -> None:
    """A still stack that is larger by the margin (46 nm = 10 px) holds every shifted section at its shift."""
    shifted = damaged(max_shift_nm=46.0)
    still = make_phantom((SHAPE[0], SHAPE[1] + 20, SHAPE[2] + 20), seed=7)
    assert shifted.image.shape == SHAPE
    assert len({tuple(s) for s in shifted.shifts.tolist()}) > 3
    assert np.abs(shifted.shifts).max() <= 10
    for z, (dy, dx) in enumerate(shifted.shifts):
        frame = (z, slice(10 - dy, 10 - dy + SHAPE[1]), slice(10 - dx, 10 - dx + SHAPE[2]))
        for name in ("image", "labels", "membranes", "mitochondria", "clefts"):
            assert np.array_equal(getattr(shifted, name)[z], getattr(still, name)[frame])


def test_partner_points_follow_the_shifts() -> None:
    settings = PhantomSettings(synapses_per_um3=60, defects=DefectSettings(max_shift_nm=46.0))
    shifted = make_phantom(SHAPE, seed=7, settings=settings)
    assert shifted.partners
    for partner in shifted.partners:
        for point, cell in ((partner.pre_point_nm, partner.pre_id), (partner.post_point_nm, partner.post_id)):
            assert (
                shifted.labels[tuple(int(p / s) for p, s in zip(point, shifted.spacing_nm, strict=True))]
                == cell
            )


def test_missing_sections_are_black_and_recorded(clean: Phantom) -> None:
    phantom = damaged(missing=2)
    assert sorted(phantom.bad_sections.values()) == ["missing", "missing"]
    for z in range(SHAPE[0]):
        assert (phantom.image[z] == 0).all() == (z in phantom.bad_sections)
    assert np.array_equal(phantom.labels, clean.labels)


def test_low_contrast_is_recorded(clean: Phantom) -> None:
    phantom = damaged(low_contrast=1)
    (z,) = phantom.bad_sections
    assert phantom.bad_sections[z] == "low contrast"
    assert phantom.image[z].std() < 0.4 * clean.image[z].std()
    others = np.arange(SHAPE[0]) != z
    assert np.array_equal(phantom.image[others], clean.image[others])


def test_a_fold_is_a_dark_band_and_the_truth_moves_with_the_tissue(clean: Phantom) -> None:
    phantom = damaged(folds=1)
    (z,) = phantom.bad_sections
    band = phantom.damaged[z]
    assert phantom.bad_sections[z] == "fold"
    assert 0.02 < band.mean() < 0.6
    assert phantom.image[z][band].mean() < 0.6 * phantom.image[z][~band].mean()
    assert (phantom.labels[z] != clean.labels[z]).any()
    assert phantom.labels[z].min() > 0
    assert (
        phantom.image[z][~band & phantom.membranes[z]].mean()
        < 0.7 * phantom.image[z][~band & ~phantom.membranes[z]].mean()
    )
    assert not phantom.damaged[np.arange(SHAPE[0]) != z].any()


def test_a_crack_is_bright_and_empty() -> None:
    phantom = damaged(cracks=1)
    (z,) = phantom.bad_sections
    crack = phantom.damaged[z]
    assert phantom.bad_sections[z] == "crack"
    assert np.array_equal(phantom.labels[z] == 0, crack)
    assert phantom.image[z][crack].min() > 200
    assert not (phantom.membranes[z] & crack).any()


def test_each_section_has_one_kind_of_damage_and_the_outer_ones_none() -> None:
    phantom = damaged(folds=2, cracks=2, low_contrast=1, missing=1)
    kinds = sorted(phantom.bad_sections.values())
    assert kinds == ["crack", "crack", "fold", "fold", "low contrast", "missing"]
    assert not {0, SHAPE[0] - 1} & set(phantom.bad_sections)


def test_more_damage_than_sections_is_refused() -> None:
    with pytest.raises(EmsegError, match="10 sections cannot be damaged"):
        damaged(missing=10)
