"""The same id has the same colour for ever, and neighbours in number differ for all eyes."""

from __future__ import annotations

import zlib

import numpy as np

from napari_emseg.core.colours import label_colours
from napari_emseg.ui.colours import label_colormap

DEUTERANOPE = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def test_the_table_is_frozen() -> None:
    colours = np.round(label_colours() * 255).astype(int)
    assert colours.shape == (254, 3)
    assert zlib.crc32(colours.astype(np.uint8).tobytes()) == 1685668430
    assert len({tuple(c) for c in colours.tolist()}) == 254


def test_an_id_has_one_colour_in_every_section_and_type() -> None:
    colormap = label_colormap()
    small, large = colormap.map(np.array([7], np.uint8)), colormap.map(np.array([7], np.uint32))
    np.testing.assert_array_equal(small, large)
    np.testing.assert_allclose(colormap.map(np.uint32(0)), 0)


def test_the_first_ids_differ_for_a_deuteranope() -> None:
    first = label_colours()[:24] ** 2.2
    seen = np.clip(first @ DEUTERANOPE.T, 0, 1)
    distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + np.eye(24)
    assert distance.min() > 0.1
