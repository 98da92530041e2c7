"""What is held back, and what the answers about it are worth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_emseg.core.learning import IGNORE, TrainingVolume
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.dataset import neighbours
from napari_emseg.nn.held_out import (
    Answer,
    answers,
    best_shift,
    cost,
    folds_of,
    mended,
    questions,
    score,
    shifted,
)
from napari_emseg.nn.predict import Predictor
from napari_emseg.nn.sections import probabilities

CPU = torch.device("cpu")


def stack(make_lines, n, train=None):
    volume = make_lines(n)
    return TrainingVolume("lines", volume.image, 4.6, volume.truth, tuple(train or range(n)))


def test_each_section_is_asked_about_by_a_copy_that_has_not_seen_it(make_lines):
    folds, said = folds_of([stack(make_lines, 4, (0, 2, 3))], 5)
    assert [[q.z for q in fold.ask] for fold in folds] == [[0], [2], [3]]
    assert [fold.teach[0].train for fold in folds] == [(2, 3), (0, 3), (0, 2)]
    assert "all 3 sections" in said


def test_many_sections_are_asked_about_in_groups(make_lines):
    folds, _ = folds_of([stack(make_lines, 5)], 2)
    assert [[q.z for q in fold.ask] for fold in folds] == [[0, 1, 2], [3, 4]]
    assert [fold.teach[0].train for fold in folds] == [(3, 4), (0, 1, 2)]


def test_sections_of_several_stacks_are_held_back_one_by_one(make_lines):
    folds, _ = folds_of([stack(make_lines, 1), stack(make_lines, 2, (1,))], 4)
    assert [tuple(v.train for v in fold.teach) for fold in folds] == [((), (1,)), ((0,), ())]


def test_of_a_single_section_the_halves_teach_in_turn(make_lines):
    volume = stack(make_lines, 1)
    folds, said = folds_of([volume], 2)
    assert "half" in said
    asked = np.zeros((64, 64), int)
    for fold in folds:
        (question,) = fold.ask
        asked[question.box] += 1
        truth = fold.teach[0].truth["membrane"][0]
        assert (truth[question.box] == IGNORE).all()
        assert 0.35 < (truth != IGNORE).mean() < 0.5
        np.testing.assert_array_equal(question.cells, volume.truth["membrane"][0][question.box] == 0)
    assert asked.max() == 1
    assert asked.mean() > 0.9


def test_a_region_is_cut_where_its_known_pixels_are_halved(make_lines):
    volume = stack(make_lines, 1)
    truth = np.full_like(volume.truth["membrane"], IGNORE)
    truth[:, 8:56, 20:50] = volume.truth["membrane"][:, 8:56, 20:50]
    folds, _ = folds_of([TrainingVolume("part", volume.image, 4.6, {"membrane": truth}, (0,))], 2)
    assert [fold.ask[0].box for fold in folds] == [
        (slice(8, 32), slice(20, 50)),
        (slice(32, 56), slice(20, 50)),
    ]


def test_unknown_sections_ask_nothing(make_lines):
    volume = stack(make_lines, 1)
    nothing = {"membrane": np.full_like(volume.truth["membrane"], IGNORE)}
    assert folds_of([TrainingVolume("blind", volume.image, 4.6, nothing, (0,))], 2)[0] == []
    assert (
        folds_of([TrainingVolume("other", volume.image, 4.6, {"cleft": nothing["membrane"]}, (0,))], 2)[0]
        == []
    )


def test_a_perfect_answer_needs_no_edits_and_costs_nothing(make_lines):
    (question,) = questions([(stack(make_lines, 1), 0)])
    perfect = Answer(question, np.zeros((64, 64), np.float32), (~question.cells).astype(np.float32))
    found = score([perfect])
    assert (found["edits_per_100_objects"], found["v_rand"]) == (0, 1)
    assert cost(found) == pytest.approx(0, abs=1e-9)
    merged = Answer(question, perfect.image, np.zeros((64, 64), np.float32))
    assert cost(score([merged])) > 50
    assert score([]) == {}


def test_a_shift_raises_the_log_odds():
    p = np.array([0.0, 0.2, 0.5, 1.0], np.float32)
    np.testing.assert_allclose(shifted(p, np.log(4)), [0, 0.5, 0.8, 1], atol=1e-6)
    assert shifted(p, 0) is p


def test_membranes_that_are_cut_best_low_are_raised(make_lines):
    """Lines of 0.02 between cells of 0.001: no threshold of the scores tells them apart, three more log-odds do."""
    (question,) = questions([(stack(make_lines, 1), 0)])
    faint = np.where(question.cells, 0.001, 0.02).astype(np.float32)
    shift, found = best_shift([Answer(question, faint, faint)])
    assert score([Answer(question, faint, faint)])["edits_per_100_objects"] > 50
    assert shift > 0
    assert found["edits_per_100_objects"] == 0
    clear = np.where(question.cells, 0.1, 0.9).astype(np.float32)
    assert best_shift([Answer(question, clear, clear)])[0] == 0


class FormsWalls:
    """Stands for a judge: walls become what the first other target says."""

    def correct(self, maps, pixel_nm):
        assert (maps["membrane"] >= 0).all()
        assert pixel_nm == 4.6
        return maps["walls"]


def test_what_is_shown_is_the_map_after_walls_were_judged(make_lines):
    (question,) = questions([(stack(make_lines, 1), 0)])
    gone, true = np.zeros((64, 64), np.float32), (~question.cells).astype(np.float32)
    answer = Answer(question, gone, gone, {"walls": true})
    assert score([answer])["edits_per_100_objects"] > 50
    assert score(mended([answer], FormsWalls()))["edits_per_100_objects"] == 0
    np.testing.assert_array_equal(mended([answer], None)[0].probability, gone)
    half = Answer(question, gone, np.full_like(gone, 0.5))
    np.testing.assert_allclose(mended([half], None, shift=np.log(4))[0].probability, 0.8, atol=1e-6)


def test_a_half_is_answered_as_the_whole_is(taught, make_lines):
    """The box is seen with what lies around it, so that its answers hardly depend on where it was cut."""
    network, card = load_model(taught)
    volume = stack(make_lines, 1)
    whole = answers(network, card, questions([(volume, 0)]), CPU)[0].probability
    for fold in folds_of([volume], 2)[0]:
        (answer,) = answers(network, card, fold.ask, CPU)
        assert answer.probability.shape == answer.question.cells.shape
        np.testing.assert_allclose(answer.probability, whole[answer.question.box], atol=1e-5)


def test_other_pixel_sizes_are_seen_as_the_predictor_sees_them(taught, make_lines):
    network, card = load_model(taught)
    predictor = Predictor(taught, "cpu")
    image = make_lines(3).normalised()
    for pixel_nm in (9.2, 2.0):
        zoom = predictor.zoom((50, pixel_nm, pixel_nm))
        assert zoom != 1
        window = image[neighbours(1, 3, card.context_sections)]
        np.testing.assert_allclose(
            probabilities(network, card, image, 1, pixel_nm, CPU),
            predictor.window(window, 0, zoom=zoom),
            atol=1e-6,
        )
