"""A judge of walls learns from a network's own maps what to close and what to open."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_emseg.algorithms.metrics.boundary import boundary_scores
from napari_emseg.core.errors import Cancelled
from napari_emseg.core.model_card import ModelCard, read_card
from napari_emseg.nn.checkpoint import build, load_model, save_model
from napari_emseg.nn.judge import Judge, Lesson, fresh, lesson_of

NM = 4.4


def section(seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A map of cells in a grid, and where they are.

    Membranes have gaps. Every second cell holds a mitochondrion whose wall is drawn as strongly as a membrane.
    """
    rng = np.random.default_rng(seed)
    membrane, mitochondria = np.zeros((2, 160, 160), np.float32)
    for n in range(0, 160, 32):
        membrane[n : n + 3] = membrane[:, n : n + 3] = 0.9
    cells = membrane == 0
    for n in range(0, 160, 32):
        for k in range(0, 160, 32):
            at = int(rng.integers(8, 24))
            membrane[n + at : n + at + 4, k : k + 3] = 0.2
            membrane[k : k + 3, n + at : n + at + 4] = 0.2
            if (n + k) % 64:
                mitochondria[n + 15 : n + 20, k + 3 : k + 32] = 0.8
                membrane[n + 17, k + 3 : k + 32] = 0.85
    noise = rng.normal(0, 0.03, membrane.shape)
    return {
        "membrane": np.clip(membrane + noise, 0, 1).astype(np.float32),
        "mitochondria": mitochondria,
    }, cells


@pytest.fixture(scope="module")
def judge() -> Judge:
    found = [lesson_of(*[(s := section(n))[0], ("mitochondria",), s[1], NM]) for n in range(6)]
    whole = Lesson.joined([lesson for lesson, _ in found])
    return fresh(whole, found[0][1], ("mitochondria",), 0).learn(whole, rounds=40, seed=0)


def test_it_closes_gaps_and_opens_false_walls(judge):
    maps, cells = section(99)
    before = boundary_scores(cells, maps["membrane"])
    kept = {name: values.copy() for name, values in maps.items()}
    after = boundary_scores(cells, judge.correct(maps, NM))
    assert before["edits_per_100_objects"] > 40
    assert after["edits_per_100_objects"] < 5
    assert after["v_rand"] > before["v_rand"]
    for name, values in kept.items():
        assert np.array_equal(maps[name], values)


def test_pieces_are_taught_by_the_cell_in_which_they_lie():
    maps, cells = section(1)
    lesson, names = lesson_of(maps, ("mitochondria",), cells, NM, weight_each=2.0)
    assert lesson.features.shape == (len(lesson.true), len(names))
    assert 0.2 < lesson.true.mean() < 0.95
    assert (lesson.weight == 2).all()
    false = lesson.features[~lesson.true, names.index("mitochondria along")]
    true = lesson.features[lesson.true, names.index("mitochondria along")]
    assert np.median(false) > 0.7 > 0.1 > np.median(true)


def test_nothing_is_learned_where_nothing_is_known():
    maps, cells = section(1)
    lesson, _ = lesson_of(maps, (), cells, NM, known=np.zeros_like(cells))
    assert len(lesson.true) == 0


def test_the_same_seed_gives_the_same_judge(judge):
    maps, cells = section(2)
    lesson, names = lesson_of(maps, ("mitochondria",), cells, NM)
    one, two = (fresh(lesson, names, (), 3).learn(lesson, rounds=2, seed=3) for _ in range(2))
    assert np.array_equal(one.chance(lesson.features), two.chance(lesson.features))
    assert not np.array_equal(one.chance(lesson.features), judge.chance(lesson.features))


def test_it_is_kept_with_the_model(judge, tmp_path):
    card = ModelCard(
        name="toy",
        architecture="space_unet",
        arguments={"sections": 1, "targets": 2, "widths": [8, 16], "head": 4},
        targets=("membrane", "mitochondria"),
        pixel_size_nm=NM,
        pixel_size_range_nm=(3.0, 6.0),
    )
    torch.manual_seed(0)
    state = build(card).state_dict()
    save_model(tmp_path / "without", state, card)
    assert Judge.of_model(tmp_path / "without", card) is None
    save_model(tmp_path / "with", state | judge.tensors(), card.model_copy(update={"walls": judge.entry}))
    network, read = load_model(tmp_path / "with")
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    back = Judge.of_model(tmp_path / "with", read_card(tmp_path / "with"))
    maps, _ = section(3)
    assert read.walls == judge.entry
    assert np.array_equal(back.correct(maps, NM), judge.correct(maps, NM))


def test_a_map_without_walls_stays_as_it_is(judge):
    flat = np.zeros((20, 20), np.float32)
    assert np.array_equal(judge.correct({"membrane": flat, "mitochondria": flat}, NM), flat)


def test_large_sections_are_put_together_from_blocks(judge, monkeypatch):
    maps, cells = section(5)
    monkeypatch.setattr("napari_emseg.nn.judge._BLOCK", 64)
    monkeypatch.setattr("napari_emseg.nn.judge._MARGIN", 40)
    after = boundary_scores(cells, judge.correct(maps, NM))
    assert (
        after["edits_per_100_objects"]
        < 10
        < 40
        < boundary_scores(cells, maps["membrane"])["edits_per_100_objects"]
    )


def test_a_large_section_that_nobody_waits_for_is_left_between_blocks(judge, monkeypatch):
    maps, _ = section(5)
    monkeypatch.setattr("napari_emseg.nn.judge._BLOCK", 64)
    monkeypatch.setattr("napari_emseg.nn.judge._MARGIN", 40)
    looks = []

    def look():
        looks.append(True)
        if len(looks) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        judge.correct(maps, NM, look)
    assert len(looks) == 2
