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
from napari_emseg.nn.judge import Judge, Lesson, fresh, lesson_of, log_loss
from napari_emseg.nn.sections import probabilities
from napari_emseg.nn.wall_lessons import taught_as_far_as_helps
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


def walls(n: int, *, like: int, seed: int, noise: float = 0.0) -> Lesson:
    """Walls of which one feature says whether they are true, in a share of cases wrongly."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(n, 6)).astype(np.float32)
    wrong = chance.random(n) < noise
    return Lesson(features, (features[:, like] > 0) ^ wrong, np.ones(n, np.float32))


@pytest.fixture(scope="module")
def expert() -> Judge:
    """Knows that the first feature decides."""
    lesson = walls(4000, like=0, seed=0, noise=0.05)
    return fresh(lesson, tuple("abcdef"), (), 0).learn(lesson, rounds=20, seed=0)


@pytest.mark.parametrize(
    ("losses", "rounds"), [((0.10, 0.11, 0.12, 0.13), 0), ((0.10, 0.09, 0.08, 0.085), 10)]
)
def test_a_judge_hears_a_lesson_as_often_as_helps(expert, monkeypatch, losses, rounds):
    """Before, and after 5, 10 and 20 times."""
    given, heard = iter(losses), list[int]()
    learn = Judge.learn
    monkeypatch.setattr("napari_emseg.nn.wall_lessons.log_loss", lambda *_: next(given))
    monkeypatch.setattr(
        Judge, "learn", lambda self, lesson, **how: heard.append(how["rounds"]) or learn(self, lesson, **how)
    )
    told = walls(120, like=0, seed=1)
    assert (taught_as_far_as_helps(expert, told, seed=0) is expert) == (rounds == 0)
    assert heard == [5] * 4 + [10] * 4 + [20] * 4 + [rounds] * bool(rounds)


def test_a_judge_learns_what_is_new_to_it(expert):
    told, other = walls(600, like=3, seed=2, noise=0.05), walls(600, like=3, seed=3)
    wiser = taught_as_far_as_helps(expert, told, seed=0)
    before, after = (log_loss(judge.chance(other.features), other.true) for judge in (expert, wiser))
    assert after < 0.6 * before


def test_how_much_helps_is_found_out_by_a_part_of_many_walls(expert, monkeypatch):
    heard: list[int] = []
    learn = Judge.learn
    monkeypatch.setattr(
        Judge,
        "learn",
        lambda self, lesson, **how: heard.append(len(lesson.true)) or learn(self, lesson, **how),
    )
    monkeypatch.setattr("napari_emseg.nn.wall_lessons._MOST_TRIED", 300)
    taught_as_far_as_helps(expert, walls(1001, like=3, seed=2), seed=0)
    assert max(heard[:-1]) < 300
    assert heard[-1] == 1001
