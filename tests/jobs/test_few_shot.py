"""What travels to the worker when a person clicks in the window."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import read_card
from napari_emseg.core.normalisation import Normalisation
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import few_shot
from napari_emseg.jobs.few_shot import Click
from napari_emseg.nn.checkpoint import build, load_model, save_model

SILENT = SimpleNamespace(report=lambda *a, **v: None, partial=lambda part: None)
CLICKS = (Click(1, 30, 40, True), Click(2, 24, 24, False))


@pytest.fixture
def chosen(session, model):
    session.model = str(model)
    return session


def test_only_what_is_needed_travels(chosen) -> None:
    request = few_shot.prepare_region(chosen, CLICKS, Region((3, 10, 20), (4, 60, 120)))
    assert sorted(request.stack.data) == [0, 1, 2, 3], "the sections and their neighbours"
    assert request.stack.shape == (4, 96, 160)
    assert request.sections == (3,)
    for z, section in request.stack.data.items():
        np.testing.assert_array_equal(section, np.asarray(chosen.image.data[z]))
        assert request.stack.statistics(z) == chosen.image.statistics(z)


def test_the_answer_is_that_of_the_whole_stack(chosen) -> None:
    """Here the box is all of the sections, so that a cut-out may change nothing."""
    region = Region((1, 10, 20), (2, 60, 120))
    found = few_shot.run(few_shot.prepare_region(chosen, CLICKS, region), SILENT)
    whole = few_shot.run(few_shot.prepare(chosen.image, CLICKS, [1], chosen.model), SILENT)
    assert found.shape == (1, 50, 100)
    np.testing.assert_allclose(found, whole[region.slices[0].start - 1 :, 10:60, 20:120], atol=1e-6)


def test_what_is_too_far_apart_is_refused(chosen, monkeypatch) -> None:
    monkeypatch.setattr(few_shot, "_MOST_PX", 1000)
    with pytest.raises(EmsegError, match="too far apart"):
        few_shot.prepare_region(chosen, CLICKS, Region((1, 10, 20), (2, 60, 120)))


def test_both_kinds_of_clicks_are_needed(chosen) -> None:
    with pytest.raises(EmsegError, match="no click outside"):
        few_shot.prepare_region(chosen, CLICKS[:1], Region((1, 10, 20), (2, 60, 120)))


class Torn:
    """Section 2 cannot be decoded."""

    def __init__(self, data) -> None:
        self.data, self.shape, self.dtype = data, data.shape, data.dtype

    def __getitem__(self, key):
        first = key[0] if isinstance(key, tuple) else key
        looked_at = range(self.shape[0])[first]
        if 2 in (looked_at if isinstance(looked_at, range) else [looked_at]):
            raise EmsegError("the section cannot be decoded", "2.png", "copy or export it again")
        return self.data[key]


BESIDE = Region((1, 10, 20), (2, 60, 120))
IN_ONE = (Click(1, 30, 40, True), Click(1, 24, 24, False))


def tear(session) -> None:
    session.image = ImageStack(
        Torn(np.asarray(session.image.data)), session.image.spacing_nm, "file", "torn", ""
    )


def test_an_excluded_neighbour_is_not_looked_at(chosen) -> None:
    before = few_shot.run(few_shot.prepare_region(chosen, IN_ONE, BESIDE), SILENT)
    chosen.mark(2, Status.EXCLUDED, "fold")
    request = few_shot.prepare_region(chosen, IN_ONE, BESIDE)
    assert sorted(request.stack.data) == [0, 1]
    without = few_shot.run(request, SILENT)
    assert not np.array_equal(before, without)
    chosen.image.data[2] = 0
    again = few_shot.run(few_shot.prepare_region(chosen, IN_ONE, BESIDE), SILENT)
    np.testing.assert_array_equal(without, again)


def test_beside_a_damaged_section_it_works_once_that_is_left_out(chosen) -> None:
    tear(chosen)
    with pytest.raises(EmsegError, match="or exclude section 2"):
        few_shot.prepare_region(chosen, IN_ONE, BESIDE)
    chosen.mark(2, Status.EXCLUDED, "missing")
    found = few_shot.run(few_shot.prepare_region(chosen, IN_ONE, BESIDE), SILENT)
    assert found.shape == (1, 50, 100)
    assert np.isfinite(found).all()


def test_clicks_that_nobody_can_look_at_any_more_are_not_used(chosen) -> None:
    tear(chosen)
    chosen.mark(2, Status.EXCLUDED, "missing")
    lost = Click(2, 30, 40, True)
    request = few_shot.prepare_region(chosen, (*IN_ONE, lost), BESIDE)
    assert len(request.clicks) == 2
    with pytest.raises(EmsegError, match="no click on"):
        few_shot.prepare_region(chosen, (lost, IN_ONE[1]), BESIDE)
    with pytest.raises(EmsegError, match=r"2\.png"):  # a damaged section itself cannot be answered
        few_shot.prepare_region(chosen, IN_ONE, Region((2, 10, 20), (3, 60, 120)))


def test_sections_are_resampled_to_the_pixels_that_the_model_knows(chosen) -> None:
    """A smooth texture with pixels of half the size, and clicks at the same places: the answer is that of the texture itself."""
    rough = np.random.default_rng(0).normal(size=(3, 192, 320))
    smooth = ndi.gaussian_filter(rough, (0, 8, 8)).astype(np.float32)
    fine = ImageStack(smooth, (50.0, 2.3, 2.3), "file", "fine", "")
    plain = ImageStack(smooth.reshape(3, 96, 2, 160, 2).mean((2, 4)), (50.0, 4.6, 4.6), "file", "plain", "")
    clicks = [Click(c.z, 2 * c.y, 2 * c.x, c.inside) for c in CLICKS]
    found = few_shot.run(few_shot.prepare(fine, clicks, [1], chosen.model), SILENT)
    wanted = few_shot.run(few_shot.prepare(plain, CLICKS, [1], chosen.model), SILENT)
    assert found.shape == (1, *fine.shape[1:])
    middles = found.reshape(96, 2, 160, 2).mean((1, 3))
    assert np.abs(middles - wanted[0]).mean() < 0.02
    far = replace(fine, spacing_nm=(50.0, 4600.0, 4600.0))
    with pytest.raises(EmsegError, match="too far from"):
        few_shot.run(few_shot.prepare(far, clicks, [1], chosen.model), SILENT)


def test_sections_are_normalised_as_the_model_knows_them(image, model, tmp_path) -> None:
    same = replace(image, data=np.repeat(np.asarray(image.data[:1]), 3, 0))
    mean, std = same.statistics(0)
    network, card = load_model(model)

    def found(rule: Normalisation):
        save_model(
            tmp_path / "model", network.state_dict(), card.model_copy(update={"normalisation": rule.text})
        )
        return few_shot.run(few_shot.prepare(same, CLICKS, [1], tmp_path / "model"), SILENT)

    plain = found(Normalisation())
    np.testing.assert_allclose(found(Normalisation(kind="fixed", mean=mean, std=std)), plain, atol=1e-5)
    assert not np.allclose(found(Normalisation(kind="fixed", mean=mean + 90, std=std)), plain, atol=0.05)


def test_a_model_of_blocks_is_refused_in_words(image, model, tmp_path) -> None:
    card = read_card(model).model_copy(
        update={"architecture": "unet_3d", "arguments": {"width": 4, "depth": 2, "sections": 1, "targets": 2}}
    )
    blocks = card.model_copy(update={"depth": 2})
    save_model(tmp_path / "blocks", build(blocks).state_dict(), blocks)
    with pytest.raises(EmsegError, match="no features to compare"):
        few_shot.run(few_shot.prepare(image, CLICKS, [1], tmp_path / "blocks"), SILENT)
