"""From proofread sections to a new model version, and back."""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from ignored import Ignored

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.learning import IGNORE, FinetuneResult
from napari_emseg.core.model_card import read_card
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import finetune, versions
from napari_emseg.nn import finetune as nn_finetune
from napari_emseg.settings import FinetuneSettings

QUICK = FinetuneSettings(max_seconds=3600, max_steps=1, trust=True)


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
    """In place of the network: the new model is a copy of the old one, after a step with loss 0.5."""

    def finetune(request, progress):
        assert [v.train for v in request.volumes]
        progress.report(0.5, "step 1", loss=0.5)
        shutil.copytree(request.model, request.out_dir, dirs_exist_ok=True)
        card = read_card(request.model).model_copy(update={"name": request.name})
        (request.out_dir / "card.json").write_text(card.model_dump_json())
        return FinetuneResult(request.out_dir, 1, 0.1, (0.5,))

    monkeypatch.setattr("napari_emseg.nn.finetune.finetune", finetune)


def learn(session):
    request = finetune.prepare(session, QUICK)
    return finetune.finish(session, request, finetune.run(request, Ignored()))


def test_only_proofread_sections_travel_as_truth(taught, cells):
    request = finetune.prepare(taught, QUICK)
    (run,) = request.runs
    assert run.image.shape == (4, 96, 160)  # sections 0 to 3: neighbours of 1 and 3
    assert run.train == (1, 3)
    np.testing.assert_array_equal(run.labels[1], cells)
    assert not run.labels[[0, 2]].any()
    assert request.sections == (1, 3)


def test_only_what_a_person_has_proofread_teaches(taught):
    """Not what a model has predicted, and not what is left out."""
    taught.mark(0, Status.PREDICTED)
    taught.mark(2, Status.EXCLUDED, "fold")
    assert taught.sections.proofread == (1, 3)
    assert finetune.prepare(taught, QUICK).sections == (1, 3)
    taught.mark(3, Status.PREDICTED)
    assert finetune.prepare(taught, QUICK).sections == (1,)


def test_beside_a_section_that_is_left_out_a_proofread_one_stands_in_for_it(taught):
    """The toy's sections 1 and 3 are proofread; a fold between them is not shown to the network."""
    taught.mark(2, Status.EXCLUDED, "fold")
    first, second = finetune.prepare(taught, QUICK).runs
    image = np.asarray(taught.image.data[:])
    np.testing.assert_array_equal(first.image, image[[0, 1, 1]])
    np.testing.assert_array_equal(second.image, image[[3, 3]])
    assert (first.train, second.train) == ((1,), (1,))


def test_far_sections_travel_apart():
    assert finetune._runs([0, 3, 9], 1) == [[0, 3], [9]]
    assert finetune._runs([0, 4], 1) == [[0], [4]]


def test_sections_on_both_sides_of_one_that_is_left_out_travel_apart():
    """Each stands in for it itself."""
    assert finetune._runs([1, 3], 1, {2}) == [[1], [3]]
    assert finetune._runs([1, 2, 4], 1, {0, 5}) == [[1, 2, 4]]


def test_without_proofread_sections_it_is_refused_with_the_step_that_mends_it(session):
    with pytest.raises(EmsegError, match="nothing to learn") as caught:
        finetune.prepare(session)
    assert caught.value.action == "proofread"


def test_labels_without_any_membrane_are_refused(session, model, tmp_path, pupil):
    """Ignored borders leave cells alone: what learns from these finds no membrane anywhere."""
    labels = np.zeros(session.image.shape[1:], np.uint32)
    labels[10:40, 10:60] = 1  # a mask of two cells, three pixels apart
    labels[43:80, 10:60] = 1
    ignored = np.where(labels == 0, 7, labels).astype(np.uint32)

    def learn_from(section, out):
        teacher = finetune.Teacher(session.image, lambda z: section, (1,))
        request = finetune.prepare_from([teacher], model, out, QUICK, name="new", ignore_id=7)
        return finetune.run(request, Ignored())

    with pytest.raises(EmsegError, match="nothing here teaches where membranes are") as caught:
        learn_from(ignored, tmp_path / "none")
    assert caught.value.where == "section 1"
    assert not (tmp_path / "none").exists()
    assert learn_from(labels, tmp_path / "some").model == tmp_path / "some"


