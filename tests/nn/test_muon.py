"""Orthogonal steps: what a kernel is turned into, how long a step is, and what is left to AdamW."""

from __future__ import annotations

import pytest
import torch

from napari_emseg.nn.muon import Muon, is_matrix, orthogonal


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 8, 3, 3), (64, 12), (32, 32), (8, 100, 1, 1), (24, 6, 3, 3, 3)])
def test_all_directions_become_equally_strong(shape):
    left, _, right = torch.linalg.svd(drawn(*shape).reshape(shape[0], -1), full_matrices=False)
    strengths = torch.logspace(0, -2, len(right))  # a hundred to one
    kernel = (left * strengths @ right).reshape(shape)
    turned = orthogonal(kernel)
    assert turned.shape == shape
    found = torch.linalg.svdvals(turned.reshape(shape[0], -1))
    assert found.min() > 0.4
    assert found.max() < 1.3
    ideal = (left @ right).reshape(shape)
    assert torch.nn.functional.cosine_similarity(turned.flatten(), ideal.flatten(), dim=0) > 0.97


def test_it_is_the_iteration_of_the_paper_done_on_the_gram_matrix():
    kernel = drawn(20, 50)
    x = kernel / kernel.norm()
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    torch.testing.assert_close(orthogonal(kernel), x, atol=1e-4, rtol=1e-3)


def test_scale_of_the_slope_does_not_matter():
    torch.testing.assert_close(
        orthogonal(1e-3 * drawn(16, 40)), orthogonal(1e3 * drawn(16, 40)), atol=1e-3, rtol=1e-2
    )


def test_a_slope_of_nothing_changes_nothing():
    kernel = torch.nn.Parameter(drawn(16, 16))
    before = kernel.detach().clone()
    kernel.grad = torch.zeros_like(kernel)
    Muon([kernel], lr=0.1).step()
    torch.testing.assert_close(kernel.detach(), before)


def test_a_step_is_as_long_as_one_of_adamw():
    kernel = torch.nn.Parameter(torch.zeros(64, 32, 3, 3))
    kernel.grad = drawn(64, 32, 3, 3)
    Muon([kernel], lr=1e-3).step()
    length = float(kernel.detach().square().mean().sqrt())
    assert length == pytest.approx(0.2e-3, rel=0.25)  # AdamW's, as Liu et al. measured it


def test_small_weights_go_the_way_of_adamw():
    kinds = {name: torch.nn.Parameter(drawn(12, seed=1)) for name in ("muon", "adamw")}
    optimisers = (
        Muon([kinds["muon"]], lr=1e-2, weight_decay=0.1),
        torch.optim.AdamW([kinds["adamw"]], lr=1e-2, weight_decay=0.1),
    )
    for step in range(20):
        for weight, optimiser in zip(kinds.values(), optimisers, strict=True):
            weight.grad = drawn(12, seed=step)
            optimiser.step()
    assert not is_matrix(kinds["muon"])
    torch.testing.assert_close(kinds["muon"], kinds["adamw"])


def test_a_matrix_is_learned():
    wanted = drawn(16, 16, seed=3)
    found = torch.nn.Parameter(torch.zeros(16, 16))
    optimiser = Muon([found], lr=0.05)
    for step in range(300):
        optimiser.param_groups[0]["lr"] = 0.5 * (1 - step / 300)
        x = drawn(16, 32, seed=step)
        loss = ((found @ x - wanted @ x) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 1e-2
