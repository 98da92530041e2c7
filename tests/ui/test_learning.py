"""Teaching a model, and deciding about it; without a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from napari_emseg.core.learning import LEARNED, FinetuneResult
from napari_emseg.core.sections import Status
from napari_emseg.ui.flows import learning
from napari_emseg.ui.runner import Work


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
    said = taught.sayings["train"]
    assert "Edits per 100 objects: 10.0, before 13.7" in said.text
    assert (said.link, said.action) == ("Decide", "stage:train"), "other stages show it, too"


def test_labels_that_leave_a_section_nearly_empty_are_spoken_of(taught: Any, engine: Any) -> None:
    engine.hold = True
    taught.session.volume[2] = 0
    taught.session.volume[2, 10:20, 10:20] = 1
    taught.do("train")
    said = taught.sayings["train"].text
    assert "3 % of what teaches is labelled" in said
    assert "right for cells, wrong for mitochondria" in said
    assert engine.asked[-1][0] == "napari_emseg.jobs.finetune:run", "and it is begun"


def test_labels_that_fill_a_section_are_not(taught: Any, engine: Any) -> None:
    engine.hold = True
    taught.do("train")
    assert taught.sayings["train"].text == "You can go on painting while the copy learns."


def test_how_long_learning_takes_is_told_by_its_clock_alone(taught: Any, monkeypatch: Any) -> None:
    """What it looks at before is slow beside its share of the bar: a minute was called six."""
    asked: list[Any] = []
    monkeypatch.setattr(taught.runner, "submit", lambda key, call, handlers: asked.append(handlers))
    taught.do("train")
    asked[0].progress(Work(0.05, "looking at the model as it is", 360.0, {}))
    assert taught.work["train"].remaining_s is None
    asked[0].progress(Work(0.5, "learning", 100.0, {"loss": 0.3, "seconds_left": 30.0}))
    assert taught.work["train"].remaining_s == 30.0


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


def test_it_is_said_where_learning_did_not_help() -> None:
    edits = {"edits_per_100_objects": 8.0}
    result = FinetuneResult(Path("new"), 500, 60.0, (), edits, edits, "all 3 sections", share=0.0)
    assert "On what was held back it did not help" in learning.verdict(result)
    assert "as before" in learning.verdict(replace(result, share=1.0, formers=("membrane",)))
    result = replace(result, scored_on=LEARNED)
    assert "Even on the sections that it learned from it did not help" in learning.verdict(result)


def test_nothing_to_learn_from_is_said(labelled: Any) -> None:
    labelled.do("train")
    assert labelled.sayings["train"].tone == "error"
    assert labelled.sayings["train"].link == "Take me there"
