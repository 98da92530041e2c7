"""Views are taken back exactly, directions too, and only two results are ever held."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

from napari_emseg.algorithms.targets.affinities import affinities
from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.views import VIEWS, Directions, View, mean_over_views

SHAPES = [(1, 1, 3, 5, 8), (2, 1, 4, 6, 6)]


def raw(x: torch.Tensor) -> torch.Tensor:
    return x


@pytest.mark.parametrize("shape", [*SHAPES, (1, 3, 5, 8)])
@pytest.mark.parametrize("view", VIEWS["16"])
def test_each_view_is_taken_back_exactly_on_any_shape(view, shape):
    block = torch.rand(shape)
    back = view.inverse(view.forward(block))
    if len(shape) == 4 and view.z:  # a result without sections has no order of sections
        back = back.flip(1)
    assert torch.equal(back, block)
    turned = view.forward(block)
    back = view.inverse(turned)
    for start, stop in ((0, 2), (1, 5), (4, 5)):
        assert torch.equal(view.inverse(view.rows(turned, start, stop)), back[..., start:stop, :])


def test_eight_views_are_the_turns_and_mirrors_of_a_section():
    section = torch.rand(1, 1, 4, 4)
    seen = {view.forward(section).numpy().tobytes() for view in VIEWS["8"]}
    by_hand = {
        torch.rot90(m, k, (2, 3)).contiguous().numpy().tobytes()
        for m in (section, section.flip(3))
        for k in range(4)
    }
    assert seen == by_hand
    assert len(VIEWS["8"]) == len(seen) == 8
    assert len(set(VIEWS["16"])) == 16


@pytest.mark.parametrize("views", sorted(VIEWS))
def test_the_mean_is_that_of_all_views(views):
    torch.manual_seed(0)
    network = torch.nn.Conv2d(3, 2, 3, padding=1)
    block = torch.rand(2, 3, 9, 14)
    found = mean_over_views(network, block, views)
    expected = torch.stack([v.inverse(torch.sigmoid(network(v.forward(block)))) for v in VIEWS[views]]).mean(
        0
    )
    torch.testing.assert_close(found, expected)


def test_summing_eight_and_comparing_with_four_is_a_mean_above_one_half():
    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 1, 3, padding=1)
    block = torch.randn(1, 1, 12, 17)
    eight = torch.stack([v.inverse(torch.sigmoid(network(v.forward(block)))) for v in VIEWS["8"]]).sum(0)
    assert torch.equal(mean_over_views(network, block, "8") > 0.5, eight > 4.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_equivariant_network_on_volumes_gives_its_single_answer(shape):
    block = torch.rand(shape)
    many = mean_over_views(lambda b: b * 2, block, "16")
    torch.testing.assert_close(many, torch.sigmoid(block * 2))


# ---------------------------------------------------------------- channels with a direction


def same_object(offsets):
    """A network that knows the answer: affinities of the labels that it is shown."""

    def network(block):
        labels = block[:, 0].numpy().round().astype(int)
        found = [affinities(volume, (1, 1, 1), offsets=offsets).values for volume in labels]
        return torch.from_numpy(np.stack(found)).float()

    return network


@pytest.mark.parametrize(
    "offsets",
    [
        ((-1, 0, 0), (0, -1, 0), (0, 0, -1)),
        ((1, 0, 0), (0, 2, 0), (0, 0, 2)),
        ((-1, 0, 0), (0, -3, 0), (0, 0, -3), (0, -1, 1), (0, 1, 1)),
    ],
)
@pytest.mark.parametrize("views", ["flips", "8", "16"])
def test_affinities_of_a_perfect_network_stay_perfect(offsets, views):
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, 3, (2, 1, 4, 6, 9))).float()
    network = same_object(offsets)
    found = mean_over_views(
        network, labels, views, directions=Directions(dict(enumerate(offsets))), activate=raw
    )
    np.testing.assert_allclose(found, network(labels), atol=1e-6)
    plain = mean_over_views(network, labels, views, activate=raw)
    assert not np.allclose(plain, network(labels))  # without their directions they are averaged to nonsense


def test_flows_are_turned():
    shape = (4, 6, 9)
    centre = [(n - 1) / 2 for n in shape]

    def towards_the_middle(block):
        extents = block.shape[-3:]
        grid = np.stack(np.meshgrid(*(np.arange(n) for n in extents), indexing="ij")).astype(np.float32)
        middle = np.array([(n - 1) / 2 for n in extents], np.float32)[:, None, None, None]
        return torch.from_numpy(middle - grid)[None]

    block = torch.zeros(1, 1, *shape)
    found = mean_over_views(
        towards_the_middle, block, "16", directions=Directions(flows=((0, 1, 2),)), activate=raw
    )
    torch.testing.assert_close(found, towards_the_middle(block))
    assert found[0, 2, 0, 0, 0] == centre[2]
    plain = mean_over_views(towards_the_middle, block, "flips", activate=raw)
    assert plain[:, 1:].abs().max() < 1e-6  # everything cancels


def test_a_flow_in_the_section_beside_a_probability():
    def network(block):
        return torch.stack([block[:, 1], torch.ones_like(block[:, 1]), torch.zeros_like(block[:, 1])], 1)

    block = torch.rand(1, 3, 5, 7)
    found = mean_over_views(network, block, "flips", directions=Directions(flows=((-1, 1, 2),)), activate=raw)
    torch.testing.assert_close(found[:, 0], block[:, 1])
    assert (found[:, 1:] == 0).all()  # constant arrows point both ways


def test_what_cannot_be_turned_is_refused():
    one_way = Directions({0: (0, -9, 0)})
    assert one_way.source(0, View(y=True)) == (0, 1, (0, -9, 0))
    with pytest.raises(EmsegError, match="cannot be averaged over transposed views, channel 0"):
        one_way.source(0, View(transpose=True))
    with pytest.raises(EmsegError, match="transposed"):
        Directions(flows=((-1, 0, -1),)).source(0, View(transpose=True))
    with pytest.raises(EmsegError, match="between sections"):
        mean_over_views(raw, torch.rand(1, 1, 4, 4), "16", directions=Directions({0: (-1, 0, 0)}))


# ---------------------------------------------------------------- memory


def test_only_one_result_is_held_beside_the_sum():
    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0

    def network(block):
        nonlocal most
        gc.collect()
        most = max(most, sum(ref() is not None for ref in alive))
        result = block * 1.0
        alive.append(weakref.ref(result))
        return result

    gc.collect()
    gc.freeze()  # what all tests before have imported need not be searched sixteen times
    try:
        mean_over_views(network, torch.rand(1, 1, 4, 32, 48), "16")
    finally:
        gc.unfreeze()
    assert len(alive) == 16
    assert most == 0  # when the next result is made, none of the earlier ones is left
