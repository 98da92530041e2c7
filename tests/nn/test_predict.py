"""A model gives the same numbers however it is asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_emseg.algorithms.tiling import Block, needed
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import WEIGHTS, ModelCard
from napari_emseg.core.stack import section_statistics
from napari_emseg.nn.checkpoint import build, load_model, save_model
from napari_emseg.nn.device import choose_device
from napari_emseg.nn.predict import Predictor, predict_volume
from napari_emseg.nn.views import VIEWS, mean_over_views
from napari_emseg.settings import PredictSettings

SMALL = PredictSettings(tile=64, halo=32, device="cpu")
SPACING = (50.0, 4.6, 4.6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained model of two targets: what it says means nothing, but it must always say the same."""
    path = tmp_path_factory.mktemp("model")
    card = ModelCard(
        name="toy",
        architecture="space_unet",
        arguments={"sections": 3, "targets": 2, "widths": [8, 16], "head": 4},
        targets=("membrane", "cleft"),
        pixel_size_nm=4.6,
        pixel_size_range_nm=(3.2, 6.5),
        context_sections=1,
    )
    torch.manual_seed(0)
    save_model(path, build(card).state_dict(), card)
    return path


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 255, (4, 150, 190)).astype(np.uint8)


def test_a_region_equals_the_same_voxels_of_the_whole(folder, image):
    predictor = Predictor(folder, "cpu")
    whole = predict_volume(image, predictor, spacing_nm=SPACING, settings=SMALL)
    assert whole.shape == (2, 4, 150, 190)
    assert 0 <= whole.min() < whole.max() <= 1
    region = Region((1, 30, 70), (3, 100, 190))
    part = needed(region, image.shape, 64, 32, 1)
    block = Block(image[part.slices], part.start, image.shape)
    found = predict_volume(
        block,
        predictor,
        spacing_nm=SPACING,
        region=region,
        settings=SMALL,
        statistics=lambda z: section_statistics(image[z]),
    )
    np.testing.assert_array_equal(found, whole[(slice(None), *region.slices)])


def test_tiles_come_one_by_one_and_make_up_the_answer(folder, image):
    region = Region((2, 10, 10), (3, 140, 100))
    out = np.full((1, *region.shape), np.nan, np.float32)

    def put(tile, values):
        place = tuple(
            slice(a - o, b - o) for a, b, o in zip(tile.start, tile.stop, region.start, strict=True)
        )
        out[(slice(None), *place)] = values

    answer = predict_volume(
        image,
        Predictor(folder, "cpu"),
        spacing_nm=SPACING,
        region=region,
        targets=["cleft"],
        settings=SMALL,
        on_tile=put,
    )
    np.testing.assert_array_equal(out, answer)


def test_an_excluded_neighbour_is_never_looked_at(folder, image):
    predictor = Predictor(folder, "cpu")
    region = Region((1, 0, 0), (2, 64, 64))
    spoilt = image.copy()
    spoilt[2] = 0
    kwargs = {"spacing_nm": SPACING, "region": region, "settings": SMALL}
    plain, ruined = (predict_volume(i, predictor, **kwargs) for i in (image, spoilt))
    assert not np.array_equal(plain, ruined)
    one, two = (predict_volume(i, predictor, skip=frozenset({2}), **kwargs) for i in (image, spoilt))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("spacing", [(50, 9.2, 9.2), (50, 2.3, 2.3)])
def test_another_pixel_size_is_resampled_and_keeps_the_shape(folder, spacing):
    """At half or twice the size, a smooth image gives nearly what it gives at the model's own size."""
    y, x = np.indices((192, 192)) / 192
    smooth = ((np.sin(8 * y) + np.cos(9 * x)) * 60 + 128).astype(np.uint8)[None]
    predictor = Predictor(folder, "cpu")
    factor = spacing[1] / 4.6
    assert predictor.zoom(spacing) == pytest.approx(factor)
    found = predict_volume(smooth, predictor, spacing_nm=spacing, settings=SMALL)
    assert found.shape == (2, 1, 192, 192)
    assert np.isfinite(found).all()


