"""Scores from files."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import write_array
from napari_emseg.io.annotations import write_annotations
from napari_emseg.jobs.evaluate import evaluate_files

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.core.edit import Region

SPACING = (50.0, 4.0, 4.0)


@pytest.fixture
def cells() -> np.ndarray:
    """Three sections of two cells, 20 x 20 pixels, with a border of two pixels between them."""
    cells = np.ones((3, 20, 42), np.uint8)
    cells[:, :, 20:22] = 0
    return cells


def test_boundary(tmp_path: Path, cells: np.ndarray) -> None:
    write_array(tmp_path / "t.tif", cells, spacing_nm=SPACING)
    write_array(tmp_path / "m.tif", 1 - cells, spacing_nm=SPACING)
    write_array(tmp_path / "p.h5", (1 - cells).astype(np.float32), spacing_nm=SPACING)
    scores = evaluate_files("boundary", tmp_path / "t.tif", tmp_path / "p.h5")
    assert scores["v_rand"] == pytest.approx(1)
    assert scores["edits_per_100_objects"] == 0
    assert scores == evaluate_files("boundary", tmp_path / "m.tif", tmp_path / "p.h5", border_is_nonzero=True)


def test_touching_ids_are_said_to_be_one_object(tmp_path: Path, cells: np.ndarray) -> None:
    """Once an empty map of a truth without borders was perfect, and nothing was said."""
    ids = cells.astype(np.uint16)
    ids[:, :, 10:20], ids[:, :, 30:] = 2, 3
    write_array(tmp_path / "t.tif", ids)
    write_array(tmp_path / "p.tif", 1 - cells)
    note = evaluate_files("boundary", tmp_path / "t.tif", tmp_path / "p.tif")["note"]
    assert isinstance(note, str)
    assert note.startswith("12 of 12 objects of the ground truth touch others without a border of 0")
    soft = 255 * cells
    soft[:, :, 19], soft[:, :, 22] = 100, 200
    write_array(tmp_path / "soft.tif", soft)
    for truth, options in (("soft.tif", {}), ("t.tif", {"border_is_nonzero": True})):
        assert "note" not in evaluate_files("boundary", tmp_path / truth, tmp_path / "p.tif", **options)


def test_a_bad_map_is_scored_at_its_best_threshold_too(tmp_path: Path) -> None:
    """50 cells and a map with gaps and false walls: quick thinning would choose a threshold that is not the best."""
    from scipy import ndimage as ndi

    from napari_emseg.algorithms.metrics.objects import count_objects
    from napari_emseg.algorithms.metrics.thinning import components, thin

    rng, size = np.random.default_rng(57), 110
    middle = rng.integers(0, size, (50, 2, 1, 1))
    away = np.sort(np.hypot(*(np.mgrid[:size, :size][:, None] - middle.transpose(1, 0, 2, 3))), axis=0)
    cells = away[1] - away[0] >= 3
    strength = ndi.gaussian_filter(rng.normal(size=cells.shape), 4)
    strength /= strength.std()
    noise = rng.normal(0, 0.8, cells.shape) * ndi.gaussian_filter(rng.random(cells.shape), 3)
    walls = (ndi.gaussian_filter((~cells).astype(float), 1) + noise).clip(0, 1)
    walls = (walls * (1 + strength).clip(0, 2) + 0.25 * strength.clip(0)).clip(0, 1).astype(np.float32)
    write_array(tmp_path / "t.h5", cells[None].astype(np.uint8))
    write_array(tmp_path / "p.h5", walls[None])
    truth = components(cells)[cells]
    tried = {t: count_objects(truth, thin(walls < t)[cells]) for t in np.arange(1, 10) / 10}
    fewest = min(100 * counts.edits / counts.objects for counts in tried.values())
    scores = evaluate_files("boundary", tmp_path / "t.h5", tmp_path / "p.h5")
    assert scores["edits_per_100_objects"] == pytest.approx(fewest)


def test_sections_are_picked(tmp_path: Path, cells: np.ndarray) -> None:
    truth = cells.copy()
    truth[0] = 1
    write_array(tmp_path / "t.tif", truth, spacing_nm=SPACING)
    write_array(tmp_path / "p.h5", (1 - cells[1:]).astype(np.float32), spacing_nm=SPACING)
    scores = evaluate_files("boundary", tmp_path / "t.tif", tmp_path / "p.h5", sections=[1, 2])
    assert scores["v_rand"] == pytest.approx(1)
    with pytest.raises(EmsegError, match="--sections"):
        evaluate_files("boundary", tmp_path / "t.tif", tmp_path / "p.h5")
    with pytest.raises(EmsegError, match="no section 7"):
        evaluate_files("boundary", tmp_path / "t.tif", tmp_path / "p.h5", sections=[7])


def test_segmentation_and_its_border(tmp_path: Path, cells: np.ndarray) -> None:
    truth = cells.astype(np.uint32)
    truth[:, :, 22:] *= 2
    other = truth.copy()
    other[:, 0, 22] = 1
    write_array(tmp_path / "t.h5", truth, spacing_nm=SPACING)
    write_array(tmp_path / "s.h5", other, spacing_nm=SPACING)
    assert evaluate_files("segmentation", tmp_path / "t.h5", tmp_path / "t.h5")["adapted_rand_error"] == 0
    assert evaluate_files("segmentation", tmp_path / "t.h5", tmp_path / "s.h5")["voi_merge"] != 0
    masked = evaluate_files("segmentation", tmp_path / "t.h5", tmp_path / "s.h5", border_nm=4)
    assert masked["voi_merge"] == 0
    # what the person says of the voxel size wins over the files
    given = {"border_nm": 400, "spacing_nm": tuple(100 * size for size in SPACING)}
    assert evaluate_files("segmentation", tmp_path / "t.h5", tmp_path / "s.h5", **given) == masked


def test_semantic(tmp_path: Path, cells: np.ndarray) -> None:
    write_array(tmp_path / "t.tif", cells * 200, spacing_nm=SPACING)
    write_array(tmp_path / "p.h5", cells.astype(np.float32), spacing_nm=SPACING)
    assert evaluate_files("semantic", tmp_path / "t.tif", tmp_path / "p.h5", truth_above=127)["dice"] == 1


def test_ids_that_need_all_64_bits_count_as_any_others(tmp_path: Path) -> None:
    truth = np.zeros((2, 20, 40), np.uint64)
    truth[:, :, :19], truth[:, :, 21:] = 1, 2
    other = np.where(truth == 2, np.arange(20)[:, None] // 10 + 2, truth).astype(np.uint64)
    found, tables = [], []
    for k, shift in enumerate((0, 2**31, 2**63)):
        pair = [np.where(ids, ids + np.uint64(shift), 0).astype(np.uint64) for ids in (truth, other)]
        pair[1][0, 0, 0] = 77  # small and large ids together
        for name, ids in zip("ts", pair, strict=True):
            write_array(tmp_path / f"{name}{k}.h5", ids, spacing_nm=SPACING)
        table = tmp_path / f"{k}.csv"
        found.append(
            evaluate_files("segmentation", tmp_path / f"t{k}.h5", tmp_path / f"s{k}.h5", objects=table)
        )
        rows = list(csv.DictReader(table.read_text().splitlines()))
        tables.append(sorted(int(row["object_id"]) - shift for row in rows if row["object_id"] != "0"))
    assert found[0]["merges_needed"] == 1
    assert found[0]["missed"] == 0
    assert found[1] == found[0]
    assert found[2] == found[0]
    assert tables[2] == tables[1] == tables[0]


def test_scores_that_are_not_defined_give_the_reason(tmp_path: Path) -> None:
    empty = np.zeros((1, 9, 9), np.uint8)
    small = empty.copy()
    small[0, :3, :3] = 1
    for name, values in (("empty", empty), ("small", small)):
        write_array(tmp_path / f"{name}.tif", values, spacing_nm=SPACING)

    def scores(kind: str, truth: str, other: str) -> dict:
        return evaluate_files(kind, tmp_path / f"{truth}.tif", tmp_path / f"{other}.tif")

    found = scores("semantic", "empty", "small")
    assert (found["recall"], found["reason"]) == (None, "the ground truth is empty")
    found = scores("semantic", "small", "empty")
    assert (found["precision"], found["reason"]) == (None, "nothing is predicted")
    assert "reason" not in scores("semantic", "small", "small")
    for kind in ("boundary", "segmentation"):
        found = scores(kind, "small", "small")
        assert found["objects"] == 0
        assert found["edits_per_100_objects"] is None
        assert str(found["reason"]).startswith("no object of the ground truth is large enough")


def test_unknown_scores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="boundary, segmentation, semantic"):
        evaluate_files("beauty", tmp_path / "a", tmp_path / "b")


def test_detection_of_masks_and_probabilities(tmp_path: Path) -> None:
    truth = np.zeros((2, 10, 12), np.uint8)
    truth[:, 1:4, 1:4] = truth[:, 6:9, 6:9] = 200
    probability = (truth / 200).astype(np.float32)
    probability[:, 6:9, 6:9] = 0.4
    write_array(tmp_path / "t.h5", truth, spacing_nm=SPACING)
    write_array(tmp_path / "p.h5", probability, spacing_nm=SPACING)
    scores = evaluate_files("detection", tmp_path / "t.h5", tmp_path / "p.h5", truth_above=127)
    assert (scores["matched"], scores["missed"], scores["extra"]) == (1, 1, 0)
    assert scores["panoptic_quality"] == pytest.approx(1 / 1.5)


def test_the_file_that_holds_grey_values_is_named(tmp_path: Path) -> None:
    mask = np.zeros((2, 20, 20), np.uint8)
    mask[:, 3:12, 3:12] = 255
    write_array(tmp_path / "t.h5", mask)
    write_array(tmp_path / "p.h5", np.random.default_rng(0).integers(0, 255, mask.shape, np.uint8))
    with pytest.raises(EmsegError, match=r"grey values and no object ids, .*p\.h5, say above which value"):
        evaluate_files("detection", tmp_path / "t.h5", tmp_path / "p.h5", truth_above=127)


@pytest.mark.parametrize("kind", ["boundary", "segmentation", "semantic", "detection", "clefts"])
def test_mapped_files_score_as_others(kind: str, tmp_path: Path) -> None:
    """A TIFF that tifffile has written plainly is mapped, and its sections cannot be written to."""
    labels = np.zeros((3, 24, 30), np.uint16)
    labels[:, 2:12, 2:12], labels[:, 2:12, 14:28], labels[1:, 14:22, 4:20] = 1, 2, 3
    moved = np.roll(labels, 2, axis=2)
    values = {"boundary": (moved == 0).astype(np.float32)}.get(kind, moved)
    for name, array in (("truth", labels), ("found", values)):
        write_array(tmp_path / f"{name}.h5", array)
        tifffile.imwrite(tmp_path / f"{name}.tif", array, photometric="minisblack")
    size = (50.0, 4.0, 4.0)
    expected = evaluate_files(kind, tmp_path / "truth.h5", tmp_path / "found.h5", spacing_nm=size)
    assert evaluate_files(kind, tmp_path / "truth.tif", tmp_path / "found.tif", spacing_nm=size) == expected


def test_run_length_and_the_table_of_objects(tmp_path: Path) -> None:
    from napari_emseg.io.skeletons import Skeleton, SkeletonSet

    truth = np.ones((10, 4, 4), np.uint32)
    said = truth.copy()
    said[5:] = 2
    write_array(tmp_path / "t.h5", truth, spacing_nm=SPACING)
    write_array(tmp_path / "s.h5", said, spacing_nm=SPACING)
    points = np.zeros((10, 3))
    points[:, 0] = 50 * np.arange(10)
    edges = np.stack([np.arange(1, 10), np.arange(2, 11)], axis=1)
    tree = Skeleton(1, "a", np.arange(1, 11), points, np.ones(10), edges, np.zeros(10, int))
    write_annotations(tmp_path / "k.nml", SkeletonSet((tree,), SPACING))
    scores = evaluate_files(
        "segmentation",
        tmp_path / "t.h5",
        tmp_path / "s.h5",
        skeletons=tmp_path / "k.nml",
        objects=tmp_path / "o.csv",
    )
    assert scores["expected_run_length_nm"] == pytest.approx(2 * 200**2 / 450)
    rows = (tmp_path / "o.csv").read_text().splitlines()
    assert rows[0].startswith("object_id,voxels,pieces,main_segment,main_part,iou,merged_with,voi_split")
    assert rows[1].startswith("1,160,2,1,0.5,0.5,,1.0,")


def test_run_length_of_picked_sections(tmp_path: Path) -> None:
    """The skeleton changes its segment with every section: only sections that are what they seem give a whole run."""
    from napari_emseg.io.skeletons import Skeleton, SkeletonSet

    truth = np.ones((10, 4, 4), np.uint64)
    said = truth * 2**63
    said[4] = 9
    write_array(tmp_path / "t.h5", truth, spacing_nm=SPACING)
    write_array(tmp_path / "s.h5", said, spacing_nm=SPACING)
    points = np.zeros((4, 3))
    points[:, 0] = [3 * 50, 5 * 50, 6 * 50, 7 * 50]
    edges = np.array([[1, 2], [2, 3], [3, 4]])
    tree = Skeleton(1, "a", np.arange(1, 5), points, np.ones(4), edges, np.zeros(4, int))
    write_annotations(tmp_path / "k.nml", SkeletonSet((tree,), SPACING))
    scores = evaluate_files(
        "segmentation",
        tmp_path / "t.h5",
        tmp_path / "s.h5",
        skeletons=tmp_path / "k.nml",
        sections=[3, 5, 6, 7],
    )
    assert scores["run_length_part"] == 1


def test_branches_that_propagate_wrote_run_whole(tmp_path: Path) -> None:
    """Nodes lie in the middle of voxels, where the other tools look for them."""
    from napari_emseg.jobs.propagate_file import propagate_file

    stack = np.zeros((6, 40, 40), np.uint32)
    for z in range(6):
        stack[z, 5:16, 5 + z : 16 + z] = z + 1
    write_array(tmp_path / "s.h5", stack, spacing_nm=SPACING)
    propagate_file(tmp_path / "s.h5", tmp_path / "o.h5", graph=tmp_path / "o.swc")
    scores = evaluate_files(
        "segmentation", tmp_path / "s.h5", tmp_path / "s.h5", skeletons=tmp_path / "o.swc"
    )
    assert scores["expected_run_length_nm"] == 0  # every section has an id of its own
    scores = evaluate_files(
        "segmentation", tmp_path / "o.h5", tmp_path / "o.h5", skeletons=tmp_path / "o.swc"
    )
    assert scores["run_length_part"] == 1
    read = [line.split() for line in (tmp_path / "o.swc").read_text().splitlines() if line[0] != "#"]
    assert [float(row[4]) * 1000 / SPACING[0] for row in read] == pytest.approx(range(6))


@pytest.mark.parametrize("kind", ["boundary", "semantic", "detection", "clefts"])
def test_stacks_are_read_section_by_section(
    kind: str, tmp_path: Path, cells: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_emseg.io.lazy import LazyStack

    extents: list[int] = []
    read = LazyStack._box

    def spy(self: LazyStack, region: Region) -> np.ndarray:
        extents.append(region.shape[0])
        return read(self, region)

    write_array(tmp_path / "t.h5", cells, spacing_nm=SPACING)
    write_array(tmp_path / "p.h5", cells.astype(np.float32) * 0.8, spacing_nm=SPACING)
    monkeypatch.setattr(LazyStack, "_box", spy)
    for sections in (None, [0, 2]):
        assert evaluate_files(kind, tmp_path / "t.h5", tmp_path / "p.h5", sections=sections)
    assert set(extents) == {1}
