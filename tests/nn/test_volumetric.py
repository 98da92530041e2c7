"""3D networks are trained and applied like the others: the same voxel always comes from the same block."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_emseg.algorithms.tiling import Block, needed
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import TrainingVolume
from napari_emseg.core.model_card import ModelCard, read_card
from napari_emseg.core.progress import Silent
from napari_emseg.core.stack import ImageStack, section_statistics
from napari_emseg.jobs.predict_stack import PredictedStack
from napari_emseg.nn.checkpoint import build, save_model
from napari_emseg.nn.dataset import Pool
from napari_emseg.nn.predict import Predictor, predict_volume
from napari_emseg.nn.train import train
from napari_emseg.nn.validate import predict_sections
from napari_emseg.nn.volumetric import AsSections, block_sections, block_tiles, mean_over_block_views
from napari_emseg.settings import PredictSettings

SMALL = PredictSettings(tile=64, halo=32, device="cpu", smallest_cell_nm2=0)
SPACING = (50.0, 4.6, 4.6)
NARROW = {"widths": [4, 4, 4, 4, 4]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    card = ModelCard(
        name="blocks",
        architecture="residual_unet_3d",
        arguments={"sections": 1, "targets": 2, **NARROW},
        targets=("membrane", "cleft"),
        pixel_size_nm=4.6,
        pixel_size_range_nm=(3.2, 6.5),
        context_sections=1,
        depth=4,
    )
    torch.manual_seed(0)
    save_model(path, build(card).state_dict(), card)
    return path


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(1, 255, (10, 100, 130)).astype(np.uint8)


@pytest.fixture(scope="module")
def whole(folder, image):
    return predict_volume(image, Predictor(folder, "cpu"), spacing_nm=SPACING, settings=SMALL)


def test_blocks_start_at_multiples_of_their_depth():
    found = block_tiles(Region((3, 0, 0), (9, 64, 64)), (10, 64, 64), 64, 4)
    assert [(t.start[0], t.stop[0]) for t in found] == [(0, 4), (4, 8), (8, 10)]


def test_sections_beyond_the_stack_are_mirrored_and_excluded_ones_stood_in_for():
    assert block_sections(8, 4, 10, 1) == [7, 8, 9, 8, 7, 6]
    assert block_sections(0, 2, 5, 1) == [1, 0, 1, 2]
    assert block_sections(0, 4, 9, 0, frozenset({2})) == [0, 1, 1, 3]
    assert block_sections(0, 2, 1, 2) == [0] * 6


@pytest.mark.parametrize("region", [Region((3, 20, 40), (7, 90, 130)), Region((8, 0, 0), (10, 64, 64))])
def test_a_region_equals_the_same_voxels_of_the_whole(folder, image, whole, region):
    part = needed(region, image.shape, 64, 32, 1, 4)
    found = predict_volume(
        Block(image[part.slices], part.start, image.shape),
        Predictor(folder, "cpu"),
        spacing_nm=SPACING,
        region=region,
        settings=SMALL,
        statistics=lambda z: section_statistics(image[z]),
    )
    np.testing.assert_array_equal(found, whole[(slice(None), *region.slices)])


def test_tiles_are_handed_over_section_by_section(folder, image, whole):
    region = Region((2, 10, 10), (6, 90, 100))
    seen = np.full((2, *region.shape), np.nan, np.float32)

    def put(tile, values):
        assert values.shape == (2, *tile.shape)
        assert tile.shape[0] == 1
        place = tuple(
            slice(a - o, b - o) for a, b, o in zip(tile.start, tile.stop, region.start, strict=True)
        )
        seen[(slice(None), *place)] = values

    predict_volume(
        image, Predictor(folder, "cpu"), spacing_nm=SPACING, region=region, settings=SMALL, on_tile=put
    )
    np.testing.assert_array_equal(seen, whole[(slice(None), *region.slices)])


def test_a_stack_is_predicted_block_by_block(folder, image, whole):
    stack = ImageStack(image, SPACING, "you", "toy", "toy.tif")
    region = Region((1, 0, 0), (10, 100, 130))
    found = PredictedStack(
        stack, folder, region=region, targets=("cleft",), settings=SMALL, dtype="float32", progress=Silent()
    )
    parts = [found[n : n + 2] for n in range(0, 9, 2)]
    np.testing.assert_array_equal(np.concatenate(parts), whole[1, 1:])


def test_views_of_blocks_are_taken_back_in_z_too():
    """A network that gives back the middle of what it sees is right in every view."""
    block = torch.randn(1, 6, 8, 10)
    found = mean_over_block_views(lambda x: x[:, 1:5], block, "16", 4)
    torch.testing.assert_close(found, torch.sigmoid(block[:, 1:5]))


def test_sections_of_a_block_come_target_by_target():
    class Twice(torch.nn.Module):
        def forward(self, x):
            return torch.cat((x, -x), 1)

    block = torch.randn(1, 4, 2, 3)
    found = AsSections(Twice(), 2)(block)
    torch.testing.assert_close(found, torch.cat((block[:, 1:3], -block[:, 1:3]), 1))


def test_validation_agrees_with_prediction(folder, image, whole):
    volume = TrainingVolume("toy", image, 4.6, {}, ())
    predictor = Predictor(folder, "cpu")
    found = predict_sections(predictor.network, volume.normalised(), [3, 9], 1, torch.device("cpu"))
    assert found.shape == (2, 2, 100, 130)
    big = PredictSettings(tile=256, halo=32, device="cpu", smallest_cell_nm2=0)
    one_tile = predict_volume(image, predictor, spacing_nm=SPACING, settings=big)
    np.testing.assert_allclose(found, one_tile[:, [3, 9]], atol=1e-5)


def test_samples_are_blocks_and_sections_that_validate_teach_nothing(make_lines):
    volume = make_lines(6)
    pool = Pool([volume], ("membrane",), 1, 4.6, depth=4)
    from napari_emseg.augment.recipe import only

    image, truth = pool.draw(0, 0, (32, 32), only())
    assert image.shape == (4, 32, 32)
    assert truth.shape == (1, 4, 32, 32)
    held_out = pool.truths[0][:, 5]
    assert (held_out == 255).all()


def test_a_3d_network_is_trained_and_predicts(make_lines, recipe, tmp_path):
    recipe = recipe.model_copy(
        update={
            "architecture": "light_unet_3d",
            "arguments": NARROW | {"auxiliary": True},
            "depth": 2,
            "steps": 4,
            "validate_every": 4,
        }
    )
    train([make_lines(4)], recipe, tmp_path, Silent())
    card = read_card(tmp_path)
    assert card.depth == 2
    assert "v_rand" in card.scores["lines"]
    found = predict_volume(
        make_lines(4).image, Predictor(tmp_path, "cpu"), spacing_nm=SPACING, settings=SMALL
    )
    assert found.shape == (1, 4, 64, 64)


@pytest.mark.parametrize(("architecture", "depth"), [("space_unet", 4), ("unet_3d", 0)])
def test_depth_and_network_have_to_go_together(volume, recipe, tmp_path, architecture, depth):
    wrong = recipe.model_copy(update={"architecture": architecture, "depth": depth, "arguments": {}})
    with pytest.raises(EmsegError, match="D network"):
        train([volume], wrong, tmp_path, Silent())
