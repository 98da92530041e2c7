"""Fine-tuning teaches the judge of walls, too: by what was seen before anything was learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from napari_emseg.core.learning import FinetuneRequest, TrainingVolume
from napari_emseg.core.model_card import read_card
from napari_emseg.core.progress import Silent
from napari_emseg.nn.checkpoint import load_model, save_model
from napari_emseg.nn.finetune import finetune
from napari_emseg.nn.held_out import answers, everything, mended, questions, score
from napari_emseg.nn.judge import Judge, fresh, lesson_of
from napari_emseg.nn.sections import probabilities
from napari_emseg.settings import FinetuneSettings

CPU = torch.device("cpu")
SETTINGS = FinetuneSettings(max_seconds=120, max_steps=2, trust=True, learning_rate=0.01)


@pytest.fixture
def judged(taught, make_lines, tmp_path):
    """The toy model with a judge."""
    network, card = load_model(taught)
    others = tuple(t for t in card.targets if t != "membrane")
    volume = make_lines(3, seed=4)
    found = probabilities(network, card, volume.normalised(), 1, 4.6, CPU)
    maps = dict(zip(card.targets, found, strict=True))
    lesson, names = lesson_of(maps, others, volume.truth["membrane"][1] == 0, 4.6)
    judge = fresh(lesson, names, others, 0)
    folder = tmp_path / "judged"
    save_model(folder, network.state_dict() | judge.tensors(), card.model_copy(update={"walls": judge.entry}))
    return folder


@pytest.fixture
def inverted(make_lines):
    """The toy stack with bright membranes: a model that knows dark ones is wrong about it."""
    volume = make_lines(6, seed=3)
    return TrainingVolume("inverted", 255 - volume.image, 4.6, volume.truth, tuple(range(6)))


def test_the_judge_of_walls_learns_too(judged, inverted, tmp_path):
    result = finetune(FinetuneRequest(judged, (inverted,), tmp_path / "new", SETTINGS), Silent())
    network, card = load_model(judged)
    old, new = Judge.of_model(judged, card), Judge.of_model(tmp_path / "new", read_card(tmp_path / "new"))
    assert old is not None
    assert new is not None
    seen = answers(network, card, questions((inverted, z) for z in inverted.train), CPU)
    # of the map as a person sees it, not as the network draws it
    assert result.before == score(mended(seen, old))
    assert result.before != score(seen)
    assert new.names == old.names
    assert not all(torch.equal(a, b) for a, b in zip(new.layers, old.layers, strict=True))


@pytest.mark.parametrize("blind", [False, True])
def test_it_is_taught_by_what_was_seen_before_learning_unless_that_was_nothing(
    judged, inverted, tmp_path, monkeypatch, blind
):
    told: list[Any] = []
    monkeypatch.setattr("napari_emseg.nn.how_far._BLIND", -1.0 if blind else 1e9)
    monkeypatch.setattr(
        "napari_emseg.nn.finetune.taught_on", lambda judge, maps, **_: told.extend(maps) or judge
    )
    result = finetune(FinetuneRequest(judged, (inverted,), tmp_path / "new", SETTINGS), Silent())
    assert [question.z for question, _ in told] == list(inverted.train)
    before, after = load_model(judged), load_model(result.model)
    (network, card), (other, _) = (after, before) if blind else (before, after)
    for question, maps in told:
        right, wrong = (
            next(iter(everything(one, card, [question], CPU)))[1]["membrane"] for one in (network, other)
        )
        np.testing.assert_allclose(maps["membrane"], right, atol=1e-4)
        assert np.abs(maps["membrane"] - wrong).max() > 0.05
