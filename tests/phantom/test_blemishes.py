"""Blemishes spoil the picture as they say, and truth follows where tissue moves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom.blemishes import BLEMISHES, IN_PLACE, blemish
from napari_emseg.phantom.warps import draw_warps, warped


@pytest.fixture(scope="module")
def section():
    from scipy.ndimage import gaussian_filter

    rough = gaussian_filter(np.random.default_rng(0).normal(size=(150, 190)), 2)
    return np.clip(140 + 40 * rough / rough.std(), 20, 240).astype(np.uint8)


@pytest.mark.parametrize("kind", BLEMISHES)
def test_each_kind_changes_the_picture_and_nothing_given(section, kind):
    before = section.copy()
    truth = section < 110
    spoiled, followed, hidden = blemish(section, truth, kind, np.random.default_rng(1))
    assert hidden.shape == section.shape
    assert bool(hidden.any()) == (kind in ("band missing", "stained", "fold"))
    assert spoiled.shape == section.shape
    assert spoiled.dtype == np.uint8
    assert np.array_equal(section, before)
    assert np.abs(spoiled.astype(int) - section).mean() > 2
    assert np.array_equal(followed, truth) == (kind in IN_PLACE)
    again = blemish(section, truth, kind, np.random.default_rng(1))
    assert np.array_equal(again.section, spoiled)


def test_truth_follows_the_tissue_over_a_fold(section):
    shown, followed, hidden = blemish(section, section < 110, "fold", np.random.default_rng(2), width_px=12)
    darker = (shown < 110) == followed
    assert darker[~hidden].all()  # all but the fold itself
    assert 0.02 < hidden.mean() < 0.15


@pytest.mark.parametrize("kind", ["band missing", "stained"])
def test_what_is_hidden_cannot_be_known_and_what_is_seen_is_as_it_was(section, kind):
    """Under a band or dirt another section would look the same; elsewhere the tissue is there, but for a soft rim."""
    other = 255 - section
    one, two = (blemish(s, s < 110, kind, np.random.default_rng(4)) for s in (section, other))
    assert np.array_equal(one.hidden, two.hidden)
    core = ndi.binary_erosion(one.hidden, iterations=2)
    assert core.any()
    assert (one.section[core] == two.section[core]).mean() > 0.98
    far = ~ndi.binary_dilation(one.hidden, iterations=3)
    assert np.array_equal(one.section[far], section[far])


def test_kinds_are_what_they_are_called(section):
    rng = np.random.default_rng(3)
    torn, *_ = blemish(section, section > 0, "band missing", rng)
    gone = np.abs(torn.astype(int) - section) > 0
    assert 0.005 < gone.mean() < 0.15
    pale, *_ = blemish(section, section > 0, "low contrast", rng)
    assert pale.std() < 0.35 * section.std()
    uneven, *_ = blemish(section, section > 0, "uneven light", rng)
    halves = [a.mean() for way in (0, 1) for a in np.array_split(uneven, 2, axis=way)]
    assert max(halves) > 1.2 * min(halves)
    with pytest.raises(EmsegError, match="choose of"):
        blemish(section, section > 0, "eaten", rng)


def test_warps_have_the_strength_asked_for_and_are_applied_as_recorded():
    fields = draw_warps(np.random.default_rng(0), (3, 80, 100), sigma_px=2.5, length_px=30)
    assert fields.std(axis=(2, 3)) == pytest.approx(2.5, rel=1e-3)
    assert np.abs(fields.mean(axis=(2, 3))).max() < 1e-3
    assert np.abs(np.diff(fields, axis=3)).max() < 0.5
    ramp = np.broadcast_to(np.arange(100, dtype=np.uint8) * 2, (3, 80, 100))
    shown = warped(np.ascontiguousarray(ramp), fields)
    inner = slice(12, -12)
    wanted = 2 * (np.arange(100) + fields[:, 1])
    assert np.abs(shown[..., inner] - wanted[..., inner]).max() <= 1
