"""Scores of synaptic clefts and partners, from files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.core.errors import EmsegError
from napari_emseg.io import write_array
from napari_emseg.io.annotations import write_annotations
from napari_emseg.io.cremi import IGNORE, NO_CLEFT, POST, PRE, CremiAnnotations
from napari_emseg.io.cremi_writing import write_cremi
from napari_emseg.jobs.evaluate import evaluate_files

if TYPE_CHECKING:
    from pathlib import Path

SPACING = (50.0, 4.0, 4.0)


def test_clefts_of_a_cremi_file(tmp_path: Path) -> None:
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
    from napari_emseg.io.cremi_layers import to_skeletons
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


def test_what_cleft_ids_mean_is_a_matter_of_the_whole_volume(tmp_path: Path) -> None:
    """The code for no cleft is in the first section only, and so are numbers below 0 where it has a sign."""
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
