"""A cracked section: two parts, where they belong, the gap filled, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.injuries import crack, draw_displacement
from napari_emseg.preprocess.affine import apply, estimate_affine, inverse, pull
from napari_emseg.preprocess.cracks import Crack, cracks_as_text, find_crack, locate, read_cracks, split
from napari_emseg.preprocess.mending import fill_gap, mend, mend_labels, unmend

AFFINE = np.array([[1.01, 0.02, 5.0], [-0.015, 0.99, -6.0]])


@pytest.fixture(scope="module")
def sections():
    return make_phantom((3, 256, 256), seed=2).image


@pytest.fixture(scope="module")
def cracked(sections):
    rng = np.random.default_rng(3)
    where = draw_displacement(rng, (256, 256), 18, -1)
    return crack(rng, sections[1], where), where


@pytest.fixture(scope="module")
def found(sections, cracked):
    return locate(cracked[0], 1, [sections[0], sections[2]])


def test_two_parts_that_do_not_overlap_and_hold_the_tissue(cracked, found):
    band = cracked[1].band
    assert int(found.parts.max()) == 2
    assert (found.parts[~band] > 0).mean() >= 0.985
    away = ~ndi.binary_dilation(band, iterations=2)  # a rim of a pixel or two is left to the crack
    assert (found.parts[away] > 0).mean() >= 0.998
    assert (found.parts[band] == 0).mean() >= 0.98
    assert (found.parts == 1).sum() >= (found.parts == 2).sum()


def test_the_edge_of_a_crack_does_not_reach_into_a_pale_cell():
    """Its grain was brighter than half-way between the crack and the tissue of the whole section."""
    sections = make_phantom((3, 256, 256), seed=5).image
    rng = np.random.default_rng(3)
    where = draw_displacement(rng, (256, 256), 18, -1)
    found = locate(crack(rng, sections[1], where), 1, [sections[0], sections[2]])
    away = ~ndi.binary_dilation(where.band, iterations=2)
    assert (found.parts[away] > 0).mean() >= 0.99


def test_a_whole_section_has_no_crack(sections):
    assert find_crack(sections[1], [sections[0], sections[2]]) is None
    assert locate(sections[1], 1, [sections[0]]) is None
    with pytest.raises(EmsegError, match="does not divide"):
        split(np.zeros((20, 20), bool))


def test_a_dark_crack_is_found_too(sections):
    section = sections[1].copy()
    section[100:112] = 5
    parts = split(find_crack(section, [sections[0], sections[2]]))
    assert set(np.unique(parts[:90])) == {2}
    assert set(np.unique(parts[122:])) == {1}


def test_a_known_affine_is_found_to_a_pixel(sections):
    moving = pull(sections[1], AFFINE, order=1, fill=128)  # what is at p here lay at AFFINE p
    part = np.zeros(moving.shape, bool)
    part[30:230, 40:150] = True
    estimated = estimate_affine(moving, part, sections[1])
    points = np.argwhere(part).astype(float)
    assert np.hypot(*(apply(estimated, points) - apply(AFFINE, points)).T).max() < 1
    assert np.allclose(apply(inverse(AFFINE), apply(AFFINE, points)), points)


def blobs(shape, keep_out):
    labels = np.zeros(shape, np.uint32)
    y, x = np.indices(shape)
    rng = np.random.default_rng(0)
    for n in range(1, 60):
        cy, cx, r = rng.uniform(20, shape[0] - 20), rng.uniform(20, shape[1] - 20), rng.uniform(7, 14)
        disc = np.hypot(y - cy, x - cx) < r
        if not (keep_out[disc].any() or labels[disc].any()):
            labels[disc] = n
    return labels


def test_labels_there_and_back(found):
    labels = blobs(found.parts.shape, found.crack)
    assert len(np.unique(labels)) > 10
    back = unmend(mend_labels(labels, found), found, labels=True)
    dice = 2 * ((back == labels) & (labels > 0)).sum() / ((labels > 0).sum() + (back > 0).sum())
    assert dice >= 0.98
    assert not back[found.crack].any()
    assert set(np.unique(back)) <= set(np.unique(labels))  # ids are never mixed


def test_nothing_that_was_predicted_in_the_filled_gap_comes_back(found):
    everywhere = np.ones(found.parts.shape, np.float32)
    back = unmend(everywhere, found, labels=False)
    assert (back[found.crack] == 0).all()
    gap = mend_labels(np.where(found.parts > 0, 1, 0).astype(np.uint32), found) == 0
    only_gap = np.where(gap, 255, 0).astype(np.uint8)
    assert (unmend(only_gap, found, labels=False) > 127).mean() < 0.01


def test_mended_it_looks_more_like_what_was_there(sections, cracked, found):
    mended = mend(cracked[0], found, sections[0], sections[2])
    assert mended.dtype == np.uint8

    def error(image):
        return np.square(image.astype(float) - sections[1]).mean()

    assert error(mended) < 0.5 * error(cracked[0])


def test_the_filled_band_beats_the_mean_of_the_neighbours(sections):
    band = np.zeros((256, 256), bool)
    band[:, 110:130] = True
    hidden = np.where(band, 0, sections[1]).astype(np.float32)
    filled = fill_gap(hidden, ~band, sections[0], sections[2])
    mean = (sections[0].astype(float) + sections[2]) / 2

    def psnr(image):
        return 10 * np.log10(255**2 / np.square(image[band] - sections[1][band]).mean())

    assert psnr(filled) > psnr(mean)


def test_overlapping_parts_do_not_add_up():
    """Two parts that come to lie on each other are blended, where their sum would be white."""
    parts = np.ones((60, 60), np.uint8)
    parts[30:] = 2
    toward = np.array([[1.0, 0, 8], [0, 1, 0]])
    away = np.array([[1.0, 0, 0], [0, 1, 0]])
    one = Crack(0, parts, (toward, away))
    assert mend(np.full((60, 60), 180, np.uint8), one, None, None)[10:].max() == 180


def test_the_record_survives_being_written(found):
    (again,) = read_cracks(cracks_as_text([found]), "r.json")
    assert again.section == 1
    assert np.array_equal(again.parts, found.parts)
    assert all(np.array_equal(a, b) for a, b in zip(again.affines, found.affines, strict=True))
    for text in ("", "{}", "[1]", '{"format": "napari-emseg cracks", "cracks": [{"section": 1}]}'):
        with pytest.raises(EmsegError, match="no record of cracks"):
            read_cracks(text, "r.json")
