"""Predicting a region in the worker's way: only what was sent, tile by tile, and the same as all at once."""

from __future__ import annotations

import pickle
import sys
import threading
import time

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.jobs import few_shot, finetune, predict, suggest
from napari_emseg.nn.checkpoint import load_model, save_model
from napari_emseg.nn.judge import fresh, lesson_of
from napari_emseg.settings import PredictSettings

SETTINGS = PredictSettings(tile=64, halo=32, device="cpu")


class Pieces:
    """Progress that keeps the pieces and stops after a number of them."""

    def __init__(self, stop_after=10**9):
        self.pieces, self.stop_after = [], stop_after

    def report(self, fraction, message="", **values):
        if len(self.pieces) >= self.stop_after:
            raise Cancelled

    def partial(self, value):
        self.pieces.append(value)


class OncePredicted(Pieces):
    """Stops when everything is predicted and something is reported again."""

    def report(self, fraction, message="", **values):
        if fraction == 1 and self.stop_after:
            self.stop_after = 0
        else:
            super().report(fraction, message, **values)


def test_the_request_holds_a_part_and_survives_the_journey(image, model):
    request = predict.prepare(image, Region((1, 0, 0), (2, 40, 40)), model, SETTINGS)
    assert request.block.data.shape == (3, 96, 96)  # one tile with its margin, three sections
    sent = pickle.loads(pickle.dumps(request))
    assert sent.region == request.region
    np.testing.assert_array_equal(sent.block.data, image.data[0:3, :96, :96])
    assert set(sent.statistics) == {0, 1, 2}


def test_a_region_gives_what_the_whole_gives(image, model):
    whole = predict.run(predict.prepare(image, Region.full(image.shape), model, SETTINGS), Pieces())
    region = Region((1, 10, 70), (3, 90, 130))
    part = predict.run(predict.prepare(image, region, model, SETTINGS), Pieces())
    np.testing.assert_array_equal(part.probability, whole.probability[(slice(None), *region.slices)])
    assert part.probability.dtype == np.float32
    assert part.targets == ("membrane",)
    assert "CPU" in part.device


def test_the_pieces_fill_the_region_exactly_once(image, model):
    region = Region((0, 5, 5), (2, 90, 140))
    pieces = Pieces()
    result = predict.run(predict.prepare(image, region, model, SETTINGS), pieces)
    built = np.full(result.probability.shape, np.nan, np.float32)
    for where, tile in pieces.pieces:
        inside = tuple(
            slice(a - o, b - o) for a, b, o in zip(where.start, where.stop, region.start, strict=True)
        )
        assert np.isnan(built[(slice(None), *inside)]).all()
        built[(slice(None), *inside)] = tile
    np.testing.assert_array_equal(built, result.probability)


def test_cancel_acts_between_tiles(image, model):
    pieces = Pieces(stop_after=2)
    with pytest.raises(Cancelled):
        predict.run(predict.prepare(image, Region.full(image.shape), model, SETTINGS), pieces)
    assert len(pieces.pieces) == 2


def test_a_session_gives_model_settings_and_excluded_sections(session, model):
    session.model = str(model)
    session.set_settings(SETTINGS)
    session.mark(2, Status.EXCLUDED, "fold")
    request = predict.prepare(session, Region((1, 0, 0), (2, 40, 40)))
    assert (request.model, request.settings, request.skip) == (model, SETTINGS, frozenset({2}))
    result = predict.run(request, Pieces())
    notes = predict.finish(session, request, result)
    assert (notes["model"], notes["settings"]["tile"]) == ("toy", 64)


def test_an_excluded_neighbour_is_not_looked_at(session, model):
    session.model = str(model)
    session.set_settings(SETTINGS)
    region = Region((1, 0, 0), (2, 40, 40))
    before = predict.run(predict.prepare(session, region), Pieces()).probability
    session.mark(2, Status.EXCLUDED, "fold")
    without = predict.run(predict.prepare(session, region), Pieces()).probability
    assert not np.array_equal(before, without)
    session.image.data[2] = 0
    again = predict.run(predict.prepare(session, region), Pieces()).probability
    np.testing.assert_array_equal(without, again)


