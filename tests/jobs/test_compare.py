"""Comparing two segmentations section by section gives what comparing them at once gives."""

from __future__ import annotations

import csv
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.algorithms.metrics.object_errors import object_errors
from napari_emseg.algorithms.metrics.segmentation import segmentation_scores
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.io import open_array, write_array
from napari_emseg.io.packed import PackedStack
from napari_emseg.jobs.compare import CompareRequest, compare, run
from napari_emseg.jobs.evaluate import evaluate_files

if TYPE_CHECKING:
    from pathlib import Path

SPACING = (50.0, 4.0, 4.0)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Blocks of 8 x 8 pixels in 5 sections, and the same with mergers, a split and a hole."""
    truth = np.stack([np.kron(np.arange(1, 26).reshape(5, 5), np.ones((8, 8), int))] * 5).astype(np.uint32)
    other = truth.copy()
    other[other == 2] = 1
    other[3:][other[3:] == 13] = 99
    other[other == 25] = 0
    return truth, other


class Lazy:
    """Gives single sections only."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, key: tuple) -> np.ndarray:
        assert isinstance(key[0], int)
        return self.array[key]


def test_the_scores_are_those_of_the_whole_volume(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, other = pair
    found = compare(Lazy(truth), Lazy(other))
    whole = segmentation_scores(truth, other)
    assert {key: found.scores[key] for key in whole} == pytest.approx(whole, abs=1e-12)
    assert found.rows == ()
    assert (found.scores["merges_needed"], found.scores["splits_needed"], found.scores["missed"]) == (1, 1, 1)
    assert found.scores["edits_per_100_objects"] == pytest.approx(300 / 25)
    # 25 objects in 4 steps; one is missed, one changes its id once, two were merged: 2 x 2 pairs a step.
    assert found.scores["links"] == 100
    right, made = 100 - 4 - 1, 100 - 4 - 1 + 2 * 4
    assert found.scores["link_accuracy"] == pytest.approx(right / (100 + made - right))


def test_places_and_the_map(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, other = pair
    errors = PackedStack(truth.shape, np.uint8)
    seen = []
    rows = compare(truth, other, errors=errors, on_section=lambda z, _: seen.append(z)).rows
    assert seen == list(range(5))
    assert [(r.object_id, r.error) for r in rows] == [
        (r.object_id, r.error) for r in object_errors(truth, other)
    ]
    by_id = {row.object_id: row for row in rows}
    assert by_id[13].place[0] == 3
    assert {truth[row.place] for row in rows if row.error == "missed"} == {25}
    assert truth[by_id[1].place] == 2
    assert set(np.unique(errors[:])) == {0, 1, 2, 3}


def test_a_region(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, other = pair
    region = Region((1, 8, 0), (4, 24, 40))
    errors = PackedStack(truth.shape, np.uint8)
    found = compare(truth, other, region=region, errors=errors)
    part = region.slices
    whole = segmentation_scores(truth[part], other[part])
    assert {key: found.scores[key] for key in whole} == pytest.approx(whole, abs=1e-12)
    assert found.rows[0].error == "split"
    assert truth[found.rows[0].place] == 13
    assert errors.filled == (1, 2, 3)
    assert not errors[:, :8].any()
    assert errors[3].any()


def test_the_worker_sends_the_map_piece_by_piece(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, other = pair
    packed = PackedStack(truth.shape, truth.dtype)
    for z, section in enumerate(truth):
        packed.put(z, section)
    pieces, told = [], []
    progress = SimpleNamespace(partial=pieces.append, report=lambda part, *_: told.append(part))
    found = run(CompareRequest(packed, other, None, SPACING), progress)
    assert found.rows[0].place is not None
    shown = PackedStack(truth.shape, np.uint8)
    for z, raw in pieces:
        shown.put_packed(z, raw)
    assert shown.filled == tuple(range(5))
    assert told == sorted(told)
    assert told[-1] == 1


def test_stopping_stops(pair: tuple[np.ndarray, np.ndarray]) -> None:
    def report(part: float, *_: object) -> None:
        if part > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        compare(*pair, progress=SimpleNamespace(report=report))


def test_refusals(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, other = pair
    with pytest.raises(EmsegError, match="differ in shape"):
        compare(truth, other[1:])
    with pytest.raises(EmsegError, match=r"no object to compare with, ground truth, ids are non-zero$"):
        compare(truth * 0, other)
    with pytest.raises(EmsegError, match="fractions, the other segmentation, section 0"):
        compare(truth, other + 0.5)
    with pytest.raises(EmsegError, match="negative"):
        compare(truth, -other.astype(int))
    with pytest.raises(EmsegError, match="--pixel-size"):
        compare(truth, other, border_nm=5)
    with pytest.raises(EmsegError, match="nothing to compare"):
        compare(truth, other, region=Region((7, 0, 0), (9, 5, 5)))
    assert compare(truth.astype(float), other).scores == compare(truth, other).scores


def test_files_give_the_table_and_the_map(tmp_path: Path, pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, other = pair
    write_array(tmp_path / "t.zarr", truth, spacing_nm=SPACING)
    write_array(tmp_path / "p.h5", other[2:], spacing_nm=SPACING)
    scores = evaluate_files(
        "segmentation", tmp_path / "t.zarr", tmp_path / "p.h5", sections=[2, 3, 4],
        objects=tmp_path / "o.csv", error_map=tmp_path / "e.zarr",
    )  # fmt: skip
    whole = segmentation_scores(truth[2:], other[2:])
    assert {key: scores[key] for key in whole} == pytest.approx(whole, abs=1e-12)
    with (tmp_path / "o.csv").open() as text:
        rows = {int(row["object_id"]): row for row in csv.DictReader(text)}
    assert rows[13]["error"] == "split"
    assert rows[13]["place"].split()[0] == "3"  # a section of the truth's file
    errors, spacing = open_array(tmp_path / "e.zarr")
    assert errors.shape == (3, 40, 40)
    assert spacing == SPACING
    assert set(np.unique(errors[:])) == {0, 1, 2, 3}


def test_a_packed_stack_is_small_and_exact(pair: tuple[np.ndarray, np.ndarray]) -> None:
    import pickle

    truth, _ = pair
    packed = PackedStack(truth.shape, truth.dtype)
    for z in (0, 1, 3):
        packed.put(z, truth[z])
    expected = truth.copy()
    expected[[2, 4]] = 0
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(packed))[:], expected)
    np.testing.assert_array_equal(packed[1:4, 3:5, 7], expected[1:4, 3:5, 7])
    assert packed.filled == (0, 1, 3)
    assert packed.packed_bytes < truth.nbytes / 5


def test_a_border_drawn_elsewhere_is_no_error_of_an_object(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth = np.kron(pair[0], np.ones((1, 3, 3), np.uint32))
    other = truth.copy()
    other[:, 24:48][:, :, 24:26] = truth[0, 30, 20]  # two of the 24 columns of one object go to its neighbour
    errors = PackedStack(truth.shape, np.uint8)
    found = compare(truth, other, errors=errors)
    assert found.scores["voi_split"] > 0
    assert {row.error for row in found.rows} == {"right"}
    assert not errors[:].any()
    other[:, 24:48][:, :, 24:34] = truth[0, 30, 20]
    found = compare(truth, other, errors=errors)
    assert {row.object_id for row in found.rows if row.error != "right"} == {6, 7}


def test_what_is_near_a_border_is_told_by_nanometres_where_pixels_have_a_size(
    pair: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = np.kron(pair[0], np.ones((1, 3, 3), np.uint32))
    other = truth.copy()
    other[:, 24:48][:, :, 24:26] = truth[0, 30, 20]
    other[:, 50:60, 50:60] = 99
    truth[:, :, [48, 49, 96, 97, 98, 99, 100]] = 0

    def found(**how: object) -> tuple[object, np.ndarray]:
        errors = PackedStack(truth.shape, np.uint8)
        return compare(truth, other, errors=errors, **how).rows, errors[:]  # type: ignore[arg-type]

    maps = []
    for ragged, gap, pixel_nm in ((1, 2, 20.0), (2, 4, 10.0), (0.5, 1, 40.0)):
        rows, errors = found(spacing_nm=(50.0, pixel_nm, pixel_nm))
        monkeypatch.setattr("napari_emseg.jobs.compare.RAGGED_PX", ragged)
        monkeypatch.setattr("napari_emseg.jobs.compare.GAP_PX", gap)
        other_rows, other_errors = found()
        assert rows == other_rows
        np.testing.assert_array_equal(errors, other_errors)
        maps.append(errors)
    assert not np.array_equal(maps[0], maps[1])


def test_a_mask_given_for_ids_is_told(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, other = pair
    assert "note" not in compare(truth, other).scores
    told = compare(truth, truth > 0).scores["note"]
    assert told == (
        "the other segmentation holds a single id, as a mask does, and counts as one object: "
        "give each of its objects an id first (napari-emseg instances)"
    )
    assert str(compare(np.where(truth > 5, 255, 0), other).scores["note"]).startswith(
        "the ground truth holds"
    )
    assert "evaluate semantic" in str(compare(truth > 5, truth > 6).scores["note"])
    nothing = compare(truth, np.zeros_like(truth)).scores
    assert "note" not in nothing
    assert nothing["missed"] == 25


def test_links_of_what_the_truth_leaves_out_are_not_counted() -> None:
    """Object 1 in five sections beside pixels that nobody labelled, in which the other has an object."""
    truth = np.zeros((5, 20, 40), np.uint16)
    truth[:, :, :20] = 1
    other = truth.copy()
    other[:, :, 20:] = 7
    scores = compare(truth, other).scores
    assert (scores["links"], scores["link_accuracy"]) == (4, 1.0)


def test_the_table_leaves_crumbs_of_the_truth_out() -> None:
    """Two objects that are missed: one of 63 voxels, one of 64."""
    truth = np.zeros((2, 20, 40), np.uint16)
    truth[0, 0, :32], truth[1, 0, :31] = 1, 1
    truth[:, 10, :32] = 2
    truth[:, 15:, :] = 3
    other = np.where(truth == 3, truth, 0)
    found = compare(truth, other, errors=PackedStack(truth.shape, np.uint8))
    assert [(row.object_id, row.voxels) for row in found.rows if row.error != "right"] == [(2, 64)]
    assert found.scores["missed"] == 1