@pytest.mark.slow
def test_a_real_network_learns_and_is_scored(taught, model):
    before = (model / "weights.safetensors").read_bytes()
    candidate = learn(taught)
    assert candidate.result.steps == 1
    assert candidate.result.before.keys() == candidate.result.after.keys() != set()
    assert (candidate.folder / "weights.safetensors").read_bytes() != before
    assert (model / "weights.safetensors").read_bytes() == before


def test_a_new_model_waits_until_it_is_accepted(taught, model, pupil):
    candidate = learn(taught)
    assert taught.model == str(model)
    folder = versions.accept(taught, candidate)
    assert folder == taught.project.models / "toy-2"
    assert taught.model == str(folder)
    card = read_card(folder)
    assert (card.name, card.version, card.parent) == ("toy-2", "2", str(model))
    assert card.training["proofread_sections"] == [1, 3]
    assert not list(taught.project.models.glob(".candidate*"))


def test_versions_count_up_and_roll_back_in_order(taught, model, pupil):
    second = versions.accept(taught, learn(taught))
    third = versions.accept(taught, learn(taught))
    assert third.name == "toy-3"
    assert versions.roll_back(taught) == str(second)
    assert versions.roll_back(taught) == str(model)
    with pytest.raises(EmsegError, match="no earlier model"):
        versions.roll_back(taught)
    assert third.is_dir()


def test_rolling_back_leads_to_the_parent_and_not_to_its_sibling(taught, model, pupil):
    """From the start 2 and 3, from 3 came 4: before 4 there was 3."""
    versions.accept(taught, learn(taught))
    versions.roll_back(taught)
    third = versions.accept(taught, learn(taught))
    versions.accept(taught, learn(taught))
    assert versions.roll_back(taught) == str(third)
    assert versions.roll_back(taught) == str(model)


def test_the_tree_shows_who_came_from_whom(taught, model, pupil):
    """Two versions from the start, one of them with a child: the start, 2, 4, 3."""
    second = versions.accept(taught, learn(taught))
    versions.roll_back(taught)
    third = versions.accept(taught, learn(taught))
    versions.roll_back(taught, "toy-2")
    assert taught.model == str(second)
    fourth = versions.accept(taught, learn(taught))
    found = versions.tree(taught)
    assert [(v.name, v.depth) for v in found] == [(model.name, 0), ("toy-2", 1), ("toy-4", 2), ("toy-3", 1)]
    assert [v.is_current for v in found] == [False, False, True, False]
    assert found[2].model == str(fourth)
    assert found[3].model == str(third)
    assert found[1].sections == (1, 3)
    learn(taught)  # waits
    (fourth.parent / "notes").mkdir()
    assert versions.tree(taught) == found
    with pytest.raises(EmsegError, match="no such version"):
        versions.roll_back(taught, "toy-9")


def test_a_version_is_a_child_of_what_it_learned_from_not_of_what_is_chosen_meanwhile(taught, model, pupil):
    second = versions.accept(taught, learn(taught))
    candidate = learn(taught)
    taught.model = str(model)
    versions.accept(taught, candidate)
    assert [(v.name, v.depth) for v in versions.tree(taught)][-1] == ("toy-3", 2)
    assert read_card(second).parent == str(model)


def test_a_model_of_another_numbering_stands_in_the_tree(taught, model):
    for name, version in (("theirs-a", "1.2"), ("theirs-b", "beta")):
        folder = shutil.copytree(model, taught.project.models / name)
        versions.write_card(
            folder, read_card(folder).model_copy(update={"version": version, "parent": str(model)})
        )
    assert [v.name for v in versions.tree(taught)] == [model.name, "theirs-a", "theirs-b"]


