"""The next section is predicted while the person looks; it gives way to whatever is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.ui.ahead import Ahead
from napari_emseg.ui.flows import ahead, predicting

RUN = "napari_emseg.jobs.predict:run"


def section(z: int) -> Region:
    return Region((z, 0, 0), (z + 1, 48, 64))


@pytest.fixture
def helper(desk: Any, qapp: Any) -> Ahead:
    return Ahead(desk)


def predict(desk: Any, z: int) -> None:
    desk.viewer.dims.set_current_step(0, z)
    predicting.predict_visible(desk)


def known(desk: Any) -> tuple[int, ...]:
    return desk.layers.boundary_map.sections


def test_the_section_that_comes_next_is_predicted(desk: Any, helper: Ahead) -> None:
    predict(desk, 2)
    assert helper.timer.isActive()
    said = dict(desk.sayings)
    helper.look()
    assert known(desk) == (2, 3)
    there = desk.layers.boundary_map
    assert there.covers(section(3))
    assert np.array_equal(there[3], there[2])  # the toy's sections are alike
    assert desk.sayings == said
    assert not desk.work
    helper.look()
    assert known(desk) == (2, 3)  # one section ahead, no more


def test_it_looks_where_the_person_goes(desk: Any, helper: Ahead) -> None:
    predict(desk, 3)
    predict(desk, 2)
    helper.look()
    assert known(desk) == (1, 2, 3)


def test_what_is_on_screen_there_is_predicted_and_no_more(
    desk: Any, helper: Ahead, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Region((2, 8, 10), (3, 40, 50))
    for module in (predicting, ahead):
        monkeypatch.setattr(module, "visible_region", lambda viewer, layer: part)
    predicting.predict_visible(desk)
    helper.look()
    found = desk.layers.boundary_map[3] > 0
    assert found[8:40, 10:50].all()
    assert found.sum() == 32 * 40


def test_sections_that_are_left_out_are_passed_over(desk: Any, helper: Ahead) -> None:
    desk.session.mark(3, Status.EXCLUDED, "fold")
    predict(desk, 2)
    helper.look()
    assert known(desk) == (2, 4)


def proofread(desk: Any, make_labels: Callable[..., Any]) -> None:
    desk.session.commit(make_labels(desk.session, (3,)))
    desk.session.mark(3, Status.PROOFREAD)


def labelled(desk: Any, make_labels: Callable[..., Any]) -> None:
    desk.session.commit(make_labels(desk.session, (3,)))


def switched_off(desk: Any, make_labels: Callable[..., Any]) -> None:
    desk.set_settings("predict", desk.settings("predict").model_copy(update={"ahead": False}))


def at_the_end(desk: Any, make_labels: Callable[..., Any]) -> None:
    predict(desk, 5)


def put_away(desk: Any, make_labels: Callable[..., Any]) -> None:
    desk.viewer.layers.remove(desk.layers.boundary)


def elsewhere(desk: Any, make_labels: Callable[..., Any]) -> None:
    desk.viewer.dims.set_current_step(0, 0)


@pytest.mark.parametrize("why", [proofread, labelled, switched_off, at_the_end, put_away, elsewhere])
def test_nothing_is_predicted_where_nobody_needs_it(
    desk: Any, helper: Ahead, engine: Any, make_labels: Callable[..., Any], why: Callable[..., None]
) -> None:
    predict(desk, 2)
    why(desk, make_labels)
    asked = len(engine.asked)
    helper.look()
    assert len(engine.asked) == asked


@pytest.mark.parametrize(("most", "expected"), [(48 * 64, (2, 3)), (48 * 64 - 1, (2,))])
def test_very_much_is_not_predicted_unasked(
    desk: Any, helper: Ahead, monkeypatch: pytest.MonkeyPatch, most: int, expected: tuple[int, ...]
) -> None:
    monkeypatch.setattr(ahead, "_MOST_PX", most)
    predict(desk, 2)
    helper.look()
    assert known(desk) == expected


def test_it_waits_while_anything_is_done(desk: Any, helper: Ahead, engine: Any) -> None:
    predict(desk, 2)
    desk.start("train", "learning")
    helper.timer.stop()
    helper.look()
    assert known(desk) == (2,)
    assert helper.timer.isActive()
    desk.end_all()
    helper.look()
    assert known(desk) == (2, 3)


def test_it_gives_way_to_a_click_and_begins_again(desk: Any, helper: Ahead, engine: Any) -> None:
    predict(desk, 2)
    engine.hold = True
    helper.look()
    (late,) = engine.held
    engine.hold = False
    predicting.predict_visible(desk)
    late()  # its answer comes all the same
    assert known(desk) == (2,)
    assert helper.timer.isActive()
    helper.look()
    assert known(desk) == (2, 3)


def test_an_answer_of_another_model_is_not_shown(desk: Any, helper: Ahead, engine: Any) -> None:
    predict(desk, 2)
    engine.hold = True
    helper.look()
    desk.session.model = "membrane-isbi"
    engine.release()
    assert known(desk) == (2,)


def test_what_cannot_be_predicted_is_not_tried_again_and_again(desk: Any, helper: Ahead, engine: Any) -> None:
    predict(desk, 2)

    def fail(request: Any, progress: Any) -> None:
        raise EmsegError("the disk is gone")

    engine.answers[RUN] = fail
    said = dict(desk.sayings)
    helper.look()
    asked = len(engine.asked)
    helper.look()
    assert len(engine.asked) == asked
    assert desk.sayings == said


def test_who_asks_for_what_is_being_predicted_waits_for_that(desk: Any, helper: Ahead, engine: Any) -> None:
    predict(desk, 2)
    engine.hold = True
    helper.look()
    asked = len(engine.asked)
    predict(desk, 3)
    assert len(engine.asked) == asked
    assert "predict" in desk.work
    engine.release()
    assert "predict" not in desk.work
    assert known(desk) == (2, 3)
    assert "in section 3" in desk.sayings["predict"].text
    assert desk.layers.boundary.metadata["napari-emseg"]["region"] == [[3, 0, 0], [4, 48, 64]]


def test_with_other_settings_it_is_predicted_anew(desk: Any, helper: Ahead, engine: Any) -> None:
    predict(desk, 2)
    engine.hold = True
    helper.look()
    asked = len(engine.asked)
    desk.set_settings("predict", desk.settings("predict").model_copy(update={"tta": "flips"}))
    predict(desk, 3)
    assert len(engine.asked) == asked + 1
    assert engine.asked[-1][1].settings.tta == "flips"


def test_a_newer_click_takes_the_place_of_what_was_waited_for(desk: Any, helper: Ahead, engine: Any) -> None:
    predict(desk, 2)
    engine.hold = True
    helper.look()
    predict(desk, 3)
    predict(desk, 5)
    engine.release()
    assert known(desk) == (2, 5)
    assert "in section 5" in desk.sayings["predict"].text


def test_what_is_waited_for_can_be_stopped(desk: Any, helper: Ahead, engine: Any) -> None:
    predict(desk, 2)
    engine.hold = True
    helper.look()
    ticket = desk.runner._tickets["ahead"]
    predict(desk, 3)
    desk.stop("predict")
    assert ticket.cancelled


def test_grey_values_that_are_cleaned_meanwhile_are_predicted_anew(
    desk: Any, helper: Ahead, engine: Any
) -> None:
    from napari_emseg.ui.flows.learning import forget_predictions

    predict(desk, 2)
    engine.hold = True
    helper.look()
    forget_predictions(desk)
    engine.release()
    assert known(desk) == ()


def test_what_is_not_known_in_spite_of_an_answer_is_not_asked_again(
    desk: Any, helper: Ahead, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(desk, 2)
    asked = len(engine.asked)
    with monkeypatch.context() as patch:
        patch.setattr(desk.layers.boundary_map, "write", lambda region, probability: None)
        helper.look()
        helper.look()
    assert len(engine.asked) == asked + 1
    predicting.predict_visible(desk)
    helper.look()
    assert known(desk) == (2, 3)


def test_a_person_who_has_come_meanwhile_sees_it_at_once(desk: Any, helper: Ahead, engine: Any) -> None:
    predict(desk, 2)
    engine.hold = True
    helper.look()
    desk.viewer.dims.set_current_step(0, 3)
    told: list[bool] = []
    desk.predicted.connect(lambda: told.append(True))
    engine.release()
    assert known(desk) == (2, 3)
    assert told
