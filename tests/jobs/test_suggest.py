"""Which section to proofread next."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import read_card
from napari_emseg.core.sections import Status
from napari_emseg.jobs import predict, suggest
from napari_emseg.nn.checkpoint import build, save_model
from napari_emseg.settings import PredictSettings

SILENT = SimpleNamespace(report=lambda *a, **v: None, partial=lambda part: None)


def piece(section: int, x: int = 0) -> suggest.Piece:
    return suggest.Piece(section, 0, x, np.zeros((1, 8, 8), np.uint8), section, (0, 0, 0, 0))


@pytest.fixture
def asked(session, model):
    session.model = str(model)
    return session


def test_pieces_of_every_open_section_go_to_the_worker(asked) -> None:
    asked.mark(1, Status.PROOFREAD)
    asked.mark(3, Status.EXCLUDED, "fold")
    request = suggest.prepare(asked)
    assert {p.section for p in request.pieces} == {0, 1, 2}, "excluded ones are no question"
    assert request.known == {1}
    for one in request.pieces:
        top, bottom, left, right = one.margins
        height, width = one.block.shape[1:]
        assert (height - top - bottom, width - left - right) == (96, 160), "smaller sections are taken whole"
        inner = one.block[one.section - one.first, top : height - bottom, left : width - right]
        assert np.array_equal(inner, np.asarray(asked.image.data[one.section]))


def test_the_model_sees_each_piece_where_it_lies(asked, monkeypatch) -> None:
    monkeypatch.setattr(suggest, "PIECE_PX", 32)
    monkeypatch.setattr(suggest, "MARGIN_PX", 8)
    request = suggest.prepare(asked, most=80)
    assert {one.x for one in request.pieces} == {0, 32, 64, 96, 128}
    assert {one.y for one in request.pieces} == {0, 32, 64}
    predictor = predict.loaded(request.model, "cpu").serving(request.spacing_nm)
    windows = list(suggest._windows(request, predictor))
    for one, (_, middle) in zip(request.pieces, windows, strict=True):
        own = asked.image.data[one.section, one.y : one.y + 32, one.x : one.x + 32]
        assert np.corrcoef(own.ravel(), middle.ravel())[0, 1] > 0.999
        assert one.centre == (one.y + 16, one.x + 16)


def test_the_network_ranks_all_open_sections(asked) -> None:
    asked.mark(1, Status.PROOFREAD)
    found = suggest.run(suggest.prepare(asked), SILENT)
    assert sorted(s.section for s in found.sections) == [0, 2, 3]
    assert all(0 <= s.unsure <= 1 for s in found.sections)
    assert {s.section for s in found.regions} <= {0, 2, 3}
    again = suggest.run(suggest.prepare(asked), SILENT)
    assert again == found


BLOCKS = {
    "architecture": "unet_3d", "arguments": {"width": 4, "depth": 2, "sections": 1, "targets": 2}, "depth": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [{}, {"normalisation": '{"kind": "range"}'}, BLOCKS, BLOCKS | {"context_sections": 0}],
    ids=["one section", "its own normalisation", "blocks", "blocks alone"],
)
def test_the_model_is_shown_what_prediction_shows_it(session, model, tmp_path, kind) -> None:
    """Beside a section that is left out, at both ends of the stack, and within blocks: the same maps."""
    card = read_card(model).model_copy(update=kind)
    save_model(tmp_path / "model", build(card).state_dict(), card)
    session.model = str(tmp_path / "model")
    session.mark(1, Status.EXCLUDED, "fold")
    assert "CPU" in predict.warm_up(predict.prepare_warm_up(session), SILENT)
    found = suggest.run(suggest.prepare(session), SILENT)
    settings = PredictSettings(tile=suggest.PIECE_PX, halo=suggest.MARGIN_PX, smallest_cell_nm2=0)
    for one in found.sections:
        wanted = Region((one.section, 0, 0), (one.section + 1, 96, 160))
        (map_,) = predict.run(predict.prepare(session, wanted, settings=settings), SILENT).probability[0]
        assert one.unsure == pytest.approx(suggest.unsure_share(map_), abs=1e-6)
    assert sorted(one.section for one in found.sections) == [0, 2, 3]


def test_nothing_left_to_suggest_is_said(asked) -> None:
    for z in range(4):
        asked.mark(z, Status.PROOFREAD)
    with pytest.raises(EmsegError, match="every section is proofread"):
        suggest.prepare(asked)


def test_a_missing_section_is_no_question(asked) -> None:
    asked.image.data[2] = 0
    asked.image.data[3] = 128
    request = suggest.prepare(asked)
    assert {p.section for p in request.pieces} == {0, 1}
    found = suggest.run(request, SILENT)
    assert sorted(s.section for s in found.sections) == [0, 1]
    asked.mark(0, Status.PROOFREAD)
    asked.mark(1, Status.EXCLUDED, "fold")
    with pytest.raises(EmsegError, match="there is no tissue in what is neither proofread nor left out"):
        suggest.prepare(asked)


def test_unsure_membranes_come_first_and_say_so() -> None:
    pieces = [piece(z) for z in range(5)]
    unsure = np.array([0.1, 0.1, 0.3, 0.1, 0.1])
    found = suggest.rank(pieces, unsure, np.zeros((5, 2)), np.zeros((5, 2)), frozenset(), seed=0)
    assert found.sections[0].section == 2
    assert found.sections[0].reason == "membranes 3.0 times as unsure as usual here"
    assert found.sections[1].reason == ""


def test_what_is_unlike_the_proofread_sections_comes_first() -> None:
    pieces = [piece(z) for z in range(6)]
    seen = np.array([[0.0], [0.1], [0.1], [9.0], [0.1], [0.2]])
    found = suggest.rank(pieces, np.full(6, 0.1), seen, seen, frozenset({0}), seed=0)
    assert found.sections[0].section == 3
    assert found.sections[0].reason == "unlike the 1 proofread section"
    assert 0 not in {s.section for s in found.sections + found.regions}


def test_regions_are_offered_most_unsure_first() -> None:
    pieces = [piece(z, x) for z in range(3) for x in range(4)]
    unsure = np.linspace(0.1, 0.9, 12)
    rng = np.random.default_rng(1)
    found = suggest.rank(
        pieces, unsure, rng.normal(size=(12, 3)), rng.normal(size=(12, 3)), frozenset(), seed=0
    )
    assert len(found.regions) == 8
    assert [r.unsure for r in found.regions] == sorted((r.unsure for r in found.regions), reverse=True)


def test_a_map_of_zeros_and_ones_is_sure() -> None:
    sure = np.zeros((8, 8))
    sure[4] = 1
    assert suggest.unsure_share(sure) == 0
    assert suggest.unsure_share(np.full((8, 8), 0.5)) == 0.5
