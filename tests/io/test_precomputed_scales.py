"""Neuroglancer volumes: what a coarser scale says of itself, and that its ids are ids of the volume."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_volume, write_array

pytest.importorskip("tensorstore", reason="tensorstore is not installed")

SPACING = (40.0, 10.0, 10.0)
HIGH = 2**63 + 12345  # no float holds it, and neither do 16 or 32 bits


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Labels of 8 x 64 x 96 voxels with ids beyond 2**63, converted with four scales."""
    rng = np.random.default_rng(0)
    ids = np.kron(rng.integers(0, 40, (4, 8, 12)), np.ones((2, 8, 8), np.int64)).astype(np.uint64)
    labels = np.where(ids > 0, ids + np.uint64(HIGH), np.uint64(0))
    write_array(tmp_path / "labels.h5", labels, spacing_nm=SPACING)
    out = tmp_path / "labels.precomputed"
    assert main(["convert", str(tmp_path / "labels.h5"), str(out), "--levels", "4"]) == 0
    return out, labels


def test_the_scale_of_every_second_section_and_every_eighth_pixel_says_so(
    exported: tuple[Path, np.ndarray],
) -> None:
    """Views of [::2, ::8, ::8] were once shown with the voxel size of the whole."""
    info = json.loads((exported[0] / "info").read_text())
    assert (info["type"], info["data_type"]) == ("segmentation", "uint64")
    assert [scale["resolution"] for scale in info["scales"]] == [  # x, y, z
        [10, 10, 40], [20, 20, 40], [40, 40, 40], [80, 80, 80],
    ]  # fmt: skip
    assert [scale["size"] for scale in info["scales"]] == [[96, 64, 8], [48, 32, 8], [24, 16, 8], [12, 8, 4]]
    for number, (z, yx) in enumerate([(1, 1), (1, 2), (1, 4), (2, 8)]):
        opened = open_volume(f"{exported[0]}::{number}")
        assert opened.spacing_nm == (40.0 * z, 10.0 * yx, 10.0 * yx)


def test_ids_of_coarser_scales_are_ids_of_the_volume(exported: tuple[Path, np.ndarray]) -> None:
    path, labels = exported
    np.testing.assert_array_equal(open_volume(path).array[:], labels)
    known = set(np.unique(labels).tolist())
    assert max(known) > HIGH
    for number in range(1, 4):
        found = open_volume(f"{path}::{number}").array[:]
        assert found.dtype == np.uint64
        assert set(np.unique(found).tolist()) <= known
    # blocks of 2 x 8 x 8 equal ids are what the coarsest scale counts in
    np.testing.assert_array_equal(open_volume(f"{path}::3").array[:], labels[::2, ::8, ::8])