def test_a_power_in_the_name_of_a_model_is_no_version(taught, model):
    shutil.copytree(model, taught.project.models / "theirs-µm-²")  # ² counts as a digit, and is no number
    assert versions.next_version(taught) == 2


def test_scores_stand_beside_the_versions(taught, pupil):
    candidate = learn(taught)
    card = read_card(candidate.folder)
    scores = {"before": {"edits_per_100_objects": 9.06}, "after": {"edits_per_100_objects": 6.5}}
    versions.write_card(candidate.folder, card.model_copy(update={"training": card.training | scores}))
    versions.accept(taught, candidate)
    assert [v.score_words for v in versions.tree(taught)] == ["", "9.1 to 6.5"]


def test_a_parent_that_is_gone_is_said_and_not_gone_back_to(taught, pupil):
    second = versions.accept(taught, learn(taught))
    versions.accept(taught, learn(taught))
    shutil.rmtree(second)
    lost = [v for v in versions.tree(taught) if v.is_lost]
    assert [v.name for v in lost] == ["toy-2"]
    with pytest.raises(EmsegError, match="no longer there"):
        versions.roll_back(taught, "toy-2")


def test_a_model_that_learned_elsewhere_becomes_a_version(taught, model, tmp_path):
    folder = versions.adopt(taught, model)
    assert folder.name == "toy-2"
    assert taught.model == str(folder)
    assert model.is_dir()
    with pytest.raises(EmsegError, match="no model here"):
        versions.adopt(taught, tmp_path)


def test_the_parent_of_a_version_of_another_project_is_the_one_in_that_project(taught, model, tmp_path):
    theirs = [shutil.copytree(model, tmp_path / f"other/models/toy-{n}") for n in (2, 3)]
    versions.write_card(
        theirs[1], read_card(model).model_copy(update={"name": "toy-3", "parent": "models/toy-2"})
    )
    folder = versions.adopt(taught, theirs[1])
    assert folder.name == "toy-2"  # the next one here; it would be its own parent
    found = [(v.model, v.depth, v.is_lost) for v in versions.tree(taught)]
    assert found == [(str(theirs[0]), 0, False), (str(folder), 1, False)]
    assert versions.roll_back(taught) == str(theirs[0])


def test_a_model_whose_name_no_folder_can_have_becomes_a_version(taught, model, tmp_path):
    theirs = shutil.copytree(model, tmp_path / "theirs")
    versions.write_card(theirs, read_card(model).model_copy(update={"name": 'cord/3: "good"?'}))
    folder = versions.adopt(taught, theirs)
    assert folder == taught.project.models / "cord-3- -good---2"
    assert read_card(folder).name == folder.name


def test_discarding_leaves_nothing(taught, model, pupil):
    candidate = learn(taught)
    versions.discard(candidate)
    assert taught.model == str(model)
    assert not list(taught.project.models.iterdir())


def test_the_truth_is_drawn_in_the_worker_for_proofread_sections_only(taught, monkeypatch):
    seen = []

    def look(request, progress):
        seen.extend(request.volumes)
        raise Cancelled

    monkeypatch.setattr("napari_emseg.nn.finetune.finetune", look)
    with pytest.raises(Cancelled):
        learn(taught)
    (volume,) = seen
    truth = volume.truth["membrane"]
    assert (truth[[0, 2]] == IGNORE).all()
    assert truth[1, 0, 40] == 1  # a dark line
    assert truth[1, 24, 24] == 0  # the middle of a cell


