"""What happens in a training besides learning: schedules, faults, resuming, pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.learning import LEVELS, TrainingVolume
from napari_emseg.core.model_card import read_card
from napari_emseg.core.progress import Silent
from napari_emseg.nn.curves import METRICS
from napari_emseg.nn.dataset import Pool
from napari_emseg.nn.run import STATE, Run
from napari_emseg.nn.schedule import Schedule
from napari_emseg.nn.targets import graded_targets, truth_and_weight
from napari_emseg.nn.train import train
from napari_emseg.nn.validate import level_scores, mask_scores

CPU = torch.device("cpu")


class StopAt:
    """A person who presses stop at a step."""

    def __init__(self, step: int) -> None:
        self.left = step

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise Cancelled


def rows(folder):
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


def a_batch(run, step=0):
    return run.pool.batch(step, 0, run.recipe.batch, run.size, run.recipe.augmentation)


def test_warm_up_and_cosine(recipe):
    schedule = Schedule(recipe.model_copy(update={"warm_up": 4, "steps": 100, "learning_rate": 1.0}))
    assert schedule.rate(0) == pytest.approx(0.25, rel=1e-3)
    assert schedule.rate(3) == pytest.approx(1.0, rel=0.01)
    assert schedule.rate(50) == pytest.approx(0.01 + 0.99 / 2)
    assert schedule.rate(100) == pytest.approx(0.01)


def test_the_rate_falls_when_validation_stops_improving_and_goes_on_falling_after_a_resume(recipe):
    settings = {
        "schedule": "plateau",
        "plateau_patience": 2,
        "warm_up": 0,
        "learning_rate": 1.0,
        "lowest_rate": 1e-3,
    }
    recipe = recipe.model_copy(update=settings)
    schedule = Schedule(recipe)
    rates = []
    for merit in (0.5, 0.6, 0.6, 0.5):
        assert not schedule.observe(merit)
        rates.append(schedule.rate(10))
    assert rates == pytest.approx([1, 1, 1, 0.1])
    again = Schedule(recipe)
    again.load(json.loads(json.dumps(schedule.state())))
    for merit in [0.1] * 6:
        again.observe(merit)
    assert again.rate(10) == pytest.approx(1e-3)
    assert Schedule(recipe.model_copy(update={"schedule": "constant"})).rate(11) == 1.0


def test_a_training_that_no_longer_improves_stops(volume, recipe, tmp_path):
    still = recipe.model_copy(
        update={"steps": 500, "validate_every": 2, "stop_after": 2, "learning_rate": 1e-9, "warm_up": 0}
    )
    train([volume], still, tmp_path, Silent())
    assert max(row["step"] for row in rows(tmp_path)) == 6
    assert read_card(tmp_path).training["steps"] == 2


def test_a_batch_in_parts_teaches_what_the_whole_teaches(volume, recipe, tmp_path):
    """Without normalisation over the batch, and with a mean over pixels that are all known."""
    plain = recipe.model_copy(
        update={
            "architecture": "embedding_unet",
            "arguments": {"widths": [4, 8]},
            "loss": "focal",
            "batch": 4,
        }
    )
    weights = []
    for parts in (1, 2, 4):
        run = Run([volume], plain.model_copy(update={"accumulate": parts}), tmp_path, CPU)
        image, truth = a_batch(run)
        truth[truth == 255] = 0
        run.learn(image, truth)
        weights.append(torch.cat([p.detach().flatten() for p in run.network.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], atol=1e-6, rtol=0)
    torch.testing.assert_close(weights[0], weights[2], atol=1e-6, rtol=0)


def test_out_of_memory_leads_to_smaller_parts_and_the_same_weights(volume, recipe, tmp_path, monkeypatch):
    """Stand-in for a small graphics card: more than one sample at a time is too much."""
    run, reference = (Run([volume], recipe, tmp_path, CPU) for _ in range(2))
    real = Run._loss

    def cramped(self, image, truth):
        if len(image) > 1:
            self.network(torch.from_numpy(image))  # normalisation statistics have moved when memory runs out
            raise torch.OutOfMemoryError
        return real(self, image, truth)

    image, truth = a_batch(run)
    monkeypatch.setattr(Run, "_loss", cramped)
    run.learn(image, truth)
    assert run.parts == 2
    monkeypatch.undo()
    reference.parts = 2
    reference.learn(image, truth)
    for one, other in zip(
        run.network.state_dict().values(), reference.network.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_a_sample_that_never_fits_is_said(volume, recipe, tmp_path, monkeypatch):
    run = Run([volume], recipe, tmp_path, CPU)

    def full(self, image, truth):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Run, "_loss", full)
    with pytest.raises(EmsegError, match="single sample does not fit into memory"):
        run.learn(*a_batch(run))


def test_a_step_with_infinite_values_changes_nothing_but_the_count(volume, recipe, tmp_path):
    run = Run([volume], recipe, tmp_path, CPU)
    run.learn(*a_batch(run))
    before = {k: v.clone() for k, v in run.network.state_dict().items()}
    image, truth = a_batch(run, 1)
    image[0, 0, 3, 3] = np.inf
    assert run.learn(image, truth) == {"skipped": 1.0}
    assert run.step == 2
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert "loss" in run.learn(*a_batch(run, 2))


def test_ten_sick_steps_in_a_row_end_the_training(volume, recipe, tmp_path):
    run = Run([volume], recipe, tmp_path, CPU)
    image, truth = a_batch(run)
    image[:] = np.nan
    for _ in range(9):
        run.learn(image, truth)
    with pytest.raises(EmsegError, match=r"no longer a number, step 10, lower learning_rate"):
        run.learn(image, truth)


def test_a_sick_step_with_scaled_gradients_does_not_keep_the_next_from_learning(volume, recipe, tmp_path):
    """Graphics cards that know no bfloat16 scale their gradients; here the processor does as they do."""
    run = Run([volume], recipe, tmp_path, CPU)
    run._scaler = torch.amp.GradScaler("cpu", enabled=True)
    run._half = torch.float16
    image, truth = a_batch(run)
    sick = np.full_like(image, np.nan)
    assert run.learn(sick, truth) == {"skipped": 1.0}
    assert run.learn(sick, truth) == {"skipped": 1.0}
    assert "loss" in run.learn(image, truth)


def test_an_interrupted_step_leaves_no_trace(volume, recipe, tmp_path, monkeypatch):
    run = Run([volume], recipe, tmp_path, CPU)
    before = {k: v.clone() for k, v in run.network.state_dict().items()}
    real = Run._backward

    def pressed(self, image, truth):
        real(self, image, truth)
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "_backward", pressed)
    with pytest.raises(KeyboardInterrupt):
        run.learn(*a_batch(run))
    assert run.step == 0
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(("precision", "optimiser"), [("full", "sgd"), ("mixed", "sgd"), ("full", "muon")])
def test_resume_repeats_schedule_sampler_and_optimiser(make_lines, recipe, tmp_path, precision, optimiser):
    """Several targets and volumes, plateau, importance sampling, momentum: every loss to 1e-6."""
    two = make_lines(3, seed=5)
    volumes = [make_lines(), TrainingVolume("two", two.image, 4.6, {"cleft": two.truth["membrane"]}, (0, 1))]
    recipe = recipe.model_copy(
        update={
            "targets": ("membrane", "cleft"),
            "schedule": "plateau",
            "plateau_patience": 1,
            "validate_every": 2,
            "optimiser": optimiser,
            "precision": precision,
            "sampling": recipe.sampling.model_copy(update={"at": {"cleft": 0.3}}),
        }
    )
    train(volumes, recipe, tmp_path / "whole", Silent())
    with pytest.raises(Cancelled):
        train(volumes, recipe, tmp_path / "parts", StopAt(9))
    train(volumes, recipe, tmp_path / "parts", Silent(), resume=True)
    whole, parts = (torch.load(tmp_path / name / STATE, weights_only=True) for name in ("whole", "parts"))
    assert whole["schedule"] == parts["schedule"]
    for name, value in whole["network"].items():
        torch.testing.assert_close(value, parts["network"][name], rtol=0, atol=1e-6)

    def curve(name, key):
        return {row["step"]: row[key] for row in rows(tmp_path / name) if key in row}

    for key in ("loss", "merit", "learning_rate"):
        one, other = curve("whole", key), curve("parts", key)
        assert one.keys() == other.keys()
        assert max(abs(one[n] - other[n]) for n in one) < 1e-6


def test_a_training_begun_by_an_older_version_goes_on(volume, recipe, tmp_path):
    """Its state knows neither the schedule nor settings that came later."""
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path, StopAt(4))
    state = torch.load(tmp_path / STATE, weights_only=True)
    for key in ("schedule", "scaler", "parts"):
        del state[key]
    old = json.loads(state["recipe"])
    for key in ("sampling", "losses", "schedule", "merit", "depth"):
        del old[key]
    state["recipe"] = json.dumps(old)
    torch.save(state, tmp_path / STATE)
    train([volume], recipe, tmp_path, Silent(), resume=True)
    assert read_card(tmp_path).training["steps"] <= recipe.steps


def test_a_longer_training_may_be_resumed_with_another_rate(volume, recipe, tmp_path):
    train([volume], recipe, tmp_path, Silent())
    longer = recipe.model_copy(update={"steps": recipe.steps + 4, "learning_rate": 1e-4})
    train([volume], longer, tmp_path, Silent(), resume=True)
    assert max(row["step"] for row in rows(tmp_path)) == recipe.steps + 4


def test_events_have_fixed_tags_with_one_point_a_time(volume, recipe, tmp_path):
    train([volume], recipe.model_copy(update={"steps": 20, "validate_every": 10}), tmp_path, Silent())
    events = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    tags = events.Tags()
    assert {"loss", "bce/membrane", "dice/membrane", "learning_rate", "merit", "lines/v_rand"} <= set(
        tags["scalars"]
    )
    assert set(tags["images"]) == {"samples/image", "samples/membrane", "validation/lines"}
    assert [e.step for e in events.Scalars("loss")] == [1, 10, 20]
    assert [e.step for e in events.Scalars("lines/v_rand")] == [10, 20]
    assert [e.step for e in events.Images("samples/image")] == [1, 10, 20]
    assert [e.step for e in events.Images("validation/lines")] == [10, 20]


def test_truth_of_validation_sections_never_reaches_a_sample(make_lines):
    """Poison in the truth of the held-out section: no sample, of any kind, contains it."""
    volume = make_lines(4)
    volume.truth["membrane"][3] = 77
    for depth in (0, 2, 4):
        pool = Pool([volume], ("membrane",), 1, 4.6, depth=depth)
        from napari_emseg.augment.recipe import Augmentation

        for n in range(20):
            assert 77 not in pool.draw(n, 0, (32, 32), Augmentation())[1]


@pytest.mark.parametrize("depth", [0, 2, 3])
def test_sections_that_validate_are_not_seen_as_neighbours_either(make_lines, depth):
    """Every section has a grey value of its own: what a sample shows tells where it comes from."""
    volume = make_lines(6)
    image = np.repeat(np.arange(6, dtype=np.float32)[:, None, None], 64, 1).repeat(64, 2)
    shown = TrainingVolume(
        "toy", image, 4.6, volume.truth, (0, 1, 4), (2, 5), statistics=np.tile([0.0, 1.0], (6, 1))
    )
    pool = Pool([shown], ("membrane",), 1, 4.6, depth=depth)
    for section in shown.train:
        seen = {int(v) for v in np.unique(pool.window(0, section))}
        assert seen <= {0, 1, 3, 4}
        assert section in seen
    assert not depth or pool.window(0, 1).shape[0] == depth
    if not depth:
        assert pool.window(0, 1)[:, 0, 0].tolist() == [0, 1, 1]
        assert pool.window(0, 4)[:, 0, 0].tolist() == [3, 4, 4]


def test_graded_truth_travels_as_levels(volume):
    graded = TrainingVolume(
        "graded",
        volume.image,
        4.6,
        {"segment": volume.truth["membrane"] * LEVELS},
        (0,),
        graded={"segment": 100.0},
    )
    assert graded_targets([graded], ("segment", "membrane")) == {"segment": 100.0}
    with pytest.raises(EmsegError, match="segment does not mean the same"):
        graded_targets([graded, TrainingVolume("x", volume.image, 4.6, graded.truth, (0,))], ("segment",))
    drawn = torch.tensor([[[[1, 0]], [[127, 255]]]], dtype=torch.uint8)
    truth, weight = truth_and_weight(drawn, ("membrane", "segment"), ("segment",))
    assert truth[0, :, 0].tolist() == [[1.0, 0.0], [0.5, 1.0]]
    assert weight[0, :, 0].tolist() == [[1.0, 1.0], [1.0, 0.0]]


def test_a_distance_is_learned_beside_membranes_and_stands_in_the_card(volume, recipe, tmp_path):
    both = TrainingVolume(
        "both",
        volume.image,
        4.6,
        {"membrane": volume.truth["membrane"], "segment": (1 - volume.truth["membrane"]) * 200},
        (0, 1),
        (2,),
        graded={"segment": 150.0},
    )
    changed = {
        "targets": ("membrane", "segment"),
        "losses": {"segment": {"loss": "level"}},
        "steps": 40,
        "validate_every": 40,
    }
    recipe = type(recipe).model_validate(recipe.model_dump() | changed)
    train([both], recipe, tmp_path, Silent())
    card = read_card(tmp_path)
    assert card.graded == {"segment": 150.0}
    assert card.scores["both"]["error_segment"] < 0.25
    assert card.scores["both"]["explained_segment"] > 0


def test_scores_of_masks_and_levels_by_hand():
    probability = np.array([0.9, 0.6, 0.4, 0.1], np.float32)
    found = mask_scores(probability, np.array([1, 0, 1, 0], np.uint8))
    assert found["dice"] == pytest.approx(0.5)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["best_dice"] == pytest.approx(0.8)
    assert 0.1 < found["threshold"] <= 0.4
    assert mask_scores(probability, np.zeros(4, np.uint8)) == {"dice": 0.0}
    truth = np.array([0, LEVELS], np.uint8)
    assert level_scores(np.array([0.0, 1.0], np.float32), truth) == {"error": 0.0, "explained": 1.0}
    assert level_scores(np.array([0.5, 0.5], np.float32), truth)["explained"] == pytest.approx(0)
