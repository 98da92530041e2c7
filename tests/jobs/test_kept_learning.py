"""A learning that was interrupted goes on; a new model waits for a decision, also until another day."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ignored import Ignored

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import Cancelled
from napari_emseg.core.learning import STOPPED, FinetuneResult
from napari_emseg.core.model_card import CARD, WEIGHTS, read_card
from napari_emseg.core.sections import Status
from napari_emseg.jobs import finetune, kept_learning, versions
from napari_emseg.nn.curves import METRICS
from napari_emseg.session import Session
from napari_emseg.settings import FinetuneSettings

QUICK = FinetuneSettings(max_seconds=3600, max_steps=1, trust=True)
SCORES = {"edits_per_100_objects": 4.0, "v_rand": 0.9}


@pytest.fixture
def taught(session, cells, model):
    """The session with sections 1 and 3 proofread and the toy model chosen."""
    session.model = str(model)
    labels = np.stack([cells] * 4)
    session.commit(session.around_people("segment", "model", Region.full(session.image.shape), labels))
    for z in (1, 3):
        session.mark(z, Status.PROOFREAD)
    return session


@pytest.fixture
def pupil(monkeypatch):
    """In place of the network; stopped when it is told so before."""
    stop = []

    def finetune(request, progress):
        progress.report(0.34, "step 1", loss=0.5)
        if stop:
            request.out_dir.mkdir(parents=True, exist_ok=True)
            (request.out_dir / STOPPED).write_bytes(b"state")
            raise Cancelled
        (request.out_dir / STOPPED).unlink(missing_ok=True)
        shutil.copytree(request.model, request.out_dir, dirs_exist_ok=True)
        training = {
            "steps": 7, "seconds": 1.5, "before": SCORES, "after": SCORES | {"v_rand": 0.95},
            "scored_on": "section 1", "share": 1.0,
        }  # fmt: skip
        card = read_card(request.model).model_copy(update={"name": request.name, "training": training})
        (request.out_dir / CARD).write_text(card.model_dump_json())
        pictures = tuple(np.full((20, 30), grey, np.uint8) for grey in (10, 20, 30))
        return FinetuneResult(
            request.out_dir, 7, 1.5, (0.5,), SCORES, SCORES | {"v_rand": 0.95}, "section 1", pictures
        )

    monkeypatch.setattr("napari_emseg.nn.finetune.finetune", finetune)
    return stop


def again(session: Session) -> Session:
    session.close()
    return Session.open(session.project.folder, session.image)


def test_the_same_learning_finds_its_folder_and_another_one_does_not(taught):
    first = finetune.prepare(taught, QUICK)
    assert first.resumable
    assert finetune.prepare(taught, QUICK).out_dir == first.out_dir
    longer = QUICK.model_copy(update={"max_seconds": 7200})
    assert finetune.prepare(taught, longer).out_dir == first.out_dir
    other = QUICK.model_copy(update={"seed": 5})
    assert finetune.prepare(taught, other).out_dir != first.out_dir
    taught.mark(1, Status.PREDICTED)
    assert finetune.prepare(taught, QUICK).out_dir != first.out_dir


def test_another_image_is_another_lesson(taught):
    first = finetune.prepare(taught, QUICK).out_dir
    brighter = np.asarray(taught.image.data) + np.uint8(1)
    taught.image = replace(taught.image, data=brighter, _statistics={})
    assert finetune.prepare(taught, QUICK).out_dir != first


def test_a_repainted_pixel_is_another_lesson(taught):
    first = finetune.prepare(taught, QUICK).out_dir
    taught.volume[3, 40, 40] = 99
    taught.commit_stroke()
    assert finetune.prepare(taught, QUICK).out_dir != first
    taught.undo()
    assert finetune.prepare(taught, QUICK).out_dir == first


def test_what_was_interrupted_is_found_on_another_day_and_gone_on_with(taught, pupil):
    assert kept_learning.interrupted(taught) is None
    pupil.append(True)
    request = finetune.prepare(taught, QUICK)
    with pytest.raises(Cancelled):
        finetune.run(request, Ignored())
    session = again(taught)
    kept_learning.tidy(session)
    found = kept_learning.interrupted(session)
    assert (found.folder, found.fraction, found.sections) == (request.out_dir, 0.34, (1, 3))
    assert kept_learning.waiting(session) is None
    pupil.clear()
    request = finetune.prepare(session, QUICK)
    assert request.out_dir == found.folder
    finetune.finish(session, request, finetune.run(request, Ignored()))
    assert kept_learning.interrupted(session) is None
    session.close()


def test_another_learning_forgets_the_one_before(taught, pupil):
    pupil.append(True)
    old = finetune.prepare(taught, QUICK)
    with pytest.raises(Cancelled):
        finetune.run(old, Ignored())
    kept_learning.forget_others(old)
    assert old.out_dir.is_dir()
    kept_learning.forget_others(finetune.prepare(taught, QUICK.model_copy(update={"seed": 5})))
    assert not old.out_dir.exists()


def test_a_new_model_waits_over_night(taught, pupil):
    request = finetune.prepare(taught, QUICK)
    made = finetune.run(request, Ignored())  # the window went before it heard of this
    session = again(taught)
    kept_learning.tidy(session)
    kept_learning.forget_others(finetune.prepare(session, QUICK.model_copy(update={"seed": 5})))
    found = kept_learning.waiting(session)
    assert (found.folder, found.sections) == (made.model, (1, 3))
    assert replace(found.result, pictures=()) == replace(made, pictures=(), losses=())
    assert [picture.shape for picture in found.result.pictures] == [(20, 30)] * 3
    assert [int(picture[0, 0]) for picture in found.result.pictures] == [10, 20, 30]
    folder = versions.accept(session, found)
    assert read_card(folder).training["proofread_sections"] == [1, 3]
    assert kept_learning.waiting(session) is None
    session.close()


@pytest.mark.parametrize("missing", [CARD, WEIGHTS])
def test_what_a_crash_leaves_is_removed(taught, pupil, missing):
    half = finetune.run(finetune.prepare(taught, QUICK), Ignored()).model
    (half / missing).unlink()
    assert kept_learning.waiting(taught) is None
    kept_learning.tidy(taught)
    assert not half.exists()


def test_a_reader_of_the_project_decides_nothing(taught, pupil):
    request = finetune.prepare(taught, QUICK)
    finetune.run(request, Ignored())
    reader = Session.open(taught.project.folder, taught.image)
    assert reader.read_only
    assert kept_learning.waiting(reader) is None
    kept_learning.tidy(reader)
    assert request.out_dir.is_dir()
    reader.close()


def test_the_curve_of_one_that_was_killed_has_every_step_once(model, tmp_path, monkeypatch, image, cells):
    monkeypatch.setattr("napari_emseg.nn.diary._EVERY_S", 0.0)
    monkeypatch.setattr("napari_emseg.nn.diary._SHARE", 1e9)
    steps = QUICK.model_copy(update={"max_steps": 6})
    teachers = [finetune.Teacher(image, lambda _: cells, [1])]

    def learn(name: str) -> list[tuple[int, float]]:
        request = finetune.prepare_from(teachers, model, tmp_path / name, steps, name="mine", with_log=True)
        finetune.run(request, Ignored())
        rows = (tmp_path / name / METRICS).read_text().splitlines()
        return [(row["step"], row["loss"]) for row in map(json.loads, rows)]

    whole = learn("whole")
    out, seen = tmp_path / "parts", []
    keep = kept_learning.Noted.note

    def note(self: kept_learning.Noted) -> None:
        keep(self)
        seen.append({path.name: path.read_bytes() for path in out.iterdir() if path.is_file()})

    with monkeypatch.context() as patched:
        patched.setattr(kept_learning.Noted, "note", note)
        learn("parts")
    curve = (out / METRICS).read_bytes()
    shutil.rmtree(out)
    out.mkdir()
    for name, content in seen[
        2
    ].items():  # as after a kill between a state and its note, and a curve that went on
        (out / name).write_bytes(content)
    (out / STOPPED).write_bytes(seen[3][STOPPED])
    (out / METRICS).write_bytes(curve)
    np.testing.assert_allclose(learn("parts"), whole, atol=1e-6)
    assert not {STOPPED, "stopped.json"} & {path.name for path in out.iterdir()}


@pytest.mark.parametrize(
    ("has_state", "has_model", "note", "steps"),
    [
        (False, True, None, 12),  # learned further: the curve goes on
        (True, False, None, 3),  # killed before the first note: what the curve has of later steps comes again
        (True, True, None, 12),
        (True, True, 6, 9),  # the state was kept after its curve had been written
    ],
)
def test_where_a_curve_goes_on(tmp_path, has_state, has_model, note, steps):
    (tmp_path / METRICS).write_text("".join(f'{{"step": {n}, "loss": 1.0}}\n' for n in (1, 12, 5)))
    if has_state:
        torch.save(
            {"done": {"a": {"losses": [1.0, 0.5]}}, "stopped": {"b": {"losses": [0.4]}}}, tmp_path / STOPPED
        )
    if has_model:
        (tmp_path / CARD).write_text("{}")
    if note is not None:
        (tmp_path / "stopped.json").write_text(
            json.dumps({"fraction": 0.5, "sections": [1], "steps_before": note})
        )
    assert kept_learning.Noted(Ignored(), SimpleNamespace(out_dir=tmp_path)).steps == steps
