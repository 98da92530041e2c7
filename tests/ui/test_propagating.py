"""Carrying ids, and what the model would look at next; without a window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Mark, Patch, Region
from napari_emseg.core.sections import SectionState, Status
from napari_emseg.ui import boundary_map
from napari_emseg.ui.flows import predicting
from napari_emseg.ui.flows.propagating import labelled_extent


def ids(desk: Any, z: int) -> np.ndarray:
    return desk.session.volume.read(Region((z, 0, 0), (z + 1, 48, 64)))[0]


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


def test_more_sections_than_membranes_are_kept_of_are_carried_to_all_the_same(
    desk: Any, make_labels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary_map, "_LIMIT_BYTES", 2 * 48 * 64)
    desk.session.commit(make_labels(desk.session, (0,)))
    desk.viewer.dims.set_current_step(0, 0)
    desk.do("propagate")
    for z in range(1, 6):
        found = ids(desk, z)
        assert (found[20, 15], found[20, 45]) == (1, 2)


def test_a_section_with_a_stroke_is_segmented_around_it(desk: Any, make_labels: Any) -> None:
    """A stroke across the membrane, in cell 1, and one of an id of its own in cell 2: both keep their pixels."""
    desk.session.commit(make_labels(desk.session, (1,)))
    desk.session.volume[2, 20:23, 20:32] = 77
    desk.session.volume[3, 30:32, 50:52] = 78
    desk.sweep()
    desk.viewer.dims.set_current_step(0, 1)
    desk.set_settings("propagate", desk.settings("propagate").model_copy(update={"sections": 3}))
    desk.do("propagate")
    for z in (2, 3, 4):
        found = ids(desk, z)
        assert (found[10, 15], found[10, 45]) == (1, 2), "all of it is segmented, and carried"
        assert desk.session.sections[z].status is Status.PREDICTED
    assert set(np.unique(ids(desk, 2)[20:23, 20:32])) == {1}, (
        "the stroke is part of the cell in which it lies"
    )
    assert set(np.unique(ids(desk, 3)[30:32, 50:52])) == {2}
    assert "The rest of 2 sections was segmented around what was there." in desk.sayings["propagate"].text
    desk.do("undo")
    assert set(np.unique(ids(desk, 2)[20:23, 20:32])) == {77}
    assert np.count_nonzero(ids(desk, 2)) == 36


def test_cells_that_are_painted_one_by_one_are_carried_as_they_are(desk: Any, engine: Any) -> None:
    """One cell here and half of it there: nobody wants all the others because of that."""
    desk.session.volume[1, 10:30, 6:26] = 5
    desk.session.volume[2, 10:30, 6:16] = 6
    desk.sweep()
    assert labelled_extent(desk.session.volume, 1) == Region((1, 10, 6), (2, 30, 26))
    desk.viewer.dims.set_current_step(0, 1)
    desk.set_settings("propagate", desk.settings("propagate").model_copy(update={"sections": 1}))
    desk.do("propagate")
    assert not any("segment:run" in asked[0] for asked in engine.asked)
    assert set(np.unique(ids(desk, 2))) == {0, 5}
    assert np.count_nonzero(ids(desk, 2)) == 200
    assert "painted" not in desk.sayings["propagate"].text


def test_carrying_leaves_the_objects_in_sight_without_the_map_over_them(desk: Any, make_labels: Any) -> None:
    desk.session.commit(make_labels(desk.session, (1,)))
    desk.viewer.dims.set_current_step(0, 1)
    assert desk.layers.boundary.visible
    desk.layers.labels.visible = False
    desk.do("propagate")
    assert desk.sayings["propagate"].tone == "done"
    assert (desk.layers.labels.visible, desk.layers.boundary.visible) == (True, False)


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


@pytest.mark.parametrize(
    ("section", "direction", "other"), [(5, "forwards", "back"), (0, "backwards", "for")]
)
def test_ids_are_not_carried_out_of_the_stack(
    desk: Any, make_labels: Any, section: int, direction: str, other: str
) -> None:
    desk.session.commit(make_labels(desk.session, (section,)))
    desk.viewer.dims.set_current_step(0, section)
    desk.set_settings("propagate", desk.settings("propagate").model_copy(update={"direction": direction}))
    desk.do("propagate")
    end = "last" if section else "first"
    text = f"This is the {end} section of the stack (section {section}): carry ids {other}wards, or go to another one."
    assert desk.sayings["propagate"].text == text


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
    desk.do("suggest_again")
    assert desk.sayings["proofread"].text == "No section stands out; 3 is as good as any."
    desk.clear()
    assert desk.suggestions is None


def test_the_section_that_is_named_is_the_one_to_go_to(desk: Any, engine: Any) -> None:
    engine.answers["napari_emseg.jobs.suggest:run"] = lambda request, progress: suggestions(4, 1, 5, 0)
    desk.viewer.dims.set_current_step(0, 1)
    desk.do("suggest")
    assert "Section 4" in desk.sayings["proofread"].text
    desk.do("go_suggested")
    assert desk.section == 4, "also from a section that is in the list itself"
    desk.viewer.dims.set_current_step(0, 5)
    assert "Section 1 comes next" in desk.sayings["proofread"].text
    desk.do("go_suggested")
    assert desk.section == 1


def test_a_section_that_was_segmented_in_part_is_segmented_around_that(desk: Any, make_labels: Any) -> None:
    """One screen while zoomed in: the left part of cell 1, cut at the edge of the screen."""
    desk.session.commit(make_labels(desk.session, (1, 3)))
    region = Region((2, 0, 0), (3, 48, 20))
    part = np.zeros(region.shape, np.uint32)
    part[0, 4:44, 4:] = 55
    mark = Mark(2, SectionState(), SectionState(Status.PREDICTED))
    desk.session.commit(
        Edit("segment", "model", (Patch(region, desk.session.volume.read(region), part),), (mark,))
    )
    desk.session.mark(3, Status.PREDICTED)
    desk.viewer.dims.set_current_step(0, 1)
    desk.set_settings("propagate", desk.settings("propagate").model_copy(update={"sections": 2}))
    desk.do("propagate")
    found = ids(desk, 2)
    assert (found[20, 10], found[20, 25], found[20, 45]) == (1, 1, 2), "one cell, also across the edge"
    assert "The rest of section 2 was segmented around what was there." in desk.sayings["propagate"].text
    desk.do("undo")
    np.testing.assert_array_equal(ids(desk, 2)[:, :20], part[0])
    assert not ids(desk, 2)[:, 20:].any()


def test_the_window_does_not_read_the_sections_on_the_way(labelled: Any, monkeypatch: Any) -> None:
    """They are read in a thread: hundreds of large sections take seconds."""
    waiting: list[Any] = []
    monkeypatch.setattr(labelled.runner._executor, "submit", waiting.append)
    with monkeypatch.context() as patch:
        pages = labelled.session.volume.pages
        patch.setattr(pages, "get", lambda key: pytest.fail("read in the window's thread"))
        labelled.do("propagate")
    assert len(waiting) == 1
    assert "propagate" in labelled.work
    labelled.stop("propagate")
    waiting.pop()()
    assert labelled.sayings["propagate"].text.startswith("Stopped.")


def test_what_is_painted_while_sections_are_read_stays(labelled: Any, monkeypatch: Any) -> None:
    """Half of a stroke was read, half not."""
    waiting: list[Any] = []
    monkeypatch.setattr(labelled.runner._executor, "submit", waiting.append)
    labelled.set_settings("propagate", labelled.settings("propagate").model_copy(update={"sections": 1}))
    labelled.do("propagate")
    waiting.pop(0)()
    labelled.session.volume[3, 10, 10] = 77
    waiting.pop(0)()
    labelled.session.volume[3, 10, 11] = 77
    labelled.sweep()
    while waiting:
        waiting.pop(0)()
    assert set(ids(labelled, 3)[10, 10:12]) == {77}
    assert ids(labelled, 3)[10, 12] == 1


def up_to_writing(desk: Any, monkeypatch: Any) -> list[Any]:
    """Carry ids of section 2 to section 3 until only the edit is to be built."""
    waiting: list[Any] = []
    monkeypatch.setattr(desk.runner._executor, "submit", waiting.append)
    desk.set_settings("propagate", desk.settings("propagate").model_copy(update={"sections": 1}))
    desk.session.volume[3, 4:44, 4:30] = 8  # not the id that it has in section 2
    desk.sweep()
    desk.do("propagate")
    while desk.work["propagate"].message != "writing ids":
        waiting.pop(0)()
    return waiting


def test_the_edit_is_built_beside_the_window_and_built_anew_for_what_was_decided_meanwhile(
    labelled: Any, monkeypatch: Any
) -> None:
    waiting = up_to_writing(labelled, monkeypatch)
    assert labelled.session.undo_name == "paint"
    waiting.pop(0)()
    assert labelled.session.undo_name.startswith("carry ids")
    assert ids(labelled, 3)[20, 10] == 1
    labelled.do("undo")
    waiting = up_to_writing(labelled, monkeypatch)
    labelled.session.mark(3, Status.PROOFREAD)
    waiting.pop(0)()
    assert len(waiting) == 1, "it is built anew"
    waiting.pop(0)()
    assert ids(labelled, 3)[20, 10] == 8
    assert "propagate" not in labelled.work


def test_who_goes_on_painting_gets_the_ids_all_the_same(labelled: Any, monkeypatch: Any) -> None:
    waiting = up_to_writing(labelled, monkeypatch)
    for n in range(20):
        if not waiting:
            break
        labelled.session.volume[3, 10, 10 + n] = 77
        waiting.pop(0)()
    assert n < 5
    assert labelled.session.undo_name.startswith("carry ids")
    assert set(ids(labelled, 3)[10, 10 : 10 + n]) == {77}
    assert ids(labelled, 3)[20, 10] == 1


def test_writing_can_be_stopped(labelled: Any, monkeypatch: Any) -> None:
    waiting = up_to_writing(labelled, monkeypatch)
    labelled.stop("propagate")
    waiting.pop(0)()
    assert not waiting
    assert labelled.session.undo_name == "paint"
    assert ids(labelled, 3)[20, 10] == 8


@pytest.mark.parametrize("beside", [(), ("mitochondria",)])
def test_many_sections_are_predicted_part_by_part(
    desk: Any, engine: Any, make_labels: Any, monkeypatch: pytest.MonkeyPatch, beside: tuple[str, ...]
) -> None:
    monkeypatch.setattr(predicting, "_MOST_VOXELS", 2 * 48 * 64)
    desk.set_settings("predict", desk.settings("predict").model_copy(update={"also": beside}))
    desk.session.commit(make_labels(desk.session, (0,)))
    desk.viewer.dims.set_current_step(0, 0)
    told: list[float] = []
    plain = desk.handlers

    def listened(*args: Any, **kwargs: Any) -> Any:
        made = plain(*args, **kwargs)
        if kwargs.get("partial") is None:
            return made

        def progress(work: Any) -> None:
            told.append(work.fraction)
            made.progress(work)

        return replace(made, progress=progress)

    monkeypatch.setattr(desk, "handlers", listened)
    desk.do("propagate")
    regions = [request.region for name, request, _ in engine.asked if name == "napari_emseg.jobs.predict:run"]
    assert [(region.start[0], region.stop[0]) for region in regions] == [(1, 3), (3, 5), (5, 6)]
    assert told == pytest.approx([1 / 6, 3 / 6, 5 / 6]), "halves of three parts"
    for z in range(1, 6):
        assert (ids(desk, z)[20, 15], ids(desk, z)[20, 45]) == (1, 2)
    assert not desk.work
    for target in beside:
        assert desk.layers.targets[target].values.sections == (1, 2, 3, 4, 5)


def test_what_had_to_be_done_differently_is_said_once(
    desk: Any, engine: Any, make_labels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "_MOST_VOXELS", 2 * 48 * 64)
    known = engine.answers["napari_emseg.jobs.predict:run"]
    engine.answers["napari_emseg.jobs.predict:run"] = lambda request, progress: replace(
        known(request, progress), notes=("smaller tiles",)
    )
    layers = desk.layers
    said: list[str] = []

    def then() -> None:
        said.append("then")
        desk.say("predict", "There.")

    predicting.predict_region(desk, Region((0, 0, 0), (6, 48, 64)), stage="predict", then=then)
    assert said == ["then"]
    assert desk.sayings["predict"].text == "There. smaller tiles."
    assert layers.boundary_map.covers(Region((0, 0, 0), (6, 48, 64)))


def test_stopped_between_parts_nothing_more_is_asked_for(
    desk: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "_MOST_VOXELS", 2 * 48 * 64)
    engine.hold = True
    reached: list[str] = []
    region = Region((0, 0, 0), (6, 48, 64))
    predicting.predict_region(desk, region, stage="predict", then=lambda: reached.append("then"))
    engine.release()
    assert len(engine.asked) == 2
    assert "predict" in desk.work
    desk.stop("predict")
    engine.release()
    assert (len(engine.asked), reached) == (2, []), "an answer that was ready just then starts nothing"
    assert "predict" not in desk.work
    assert desk.sayings["predict"].text.startswith("Stopped.")
