"""Scores from files."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_emseg.cli import main
from napari_emseg.core.errors import EmsegError
from napari_emseg.io import write_array
from napari_emseg.io.annotations import write_annotations
from napari_emseg.io.cremi import NO_CLEFT, CremiAnnotations
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


def test_clefts_of_a_cremi_file(tmp_path: Path) -> None:
    from napari_emseg.io.cremi import IGNORE, NO_CLEFT
    from napari_emseg.io.cremi_writing import write_cremi

    truth = np.full((3, 20, 20), NO_CLEFT, np.uint64)
    truth[1, 5, 5], truth[2, 10:] = 3, IGNORE
    said = np.zeros(truth.shape, np.float32)
    said[1, 5, 7], said[2, 15, 15] = 0.9, 1
    volumes = {
        "clefts": (truth, (40, 4, 4), (0, 0, 0)),
        "raw": (said.astype(np.uint8), (40, 4, 4), (0, 0, 0)),
    }
    write_cremi(tmp_path / "t.hdf", volumes=volumes)
    write_array(tmp_path / "p.h5", said)
    scores = evaluate_files("clefts", f"{tmp_path}/t.hdf::volumes/labels/clefts", tmp_path / "p.h5")
    assert (scores["fp_voxels"], scores["fn_voxels"], scores["score"]) == (0, 0, 8)
    write_array(tmp_path / "plain.h5", (truth == 3).astype(np.uint8))
    with pytest.raises(EmsegError, match="voxel size is unknown"):
        evaluate_files("clefts", tmp_path / "plain.h5", tmp_path / "p.h5")
    empty = evaluate_files("clefts", tmp_path / "plain.h5", tmp_path / "plain.h5", spacing_nm=(40, 4, 4))
    assert empty["score"] == 0
    write_array(tmp_path / "none.h5", np.zeros(truth.shape, np.uint8))
    empty = evaluate_files("clefts", tmp_path / "plain.h5", tmp_path / "none.h5", spacing_nm=(40, 4, 4))
    assert empty["score"] is None
    assert empty["reason"] == "no cleft in the prediction: there is no distance to it"


def test_partners_of_files_with_different_offsets(tmp_path: Path) -> None:
    from napari_emseg.io.cremi import POST, PRE, CremiAnnotations
    from napari_emseg.io.cremi_layers import to_skeletons
    from napari_emseg.io.cremi_writing import write_cremi
    from napari_emseg.io.nml import write_nml

    neurons = np.ones((3, 10, 40), np.uint64)
    neurons[:, :, 20:] = 2
    there = (400.0, 0.0, 80.0)
    truth = CremiAnnotations(
        np.array([9, 4], np.uint64), (POST, PRE), np.array([[0.0, 8, 100], [0, 8, 8]]),
        np.array([[4, 9]], np.uint64), offset_nm=there,
    )  # fmt: skip
    write_cremi(tmp_path / "t.hdf", annotations=truth, volumes={"neuron_ids": (neurons, (40, 4, 4), there)})
    world = CremiAnnotations(truth.ids, truth.types, truth.points_nm + 4, truth.partners)
    write_cremi(tmp_path / "p.hdf", annotations=world)
    write_nml(tmp_path / "p.nml", to_skeletons(world), (40, 4, 4))
    for said in ("p.hdf", "p.nml"):
        scores = evaluate_files("partners", tmp_path / "t.hdf", tmp_path / said)
        assert scores["f1"] == 1
        assert scores["mean_distance_nm"] == pytest.approx(np.sqrt(48))
    assert evaluate_files("partners", tmp_path / "t.hdf", tmp_path / "p.hdf", distance_nm=5)["f1"] == 0
    with pytest.raises(EmsegError, match="--segmentation"):
        evaluate_files("partners", tmp_path / "p.hdf", tmp_path / "t.hdf")


def test_run_length_and_the_table_of_objects(tmp_path: Path) -> None:
    from napari_emseg.io.annotations import write_annotations
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
    from napari_emseg.io.annotations import write_annotations
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


def test_what_cleft_ids_mean_is_a_matter_of_the_whole_volume(tmp_path: Path) -> None:
    """The code for no cleft is in the first section only, and so are numbers below 0 where it has a sign."""
    from napari_emseg.io.cremi import NO_CLEFT

    truth = np.zeros((2, 6, 6), np.uint64)
    truth[0] = NO_CLEFT  # so 0, in the other section, is a cleft
    for name, ids in (("unsigned", truth), ("signed", truth.view(np.int64))):
        write_array(tmp_path / f"{name}.h5", ids, spacing_nm=SPACING)
        found = evaluate_files("clefts", tmp_path / f"{name}.h5", tmp_path / f"{name}.h5")
        assert (found["score"], found["fn_voxels"]) == (0, 0)
        write_array(tmp_path / "none.h5", np.zeros(truth.shape, np.uint8), spacing_nm=SPACING)
        assert evaluate_files("clefts", tmp_path / f"{name}.h5", tmp_path / "none.h5")["fn_voxels"] == 36


def test_clefts_of_eight_bits_are_cut_in_the_middle_like_those_of_floats(tmp_path: Path) -> None:
    """127 of 255 is below one half and no cleft; 128 is one."""
    truth = np.zeros((2, 6, 6), np.uint8)
    truth[1, 2, 2] = 1
    write_array(tmp_path / "truth.h5", truth, spacing_nm=SPACING)
    said = np.zeros(truth.shape, np.uint8)
    said[0, 5, 5], said[1, 2, 2] = 127, 128
    for name, values in (("bytes", said), ("floats", (said / 255).astype(np.float32))):
        write_array(tmp_path / f"{name}.h5", values)
        found = evaluate_files("clefts", tmp_path / "truth.h5", tmp_path / f"{name}.h5")
        assert (found["score"], found["adgt"], found["fp_voxels"]) == (0, 0, 0)


def test_a_cremi_file_needs_no_internal_path_where_the_kind_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two neurons and one cleft; all that differs between the volumes would show in the scores."""
    cells = np.repeat([[1] * 20 + [2] * 20], 20, 0)[None].repeat(3, 0).astype(np.uint64)
    clefts = np.full(cells.shape, NO_CLEFT)
    clefts[1, 5:15, 18:22] = 7
    grey = np.random.default_rng(0).integers(0, 255, cells.shape, np.uint8)
    sample, found = f"{tmp_path}/sample.hdf", f"{tmp_path}/found.hdf"
    for path in (sample, found):
        for name, array in (("raw", grey), ("labels/neuron_ids", cells), ("labels/clefts", clefts)):
            write_array(f"{path}::volumes/{name}", array, spacing_nm=SPACING)
    scores = evaluate_files("segmentation", sample, found)
    assert (scores["voi_split"], scores["voi_merge"], scores["objects"]) == (0, 0, 2)
    scores = evaluate_files("clefts", sample, f"{found}::volumes/labels/clefts")
    assert (scores["fp_voxels"], scores["fn_voxels"], scores["adgt"]) == (0, 0, 0)
    assert main(["evaluate", "clefts", sample, found, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["score"] == 0
    for kind in ("semantic", "detection", "boundary"):  # of cells, of clefts, of anything
        with pytest.raises(EmsegError, match="it holds several arrays"):
            evaluate_files(kind, sample, found)
    write_array(f"{tmp_path}/two.h5::a", cells)
    write_array(f"{tmp_path}/two.h5::b", cells)
    with pytest.raises(EmsegError, match=r"it holds several arrays, .*two.h5, add one of ::a"):
        evaluate_files("segmentation", sample, tmp_path / "two.h5")
    write_array(f"{sample}::main", np.roll(cells, 3, axis=2), spacing_nm=SPACING)
    assert evaluate_files("segmentation", sample, found)["voi_split"] > 0  # main comes first, as everywhere


def test_partners_of_neurons_whose_file_does_not_say_how_large_voxels_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two true pairs, both found within 20 nm, one with the other cell presynaptic."""
    ids = np.kron(np.arange(1, 5).reshape(2, 2), np.ones((25, 25), int))[None].repeat(4, 0).astype(np.uint16)
    write_array(tmp_path / "cells.tif", ids)
    at = np.array([[50, 100, 100], [50, 100, 300], [100, 100, 100], [100, 300, 100]], float)
    kinds = ("presynaptic_site", "postsynaptic_site") * 2
    sites = np.arange(1, 5, dtype=np.uint64)
    for name, shift, partners in (("true", 0, [[1, 2], [3, 4]]), ("found", 20, [[1, 2], [4, 3]])):
        write_annotations(
            tmp_path / f"{name}.hdf",
            CremiAnnotations(sites, kinds, at + np.array((0, shift, 0)), np.array(partners, np.uint64)),
        )
    words = ["evaluate", "partners", f"{tmp_path}/true.hdf", f"{tmp_path}/found.hdf"]
    words += ["--segmentation", f"{tmp_path}/cells.tif", "--json"]
    assert main(words) == 1
    assert "give --pixel-size Z,Y,X" in capsys.readouterr().err
    assert main([*words, "--pixel-size", "8"]) == 1
    assert "the section thickness is missing" in capsys.readouterr().err
    assert main([*words, "--pixel-size", "50,8,8"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["matched"], scores["f1"], scores["mean_distance_nm"]) == (1, 0.5, 20.0)
