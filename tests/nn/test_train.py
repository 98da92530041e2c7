"""Training learns, stops, and goes on as if it had not stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.model_card import CARD, WEIGHTS, read_card
from napari_emseg.core.progress import Silent
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.curves import Curves
from napari_emseg.nn.emphasis import Emphasis
from napari_emseg.nn.train import METRICS, STATE, is_over, train


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


def weights(folder):
    return load_model(folder)[0].state_dict()


def test_a_training_learns_the_lines(volume, recipe, tmp_path):
    recipe = recipe.model_copy(update={"steps": 60, "validate_every": 60, "emphasis": Emphasis(centreline=1)})
    train([volume], recipe, tmp_path, Silent())
    card = read_card(tmp_path)
    assert card.scores["lines"]["v_rand"] > 0.95
    assert card.targets == ("membrane",)
    assert card.training["volumes"]["lines"] == {"train": [0, 1], "validate": [2]}
    rows = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < losses[0] / 2
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_resumed_training_repeats_the_uninterrupted_one(volume, recipe, tmp_path):
    train([volume], recipe, tmp_path / "whole", Silent())
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path / "parts", StopAt(5))
    train([volume], recipe, tmp_path / "parts", Silent(), resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(whole[name], parts[name], rtol=0, atol=1e-6)


def test_an_unfinished_training_is_not_overwritten(volume, recipe, tmp_path):
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path, StopAt(4))
    with pytest.raises(EmsegError, match="holds a training already"):
        train([volume], recipe, tmp_path, Silent())


def test_a_model_is_not_overwritten(volume, recipe, taught, tmp_path):
    for name in (CARD, WEIGHTS):
        shutil.copyfile(taught / name, tmp_path / name)
    with pytest.raises(EmsegError, match="holds a model already"):
        train([volume], recipe, tmp_path, Silent())
    assert (tmp_path / WEIGHTS).read_bytes() == (taught / WEIGHTS).read_bytes()


@pytest.mark.parametrize("reports", [2, 3, 6])
def test_stopped_between_a_step_and_its_validation_nothing_is_left_out(volume, recipe, tmp_path, reports):
    """Each step reports itself first and then, every second one, its validation."""
    changed = {"steps": 4, "validate_every": 2, "schedule": "plateau", "plateau_patience": 1, "walls": False}
    recipe = recipe.model_copy(update=changed)
    train([volume], recipe, tmp_path / "whole", Silent())
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path / "parts", StopAt(reports))
    train([volume], recipe, tmp_path / "parts", Silent(), resume=True)
    whole, parts = (torch.load(tmp_path / name / STATE, weights_only=True) for name in ("whole", "parts"))
    for key in ("schedule", "best", "step", "scored"):
        assert whole[key] == parts[key], key
    curves = [
        [{k: v for k, v in row.items() if k != "time"} for row in rows(tmp_path / name) if "merit" in row]
        for name in ("whole", "parts")
    ]
    assert curves[0] == curves[1]


def test_killed_after_the_first_validation_it_can_be_resumed(volume, recipe, tmp_path):
    """The model is kept before the state would be due: a killed program must not leave it alone there."""
    recipe = recipe.model_copy(update={"steps": 4, "validate_every": 2, "save_every": 100, "walls": False})
    train([volume], recipe, tmp_path / "whole", Silent())

    class Killed:
        def report(self, fraction, message="", **values):
            if "merit" in values:
                raise MemoryError("killed")

    with pytest.raises(MemoryError):
        train([volume], recipe, tmp_path / "parts", Killed())
    assert (tmp_path / "parts" / CARD).exists()
    train([volume], recipe, tmp_path / "parts", Silent(), resume=True)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    for name in whole:
        torch.testing.assert_close(whole[name], parts[name], rtol=0, atol=1e-6)


def test_an_early_end_is_the_end(make_lines, recipe, tmp_path):
    """Walls are learned then, too, and nothing is learned after it."""
    changed = {"steps": 500, "validate_every": 2, "stop_after": 2, "learning_rate": 1e-9, "warm_up": 0}
    recipe = recipe.model_copy(update=changed)
    volumes = [make_lines(5)]
    train(volumes, recipe, tmp_path, Silent())
    assert is_over(tmp_path)
    assert (tmp_path / STATE).is_file()
    last = rows(tmp_path)[-1]["step"]
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_emseg.nn.train.add_judge", lambda *a, **k: asked.append(a))
        train(volumes, recipe, tmp_path, Silent(), resume=True)
        assert len(asked) == 1
        assert rows(tmp_path)[-1]["step"] == last
        train(volumes, recipe, tmp_path / "new", Silent())
        assert len(asked) == 2


def test_what_a_killed_run_wrote_after_its_last_state_is_not_there_twice(volume, recipe, tmp_path):
    recipe = recipe.model_copy(update={"steps": 40, "save_every": 10, "validate_every": 10, "walls": False})
    train([volume], recipe.model_copy(update={"steps": 20}), tmp_path, Silent())
    board = Curves(tmp_path)
    board.scalars(30, {"loss": 9.0})
    board.close()
    (tmp_path / METRICS).write_text((tmp_path / METRICS).read_text() + '{"step": 31, "lo')
    train([volume], recipe, tmp_path, Silent(), resume=True)
    steps = [row["step"] for row in rows(tmp_path) if "loss" in row]
    assert steps == [1, 10, 20, 30, 40]
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [e.step for e in events.Scalars("loss")] == [1, 10, 20, 30, 40]
    assert 9.0 not in [e.value for e in events.Scalars("loss")]


def test_a_damaged_state_is_said(volume, recipe, tmp_path):
    train([volume], recipe.model_copy(update={"steps": 1, "walls": False}), tmp_path, Silent())
    state = (tmp_path / STATE).read_bytes()
    for content in (b"", b"junk", state[: len(state) // 2]):
        (tmp_path / STATE).write_bytes(content)
        with pytest.raises(EmsegError, match="state of this training cannot be read"):
            train([volume], recipe, tmp_path, Silent(), resume=True)


def test_a_target_that_nothing_teaches_is_refused(volume, recipe, tmp_path):
    with pytest.raises(EmsegError, match="nothing teaches cleft"):
        train([volume], recipe.model_copy(update={"targets": ("membrane", "cleft")}), tmp_path, Silent())
    assert not list(tmp_path.iterdir())


def test_another_recipe_cannot_resume(volume, recipe, tmp_path):
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path, StopAt(4))
    with pytest.raises(EmsegError, match="the recipe has changed"):
        train([volume], recipe.model_copy(update={"batch": 3}), tmp_path, Silent(), resume=True)


@pytest.mark.parametrize("what", ["image", "truth", "sections", "another volume", "another name"])
def test_other_data_cannot_resume(what, volume, recipe, tmp_path):
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path, StopAt(4))
    state = (tmp_path / STATE).read_bytes()
    image, truth = volume.image.copy(), volume.truth["membrane"].copy()
    image[0, 3, 5] += 1
    truth[1, 3, 5] = 1 - truth[1, 3, 5]
    other = {
        "image": [replace(volume, image=image)],
        "truth": [replace(volume, truth={"membrane": truth})],
        "sections": [replace(volume, train=(0,))],
        "another volume": [volume, replace(volume, name="more")],
        "another name": [replace(volume, name="other")],
    }[what]
    said = {
        "image": "lines: image",
        "another volume": "2 volumes instead of 1",
        "another name": "other: name",
    }
    with pytest.raises(
        EmsegError, match=f"data have changed since this training began .*{said.get(what, what)}"
    ):
        train(other, recipe, tmp_path, Silent(), resume=True)
    assert (tmp_path / STATE).read_bytes() == state
    train([replace(volume, image=volume.image.copy())], recipe, tmp_path, Silent(), resume=True)


def test_a_state_of_an_earlier_version_does_not_say_what_it_learned_from(volume, recipe, tmp_path):
    with pytest.raises(Cancelled):
        train([volume], recipe, tmp_path, StopAt(4))
    state = torch.load(tmp_path / STATE, weights_only=True)
    del state["data"]
    torch.save(state, tmp_path / STATE)
    train([volume], recipe, tmp_path, Silent(), resume=True)


def test_nothing_to_resume_is_said(volume, recipe, tmp_path):
    with pytest.raises(EmsegError, match="no training to resume"):
        train([volume], recipe, tmp_path, Silent(), resume=True)


def test_a_loss_that_is_no_number_ends_the_training_with_a_sentence(volume, recipe, tmp_path):
    broken = volume.image.astype(np.float32)
    broken[:2] = np.nan
    sick = type(volume)("sick", broken, 4.6, volume.truth, (0, 1), statistics=np.ones((3, 2)))
    with pytest.raises(EmsegError, match="no longer a number"):
        train([sick], recipe, tmp_path, Silent())


def test_the_source_is_not_changed(volume, recipe, tmp_path):
    image = volume.image.copy()
    train([volume], recipe.model_copy(update={"steps": 3}), tmp_path, Silent())
    np.testing.assert_array_equal(volume.image, image)
