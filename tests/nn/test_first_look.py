"""Before it learns, a model is asked once about each section that teaches, and the person sees how far that is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_emseg.core.errors import Cancelled
from napari_emseg.core.learning import IGNORE, FinetuneRequest, TrainingVolume
from napari_emseg.core.progress import Silent
from napari_emseg.nn import sections, watched
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.finetune import finetune
from napari_emseg.nn.first_look import first_look
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.train import train
from napari_emseg.settings import FinetuneSettings

CPU = torch.device("cpu")


class Heard:
    """Progress that remembers, and stops at a message."""

    def __init__(self, stop_at: str = "never") -> None:
        self.said: list[tuple[float, str]] = []
        self.stop_at = stop_at

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        self.said.append((fraction, message))
        if message.startswith(self.stop_at):
            raise Cancelled


@pytest.fixture
def two_targets(make_lines, tmp_path):
    """A model of membranes and of something else that nobody teaches it later."""
    volume = make_lines()
    truth = volume.truth | {"mitochondria": 1 - volume.truth["membrane"]}
    recipe = TrainRecipe(
        name="two", targets=("membrane", "mitochondria"), arguments={"widths": [8, 16], "head": 4},
        steps=20, batch=2, size=32, average=0.8, learning_rate=5e-3,
    )  # fmt: skip
    train([replace(volume, truth=truth)], recipe, tmp_path / "two", Silent())
    return tmp_path / "two"


def touching(make_lines) -> TrainingVolume:
    """Of three sections two teach; beside their lines it is open what is membrane."""
    volume = make_lines(3)
    truth, flanks = volume.truth["membrane"].copy(), np.zeros(volume.image.shape, bool)
    flanks[:, 2:5] = True
    truth[:, 2:5] = IGNORE
    truth[:, :, 40:50] = IGNORE
    return TrainingVolume("touching", volume.image, 4.6, {"membrane": truth}, (0, 1), flanks=flanks)


@pytest.fixture
def asked(monkeypatch):
    """Sections about which the network was asked."""
    found = []
    predict = sections.predict_sections

    def noted(network, image, zs, *rest):
        found.extend(zs)
        return predict(network, image, zs, *rest)

    monkeypatch.setattr(sections, "predict_sections", noted)
    return found


def test_both_uses_of_an_answer_are_those_of_one_prediction(two_targets, make_lines, asked):
    network, card = load_model(two_targets)
    volume = touching(make_lines)
    (seen,) = first_look([volume], network, card, CPU, Silent(), kept=("mitochondria",))
    assert asked == [0, 1]
    (decided,) = first_look([volume], network, card, CPU, Silent(), kept=())
    np.testing.assert_array_equal(seen.truth["membrane"], decided.truth["membrane"])
    (kept,) = first_look(
        [replace(decided, flanks=None)], network, card, CPU, Silent(), kept=("mitochondria",)
    )
    np.testing.assert_array_equal(seen.truth["mitochondria"], kept.truth["mitochondria"])
    assert (seen.truth["mitochondria"][0] != IGNORE).any()
    assert (seen.truth["mitochondria"][2] == IGNORE).all()
    assert "mitochondria" not in volume.truth
    assert (volume.truth["membrane"][:, 2:5] == IGNORE).all()


def test_progress_says_which_section_is_looked_at(two_targets, make_lines, tmp_path, asked):
    heard = Heard(stop_at="looking at the model as it is")
    request = FinetuneRequest(
        two_targets, (touching(make_lines),), tmp_path / "new", FinetuneSettings(max_steps=2)
    )
    heard.said = []
    with pytest.raises(Cancelled):
        finetune(request, Later(heard))
    words = [message for _, message in heard.said]
    assert "looking at section 1 of 2 as the model sees it now" in words
    assert "looking at section 2 of 2 as the model sees it now" in words
    fractions = [fraction for fraction, _ in heard.said]
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0
    assert asked == [0, 1]


class Later(Silent):
    """Passes on all but the first report."""

    def __init__(self, to: Heard) -> None:
        self.to, self.first = to, True

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        if not self.first:
            self.to.report(fraction, message)
        self.first = False


def test_a_wish_to_stop_is_heard_between_the_layers_of_a_large_section(two_targets, make_lines, monkeypatch):
    monkeypatch.setattr(watched, "_EVERY_S", 0.0)
    network, card = load_model(two_targets)
    heard = Heard()
    first_look([touching(make_lines)], network, card, CPU, heard, kept=("mitochondria",))
    within = [message for _, message in heard.said]
    assert len(within) > 10, "once before each of two sections, and between layers"
    assert not any(module._forward_pre_hooks for module in network.modules())

    class Stop(Heard):
        def report(self, fraction, message="", **values):
            super().report(fraction, message)
            if len(self.said) == 3:
                raise Cancelled

    with pytest.raises(Cancelled):
        first_look([touching(make_lines)], network, card, CPU, Stop(), kept=("mitochondria",))
    assert not any(module._forward_pre_hooks for module in network.modules())
