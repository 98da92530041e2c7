"""All measurements of a volume together: two tubes side by side, with a membrane of one pixel between them in half of it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.measure.blocks import block_at, cores
from napari_emseg.measure.calibre import calibre_row
from napari_emseg.measure.masks import MaskStore
from napari_emseg.measure.profile import profile
from napari_emseg.measure.survey import survey
from napari_emseg.measure.table import csv_text
from napari_emseg.settings import MeasureSettings

SPACING = (40.0, 10.0, 10.0)


@pytest.fixture(scope="module")
def volume():
    """Bars of 200 x 200 nm along z (5: x 5..24, 9: x 25..44); below section 20 a pixel of nothing parts them."""
    labels = np.zeros((40, 40, 60), np.uint16)
    labels[:, 10:30, 5:25] = 5
    labels[:, 10:30, 25:45] = 9
    labels[20:, :, 25] = 0
    labels[0, 0, 0] = 3
    return labels


def test_rows_of_everything(volume):
    found = survey(volume, SPACING, MeasureSettings(), image=volume * 10)
    assert [row["id"] for row in found.objects] == [3, 5, 9]
    speck, five, nine = found.objects
    assert speck["voxels"] == 1
    assert speck["calibre_median_nm"] is None
    assert five["grey_mean"] == 50
    assert five["grey_sd"] == 0
    assert five["calibre_median_nm"] == pytest.approx(200 * 2 / np.sqrt(np.pi), rel=0.01)
    assert five["minor_axis_median_nm"] == pytest.approx(200 * 2 / np.sqrt(3), rel=0.01)
    assert five["length_nm"] == pytest.approx(1600, rel=0.02)
    assert five["contact_area_um2"] == nine["contact_area_um2"] == pytest.approx(20 * 20 * 400e-6)
    assert (five["neighbours"], speck["neighbours"]) == (1, 0)
    assert five["calibre_pixel_nm"] == 10
    (pair,) = found.contacts
    assert (pair["id_a"], pair["id_b"]) == (5, 9)
    assert pair["calibre_of_a_nm"] == pytest.approx(five["calibre_median_nm"], rel=0.01)
    assert set(found.profiles) == {5, 9}


class Torn:
    """An image of which some sections cannot be read; it remembers what was asked for."""

    def __init__(self, values, torn):
        self.values, self.torn, self.asked = values, set(torn), []
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, key):
        self.asked.append(range(*key[0].indices(self.shape[0])))
        if self.torn.intersection(self.asked[-1]):
            raise EmsegError("this cannot be read", "section", "restore it")
        return self.values[key]


@pytest.mark.parametrize("block", [None, (7, 40, 33)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_section_of_the_image_that_cannot_be_read_takes_only_its_own_grey_values_along(volume, block, kind):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, volume.shape).astype(kind)
    torn, settings = Torn(image, [0, 12]), MeasureSettings(calibre=False)
    found = survey(volume, SPACING, settings, image=torn, block=block, around_damage=True)
    assert found.unread == (0, 12)
    read = np.ones(len(volume), bool)
    read[[0, 12]] = False
    speck, five, nine = found.objects
    assert speck["grey_mean"] is None
    assert speck["grey_sd"] is None
    for row in (five, nine):
        inside = image[read][volume[read] == row["id"]].astype(np.float64)
        assert row["grey_mean"] == pytest.approx(inside.mean(), rel=1e-9)
        assert row["grey_sd"] == pytest.approx(inside.std(), rel=1e-6)
    plain = survey(volume, SPACING, settings)
    grey = ("grey_mean", "grey_sd")
    assert [{k: v for k, v in row.items() if k not in grey} for row in found.objects] == list(plain.objects)
    with pytest.raises(EmsegError, match="this cannot be read"):
        survey(volume, SPACING, settings, image=torn, block=block)


def test_without_any_section_of_the_image_there_are_no_grey_values(volume):
    torn = Torn(volume, range(len(volume)))
    found = survey(volume, SPACING, MeasureSettings(calibre=False), image=torn, around_damage=True)
    assert found.unread == tuple(range(len(volume)))
    assert "grey_mean" not in found.objects[0]


def test_a_gap_of_one_pixel_is_bridged(volume):
    found = survey(volume, SPACING, MeasureSettings(calibre=False, gap_nm=10))
    assert found.contacts[0]["contact_area_um2"] == pytest.approx(40 * 20 * 400e-6, rel=0.01)


def test_some_objects_only(volume):
    found = survey(volume, SPACING, MeasureSettings(), objects=[9])
    assert [row["id"] for row in found.objects] == [9]
    assert len(found.contacts) == 1
    assert found.contacts[0]["calibre_of_a_nm"] is None
    whole = survey(volume, SPACING, MeasureSettings()).objects[2]
    assert found.objects[0] == whole


def test_blocks_change_nothing(volume):
    one = survey(volume, SPACING, MeasureSettings(gap_nm=10))
    other = survey(volume, SPACING, MeasureSettings(gap_nm=10), block=(3, 17, 23))
    assert one.objects == other.objects
    assert one.contacts == other.contacts


@pytest.mark.parametrize("chunks", [(8, 16, 16), None, ((20, 20), (40,), (60,)), (64, 64, 64)])
def test_how_a_volume_is_stored_changes_nothing(volume, chunks):
    class Stored:
        shape, dtype = volume.shape, volume.dtype

        def __getitem__(self, key):
            return volume[key]

    Stored.chunks = chunks
    settings = MeasureSettings(calibre=False)
    assert survey(Stored(), SPACING, settings).objects == survey(volume, SPACING, settings).objects


def test_parts_that_are_not_wanted_are_left_out(volume):
    found = survey(volume, SPACING, MeasureSettings(calibre=False, contact=False))
    assert not found.contacts
    assert not found.profiles
    assert not any("calibre" in name or "contact" in name for name in found.objects[0])


def test_an_empty_volume_gives_empty_tables():
    found = survey(np.zeros((2, 5, 6), np.uint8), SPACING, MeasureSettings())
    assert found.objects == found.contacts == ()


def test_what_is_not_there_is_refused(volume):
    with pytest.raises(EmsegError, match="no object 4, 7"):
        survey(volume, SPACING, MeasureSettings(), objects=[4, 5, 7])
    with pytest.raises(EmsegError, match="differ in shape"):
        survey(volume, SPACING, MeasureSettings(), image=volume[1:])


def test_it_reports_and_can_be_stopped(volume):
    seen = []

    class Told:
        def report(self, fraction, message="", **values):
            seen.append((fraction, message))
            if message.startswith("calibre of object 9"):
                raise Cancelled

    with pytest.raises(Cancelled):
        survey(volume, SPACING, MeasureSettings(), progress=Told())
    assert [f for f, _ in seen] == sorted(f for f, _ in seen)
    assert any("counting sections 0 to 39" in text for _, text in seen)


def test_crops_are_what_was_in_the_volume(volume):
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 5, (5, 17, 23)).astype(np.uint32)
    store = MaskStore(only=[2, 3])
    for core in cores(labels.shape, (2, 7, 9)):
        store.add(block_at(labels, core, (0, 0, 0)))
    crop = store.crop(3, SPACING, labels.shape)
    np.testing.assert_array_equal(crop.mask, (labels == 3)[crop.region.slices])
    assert crop.mask.sum() == (labels == 3).sum()
    with pytest.raises(KeyError):
        store.crop(1, SPACING, labels.shape)


def test_a_crop_that_is_too_large_gets_coarser_pixels(volume):
    store = MaskStore()
    for core in cores(volume.shape):
        store.add(block_at(volume, core, (0, 0, 0)))
    crop = store.crop(5, SPACING, volume.shape, most_voxels=5000)
    assert crop.spacing_nm == (40.0, 20.0, 20.0)
    assert crop.mask.size <= 5000
    size = np.asarray(crop.region.shape) * crop.spacing_nm
    assert np.all(size >= (1600, 200, 200))
    assert np.all(size <= (1600, 240, 240))
    assert crop.volume_shape == (40, 20, 30)


def test_coarser_pixels_do_not_make_an_object_thicker(shapes):
    """Every pixel that the object touches is too much; half of them are right."""
    spacing = (40.0, 4.0, 4.0)
    tube = np.pad(shapes.tilted(30, 150.0, spacing), 3).astype(np.uint8)
    store = MaskStore()
    for core in cores(tube.shape):
        store.add(block_at(tube, core, (0, 0, 0)))
    fine = store.crop(1, spacing, tube.shape)
    coarse = store.crop(1, spacing, tube.shape, most_voxels=fine.mask.size // 40)
    assert coarse.spacing_nm[2] >= 24
    assert calibre_row(profile(coarse))["calibre_median_nm"] == pytest.approx(300, rel=0.02)


def test_numbers_that_are_none_are_blank_in_a_table():
    assert csv_text([{"id": 1, "a": float("nan"), "b": float("inf")}]) == "id,a,b\n1,,\n"