def test_a_tube_thinner_than_two_membranes_is_known_inside(taught, model):
    """Objects touch, as watershed leaves them: most of the tube is open, but not its middle."""
    labels = np.ones((96, 160), np.uint32)
    labels[40:48, 60:68] = 7
    request = finetune.prepare_from(
        [finetune.Teacher(taught.image, lambda _: labels, [1])],
        model,
        taught.project.models / "x",
        QUICK,
        name="x",
    )
    (run,) = request.runs
    truth = finetune._volume(run, request).truth["membrane"][run.train[0], 40:48, 60:68]
    assert (truth[3:5, 3:5] == 0).all()
    assert (truth[0] == 1).all()


def test_several_stacks_teach_at_their_own_pixel_sizes(image, cells, model, tmp_path):
    coarse = ImageStack(image.data, (50.0, 9.2, 9.2), image.spacing_source, "coarse", image.uri)
    both = [finetune.Teacher(one, lambda _: cells, [1]) for one in (image, coarse)]
    request = finetune.prepare_from(both, model, tmp_path / "out", QUICK, name="mine")
    assert [run.pixel_size_nm for run in request.runs] == [4.6, 9.2]
    assert len({run.name for run in request.runs}) == 2


def test_the_log_holds_one_line_a_step(image, cells, model, tmp_path, pupil):
    request = finetune.prepare_from(
        [finetune.Teacher(image, lambda _: cells, [1])],
        model,
        tmp_path / "out",
        QUICK,
        name="mine",
        with_log=True,
    )
    result = finetune.run(request, Ignored())
    rows = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert [row["loss"] for row in rows] == list(result.losses)
    assert list((tmp_path / "out" / "tensorboard").glob("events*"))


@pytest.mark.parametrize("with_log", [True, False])
def test_a_learning_that_fails_leaves_nothing(image, cells, model, tmp_path, monkeypatch, with_log):
    out = tmp_path / "new" / "out"

    def fails(request, progress):
        progress.report(0.5, "step 1", loss=0.5)
        out.mkdir(parents=True, exist_ok=True)  # as saving does
        (out / ".saving-1").mkdir()
        raise EmsegError("there is nothing to learn from", "here")

    monkeypatch.setattr("napari_emseg.nn.finetune.finetune", fails)
    teachers = [finetune.Teacher(image, lambda _: cells, [1])]
    request = finetune.prepare_from(teachers, model, out, QUICK, name="mine", with_log=with_log)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(EmsegError, match="nothing to learn from"):
        finetune.run(request, Ignored())
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("there", ["notes.txt", "stopped.ckpt", "card.json"])
def test_what_was_there_before_a_failure_stays(image, cells, model, tmp_path, monkeypatch, there):
    out = tmp_path / "out"
    out.mkdir()
    (out / there).write_text("mine")

    def fails(request, progress):
        raise Cancelled

    monkeypatch.setattr("napari_emseg.nn.finetune.finetune", fails)
    teachers = [finetune.Teacher(image, lambda _: cells, [1])]
    request = finetune.prepare_from(teachers, model, out, QUICK, name="mine", with_log=True)
    with pytest.raises(Cancelled):
        finetune.run(request, Ignored())
    assert (out / there).read_text() == "mine"
    assert (out / "metrics.jsonl").exists() == (there != "notes.txt")  # there is something to go on with


def test_a_model_without_room_for_its_pictures_is_whole(image, cells, model, tmp_path, monkeypatch, pupil):
    def full(picture, path):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    learned = nn_finetune.finetune
    pictures = tuple(np.zeros((4, 4), np.uint8) for _ in range(3))
    shown = lambda request, progress: replace(learned(request, progress), pictures=pictures)  # noqa: E731
    monkeypatch.setattr(nn_finetune, "finetune", shown)
    monkeypatch.setattr("PIL.Image.Image.save", full)
    teachers = [finetune.Teacher(image, lambda _: cells, [1])]
    request = finetune.prepare_from(teachers, model, tmp_path / "out", QUICK, name="mine", with_log=True)
    result = finetune.run(request, Ignored())
    assert read_card(result.model).name == "mine"
    assert not (result.model / "before-after.png").exists()
