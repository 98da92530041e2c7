"""Views that would read too much are coarse, and cannot be painted meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_emseg.core.volume import LabelVolume
from napari_emseg.ui import volume_layer
from napari_emseg.ui.volume_layer import VolumeLabels, coarse_view

SHAPE = (40, 1100, 600)


@pytest.fixture
def volume() -> LabelVolume:
    volume = LabelVolume.create(None, SHAPE, (30.0, 4.0, 4.0))
    volume[8:16, 400:700, 100:300] = 5
    volume.end_stroke()
    return volume


@pytest.fixture
def shown(volume: LabelVolume, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(volume_layer, "MOST_VOXELS_3D", 40 * 275 * 150)
    monkeypatch.setattr(volume_layer, "MOST_SECTIONS_ACROSS", 10)
    viewer = ViewerModel()
    layer = VolumeLabels(volume, multiscale=False, scale=(30.0, 4.0, 4.0))
    viewer.add_layer(layer)
    viewer.dims.set_point(0, 10 * 30.0)
    return viewer, layer


def test_a_section_is_shown_as_it_is(shown: Any) -> None:
    _, layer = shown
    assert (layer.is_coarse, layer.editable, layer._slice.image.raw.shape) == (False, True, SHAPE[1:])
    layer.mode = "paint"
    layer.paint((10, 50, 50), 9)
    assert layer.data[10, 50, 50] == 9
    assert layer.get_value((300.0, 2000.0, 800.0), world=True) == 5


def test_a_view_in_3d_is_coarse_in_the_section_first(shown: Any) -> None:
    viewer, layer = shown
    full = np.asarray(layer.data)
    viewer.dims.ndisplay = 3
    assert (layer.is_coarse, layer.editable) == (True, False)
    np.testing.assert_array_equal(layer._slice.image.raw, full[:, ::4, ::4])
    np.testing.assert_array_equal(layer._transforms["tile2data"].scale, [1, 4, 4])
    viewer.dims.ndisplay = 2
    assert (layer.is_coarse, layer.editable) == (False, True)


def test_across_a_deep_stack_sections_are_left_out(shown: Any) -> None:
    viewer, layer = shown
    full = np.asarray(layer.data)
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_point(1, 500 * 4.0)
    assert (layer.is_coarse, layer.editable) == (True, False)
    np.testing.assert_array_equal(layer._slice.image.raw, full[::4, 500])
    assert layer.get_value((300.0, 2000.0, 800.0), world=True) == 5


def test_small_stacks_are_never_coarse(volume: LabelVolume) -> None:
    assert coarse_view(volume, [0, 1, 2]) is None
    assert coarse_view(volume, [0, 2]) is None
    assert coarse_view(volume, [1, 2]) is None


def test_a_huge_stack_is_not_read() -> None:
    huge = LabelVolume.create(None, (100_000, 30_000, 30_000), (30.0, 4.0, 4.0))
    view = coarse_view(huge, [0, 1, 2])
    assert view is not None
    assert 2**20 < view.size <= volume_layer.MOST_VOXELS_3D


def test_a_coarse_view_says_so_and_leads_back(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_emseg.core.errors import EmsegError
    from napari_emseg.ui.flows.proofreading import new_object, paint_with
    from napari_emseg.ui.notes import notes

    monkeypatch.setattr(volume_layer, "MOST_SECTIONS_ACROSS", 2)
    assert not any("coarsely" in note.text for note in notes(desk))
    told = []
    desk.state_changed.connect(lambda: told.append(1))
    desk.viewer.dims.order = (1, 0, 2)
    assert told
    (note,) = (note for note in notes(desk) if "coarsely" in note.text)
    for refused in (new_object, lambda d: paint_with(d, "paint")):
        with pytest.raises(EmsegError, match="cannot be painted") as error:
            refused(desk)
        assert error.value.action == note.action
    desk.do(note.action)
    assert tuple(desk.viewer.dims.order) == (0, 1, 2)
    paint_with(desk, "paint")
    assert str(desk.layers.labels.mode) == "paint"


def test_a_dab_of_the_brush_reads_no_other_section(shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, layer = shown
    layer.mode = "paint"
    read = []
    inner = LabelVolume.read
    monkeypatch.setattr(LabelVolume, "read", lambda self, region: read.append(region) or inner(self, region))
    layer.paint((10, 50, 50), 9)
    assert {z for region in read for z in range(region.start[0], region.stop[0])} == {10}
    assert max(region.shape[1] * region.shape[2] for region in read) < 100 * 100
    with pytest.raises(ValueError, match="4294967296"):
        layer.paint((10, 50, 50), 2**32)


def test_colours_of_a_large_section_are_those_of_napari_in_little_memory(shown: Any) -> None:
    import tracemalloc

    from napari.layers import Labels

    _, layer = shown
    raw = np.kron(np.arange(400, dtype=np.uint32).reshape(20, 20) * 7919, np.ones((75, 80), np.uint32))
    raw[300:900] = 0
    layer.selected_label = int(raw[-1, -1])
    for selected, contour in ((False, 0), (True, 0), (False, 2)):
        layer.show_selected_label, layer.contour = selected, contour
        wanted = Labels._raw_to_displayed(layer, raw)
        np.testing.assert_array_equal(layer._raw_to_displayed(raw), wanted)
        assert layer._raw_to_displayed(raw).dtype == wanted.dtype
    layer.show_selected_label, layer.contour = False, 0
    tracemalloc.start()
    layer._raw_to_displayed(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < raw.nbytes


@pytest.mark.parametrize("z", [-2, 41])
def test_nothing_is_painted_where_the_volume_has_no_section(shown: Any, z: int) -> None:
    """Before the first one, napari counts from the end: section 38 was painted, and nobody saw it."""
    viewer, layer = shown
    viewer.add_image(np.zeros((60, 8, 8), np.uint8), scale=(30.0, 4.0, 4.0), translate=(-300.0, 0.0, 0.0))
    viewer.dims.set_point(0, z * 30.0)
    layer.paint((z, 50, 50), 9)
    layer.fill((z, 50, 50), 9)
    layer.paint_polygon([(z, 20, 20), (z, 20, 60), (z, 60, 20)], 9)
    assert not (layer.data[:] == 9).any()
    viewer.dims.set_point(0, 39 * 30.0)
    layer.fill((39, 50, 50), 9)
    assert (layer.data[39] == 9).all()
