"""Fine-tuning changes a copy, for the better, and says what its score means."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.learning import IGNORE, STOPPED, FinetuneRequest, TrainingVolume
from napari_emseg.core.model_card import read_card
from napari_emseg.core.progress import Silent
from napari_emseg.nn.average import mixed, soup
from napari_emseg.nn.checkpoint import load_model, save_model
from napari_emseg.nn.finetune import finetune
from napari_emseg.nn.first_look import first_look
from napari_emseg.nn.keepsake import kept_targets
from napari_emseg.nn.lesson import Plan
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.sections import probabilities
from napari_emseg.nn.strategies import RANK
from napari_emseg.nn.train import train
from napari_emseg.settings import FinetuneSettings

CPU = torch.device("cpu")
QUICK = FinetuneSettings(max_seconds=120, max_steps=25)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """There is time enough for copies, however little is asked for here."""
    monkeypatch.setattr("napari_emseg.nn.lesson._ENOUGH_S", 0.0)
    monkeypatch.setattr("napari_emseg.nn.lesson._ENOUGH_STEPS", 0)


def inverted(make_lines, n_sections=3):
    """The toy stack with bright membranes: a model that knows dark ones is wrong about it."""
    volume = make_lines(n_sections, seed=3)
    return TrainingVolume("inverted", 255 - volume.image, 4.6, volume.truth, tuple(range(n_sections)))


def test_a_model_learns_a_new_stack_and_the_old_one_stays(taught, make_lines, tmp_path):
    before = {k: v.clone() for k, v in load_model(taught)[0].state_dict().items()}
    settings = QUICK.model_copy(update={"max_steps": 60})
    request = FinetuneRequest(taught, (inverted(make_lines),), tmp_path / "new", settings, name="better")
    result = finetune(request, Silent())
    assert result.steps == 60
    assert np.mean(result.losses[5:10]) < result.losses[0], "the first copy learns"
    assert np.mean(result.losses[-5:]) < result.losses[0], "and so does what comes of the copies"
    assert result.after["v_rand"] > result.before["v_rand"] + 0.05
    assert "all 3 sections" in result.scored_on
    assert result.helps
    image, old, new = result.pictures
    assert image.shape == old.shape == new.shape
    assert np.abs(new.astype(int) - old).mean() > 5
    card = read_card(result.model)
    assert (card.name, card.parent) == ("better", "toy")
    assert card.training["sections"] == {"inverted": [0, 1, 2]}
    for name, value in load_model(taught)[0].state_dict().items():
        assert torch.equal(value, before[name])


def test_a_poor_model_in_a_hurry_learns_all_the_time(taught, make_lines, tmp_path, monkeypatch):
    monkeypatch.undo()
    result = finetune(FinetuneRequest(taught, (inverted(make_lines),), tmp_path / "new", QUICK), Silent())
    assert result.scored_on == "the sections that it learned from"
    assert result.share == 1
    assert result.after["v_rand"] > result.before["v_rand"] + 0.05


@pytest.fixture(scope="module")
def taught_3d(make_blocks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("taught-3d")
    settings = TrainRecipe(
        name="blocks", architecture="unet_3d", arguments={"width": 4, "depth": 2}, depth=2, context_sections=1,
        steps=40, batch=2, size=32, average=0.8, learning_rate=1e-2, walls=False,
    )  # fmt: skip
    train([make_blocks(4)], settings, folder, Silent())
    return folder


@pytest.fixture(scope="module")
def make_blocks():
    def make(n_sections: int, *, inverted: bool = False) -> TrainingVolume:
        y, x = np.indices((64, 64))
        membrane = ((y % 16) < 2) | ((x % 16) < 2)
        image = 160 - 80 * membrane + np.random.default_rng(0).normal(0, 12, (n_sections, 64, 64))
        truth = np.repeat(membrane[None].astype(np.uint8), n_sections, 0)
        grey = np.clip(255 - image if inverted else image, 0, 255).astype(np.uint8)
        return TrainingVolume("blocks", grey, 4.6, {"membrane": truth}, tuple(range(n_sections)))

    return make


@pytest.mark.parametrize("strategy", ["full", "low-rank"])
def test_a_network_of_blocks_learns_too(taught_3d, make_blocks, tmp_path, strategy):
    settings = QUICK.model_copy(update={"strategy": strategy, "trust": True, "learning_rate": 0.02})
    request = FinetuneRequest(taught_3d, (make_blocks(3, inverted=True),), tmp_path / "new", settings)
    result = finetune(request, Silent())
    assert np.mean(result.losses[-5:]) < result.losses[0]
    assert read_card(result.model).depth == 2
    assert load_model(result.model)[0].depth == 2


def test_steps_that_are_no_numbers_change_nothing_and_ten_of_them_are_said(
    taught, make_lines, tmp_path, monkeypatch
):
    settings = QUICK.model_copy(update={"trust": True, "max_steps": 14})
    real, sick = Plan.loss, set(range(3, 8))
    counted = iter(range(10_000))

    def loss(self, network, batch):
        found = real(self, network, batch)
        return found * np.nan if network.training is False and next(counted) in sick else found

    monkeypatch.setattr(Plan, "loss", loss)
    monkeypatch.setattr("napari_emseg.nn.finetune._Course._taught_judge", lambda self, *_: self.judge)
    monkeypatch.setattr("napari_emseg.nn.lesson.adapt_if_better", lambda *_: False)
    ask = (inverted(make_lines, 2),)
    result = finetune(FinetuneRequest(taught, ask, tmp_path / "new", settings), Silent())
    assert result.steps == 14
    assert np.isfinite(result.losses).all()
    assert all(torch.isfinite(v).all() for v in load_model(result.model)[0].state_dict().values())
    sick |= set(range(10_000))
    with pytest.raises(EmsegError, match="the loss is no longer a number, step 10, lower the learning rate"):
        finetune(FinetuneRequest(taught, ask, tmp_path / "sick", settings, resumable=True), Silent())
    assert not (tmp_path / "sick").exists()


def test_out_of_memory_leads_to_single_samples_and_the_same_weights(
    taught, make_lines, tmp_path, monkeypatch
):
    settings = QUICK.model_copy(update={"trust": True, "max_steps": 3})
    ask = (inverted(make_lines, 2),)
    real = Plan.loss

    def cramped(self, network, batch):
        if len(batch[0]) > 1:
            raise torch.OutOfMemoryError
        return real(self, network, batch)

    monkeypatch.setattr("napari_emseg.nn.lesson.adapt_if_better", lambda *_: False)
    monkeypatch.setattr(Plan, "loss", cramped)
    small = finetune(FinetuneRequest(taught, ask, tmp_path / "small", settings), Silent())
    monkeypatch.setattr(Plan, "loss", real)
    whole = finetune(FinetuneRequest(taught, ask, tmp_path / "whole", settings), Silent())
    assert small.steps == whole.steps == 3
    assert small.losses == pytest.approx(whole.losses, rel=0.05)


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
    assert 1 < result.seconds < 12
    assert "half" in result.scored_on


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
    settings = QUICK.model_copy(update={"strategy": strategy, "max_steps": 2, "trust": True})
    result = finetune(FinetuneRequest(taught, (inverted(make_lines),), tmp_path / "new", settings), Silent())
    old, new = load_model(taught)[0], load_model(result.model)[0]
    changed = {n.split(".")[0] for n, p in new.named_parameters() if not torch.equal(p, old.get_parameter(n))}
    assert changed
    assert not changed & set(stays)


def test_low_rank_leaves_an_ordinary_network_with_small_corrections(taught, make_lines, tmp_path):
    settings = QUICK.model_copy(update={"strategy": "low-rank", "trust": True})
    result = finetune(FinetuneRequest(taught, (inverted(make_lines),), tmp_path / "new", settings), Silent())
    old, new = load_model(taught)[0], load_model(result.model)[0]
    assert [n for n, _ in new.named_parameters()] == [n for n, _ in old.named_parameters()]
    kernel = "encoder.1.first.weight"
    change = (new.get_parameter(kernel) - old.get_parameter(kernel)).detach().flatten(1)
    assert change.abs().max() > 0
    assert int(torch.linalg.matrix_rank(change, rtol=1e-3)) <= RANK
    assert np.mean(result.losses[-5:]) < 0.9 * result.losses[0]


def test_a_model_that_does_not_get_better_stays_as_it_is(taught, make_lines, tmp_path):
    """What it knows already is taught with wrong steps: on what is held back the old weights win."""
    volume = make_lines(3, seed=5)
    known = TrainingVolume("known", volume.image, 4.6, volume.truth, (0, 1, 2))
    wild = QUICK.model_copy(update={"learning_rate": 0.1})
    result = finetune(FinetuneRequest(taught, (known,), tmp_path / "new", wild), Silent())
    assert result.share == 0
    assert not result.helps
    assert result.after == result.before
    old, new = load_model(taught)[0].state_dict(), load_model(result.model)[0].state_dict()
    assert all(torch.equal(new[k], old[k]) for k in old)


@pytest.mark.parametrize("trust", [False, True])
def test_what_does_worse_even_where_it_learned_is_not_taken(taught, make_lines, tmp_path, monkeypatch, trust):
    monkeypatch.undo()
    monkeypatch.setattr("napari_emseg.nn.finetune.how_far", lambda before, **how: 0.6)
    volume = make_lines(3, seed=5)
    known = TrainingVolume("known", volume.image, 4.6, volume.truth, (0, 1, 2))
    monkeypatch.setattr(  # all that was learned went wrong
        "napari_emseg.nn.finetune.mixed", lambda start, end, share: {k: v - v for k, v in end.items()}
    )
    settings = QUICK.model_copy(update={"max_steps": 2, "trust": trust})
    result = finetune(FinetuneRequest(taught, (known,), tmp_path / "new", settings), Silent())
    assert result.scored_on == "the sections that it learned from"
    if trust:
        assert result.share == 0.6
        assert result.after["v_rand"] < result.before["v_rand"]
        return
    assert (result.share, result.after) == (0, result.before)
    old, new = load_model(taught)[0].state_dict(), load_model(result.model)[0].state_dict()
    assert all(torch.equal(new[k], old[k]) for k in old)


def test_without_checking_all_sections_teach_all_the_time(taught, make_lines, tmp_path):
    settings = QUICK.model_copy(update={"trust": True})
    result = finetune(FinetuneRequest(taught, (inverted(make_lines),), tmp_path / "new", settings), Silent())
    assert (result.steps, result.share) == (25, 1.0)
    assert result.scored_on == "the sections that it learned from"


class StopAt:
    """The person presses Ctrl-C at a step; the losses seen until then are kept."""

    def __init__(self, step):
        self.step, self.losses = step, []

    def report(self, fraction, message="", **values):
        if "loss" in values:
            self.losses.append(values["loss"])
            if len(self.losses) == self.step:
                raise KeyboardInterrupt


@pytest.mark.parametrize("step", [3, 20])
@pytest.mark.parametrize("strategy", ["full", "low-rank"])
def test_stopped_and_resumed_it_ends_where_it_would_have_ended(taught, make_lines, tmp_path, step, strategy):
    settings = QUICK.model_copy(update={"strategy": strategy})
    volumes = (inverted(make_lines, 2),)
    whole = finetune(FinetuneRequest(taught, volumes, tmp_path / "whole", settings), Silent())
    request = FinetuneRequest(taught, volumes, tmp_path / "parts", settings, resumable=True)
    with pytest.raises(KeyboardInterrupt):
        finetune(request, StopAt(step))
    assert (tmp_path / "parts" / STOPPED).is_file()
    assert not (tmp_path / "parts" / "card.json").exists()
    resumed = finetune(request, Silent())
    assert not (tmp_path / "parts" / STOPPED).exists()
    np.testing.assert_allclose(resumed.losses, whole.losses, atol=1e-6)
    assert resumed.after == pytest.approx(whole.after, abs=1e-6)


def test_another_course_is_not_gone_on_with(taught, make_lines, tmp_path):
    request = FinetuneRequest(taught, (inverted(make_lines, 2),), tmp_path / "new", QUICK, resumable=True)
    with pytest.raises(KeyboardInterrupt):
        finetune(request, StopAt(2))
    other = FinetuneRequest(taught, (inverted(make_lines, 3),), tmp_path / "new", QUICK, resumable=True)
    with pytest.raises(EmsegError, match="learning something else"):
        finetune(other, Silent())


def test_weights_are_mixed_and_averaged_but_counts_are_not():
    a = {"w": torch.tensor([0.0, 2.0]), "n": torch.tensor(3)}
    b = {"w": torch.tensor([4.0, 4.0]), "n": torch.tensor(5)}
    assert mixed(a, b, 0.25)["w"].tolist() == [1.0, 2.5]
    assert soup([a, b])["w"].tolist() == [2.0, 3.0]
    assert int(soup([a, b])["n"]) == 3


def test_outputs_that_nobody_teaches_stay_where_they_were(make_lines, tmp_path):
    """A second target drifts with the features that it shares, unless the model's own answers hold it."""
    from napari_emseg.nn.recipe import TrainRecipe

    lines = make_lines()
    both = TrainingVolume(
        "two", lines.image, 4.6, lines.truth | {"mitochondria": 1 - lines.truth["membrane"]}, (0, 1), (2,)
    )
    recipe = TrainRecipe(
        name="two", targets=("membrane", "mitochondria"), arguments={"widths": [8, 16], "head": 4},
        steps=60, batch=2, size=32, average=0.8, learning_rate=5e-3,
    )  # fmt: skip
    train([both], recipe, tmp_path / "two", Silent())
    network, card = load_model(tmp_path / "two")
    device = torch.device("cpu")
    volume = inverted(make_lines, 1)
    names = kept_targets([volume], card.targets)
    (kept,) = first_look([volume], network, card, device, Silent(), kept=names)
    assert names == ("mitochondria",)
    said = probabilities(network, card, volume.normalised(), 0, 4.6, device)
    np.testing.assert_array_equal(kept.truth["mitochondria"][0], np.rint(said[1] * 254))
    settings = QUICK.model_copy(update={"trust": True})
    result = finetune(FinetuneRequest(tmp_path / "two", (volume,), tmp_path / "new", settings), Silent())
    after = probabilities(load_model(result.model)[0], card, volume.normalised(), 0, 4.6, device)
    membrane, beside = (np.abs(after[c] - said[c]).mean() for c in (0, 1))
    assert membrane > 0.05
    assert beside < 0.5 * membrane


