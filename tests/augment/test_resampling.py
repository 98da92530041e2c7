"""Reading a stack at places: against scipy, labels never mixed, borders mirrored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_emseg.augment.places import Places
from napari_emseg.augment.resampling import Reading, mirrored, read


@pytest.mark.parametrize("shape", [(20, 33), (1, 12), (9, 1), (2, 2)])
def test_linear_reading_is_scipys(shape):
    rng = np.random.default_rng(0)
    section = rng.normal(size=shape).astype(np.float32)
    places = rng.uniform(-15, 45, (2, 25, 31)).astype(np.float32)
    expected = ndi.map_coordinates(section, places, order=1, mode="mirror")
    np.testing.assert_allclose(Reading.at(places, shape).linear(section), expected, atol=2e-5)


def test_cubic_reading_is_scipys_and_labels_are_never_mixed():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 40, 50)).astype(np.float32)
    labels = rng.choice([3, 900], (1, 1, 40, 50))
    places = Places.still(1, (30, 30)).moved_by(rng.normal(0, 1, (2, 1, 30, 30)))
    drawn, known, inside = read(image, labels, places, (19.5, 24.5), interpolation="cubic")
    at = places.at[:, 0] + np.array([19.5, 24.5], np.float32)[:, None, None]
    np.testing.assert_allclose(drawn[0], ndi.map_coordinates(image[0], at, order=3, mode="mirror"), atol=1e-4)
    expected = ndi.map_coordinates(labels[0, 0], at, order=0, mode="mirror")
    np.testing.assert_array_equal(known[0, 0], expected)
    assert inside.all()


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 9), place=st.floats(-40, 40, width=32))
def test_mirrored_places_show_what_numpy_pads(n, place):
    row = np.pad(np.arange(n), 50, mode="reflect") if n > 1 else np.zeros(101, int)
    assert mirrored(np.array([np.rint(place)], np.float32), n)[0] == row[int(np.rint(place)) + 50]


def test_a_constant_image_stays_constant_and_outside_is_said():
    places = Places.still(2, (30, 30))
    drawn, known, inside = read(
        np.full((2, 20, 20), 7, np.float32), np.full((1, 2, 20, 20), 4), places, (9.5, 9.5), outside=99
    )
    assert (drawn == 7).all()
    assert (known[0] == np.where(inside, 4, 99)).all()
    assert inside[:, 5:25, 5:25].all()
    assert inside.sum() == 2 * 20 * 20
