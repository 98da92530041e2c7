"""The tireless person makes exactly the corrections that are needed.

::

    truth        labels
    1 | 2 | 3    5 5 6 7     object 1: pieces 5 ... ; 2: merged with 1 under 5; 3: split into 6 and 7
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.sections import Status
from napari_emseg.jobs import oracle
from napari_emseg.jobs.demo_report import as_markdown, verdict


@pytest.fixture
def membranes():
    """Three cells of 96 x 50 px, parted by two membranes of 5 px."""
    out = np.zeros((96, 160), np.uint8)
    out[:, 50:55] = out[:, 105:110] = 1
    return out


@pytest.fixture
def labels():
    """Cells 1 and 2 are one object, cell 3 is two."""
    out = np.full((96, 160), 5, np.uint32)
    out[:48, 108:], out[48:, 108:] = 6, 7
    return out


def test_needed_edits_are_counted(labels, membranes):
    needed = oracle.edits_needed(labels, membranes)
    assert (needed["objects"], needed["merges_needed"], needed["splits_needed"]) == (3, 1, 1)
    assert needed["edits_per_100_objects"] == pytest.approx(200 / 3)


def test_a_corrected_section_needs_no_more_edits(session, labels, membranes):
    region = Region((1, 0, 0), (2, 96, 160))
    session.commit(session.around_people("segment", "model", region, labels[None]))
    done = oracle.correct(session, 1, membranes)
    assert (done.merges, done.splits) == (1, 1)
    after = np.asarray(session.volume[1])
    assert oracle.edits_needed(after, membranes)["edits_per_100_objects"] == 0
    objects = oracle.components(membranes)
    assert [len(np.unique(after[objects == n])) for n in (1, 2, 3)] == [1, 1, 1]
    assert len({int(after[objects == n][0]) for n in (1, 2, 3)}) == 3
    assert session.sections[1].status is Status.PROOFREAD


def test_every_correction_can_be_taken_back(session, labels, membranes):
    region = Region((1, 0, 0), (2, 96, 160))
    session.commit(session.around_people("segment", "model", region, labels[None]))
    oracle.correct(session, 1, membranes)
    while session.undo_name != "segment":
        session.undo()
    np.testing.assert_array_equal(session.volume[1], labels)


def test_the_report_shows_before_and_after():
    scores = {"edits_per_100_objects": 12.34, "v_rand": 0.9, "v_info": 0.95}
    text = as_markdown(
        {
            "sample": "phantom", "program": "napari-emseg 1", "device": "CPU", "seconds": 61.4, "section": 8,
            "model_at_first": "membrane-isbi",
            "steps": [
                {"step": "predict", "seconds": 1.23, "seconds_per_section": [0.5, 0.25]},
                {"step": "learn", "seconds": 9.5, "clicks": [0.25, 0.5, 0.75, 0.1, 0.3, 0.6, 0.4]},
            ],
            "before": scores, "after": scores | {"edits_per_100_objects": 5.0}, "new_model_kept": True,
            "scored_sections": [1, 2, 3], "training_steps": 200,
        }
    )  # fmt: skip
    assert "| predict | 1.2 | seconds per section 0.5 0.25 |" in text
    assert "| learn | 9.5 | clicks 0.4 (median of 7, 0.1 to 0.75) |" in text
    assert "| Edits per 100 objects | 12.3 | 5.0 |" in text
    assert "The new model was kept: " in text
    assert "on the other sections: 5.0 edits per 100 objects instead of 12.3." in text


@pytest.mark.parametrize(
    ("kept", "after", "other", "steps", "said", "unsaid"),
    [
        (True, 5.0, None, 200, "So it is on the other sections: 5.0", "--learn-seconds"),
        (True, 13.1, None, 40, "more are needed: 13.1 edits per 100 objects instead of 12.5", "So it is"),
        (True, 13.1, None, 40, "There was time for 40 steps; --learn-seconds gives more.", "not kept"),
        (True, 12.5, None, 300, "as good as before.", "--learn-seconds"),
        (False, 12.5, None, 1, "There was time for 1 step; --learn-seconds", "That was"),
        (False, 12.5, 14.0, 300, "That was right: the other sections need 12.5", "--learn-seconds"),
        (False, 12.5, 9.0, 30, "That was a pity: the other sections need 12.5", "The new model was kept"),
    ],
)
def test_the_verdict_says_what_became_of_the_model_and_whether_that_was_right(
    kept: bool, after: float, other: float | None, steps: int, said: str, unsaid: str
) -> None:
    scores = {"edits_per_100_objects": 12.5, "v_rand": 0.9, "v_info": 0.95}
    content = {"before": scores, "after": scores | {"edits_per_100_objects": after}, "new_model_kept": kept}
    content["training_steps"] = steps
    if other is not None:
        content["not_kept"] = scores | {"edits_per_100_objects": other}
    text = verdict(content)
    assert said in text
    assert unsaid not in text
    assert text.startswith("The new model was kept: " if kept else "The new model was not kept: ")
