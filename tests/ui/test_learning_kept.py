"""What the window says of a learning that was stopped, and of a new model that nobody has decided about."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.learning import STOPPED
from napari_emseg.core.model_card import CARD, WEIGHTS, read_card
from napari_emseg.core.sections import Status
from napari_emseg.session import Session
from napari_emseg.ui.flows import opening

SCORES = {"edits_per_100_objects": 4.0, "v_rand": 0.9, "v_info": 0.9}


@pytest.fixture
def taught(labelled: Any) -> Any:
    labelled.session.mark(2, Status.PROOFREAD)
    return labelled


def reopen(desk: Any) -> None:
    folder, image = desk.session.project.folder, desk.session.image
    desk.clear()
    opening.show(desk, Session.open(folder, image))


def interrupt(request: Any, progress: Any) -> None:
    """As the worker does when it is told to stop."""
    request.out_dir.mkdir(parents=True, exist_ok=True)
    (request.out_dir / STOPPED).write_bytes(b"state")
    (request.out_dir / "stopped.json").write_text(json.dumps({"fraction": 0.34, "sections": [2]}))
    raise Cancelled


def made(desk: Any, model: Path) -> Path:
    """A new model of the project, as the worker leaves it."""
    folder = desk.session.project.models / ".candidate-1"
    folder.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"")
    training = {
        "steps": 7, "seconds": 12.0, "before": SCORES | {"edits_per_100_objects": 6.0}, "after": SCORES,
        "scored_on": "section 2", "share": 1.0, "proofread_sections": [2],
    }  # fmt: skip
    card = read_card(model).model_copy(update={"training": training, "parent": "membrane"})
    (folder / CARD).write_text(card.model_dump_json())
    return folder


def test_a_learning_that_was_stopped_goes_on_today_and_on_another_day(taught: Any, engine: Any) -> None:
    engine.answers["napari_emseg.jobs.finetune:run"] = interrupt
    taught.do("train")
    said = taught.sayings["train"]
    assert said.text.startswith("Stopped. Learning can go on where it was")
    assert said.action == "train"
    reopen(taught)
    said = taught.sayings["train"]
    assert said.text.startswith("Learning was stopped at 34 % and can go on.")
    assert said.action == "train"
    assert "Learning was stopped at 34 % and can go on." in taught.sayings["data"].text
    engine.hold = True
    taught.do("train")
    assert taught.sayings["train"].text.startswith("The copy goes on where it was stopped at 34 %.")


def test_one_whose_worker_was_killed_goes_on_too(taught: Any, engine: Any) -> None:
    def killed(request: Any, progress: Any) -> None:
        with suppress(Cancelled):
            interrupt(request, progress)
        raise EmsegError("the worker stopped: it was killed", "finetune", "it was started again")

    engine.answers["napari_emseg.jobs.finetune:run"] = killed
    taught.do("train")
    said = taught.sayings["train"]
    assert said.text.startswith("The worker stopped: it was killed")
    assert said.text.endswith("Learning was kept at 34 % and can go on.")
    assert (said.tone, said.action, said.link) == ("error", "train", "Go on learning")
    reopen(taught)
    assert taught.sayings["train"].text.startswith("Learning was stopped at 34 % and can go on.")


def test_one_that_fails_without_a_state_offers_nothing_to_go_on_with(taught: Any, engine: Any) -> None:
    def fails(request: Any, progress: Any) -> None:
        raise EmsegError("the loss is no longer a number", "step 7", "lower the learning rate")

    engine.answers["napari_emseg.jobs.finetune:run"] = fails
    taught.do("train")
    assert taught.sayings["train"].action != "train"
    assert "was kept" not in taught.sayings["train"].text


def test_other_sections_begin_anew_and_say_so(taught: Any, engine: Any) -> None:
    engine.answers["napari_emseg.jobs.finetune:run"] = interrupt
    taught.do("train")
    (old,) = taught.session.project.models.glob(".candidate*")
    taught.session.mark(1, Status.PROOFREAD)
    engine.hold = True
    taught.do("train")
    assert "begins anew" in taught.sayings["train"].text
    assert not old.exists()


def test_a_new_model_waits_for_the_next_day(taught: Any, model: Path) -> None:
    folder = made(taught, model)
    reopen(taught)
    assert taught.learning.folder == folder
    text = "Edits per 100 objects: 4.0, before 6.0. You decide."
    assert taught.sayings["train"].text.startswith("A new model waits for your decision. ")
    assert taught.sayings["train"].text.endswith(text)
    assert taught.sayings["data"].action == "stage:train"
    taught.do("accept_model")
    assert taught.session.model == str(taught.session.project.models / "membrane-2")
    assert not folder.exists()
    said = taught.sayings["data"]
    assert ("new model" in said.text, said.action) == (False, "stage:proofread"), "it waits no longer"


def test_one_that_was_discarded_does_not_come_back(taught: Any, model: Path) -> None:
    folder = made(taught, model)
    reopen(taught)
    taught.do("discard_model")
    assert not folder.exists()
    reopen(taught)
    assert taught.learning is None