def test_nothing_to_predict_and_no_such_model_are_refused(image, model):
    with pytest.raises(EmsegError, match="nothing to predict"):
        predict.prepare(image, Region((0, 500, 500), (1, 600, 600)), model)
    with pytest.raises(EmsegError, match="no such model"):
        predict.prepare(image, Region.full(image.shape), "no-such-model")


def test_a_target_that_the_model_lacks_is_refused(image, model):
    request = predict.prepare(image, Region.full(image.shape), model, SETTINGS, targets=("cleft",))
    with pytest.raises(EmsegError, match="does not predict cleft"):
        predict.run(request, Pieces())


def test_warm_up_names_the_device(session, model):
    session.model = str(model)
    session.set_settings(SETTINGS)
    assert "CPU" in predict.warm_up(predict.prepare_warm_up(session), Pieces())


LACKING = "mps" if sys.platform == "linux" else "cuda"
CLICKS = (few_shot.Click(1, 30, 40, True), few_shot.Click(2, 24, 24, False))


@pytest.mark.parametrize(
    ("job", "prepare"),
    [
        (predict, lambda session: predict.prepare(session, Region((0, 0, 0), (1, 8, 8)))),
        (suggest, suggest.prepare),
        (few_shot, lambda session: few_shot.prepare_region(session, CLICKS, Region((0, 0, 0), (1, 8, 8)))),
        (finetune, finetune.prepare),
    ],
    ids=["predicting", "suggesting", "finding alike", "learning"],
)
def test_the_device_that_was_chosen_counts_for_all_that_a_model_is_asked(session, model, cells, job, prepare):
    session.model = str(model)
    session.set_settings(PredictSettings(device=LACKING))
    session.commit(session.around_people("segment", "model", Region((0, 0, 0), (1, 96, 160)), cells[None]))
    session.mark(0, Status.PROOFREAD)
    with pytest.raises(EmsegError, match=f"no such device on this machine, {LACKING}"):
        job.run(prepare(session), Pieces())


def test_a_wish_to_stop_is_heard_within_a_tile(image, model, monkeypatch):
    monkeypatch.setattr(predict, "_LOOK_S", 0.0)
    pieces = Pieces(stop_after=0)
    with pytest.raises(Cancelled):
        predict.run(predict.prepare(image, Region((1, 0, 0), (2, 40, 40)), model, SETTINGS), pieces)
    assert not pieces.pieces


def test_a_wish_to_stop_is_heard_while_membranes_are_mended(image, model, monkeypatch):
    is_over = threading.Event()

    class Slow:
        others = ()

        def correct(self, maps, pixel_nm, look):
            is_over.wait(30)
            return maps["membrane"]

    monkeypatch.setattr(predict, "judge_of", lambda request: Slow())
    began = time.monotonic()
    with pytest.raises(Cancelled):
        predict.run(predict.prepare(image, Region((1, 0, 0), (2, 40, 40)), model, SETTINGS), OncePredicted())
    is_over.set()
    assert time.monotonic() - began < 15


def test_membranes_are_mended_where_the_model_can_and_it_is_wanted(image, model, tmp_path):
    network, card = load_model(model)
    region = Region.full(image.shape)
    raw = predict.run(predict.prepare(image, region, model, SETTINGS), Pieces())
    maps = {"membrane": raw.probability[0, 1]}
    lesson, names = lesson_of(maps, (), np.indices(maps["membrane"].shape)[1] % 8 > 1, 4.6)
    judge = fresh(lesson, names, (), 0)
    judged = card.model_copy(update={"walls": judge.entry})
    save_model(tmp_path / "judged", network.state_dict() | judge.tensors(), judged)
    mended = predict.run(predict.prepare(image, region, tmp_path / "judged", SETTINGS), Pieces())
    expected = judge.correct(maps, image.spacing_nm[1])
    np.testing.assert_array_equal(mended.probability[0, 1], expected)
    assert not np.array_equal(expected, maps["membrane"])
    off = SETTINGS.model_copy(update={"walls": False})
    plain = predict.run(predict.prepare(image, region, tmp_path / "judged", off), Pieces())
    np.testing.assert_array_equal(plain.probability, raw.probability)
