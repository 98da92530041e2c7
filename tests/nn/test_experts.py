"""What a model knew before it learned from pixels of another size goes on serving the stacks that it knew."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_emseg.cli import main
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import FinetuneRequest, TrainingVolume
from napari_emseg.core.model_card import WEIGHTS, find_model, read_card
from napari_emseg.core.progress import Silent
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_array, write_array
from napari_emseg.jobs import few_shot
from napari_emseg.jobs import predict as jobs_predict
from napari_emseg.jobs.models import import_model
from napari_emseg.nn.checkpoint import load_model, save_model, tensors_of
from napari_emseg.nn.finetune import finetune
from napari_emseg.nn.judge import Judge, fresh, lesson_of
from napari_emseg.nn.predict import Predictor, predict_volume
from napari_emseg.nn.sections import probabilities
from napari_emseg.session import Session
from napari_emseg.settings import FinetuneSettings, PredictSettings

CPU = torch.device("cpu")
TRUST = FinetuneSettings(max_seconds=120, max_steps=4, trust=True)
SMALL = PredictSettings(tile=64, halo=32, device="cpu")


class Tiles(Silent):
    """Takes tiles, too, and drops them."""

    def partial(self, value: object) -> None:
        pass


@pytest.fixture(scope="module")
def lesson(make_lines):
    """Teach a model sections with bright membranes of some pixel size."""
    drawn = make_lines(3, seed=3)

    def teach(model, folder, pixel_nm):
        volume = TrainingVolume("inverted", 255 - drawn.image, pixel_nm, drawn.truth, (0, 1, 2))
        done = finetune(FinetuneRequest(model, (volume,), folder, TRUST, name=folder.name), Silent())
        assert done.formers == tuple(card.name for card in read_card(done.model).formers)
        return done.model

    return teach


def predicted(model, image, pixel_nm):
    return predict_volume(image, Predictor(model, "cpu"), spacing_nm=(50, pixel_nm, pixel_nm), settings=SMALL)


def same(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def image(make_lines):
    return make_lines(2, seed=9).image


@pytest.fixture(scope="module")
def judged(taught, make_lines, tmp_path_factory):
    """The toy model with a judge of walls."""
    network, card = load_model(taught)
    others = tuple(t for t in card.targets if t != "membrane")
    volume = make_lines(3, seed=4)
    found = probabilities(network, card, volume.normalised(), 1, 4.6, CPU)
    learned, names = lesson_of(
        dict(zip(card.targets, found, strict=True)), others, volume.truth["membrane"][1] == 0, 4.6
    )
    judge = fresh(learned, names, others, 0)
    folder = tmp_path_factory.mktemp("judged")
    save_model(folder, network.state_dict() | judge.tensors(), card.model_copy(update={"walls": judge.entry}))
    return folder


@pytest.fixture(scope="module")
def twofold(judged, lesson, tmp_path_factory):
    return lesson(judged, tmp_path_factory.mktemp("models") / "twofold", 10.0)


def test_the_size_of_pixels_says_who_answers():
    first = read_card(find_model("membrane"))
    fib = first.model_copy(update={"taught_pixel_sizes_nm": (10.0,), "formers": (first,)})
    sizes = {3.2: 0, 4.0: 0, 6.4: 0, 8.5: None, 10.0: None, 12.0: None, 20.0: None, 1.0: 0}
    assert {pixel: fib.serving((50, pixel, pixel)) for pixel in sizes} == sizes
    assert fib.serving(None) is None
    assert first.serving((50, 10, 10)) is None
    far = first.model_copy(update={"taught_pixel_sizes_nm": (20.0,), "formers": (fib, first)})
    assert [far.serving((50, pixel, pixel)) for pixel in (4.0, 10.0, 20.0)] == [1, 0, None]
    # what was taught both at once, and what was known: whoever knows a size as well, the newest answers
    both = first.model_copy(update={"taught_pixel_sizes_nm": (4.6, 10.0), "formers": (first,)})
    assert [both.serving((50, pixel, pixel)) for pixel in (4.0, 4.6, 10.0, 3.2)] == [None, None, None, 0]


def test_a_lesson_of_other_pixels_takes_nothing_from_what_was_known(judged, twofold, image):
    old, new = read_card(judged), read_card(twofold)
    assert new.taught_pixel_sizes_nm == (10.0,)
    assert [card.name for card in new.formers] == [old.name]
    assert np.array_equal(predicted(judged, image, 4.6), predicted(twofold, image, 4.6))
    assert not np.array_equal(predicted(judged, image, 10.0), predicted(twofold, image, 10.0))
    kept = Judge.of_model(twofold, new.formers[0], 0)
    for a, b in zip(kept.layers, Judge.of_model(judged, old).layers, strict=True):
        assert torch.equal(a, b)


def test_the_judge_that_mends_is_that_of_what_answers(judged, twofold, image):
    """From the click on."""

    def asked(model, pixel_nm):
        stack = ImageStack(image, (50.0, pixel_nm, pixel_nm), "given", "some", "some", (0.0, 0.0, 0.0))
        region = jobs_predict.Region.full(image.shape)
        request = jobs_predict.prepare(stack, region, model=model, settings=SMALL)
        return request, jobs_predict.run(request, Tiles()).probability

    old, new = asked(judged, 4.6), asked(twofold, 4.6)
    assert np.array_equal(old[1], new[1])
    unmended = replace(new[0], settings=SMALL.model_copy(update={"walls": False}))
    assert not np.array_equal(new[1], jobs_predict.run(unmended, Tiles()).probability)
    assert not np.array_equal(asked(judged, 10.0)[1], asked(twofold, 10.0)[1])


def test_clicks_ask_who_knows_pixels_of_this_size(judged, twofold, image, tmp_path, monkeypatch, capsys):
    """In the window, and from the command line, with what the file or the person says of the size."""
    clicks = (few_shot.Click(0, 20, 20, True), few_shot.Click(1, 40, 40, False))

    def found(model, pixel_nm):
        stack = ImageStack(image, (50.0, pixel_nm, pixel_nm), "given", "some", "some", (0.0, 0.0, 0.0))
        return few_shot.run(few_shot.prepare(stack, clicks, model=model), Silent())

    assert np.array_equal(found(judged, 4.6), found(twofold, 4.6))
    assert not np.array_equal(found(judged, 10.0), found(twofold, 10.0))
    monkeypatch.chdir(tmp_path)
    write_array("image.h5", image, spacing_nm=(50.0, 10.0, 10.0))
    (tmp_path / "clicks.txt").write_text("0 20 20 1\n1 40 40 0\n")
    for size, pixel_nm in (((), 10.0), (("--pixel-size", "4.6"), 4.6)):
        words = ["fewshot", "image.h5", "out.h5", "--clicks", "clicks.txt", "--model", str(twofold), *size]
        assert main(words) == 0
        array, spacing_nm = open_array("out.h5")
        assert np.array_equal(array[:], found(twofold, pixel_nm))
        assert spacing_nm == (50.0, pixel_nm, pixel_nm)
        Path("out.h5").unlink()
    assert main([*words, "--device", "mps" if sys.platform == "linux" else "cuda"]) == 1
    assert "no such device on this machine" in capsys.readouterr().err


def test_a_cutout_says_how_large_its_pixels_are(twofold, image, tmp_path):
    stack = ImageStack(image, (50.0, 4.6, 4.6), "given", "some", "some", (0.0, 0.0, 0.0))
    session = Session.create(tmp_path / "some.emseg", stack)
    session.model = str(twofold)
    clicks = (few_shot.Click(0, 20, 20, True), few_shot.Click(1, 40, 40, False))
    request = few_shot.prepare_region(session, clicks, jobs_predict.Region.full(image.shape))
    whole = few_shot.run(few_shot.prepare(stack, clicks, model=twofold), Silent())
    np.testing.assert_allclose(few_shot.run(request, Silent()), whole, atol=1e-6)
    session.close()


def test_what_answers_is_where_the_person_wants_it(twofold):
    """A card by its number too: the processor takes the place of one here."""
    predictor = Predictor(twofold, "cpu:0")
    former = predictor.serving((50.0, 4.6, 4.6))
    assert former is not predictor
    assert former.device == predictor.device == torch.device("cpu:0")


def test_files_and_layers_say_what_has_answered(judged, twofold):
    whole = jobs_predict.Region((0, 0, 0), (1, 8, 8))
    before, now = read_card(judged).name, read_card(twofold).name
    for pixel_nm, name in ((4.6, before), (10.0, now)):
        made = jobs_predict.provenance(twofold, SMALL, whole, (50.0, pixel_nm, pixel_nm))
        assert (made["model"], made["answered_as"]) == (now, name)


def test_a_lesson_changes_what_answers_for_its_stack_and_nothing_else(twofold, lesson, tmp_path):
    again = lesson(twofold, tmp_path / "again", 9.0)
    assert same(tensors_of(again, 0), tensors_of(twofold, 0))
    assert not same(tensors_of(again), tensors_of(twofold))
    assert read_card(again).taught_pixel_sizes_nm == (9.0, 10.0)

    back = lesson(twofold, tmp_path / "back", 4.6)
    assert not same(tensors_of(back, 0), tensors_of(twofold, 0))
    assert same(tensors_of(back), tensors_of(twofold))
    card = read_card(back)
    assert (card.name, card.taught_pixel_sizes_nm) == ("back", (10.0,))
    assert card.formers[0].taught_pixel_sizes_nm == (4.6,)
    assert card.training["sections"] == {"inverted": [0, 1, 2]}
    assert [one["name"] for one in card.training["ancestors"]] == [
        "toy"
    ]  # what answered for this stack before
    lines = read_card(again).training["ancestors"]
    assert [one["name"] for one in lines] == ["toy", "twofold"]
    assert "finetuned_from" not in card.model_dump_json()

    third = lesson(back, tmp_path / "third", 30.0)
    assert [one.taught_pixel_sizes_nm for one in read_card(third).formers] == [(10.0,), (4.6,)]
    assert same(tensors_of(third, 0), tensors_of(back))
    assert same(tensors_of(third, 1), tensors_of(back, 0))


def test_what_learned_from_drawings_alone_is_not_kept(judged, lesson, tmp_path):
    card = read_card(judged).model_copy(update={"synthetic": True})
    save_model(tmp_path / "drawn", tensors_of(judged), card)
    assert read_card(lesson(tmp_path / "drawn", tmp_path / "new", 10.0)).formers == ()


def test_weights_that_stay_are_not_kept_twice(judged, lesson, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_emseg.nn.finetune.how_far", lambda before, **how: 0.0)
    assert read_card(lesson(judged, tmp_path / "new", 10.0)).formers == ()


def test_what_was_known_travels_with_the_model(twofold, tmp_path, monkeypatch, image):
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path / "home"))
    there = import_model(twofold, name="elsewhere")
    assert np.array_equal(predicted(there, image, 4.6), predicted(twofold, image, 4.6))


def test_weights_of_a_model_with_formers_are_taken_without_them(twofold, tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path / "home"))
    folder = import_model(twofold / WEIGHTS, "mine", like=str(twofold))
    assert read_card(folder).formers == ()
    theirs = load_model(twofold)[0].state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in load_model(folder)[0].state_dict().items())


def test_missing_weights_of_what_was_known_are_said(twofold, tmp_path):
    save_model(tmp_path / "half", tensors_of(twofold), read_card(twofold))
    with pytest.raises(EmsegError, match="weights cannot be read"):
        predicted(tmp_path / "half", np.zeros((1, 64, 64), np.uint8), 4.6)
