"""Predict, seed and segment what is on screen; without a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.ui.flows.learning import forget_predictions

CELL_1, CELL_2 = (2, 20, 15), (2, 20, 45)


def ids(desk: Any, z: int) -> np.ndarray:
    return desk.session.volume.read(Region((z, 0, 0), (z + 1, 48, 64)))[0]


def test_predict_fills_the_map_with_what_is_on_screen(desk: Any, engine: Any) -> None:
    desk.viewer.dims.set_current_step(0, 4)
    desk.do("predict")
    function, request, lane = engine.asked[-1]
    assert (function, lane) == ("napari_emseg.jobs.predict:run", "interactive")
    assert request.region == Region((4, 0, 0), (5, 48, 64))
    assert desk.layers.boundary_map.sections == (4,)
    assert desk.layers.boundary_map.read(request.region)[0, 20].tolist() == [
        *[1] * 4, *[0] * 26, *[1] * 4, *[0] * 26, *[1] * 4,
    ]  # fmt: skip
    assert "64 × 48 px" in desk.sayings["predict"].text
    assert not desk.session.can_undo


def test_what_is_ticked_beside_membranes_gets_a_layer_of_its_own(desk: Any, engine: Any) -> None:
    settings = desk.settings("predict")
    desk.do("predict")
    assert engine.asked[-1][1].targets == ("membrane",)
    desk.set_settings("predict", settings.model_copy(update={"also": ("mitochondria", "cleft")}))
    desk.do("predict")
    assert engine.asked[-1][1].targets == ("membrane", "mitochondria"), "the model does not know clefts"
    assert desk.sayings["predict"].text.startswith("Membranes and mitochondria of 64 × 48 px in section")
    found = desk.layers.targets["mitochondria"]
    z = desk.section
    assert found.values.read(Region((z, 20, 0), (z + 1, 21, 6)))[0, 0].tolist() == [0, 0, 0, 0, 1, 1]
    order = [desk.viewer.layers.index(x) for x in (desk.layers.boundary, found.layer, desk.layers.labels)]
    assert order == sorted(order)
    assert tuple(found.layer.scale) == tuple(desk.layers.boundary.scale)
    desk.viewer.layers.remove(found.layer)
    desk.do("predict")
    assert desk.layers.targets["mitochondria"].layer in desk.viewer.layers
    desk.clear()
    assert not desk.viewer.layers


def test_a_stale_prediction_is_dropped(desk: Any, engine: Any) -> None:
    engine.hold = True
    desk.do("predict")
    desk.viewer.dims.set_current_step(0, 5)
    desk.do("predict")
    engine.release()
    assert desk.layers.boundary_map.sections == (5,)
    assert not desk.work


def test_what_waits_for_a_prediction_ends_where_another_one_takes_its_place(desk: Any, engine: Any) -> None:
    """Its bar stood for ever, and Stop did nothing."""
    engine.hold = True
    desk.do("segment")
    desk.viewer.dims.set_current_step(0, 5)
    desk.do("predict")
    assert list(desk.work) == ["predict"]
    assert desk.sayings["segment"].text == "Stopped. What was finished stays."
    forget_predictions(desk)  # as with another model
    assert not desk.work
    engine.release()
    assert not desk.layers.boundary_map.sections
    assert not desk.labelled


def test_segment_predicts_first_and_is_one_edit(desk: Any, engine: Any) -> None:
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("segment")
    assert [name for name, _, _ in engine.asked if "seed_points" not in name] == [
        "napari_emseg.jobs.predict:run", "napari_emseg.jobs.segment:run",
    ]  # fmt: skip
    found = ids(desk, 2)
    assert found[CELL_1[1:]] != found[CELL_2[1:]]
    assert 0 not in (found[CELL_1[1:]], found[CELL_2[1:]])
    assert desk.session.sections[2].status is Status.PREDICTED
    assert desk.sayings["segment"].text.startswith("2 segments in section 2")
    desk.do("undo")
    assert not ids(desk, 2).any()
    assert desk.session.sections[2].status is Status.UNSEEN
    assert not desk.session.can_undo


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1)])
def test_a_stack_seen_from_the_side_is_not_segmented(desk: Any, order: tuple[int, ...]) -> None:
    desk.viewer.dims.order = order
    desk.do("segment")
    said = desk.sayings["segment"]
    assert (said.tone, said.action) == ("error", "show_sections")
    assert not desk.labelled
    desk.do("show_sections")
    desk.do("segment")
    assert desk.sayings["segment"].tone == "done"


def test_a_known_map_is_not_predicted_again(desk: Any, engine: Any) -> None:
    desk.do("predict")
    engine.asked.clear()
    desk.do("segment")
    assert "napari_emseg.jobs.predict:run" not in [name for name, _, _ in engine.asked]


def test_proofread_sections_are_not_segmented_again(labelled: Any) -> None:
    labelled.session.mark(2, Status.PROOFREAD)
    labelled.do("segment")
    assert labelled.sayings["segment"].tone == "error"
    assert labelled.sayings["segment"].action == "next_unproofread"


@pytest.mark.parametrize("status", [Status.PROOFREAD, Status.EXCLUDED])
@pytest.mark.parametrize("action", ["segment", "grow"])
@pytest.mark.parametrize("answers", [0, 1])
def test_a_section_that_is_settled_meanwhile_gets_no_labels(
    desk: Any, engine: Any, status: Status, action: str, answers: int
) -> None:
    desk.viewer.dims.set_current_step(0, 2)
    desk.viewer.cursor.position = desk.layers.labels.data_to_world(CELL_1)
    engine.hold = True
    desk.do(action)
    for _ in range(answers):  # 0: marked while membranes are looked for, 1: while seeds grow
        engine.release()
    desk.session.mark(2, status, "fold" if status is Status.EXCLUDED else "")
    engine.release()
    engine.release()
    assert not desk.work
    assert not ids(desk, 2).any()
    assert desk.session.sections[2].status is status
    stage = "segment" if action == "segment" else "proofread"
    words = "left out" if status is Status.EXCLUDED else "proofread"
    assert desk.sayings[stage].text.startswith(f"This section is {words} and stays as it is (section 2)")


def test_seeds_that_come_late_do_not_show_in_another_stage(desk: Any, engine: Any) -> None:
    from napari_emseg.ui.flows import seeding

    desk.viewer.dims.set_current_step(0, 2)
    desk.do("predict")
    engine.hold = True
    seeding.preview(desk)
    seeding.preview(desk)
    seeding.hide(desk)
    engine.release()
    assert not desk.layers.seeds.visible
    assert not desk.seeds_wanted
    seeding.preview(desk)  # the next one is computed as ever
    engine.release()
    assert desk.layers.seeds.visible


def test_without_a_stack_the_first_panel_is_named(desk: Any) -> None:
    desk.clear()
    desk.do("segment")
    assert (desk.sayings["segment"].link, desk.sayings["segment"].action) == ("Take me there", "stage:data")


def test_a_failing_worker_is_said_and_the_desk_lives_on(desk: Any, engine: Any) -> None:
    def crash(request: Any, progress: Any) -> None:
        raise EmsegError("the worker stopped", "section 0", "it was started again")

    engine.answers["napari_emseg.jobs.predict:run"] = crash
    desk.do("predict")
    assert desk.sayings["predict"].text == "The worker stopped (section 0): it was started again."
    del engine.answers["napari_emseg.jobs.predict:run"]
    assert not desk.work
