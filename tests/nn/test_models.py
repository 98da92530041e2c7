"""Every network of the table: any size, the numbers of weights that are known, and that it learns."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn import MODELS
from napari_emseg.nn.checkpoint import make_network
from napari_emseg.nn.models.encoders import ENCODERS, as_colours, load_encoder_weights, make_encoder
from napari_emseg.nn.models.heads import one_against_rest
from napari_emseg.nn.models.light_unet_3d import PrototypeUNet3D
from napari_emseg.nn.models.unet import DoubleConvolution
from napari_emseg.nn.models.unet_25d import _halved
from napari_emseg.nn.models.unet_valid import ValidUNet
from napari_emseg.nn.models.valid_unet_3d import ValidUNet3D

FIVE = {"widths": [4, 4, 4, 4, 4]}
THREE = {"widths": [4, 4, 4]}
SMALL = {
    "backbone_unet": {"encoder": "plain"},
    "dilated_unet_3d": FIVE,
    "dlinknet": {"encoder": "resnet18"},
    "embedding_unet": THREE,
    "embedding_unet_3d": FIVE,
    "feature_pyramid_3d": FIVE,
    "fine_grained_unet": THREE,
    "inception_vnet_3d": THREE,
    "light_unet_3d": FIVE,
    "linknet": {"encoder": "resnet18"},
    "monai": {"network": "BasicUNet", "options": {"features": [4, 4, 4, 4, 4, 4]}},
    "prototype_unet_3d": FIVE,
    "refine_net_3d": THREE,
    "residual_se_unet_3d": FIVE,
    "residual_unet_3d": FIVE,
    "se_unet_3d": {"widths": [4, 4, 4, 4]},
    "separable_vnet_3d": THREE,
    "space_unet": {"widths": [8, 16], "head": 4},
    "two_branch_unet": {},
    "unet": THREE,
    "unet_25d": THREE,
    "unet_3d": {"width": 4, "depth": 3},
    "unet_valid": THREE,
    "valid_unet_3d": {"width": 2, "depth": 3},
    "vnet": THREE,
    "vnet_3d": THREE,
}


def small(name: str, **more):
    if name == "monai" and importlib.util.find_spec("monai") is None:
        pytest.skip("MONAI is not installed: an optional extra")
    torch.manual_seed(0)
    return make_network(name, {"sections": 1, "targets": 2, **SMALL[name], **more})


def weights(network) -> int:
    return sum(p.numel() for p in network.parameters())


def test_every_network_of_the_table_is_tested():
    assert sorted(SMALL) == sorted(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("size", [(32, 32), (33, 21), (5, 7), (1, 1)])
def test_the_answer_has_the_extent_of_the_question(name, size):
    network = small(name).eval()
    shape = (3, *size) if getattr(network, "dims", 2) == 3 else size
    with torch.inference_mode():
        found = network(torch.randn(1, 1, *shape))
    assert found.shape == (1, 2, *shape)
    assert torch.isfinite(found).all()


COUNTS = [
    # Those of the catalogue, exactly.
    ("unet", {"sections": 1, "targets": 1}, 31_042_369),
    ("unet_valid", {"sections": 1, "targets": 1}, 31_030_593),
    ("unet_valid", {"sections": 1, "targets": 1, "norm": "batch", "decoder": "same"}, 31_042_369),
    ("residual_unet_3d", {"targets": 1}, 5_940_801),
    ("dilated_unet_3d", {"targets": 1}, 4_821_825),
    ("refine_net_3d", {"sections": 32, "targets": 1}, 453_121),
    ("linknet", {"targets": 1}, 21_642_401),
    ("dlinknet", {"targets": 1}, 31_096_129),
    ("embedding_unet", {"targets": 1}, 7_781_761),
    # The plain output layer has a bias where the earlier ones were normalised: one weight less a target.
    ("residual_se_unet_3d", {"targets": 3}, 7_733_654 - 3),
    ("residual_se_unet_3d", {"targets": 3, "variant": "double"}, 15_637_526 - 3),
    ("residual_se_unet_3d", {"targets": 3, "variant": "fused"}, 8_133_494 - 3),
    # Likewise, and without shortcuts that were never used: 2 (f f + 2 f) for f = 8, 12, 16, 20.
    ("light_unet_3d", {"targets": 1}, 142_962 - 1 - 1952),
    ("light_unet_3d", {"targets": 3}, 143_366 - 3 - 1952),
    # Without a second, unused recalibration (c c / 2 + 3.75 c), and the normalisation over the batch (2.5 c), for
    # c = 32, 64, 64, 32; the output has no normalisation (6).
    ("se_unet_3d", {"targets": 3}, 8_602_185 - 5840 - 480 - 6),
    # The paper counts neither the normalisation (4672) nor the biases of the upsampling (896).
    ("unet_3d", {"sections": 3, "targets": 3}, 19_069_955 + 4672 + 896),
    # Encoder of three stages, five dilated convolutions of 256 channels, three decoder blocks, and the end.
    ("dlinknet", {"targets": 1, "less_pool": True}, 8_170_304 + 2_950_400 + 62_208 + 15_744 + 4_640 + 42_337),
    ("space_unet", {"sections": 3, "targets": 3, "widths": [32, 64, 128, 192]}, 1_541_347),
    # Ours: V-Nets, 2.5D and fine-grained networks for which no published layout gives a number.
    ("vnet_3d", {"targets": 1}, 10_039_169),  # 14,324,241 elsewhere: see H12 in docs/capabilities.md
    ("separable_vnet_3d", {"targets": 1}, 1_115_777),
    ("unet_25d", {"targets": 1}, 6_715_078),
]


@pytest.mark.parametrize(("name", "arguments", "count"), COUNTS)
def test_numbers_of_weights(name, arguments, count):
    assert weights(make_network(name, arguments)) == count


@pytest.mark.slow
def test_the_large_dlinknet():
    assert weights(make_network("dlinknet", {"targets": 1, "encoder": "resnet50"})) == 217_645_089


@pytest.mark.parametrize(
    ("decoder", "given", "wanted"), [("valid", 572, 388), ("valid", 444, 260), ("same", 636, 512)]
)
def test_extents_of_the_original_unet(decoder, given, wanted):
    network = ValidUNet(1, 1, (2, 2, 2, 2, 2), decoder=decoder).eval()
    assert network.sizes(wanted) == (given, wanted)
    with torch.inference_mode():
        assert network.valid(torch.zeros(1, 1, given, 444 if decoder == "valid" else 636)).shape[2] == wanted


def test_448_pixels_give_260():
    with torch.inference_mode():
        found = ValidUNet(1, 1, (2, 2, 2, 2, 2)).eval().valid(torch.zeros(1, 1, 448, 448))
    assert found.shape[2:] == (260, 260)


def test_overlap_tile_agrees_with_valid_convolution_inside():
    """What a valid convolution can see, it answers the same with and without the mirrored border around it."""
    torch.manual_seed(0)
    network = ValidUNet(1, 1, (4, 4)).eval()
    image = torch.randn(1, 1, 40, 52)
    needed, given = network.sizes(24)
    with torch.inference_mode():
        whole = network(image)
        # the same grid of pooling: the answer of the padded image starts at -before, an even number here
        before = (network.sizes(40)[0] - network.sizes(40)[1]) // 2
        part = network.valid(image[:, :, :needed, :needed])
    assert before % 2 == 0
    torch.testing.assert_close(whole[0, 0, before : before + given, before : before + given], part[0, 0])


def test_extents_of_the_valid_3d_unet():
    network = ValidUNet3D(1, 1, 2)
    assert network.sizes((4, 228, 228)) == ((32, 316, 316), (4, 228, 228))


def test_the_valid_3d_unet_answers_what_it_says_and_the_same_with_more_around_it():
    """Its answer at a voxel depends on nothing that lies beyond what `sizes` asks for."""
    torch.manual_seed(0)
    network = ValidUNet3D(1, 1, 2, 2).eval()
    given, wanted = network.sizes((2, 8, 8))
    image = torch.randn(1, 1, *given)
    changed = image.clone()
    changed[..., 0, 0] += 9.0
    with torch.inference_mode():
        found, other = network.valid(image), network.valid(changed)
    assert tuple(found.shape[2:]) == wanted
    assert not torch.equal(found, other)  # the corner is seen
    torch.testing.assert_close(
        found[..., wanted[1] - 1, wanted[2] - 1], other[..., wanted[1] - 1, wanted[2] - 1]
    )


TRAINED = (
    "unet",
    "vnet",
    "two_branch_unet",
    "residual_unet_3d",
    "light_unet_3d",
    "separable_vnet_3d",
    "unet_25d",
)


@pytest.mark.parametrize("name", TRAINED)
def test_a_crop_is_learned_by_heart(name):
    more = {"widths": [8, 8, 8, 8, 8]} if "widths" in SMALL[name] and len(SMALL[name]["widths"]) == 5 else {}
    network = small(name, targets=1, **more).train()
    torch.manual_seed(1)
    shape = (2, 32, 32) if getattr(network, "dims", 2) == 3 else (32, 32)
    y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    truth = (((y - 15) ** 2 + (x - 12) ** 2) < 60).float().expand(1, 1, *shape)
    image = truth * 2 - 1 + 0.5 * torch.randn(1, 1, *shape)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    for _ in range(200):
        logits = network(image)
        found = (logits.detach() > 0).float()
        dice = 2 * (found * truth).sum() / (found.sum() + truth.sum())
        if dice > 0.95:
            break
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(logits, truth).backward()
        optimiser.step()
    assert dice > 0.95


@pytest.mark.parametrize("name", ["unet", "residual_unet_3d"])
def test_names_of_weights_stay_when_classes_exclude_each_other(name):
    plain, exclusive = small(name), small(name, exclusive=[[0, 1]])
    assert plain.state_dict().keys() == exclusive.state_dict().keys()


def test_exclusive_targets_have_softmax_probabilities():
    logits = torch.randn(2, 3, 4, 4)
    found = one_against_rest(logits, [[0, 2]]).sigmoid()
    background = torch.zeros(2, 1, 4, 4)
    wanted = torch.cat([background, logits[:, [0, 2]]], 1).softmax(1)
    torch.testing.assert_close(found[:, [0, 2]], wanted[:, 1:])
    torch.testing.assert_close(found[:, 1], logits[:, 1].sigmoid())


@pytest.mark.parametrize(("name", "more"), [("unet", {"deep": 2}), ("light_unet_3d", {"auxiliary": True})])
def test_deep_supervision_adds_coarser_answers_in_training_only(name, more):
    network = small(name, **more)
    shape = (2, 34, 30) if getattr(network, "dims", 2) == 3 else (34, 30)
    image = torch.randn(2, 1, *shape)
    several = network.train()(image)
    assert [tuple(o.shape[-2:]) for o in several] == (
        [(34, 30), (17, 15), (9, 8)] if name == "unet" else [(34, 30), (9, 8)]
    )
    assert network.eval()(image).shape == (2, 2, *shape)


def test_a_side_branch_starts_at_nothing():
    network = small("two_branch_unet").eval()
    image = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        with_side = network(image)
        network.side = None
        assert torch.equal(network(image), with_side)


def test_squeeze_and_excitation_trains_on_a_batch_of_one():
    network = small("se_unet_3d").train()
    assert torch.isfinite(network(torch.randn(1, 1, 2, 16, 16))).all()


def test_prototypes_separate_what_was_marked_and_are_undecided_without_marks():
    torch.manual_seed(0)
    network = PrototypeUNet3D(2, 1, (4, 4, 4, 4, 4)).eval()
    image = torch.randn(1, 1, 2, 16, 16)
    prior = torch.zeros(1, 1, 2, 16, 16)
    with torch.inference_mode():
        nothing = network(image, prior)
        prior[..., :8] = 1
        some = network(image, prior)
        full = network(image, torch.ones_like(prior))
    assert (nothing == 0).all()
    assert (full == 0).all()
    assert some[..., :8].mean() > some[..., 8:].mean()


@pytest.mark.parametrize("name", [e for e in ENCODERS if e not in ("resnet101", "resnet50", "vgg16")])
def test_encoders_give_the_strides_that_they_promise(name):
    encoder = make_encoder(name).eval()
    with torch.inference_mode():
        found = encoder(torch.zeros(1, 3, 64, 64))
    assert [f.shape[2] for f in found] == [64 // s for s in encoder.strides]
    assert [f.shape[1] for f in found] == list(encoder.widths)


def test_grey_sections_become_three_channels():
    one = torch.rand(1, 1, 2, 2)
    assert torch.equal(as_colours(one), one.expand(-1, 3, -1, -1))
    five = torch.rand(1, 5, 2, 2)
    assert torch.equal(as_colours(five), five[:, 1:4])


def test_weights_of_an_encoder_are_loaded_with_the_prefix_of_parallel_training(tmp_path):
    torch.manual_seed(1)
    other = make_encoder("resnet18")
    given = {f"module.{k}": v for k, v in other.state_dict().items()} | {
        "module.fc.weight": torch.zeros(2, 2)
    }
    torch.save({"state_dict": given}, tmp_path / "encoder.pt")
    own = make_encoder("resnet18")
    assert load_encoder_weights(own, tmp_path / "encoder.pt") == ()
    assert torch.equal(own.conv1.weight, other.conv1.weight)


def test_unknown_networks_and_arguments_are_refused():
    with pytest.raises(EmsegError, match="unknown network, u_net"):
        make_network("u_net", {})
    with pytest.raises(EmsegError, match="does not take these arguments, unet"):
        make_network("unet", {"wings": 2})
    for name, wrong, says in (
        ("unet", {"norm": "layer"}, "norm 'layer': choose one of batch, group, none"),
        ("unet_valid", {"decoder": "small"}, "decoder 'small'"),
        ("residual_se_unet_3d", {"variant": "triple"}, "variant 'triple'"),
        ("vnet", {"kind": "round"}, "kind 'round'"),
        ("space_unet", {"widths": []}, "widths"),
        ("space_unet", {"widths": [0, 8]}, "whole numbers above 0"),
        ("space_unet", {"widths": 8}, "does not take these arguments"),
        ("unet_3d", {"depth": -1}, "whole numbers above 0"),
    ):
        with pytest.raises(EmsegError, match=says):
            make_network(name, wrong)
    with pytest.raises(EmsegError, match="unknown encoder"):
        make_network("linknet", {"encoder": "vgg16"})


def test_group_and_no_normalisation_and_residual_blocks():
    for norm in ("group", "none"):
        network = small("unet", norm=norm, residual=True).eval()
        assert network(torch.zeros(1, 1, 16, 16)).shape == (1, 2, 16, 16)
    assert weights(small("unet", residual=True)) > weights(small("unet"))


def test_a_residual_block_whose_convolutions_say_nothing_passes_on_what_it_was_given():
    block = DoubleConvolution(3, 3, "none", residual=True).eval()
    image = torch.rand(1, 3, 6, 6)
    with torch.no_grad():
        for weight in block.second.parameters():
            weight.zero_()
        assert torch.equal(block(image), image)
        block.residual = False
        assert (block(image) == 0).all()


def test_lower_levels_of_the_25d_network_are_halved_over_three_voxels():
    """The maximum beside a pair of voxels counts where they are halved through the sections, and not above."""
    network = small("unet_25d")
    x = torch.zeros(1, 1, 4, 4, 4)
    x[0, 0, 1, 1, 1] = 1
    flat, cubic = (_halved(x, step)[0, 0] for step in ((1, 2, 2), (2, 2, 2)))
    assert network.steps[0] == (1, 2, 2)
    assert flat[1].tolist() == [[1, 0], [0, 0]]
    assert cubic.tolist() == [[[1, 1], [1, 1]], [[1, 1], [1, 1]]]