def test_unknown_voxel_size_counts_as_the_models(folder):
    assert Predictor(folder, "cpu").zoom(None) == 1


def test_a_target_that_the_model_lacks_is_named(folder, image):
    with pytest.raises(EmsegError, match=r"does not predict nucleus, toy, it predicts membrane, cleft"):
        predict_volume(image, Predictor(folder, "cpu"), spacing_nm=SPACING, targets=["nucleus"])


def test_nan_pixels_do_not_spread(folder):
    image = np.random.default_rng(0).normal(size=(1, 64, 64)).astype(np.float32)
    image[0, :4, :4] = np.nan
    assert np.isfinite(
        predict_volume(image, Predictor(folder, "cpu"), spacing_nm=SPACING, settings=SMALL)
    ).all()


@pytest.mark.parametrize("views", sorted(VIEWS))
def test_each_view_is_taken_back_exactly(views):
    block = torch.arange(3 * 5 * 7, dtype=torch.float32).reshape(1, 3, 5, 7)
    for view in VIEWS[views]:
        middle = view.inverse(view.forward(block)[:, 1:2])
        assert torch.equal(middle, block[:, 1:2])


def test_sixteen_views_are_sixteen():
    block = torch.rand(1, 3, 4, 4)
    assert len({view.forward(block).numpy().tobytes() for view in VIEWS["16"]}) == 16


def test_the_mean_over_views_of_an_equivariant_network_is_its_single_answer():
    block = torch.rand(1, 3, 6, 10)
    one, many = (mean_over_views(lambda b: b[:, 1:2], block, v) for v in ("none", "16"))
    torch.testing.assert_close(one, many)


def test_a_device_that_is_not_here_is_refused():
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(EmsegError, match="no such device on this machine, cuda, choose auto or one of: cpu"):
        choose_device("cuda")


@pytest.mark.parametrize("wish", ["cuda:7", "cuda:", "cuda:x", "cpu:1", "xpu"])
def test_a_card_that_is_not_here_is_refused_at_once(wish, monkeypatch):
    """Stand-in for a machine with two graphics cards; torch itself says so when the first tensor goes there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(EmsegError, match=f"{wish}, choose auto or one of: cpu, cuda:0, cuda:1$"):
        choose_device(wish)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert choose_device("cuda").type == choose_device().type == "cuda"
    assert choose_device("cpu:0").type == "cpu"


def test_out_of_memory_leads_to_smaller_tiles_and_then_to_the_cpu(folder, image, monkeypatch):
    """Stand-in for a graphics card: every window above 100 pixels, then every window at all, is too large."""
    predictor = Predictor(folder, "cpu")
    whole = predict_volume(image, predictor, spacing_nm=SPACING, settings=PredictSettings(tile=128, halo=32))
    fits, real = 130, predictor._window

    def window(block, halo, views, zoom, smallest_px):
        if predictor.device.type != "cpu" and block.shape[1] > fits:
            raise torch.OutOfMemoryError
        return real(block, halo, views, zoom, smallest_px)

    monkeypatch.setattr(predictor, "_window", window)
    monkeypatch.setattr(predictor, "device", torch.device("mps"))
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: torch.enable_grad())
    fits = 0
    found = predict_volume(image, predictor, spacing_nm=SPACING, settings=PredictSettings(tile=128, halo=32))
    assert any("on the CPU" in note for note in predictor.notes)
    assert any("smaller tiles" in note for note in predictor.notes)
    assert np.abs(found - whole).max() < 0.2  # the margins of smaller tiles differ a little


def test_broken_weights_are_refused_in_a_sentence(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:-100])
    with pytest.raises(EmsegError, match="the weights cannot be read"):
        load_model(tmp_path)