@pytest.mark.parametrize(("sections", "trust", "share"), [(1, False, 0.32), (2, False, 0.8), (1, True, 0.8)])
def test_a_single_section_moves_weights_less_far(
    taught, make_lines, tmp_path, monkeypatch, sections, trust, share
):
    monkeypatch.undo()  # in a hurry
    monkeypatch.setattr("napari_emseg.nn.finetune.how_far", lambda before, **_: 0.8)
    settings = QUICK.model_copy(update={"trust": trust, "max_steps": 2})
    volume = make_lines(3, seed=4)
    some = TrainingVolume("some", volume.image, 4.6, volume.truth, tuple(range(sections)))
    result = finetune(FinetuneRequest(taught, (some,), tmp_path / "new", settings), Silent())
    assert result.share == pytest.approx(share)


def test_a_model_of_synthetic_sections_moves_far_and_is_synthetic_no_longer(
    taught, make_lines, tmp_path, monkeypatch
):
    monkeypatch.undo()  # in a hurry
    asked = []
    monkeypatch.setattr("napari_emseg.nn.finetune.how_far", lambda before, **how: asked.append(how) or 1.0)
    drawn = tmp_path / "drawn"
    network, card = load_model(taught)
    save_model(drawn, network.state_dict(), card.model_copy(update={"synthetic": True}))
    settings = QUICK.model_copy(update={"max_steps": 2})
    volume = make_lines(3, seed=4)
    some = TrainingVolume("some", volume.image, 4.6, volume.truth, (0,))
    result = finetune(FinetuneRequest(drawn, (some,), tmp_path / "new", settings), Silent())
    assert result.share == pytest.approx(0.75)  # of one section
    assert not load_model(result.model)[1].synthetic
    finetune(FinetuneRequest(result.model, (some,), tmp_path / "next", settings), Silent())
    large = TrainingVolume("large", volume.image, 10.0, volume.truth, (0,))
    third = finetune(FinetuneRequest(result.model, (large,), tmp_path / "third", settings), Silent())
    finetune(FinetuneRequest(third.model, (large,), tmp_path / "fourth", settings), Silent())
    assert [how.get("stranger") for how in asked] == [None, True, None, False, None, True, None, False]


def test_a_model_whose_weights_stayed_is_as_strange_as_before(taught, make_lines, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_emseg.nn.finetune.how_far", lambda before, **_: 0.0)
    drawn = tmp_path / "drawn"
    network, card = load_model(taught)
    save_model(drawn, network.state_dict(), card.model_copy(update={"synthetic": True}))
    volume = make_lines(3, seed=4)
    some = TrainingVolume("some", volume.image, 10.0, volume.truth, (0,))
    settings = QUICK.model_copy(update={"max_steps": 2})
    result = finetune(FinetuneRequest(drawn, (some,), tmp_path / "new", settings), Silent())
    made = load_model(result.model)[1]
    assert result.share == 0
    assert made.synthetic
    assert made.taught_pixel_sizes_nm == card.taught_pixel_sizes_nm
