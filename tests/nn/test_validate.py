"""Validation sees what prediction will see: the pixel size that the model is made for."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from napari_emseg.core.learning import TrainingVolume
from napari_emseg.nn.device import use_all_cores
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.validate import predict_sections, validate


class Listening(torch.nn.Module):
    """Answers with its middle section, and remembers how large that was."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(x.shape[-2:]))
        return x[:, x.shape[1] // 2, None]


def volume(pixel_size_nm: float) -> TrainingVolume:
    image = np.random.default_rng(0).integers(0, 255, (3, 24, 32), dtype=np.uint8)
    truth = {"mitochondria": (image > 200).astype(np.uint8)}
    return TrainingVolume("toy", image, pixel_size_nm, truth, train=(0,), validate=(1, 2))


@pytest.mark.parametrize(
    ("pixel_nm", "seen"), [(4.6, (24, 32)), (5.0, (24, 32)), (9.2, (48, 64)), (2.3, (12, 16))]
)
def test_sections_are_resampled_to_the_models_pixels_and_back(pixel_nm: float, seen: tuple[int, int]) -> None:
    network = Listening()
    recipe = TrainRecipe(targets=("mitochondria",), pixel_size_nm=4.6, pixel_size_range_nm=(3.2, 6.5))
    scores = validate(network, [volume(pixel_nm)], recipe, torch.device("cpu"))
    assert network.seen == [seen] * 2
    assert "toy/average_precision_mitochondria" in scores


def test_the_answer_has_the_size_of_the_image() -> None:
    image = volume(4.6).normalised()
    for zoom in (0.37, 1.0, 2.6):
        found = predict_sections(Listening(), image, [0, 2], 1, torch.device("cpu"), zoom)
        assert found.shape == (1, 2, 24, 32)
    same = predict_sections(Listening(), image, [1], 1, torch.device("cpu"))
    np.testing.assert_allclose(same[0, 0], 1 / (1 + np.exp(-image[1])), rtol=1e-5)


def test_a_wish_for_few_threads_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        use_all_cores()
        assert torch.get_num_threads() == 1
        for nonsense in ("", "many", "0"):
            monkeypatch.setenv("OMP_NUM_THREADS", nonsense)
            use_all_cores()
            assert torch.get_num_threads() == len(os.sched_getaffinity(0))
    finally:
        torch.set_num_threads(before)
