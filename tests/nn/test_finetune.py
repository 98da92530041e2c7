"""Fine-tuning changes a copy, for the better, and says what its score means."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.learning import IGNORE, FinetuneRequest, TrainingVolume
from napari_emseg.core.model_card import read_card
from napari_emseg.core.progress import Silent
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.finetune import finetune, hold_out
from napari_emseg.nn.strategies import RANK
from napari_emseg.settings import FinetuneSettings

QUICK = FinetuneSettings(max_seconds=120, max_steps=25)


def inverted(make_lines, n_sections=3):
    """The toy stack with bright membranes: a model that knows dark ones is wrong about it."""
    volume = make_lines(n_sections, seed=3)
    return TrainingVolume("inverted", 255 - volume.image, 4.6, volume.truth, tuple(range(n_sections)))


def test_a_model_learns_a_new_stack_and_the_old_one_stays(taught, make_lines, tmp_path):
    before = {k: v.clone() for k, v in load_model(taught)[0].state_dict().items()}
    request = FinetuneRequest(taught, (inverted(make_lines),), tmp_path / "new", QUICK, name="better")
    result = finetune(request, Silent())
    assert result.steps == 25
    assert np.mean(result.losses[-5:]) < 0.7 * result.losses[0]
    assert result.after["v_rand"] > result.before["v_rand"] + 0.05
    assert "held back" in result.scored_on
    image, old, new = result.pictures
    assert image.shape == old.shape == new.shape
    assert np.abs(new.astype(int) - old).mean() > 5
    card = read_card(result.model)
    assert (card.name, card.parent) == ("better", "toy")
    assert card.training["sections"] == {"inverted": [0, 1, 2]}
    for name, value in load_model(taught)[0].state_dict().items():
        assert torch.equal(value, before[name])


def test_stop_leaves_nothing(taught, make_lines, tmp_path):
    class Stop:
        def report(self, fraction, message="", **values):
            raise Cancelled

    with pytest.raises(Cancelled):
        finetune(FinetuneRequest(taught, (inverted(make_lines),), tmp_path / "new", QUICK), Stop())
    assert not (tmp_path / "new").exists()


def test_the_clock_ends_it(taught, make_lines, tmp_path):
    settings = FinetuneSettings(max_seconds=5)
    result = finetune(
        FinetuneRequest(taught, (inverted(make_lines, 1),), tmp_path / "new", settings), Silent()
    )
    assert 4 < result.seconds < 12
    assert "learned from" in result.scored_on


def test_unknown_pixels_teach_nothing(taught, make_lines, tmp_path):
    volume = inverted(make_lines)
    nothing = {"membrane": np.full_like(volume.truth["membrane"], IGNORE)}
    blind = TrainingVolume("blind", volume.image, 4.6, nothing, (0, 1, 2))
    with pytest.raises(EmsegError, match="nothing to learn from"):
        finetune(FinetuneRequest(taught, (blind,), tmp_path / "new", QUICK), Silent())


@pytest.mark.parametrize(
    ("strategy", "stays"), [("head", ("encoder", "decoder")), ("last-blocks", ("encoder",))]
)
def test_a_strategy_changes_only_its_weights(taught, make_lines, tmp_path, strategy, stays):
    settings = QUICK.model_copy(update={"strategy": strategy, "max_steps": 2})
    result = finetune(FinetuneRequest(taught, (inverted(make_lines),), tmp_path / "new", settings), Silent())
    old, new = load_model(taught)[0], load_model(result.model)[0]
    changed = {n.split(".")[0] for n, p in new.named_parameters() if not torch.equal(p, old.get_parameter(n))}
    assert changed
    assert not changed & set(stays)


def test_low_rank_leaves_an_ordinary_network_with_small_corrections(taught, make_lines, tmp_path):
    settings = QUICK.model_copy(update={"strategy": "low-rank"})
    result = finetune(FinetuneRequest(taught, (inverted(make_lines),), tmp_path / "new", settings), Silent())
    old, new = load_model(taught)[0], load_model(result.model)[0]
    assert [n for n, _ in new.named_parameters()] == [n for n, _ in old.named_parameters()]
    kernel = "encoder.1.first.weight"
    change = (new.get_parameter(kernel) - old.get_parameter(kernel)).detach().flatten(1)
    assert change.abs().max() > 0
    assert int(torch.linalg.matrix_rank(change, rtol=1e-3)) <= RANK
    assert np.mean(result.losses[-5:]) < 0.9 * result.losses[0]


def test_one_of_three_sections_is_held_back(make_lines):
    volumes, said = hold_out([inverted(make_lines)])
    assert (volumes[0].train, volumes[0].validate) == ((0, 2), (1,))
    assert "held back" in said
    both, _ = hold_out([inverted(make_lines, 2)])
    assert (both[0].train, both[0].validate) == ((0, 1), ())
