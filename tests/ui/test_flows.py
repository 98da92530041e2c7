"""What the actions do, without a window: the loop of the program on a toy stack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import FinetuneResult
from napari_emseg.core.sections import Status
from napari_emseg.session import Session
from napari_emseg.ui.flows import learning, opening, proofreading
from napari_emseg.ui.tools import CutTool, MergeTool

CELL_1, CELL_2 = (2, 20, 15), (2, 20, 45)


def ids(desk: Any, z: int) -> np.ndarray:
    return desk.session.volume.read(Region((z, 0, 0), (z + 1, 48, 64)))[0]


def world(desk: Any, point: tuple[int, int, int]) -> Any:
    return desk.layers.labels.data_to_world(point)


# ---------------------------------------------------------------- open


def test_the_layers_carry_scale_units_and_the_volume_itself(desk: Any) -> None:
    layers = desk.layers
    for layer in (layers.image, layers.boundary, layers.labels, layers.seeds):
        assert tuple(layer.scale) == (40, 8, 8)
        assert {str(u) for u in layer.units} == {"nanometer"}
        assert layer.axis_labels == ("z", "y", "x")
    assert layers.labels.data is desk.session.volume
    assert desk.sayings["data"].action == "stage:segment"


def test_the_voxel_size_is_asked_once(desk: Any, stack: Any, tmp_path: Path) -> None:
    bare = replace(stack, spacing_nm=None, spacing_source="unknown")
    folder = tmp_path / "bare.emseg"
    opening.show(desk, Session.open_or_create(bare, folder))
    assert "voxel" in desk.sayings["data"].text
    opening.set_spacing(desk, (30.0, 5.0, 5.0))
    assert tuple(desk.layers.labels.scale) == (30, 5, 5)
    desk.clear()
    again = Session.open_or_create(bare, folder)
    assert (again.image.spacing_nm, again.image.spacing_source) == ((30.0, 5.0, 5.0), "you")
    again.close()


def test_a_layer_in_micrometres_brings_its_voxel_size(desk: Any) -> None:
    viewer = desk.viewer
    layer = viewer.add_image(np.zeros((3, 8, 8), np.uint8), scale=(0.05, 0.004, 0.004), units=("um",) * 3)
    assert opening.spacing_of(layer) == pytest.approx((50, 4, 4))
    layer = viewer.add_image(np.zeros((3, 8, 8), np.uint8), scale=(2, 1, 1))
    assert opening.spacing_of(layer) is None


def test_a_file_that_is_not_there_is_said(desk: Any, tmp_path: Path) -> None:
    opening.open_path(desk, tmp_path / "nothing.tif")
    assert desk.sayings["data"].tone == "error"
    assert "nothing.tif" in desk.sayings["data"].text
    assert not desk.work


def test_a_removed_layer_closes_the_stack_and_keeps_the_edits(
    desk: Any, make_labels: Any, stack: Any
) -> None:
    folder = desk.session.project.folder
    desk.session.commit(make_labels(desk.session, (1,), "human"))
    desk.viewer.layers.remove(desk.layers.labels)
    assert desk.session is None
    assert desk.stage == "data"
    assert len(desk.viewer.layers) == 0
    again = Session.open(folder, stack)
    opening.show(desk, again)
    assert desk.labelled == {1}
    assert desk.sayings["data"].text.startswith("6 sections are open. 1 of them has labels from last time")


# ---------------------------------------------------------------- predict, seed, segment


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
    assert "48 × 64 px" in desk.sayings["predict"].text
    assert not desk.session.can_undo


def test_what_is_ticked_beside_membranes_gets_a_layer_of_its_own(desk: Any, engine: Any) -> None:
    settings = desk.settings("predict")
    desk.do("predict")
    assert engine.asked[-1][1].targets == ("membrane",)
    desk.set_settings("predict", settings.model_copy(update={"also": ("mitochondria", "cleft")}))
    desk.do("predict")
    assert engine.asked[-1][1].targets == ("membrane", "mitochondria"), "the model does not know clefts"
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


# ---------------------------------------------------------------- proofread


def test_merge_by_clicks(labelled: Any) -> None:
    labelled.do("merge")
    assert isinstance(labelled.tool, MergeTool)
    labelled.tool.click_world(world(labelled, CELL_1))
    assert labelled.layers.labels.selected_label == 1
    labelled.tool.click_world(world(labelled, CELL_2))
    assert ids(labelled, 2)[CELL_2[1:]] == 1
    assert ids(labelled, 3)[CELL_2[1:]] == 1
    labelled.do("put_down")
    assert labelled.tool is None
    labelled.do("undo")
    assert ids(labelled, 2)[CELL_2[1:]] == 2


def test_a_click_beside_every_object_is_refused_in_words(labelled: Any) -> None:
    labelled.do("merge")
    labelled.tool.click_world(world(labelled, (2, 1, 1)))
    assert labelled.sayings["proofread"].tone == "error"
    assert "no object under the click" in labelled.sayings["proofread"].text
    labelled.tool.click_world((1e9, 1e9, 1e9))


def test_cut_by_two_clicks(labelled: Any) -> None:
    labelled.do("merge")
    labelled.tool.click_world(world(labelled, CELL_1))
    labelled.tool.click_world(world(labelled, CELL_2))
    labelled.session.volume[2, 20:24, 30:34] = 1  # a bridge between the two
    labelled.do("cut")
    assert isinstance(labelled.tool, CutTool)
    labelled.tool.click_world(world(labelled, CELL_1))
    labelled.tool.click_world(world(labelled, CELL_2))
    found = ids(labelled, 2)
    assert found[CELL_1[1:]] == 1
    assert found[CELL_2[1:]] not in (0, 1)


def test_cut_along_a_line(labelled: Any) -> None:
    labelled.do("cut")
    labelled.tool.draw_world([world(labelled, (2, 2, 15)), world(labelled, (2, 46, 15))])
    found = ids(labelled, 2)
    assert len({int(found[20, 8]), int(found[20, 24])}) == 2
    assert ids(labelled, 1)[20, 8] == ids(labelled, 1)[20, 24] == 1


def test_a_locked_object_survives_segmenting(labelled: Any) -> None:
    labelled.layers.labels.selected_label = 2
    labelled.do("lock")
    assert labelled.session.locked == {2}
    before = ids(labelled, 2) == 2
    labelled.do("segment")
    np.testing.assert_array_equal(ids(labelled, 2) == 2, before)
    labelled.do("undo")
    labelled.do("undo")
    assert labelled.session.locked == set()


def test_marking_goes_on_to_the_next_section(labelled: Any) -> None:
    labelled.session.volume[2, 20, 31] = 1
    labelled.do("mark_proofread")
    assert labelled.session.sections[2].status is Status.PROOFREAD
    assert labelled.section == 3
    assert labelled.sayings["proofread"].text.startswith("Section 2 is proofread with 1 correction.")
    labelled.do("undo")
    assert labelled.session.sections.proofread == ()


def test_an_empty_section_cannot_be_right(labelled: Any) -> None:
    labelled.viewer.dims.set_current_step(0, 5)
    labelled.do("mark_proofread")
    assert labelled.session.sections[5].status is Status.UNSEEN
    assert labelled.sayings["proofread"].action == "segment"


def test_excluding_asks_why_and_can_be_undone(labelled: Any) -> None:
    asked: list[str] = []
    labelled.asked.connect(asked.append)
    labelled.do("exclude")
    assert asked == ["exclude"]
    proofreading.exclude_because(labelled, "fold")
    state = labelled.session.sections[2]
    assert (state.status, state.reason) == (Status.EXCLUDED, "fold")
    labelled.do("undo")
    assert labelled.session.sections[2].status is Status.UNSEEN


def test_going_round_skips_what_is_marked(labelled: Any) -> None:
    labelled.session.mark(3, Status.PROOFREAD)
    labelled.session.mark(4, Status.EXCLUDED, "fold")
    labelled.do("next_unproofread")
    assert labelled.section == 5
    labelled.do("next_section")
    assert labelled.section == 5
    labelled.do("previous_section")
    assert labelled.section == 4


# ---------------------------------------------------------------- learn


@pytest.fixture
def taught(labelled: Any, engine: Any, tmp_path: Path) -> Any:
    """A desk with one proofread section and an engine that claims to have learned."""

    def learn(request: Any, progress: Any) -> FinetuneResult:
        from napari_emseg.core.model_card import CARD, WEIGHTS

        for step in range(3):
            progress.report(step / 3, f"step {step}", loss=1.0 / (step + 1), seconds_left=3.0 - step)
        request.out_dir.mkdir(parents=True)
        for name in (CARD, WEIGHTS):
            (request.out_dir / name).write_bytes((request.model / name).read_bytes())
        scores = {"v_rand": 0.98, "edits_per_100_objects": 13.7}
        better = {"v_rand": 0.985, "edits_per_100_objects": 10.0}
        return FinetuneResult(request.out_dir, 3, 1.0, (1.0, 0.5, 0.33), scores, better, "section 3")

    engine.answers["napari_emseg.jobs.finetune:run"] = learn
    labelled.session.mark(2, Status.PROOFREAD)
    return labelled


def test_learning_runs_in_the_background_lane_with_live_loss(taught: Any, engine: Any) -> None:
    taught.do("train")
    function, request, lane = engine.asked[-1]
    assert (function, lane) == ("napari_emseg.jobs.finetune:run", "background")
    assert request.sections == (2,)
    assert [loss for _, loss in taught.losses] == [1.0, 0.5, pytest.approx(1 / 3)]
    assert learning.score_rows(taught.learning) == (
        ("", "before", "after"), ("Edits per 100 objects", "13.7", "10.0"), ("V_rand", "0.9800", "0.9850"),
    )  # fmt: skip
    assert "Edits per 100 objects: 10.0, before 13.7" in taught.sayings["train"].text


def test_a_second_t_does_not_begin_again(taught: Any, engine: Any) -> None:
    engine.hold = True
    taught.do("train")
    assert len(engine.held) == 1
    taught.do("train")
    assert len(engine.held) == 1
    assert taught.runner.is_running("train")


def test_stopping_says_what_becomes_of_the_copy(taught: Any, engine: Any) -> None:
    from napari_emseg.core.errors import Cancelled

    def cancelled(request: Any, progress: Any) -> Any:
        raise Cancelled

    engine.answers["napari_emseg.jobs.finetune:run"] = cancelled
    taught.do("train")
    assert "Learning can go on where it was" in taught.sayings["train"].text
    assert taught.learning is None
    assert not taught.work


def test_painting_goes_on_while_a_model_learns(taught: Any, engine: Any) -> None:
    engine.hold = True
    taught.do("train")
    taught.session.volume[1, 30, 31] = 9
    taught.sweep()
    assert taught.session.undo_name == "paint"
    assert "train" in taught.work
    engine.release()
    assert taught.learning is not None


def test_the_new_model_is_used_only_when_accepted(taught: Any) -> None:
    taught.do("predict")
    taught.do("train")
    assert taught.session.model == "membrane"
    taught.do("accept_model")
    assert Path(taught.session.model).name == "membrane-2"
    assert taught.layers.boundary_map.sections == ()
    assert learning.model_words(list(learning.models(taught.session))[-1]) == "membrane-2"


def test_discarding_leaves_nothing_behind(taught: Any) -> None:
    taught.do("train")
    folder = taught.learning.folder
    taught.do("discard_model")
    assert not folder.exists()
    assert taught.learning is None
    assert taught.session.model == "membrane"


def test_any_version_can_be_gone_back_to(taught: Any) -> None:
    for _ in range(2):
        taught.do("train")
        taught.do("accept_model")
    tree = learning.version_tree(taught.session)
    assert [(v.name, v.depth) for v in tree] == [("membrane", 0), ("membrane-2", 1), ("membrane-3", 2)]
    assert "1 section" in learning.version_words(tree[1])
    assert "from section 2;" in learning.version_help(tree[1])
    taught.do("predict")
    taught.version = tree[1].model
    taught.do("use_version")
    assert taught.session.model == tree[1].model
    assert taught.layers.boundary_map.sections == (), "another model makes other probabilities"
    taught.version = "membrane"
    taught.do("use_version")
    assert taught.session.model == "membrane"
    assert [v.is_current for v in learning.version_tree(taught.session)] == [True, False, False]
    taught.do("use_version")
    assert "predicts already" in taught.sayings["train"].text


def test_a_model_that_did_not_help_is_not_recommended(taught: Any, engine: Any) -> None:
    learn = engine.answers["napari_emseg.jobs.finetune:run"]
    engine.answers["napari_emseg.jobs.finetune:run"] = lambda *a: replace(
        learn(*a), share=0.0, after={"v_rand": 0.98, "edits_per_100_objects": 13.7}
    )
    taught.do("train")
    assert not learning.is_better(taught.learning)
    assert "did not help" in taught.sayings["train"].text
    assert "time for 3 steps only" in taught.sayings["train"].text


def test_nothing_to_learn_from_is_said(labelled: Any) -> None:
    labelled.do("train")
    assert labelled.sayings["train"].tone == "error"
    assert labelled.sayings["train"].link == "Take me there"


# ---------------------------------------------------------------- propagate


def test_carrying_segments_what_is_not_segmented_and_is_one_edit(desk: Any, make_labels: Any) -> None:
    desk.session.commit(make_labels(desk.session, (1,)))
    desk.viewer.dims.set_current_step(0, 1)
    desk.set_settings("propagate", desk.settings("propagate").model_copy(update={"sections": 3}))
    desk.do("propagate")
    for z in (2, 3, 4):
        found = ids(desk, z)
        assert (found[20, 15], found[20, 45]) == (1, 2)
        assert desk.session.sections[z].status is Status.PREDICTED
    assert not ids(desk, 5).any()
    assert "through sections 2 to 4" in desk.sayings["propagate"].text
    assert desk.sayings["propagate"].action == "stage:proofread"
    desk.do("undo")
    assert not ids(desk, 2).any()
    assert (ids(desk, 1)[20, 15], desk.session.undo_name) == (1, "segment")


def test_carrying_leaves_the_objects_in_sight_without_the_map_over_them(desk: Any, make_labels: Any) -> None:
    desk.session.commit(make_labels(desk.session, (1,)))
    desk.viewer.dims.set_current_step(0, 1)
    assert desk.layers.boundary.visible
    desk.do("propagate")
    assert desk.sayings["propagate"].tone == "done"
    assert not desk.layers.boundary.visible


def test_carrying_leaves_proofread_sections_alone(labelled: Any) -> None:
    labelled.session.volume[3, 20, 15] = 77
    labelled.sweep()
    labelled.session.mark(3, Status.PROOFREAD)
    before = ids(labelled, 3)
    labelled.do("propagate")
    np.testing.assert_array_equal(ids(labelled, 3), before)
    assert ids(labelled, 4).any()


def test_carrying_looks_at_the_image_and_says_if_it_could_not(labelled: Any, engine: Any) -> None:
    from napari_emseg.jobs import propagate

    looked = []

    def without(request: Any, progress: Any) -> Any:
        looked.append(np.asarray(request.image[0]))
        return replace(propagate.run(request, progress), unseen="the file is gone")

    engine.answers["napari_emseg.jobs.propagate:run"] = without
    labelled.do("propagate")
    here = labelled.session.image.data[labelled.section]
    assert looked[0].size
    assert np.isin(looked[0], here).all()
    assert "The image was not looked at: the file is gone." in labelled.sayings["propagate"].text


def test_an_empty_section_has_nothing_to_carry(desk: Any) -> None:
    desk.do("propagate")
    assert (desk.sayings["propagate"].tone, desk.sayings["propagate"].action) == ("error", "segment")


# ---------------------------------------------------------------- what next


def suggestions(*sections: int) -> Any:
    from napari_emseg.jobs.suggest import Suggestion, Suggestions

    found = tuple(Suggestion(z, (10, 50), 0.1, 0.0, f"because of {z}") for z in sections)
    return Suggestions(found, ())


def test_the_model_says_which_section_would_teach_most(desk: Any, engine: Any) -> None:
    engine.answers["napari_emseg.jobs.suggest:run"] = lambda request, progress: suggestions(4, 1, 5)
    desk.do("go_suggested")
    assert desk.sayings["proofread"].action == "suggest", "nothing has been suggested yet"
    desk.do("suggest")
    assert desk.sayings["proofread"].text == "Section 4 would teach most: because of 4."
    desk.do(desk.sayings["proofread"].action)
    assert desk.section == 4
    assert np.allclose(desk.viewer.scene.camera.center[-2:], (10 * 8, 50 * 8))
    assert desk.sayings["proofread"].text == "Section 1 comes next: because of 1."
    desk.session.mark(1, Status.PROOFREAD)
    desk.do("go_suggested")
    assert desk.section == 5, "what is proofread meanwhile is passed over"
    plain = suggestions(3).sections[0]
    engine.answers["napari_emseg.jobs.suggest:run"] = lambda request, progress: replace(
        suggestions(3), sections=(replace(plain, reason=""),)
    )
    desk.do("suggest")
    assert desk.sayings["proofread"].text == "No section stands out; 3 is as good as any."
    desk.clear()
    assert desk.suggestions == ()
