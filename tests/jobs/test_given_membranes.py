"""Membranes of a file: what is read of it, and how it is understood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.io import write_array
from napari_emseg.jobs import given_membranes, map_file
from napari_emseg.jobs.given_membranes import GivenRequest, run

SHAPE = (3, 20, 30)
PART = Region((1, 2, 3), (3, 12, 23))


def request(path: Path, *, shows_cells: bool = False, region: Region = PART) -> GivenRequest:
    return GivenRequest(str(path), path.name, SHAPE, shows_cells, region)


@pytest.fixture
def probability() -> np.ndarray:
    return np.random.default_rng(0).random(SHAPE, np.float32)


@pytest.mark.parametrize("name", ["map.zarr", "map.h5", "map.tif"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8])
def test_a_part_is_read_as_probability(
    tmp_path: Path, probability: np.ndarray, name: str, dtype: Any
) -> None:
    stored = np.round(probability * 255) if dtype is np.uint8 else probability
    write_array(tmp_path / name, stored.astype(dtype), is_labels=False)
    for shows_cells in (False, True):
        found = np.stack(run(request(tmp_path / name, shows_cells=shows_cells)))
        assert found.dtype == np.float32
        wanted = probability[PART.slices]
        assert np.abs(found - (1 - wanted if shows_cells else wanted)).max() < 1 / 254


def test_a_mask_is_known_to_be_one_after_the_first_time(
    tmp_path: Path, probability: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mask.tif"
    mask = (probability > 0.7).astype(np.uint8)
    write_array(path, mask, is_labels=False)
    assert (np.stack(run(request(path))) == mask[PART.slices]).all()
    monkeypatch.setattr(map_file, "holds_mask", lambda array: pytest.fail("it is read from end to end again"))
    assert (np.stack(run(request(path))) == mask[PART.slices]).all()


def test_a_file_that_was_replaced_is_looked_at_again(tmp_path: Path, probability: np.ndarray) -> None:
    path = tmp_path / "map.tif"
    write_array(path, (probability > 0.7).astype(np.uint8), is_labels=False)
    run(request(path))
    path.unlink()
    bright = np.round(255 * probability).astype(np.uint8)
    write_array(path, bright, is_labels=False)
    assert np.abs(np.stack(run(request(path))) - probability[PART.slices]).max() < 1 / 254


def test_progress_and_stop(tmp_path: Path, probability: np.ndarray) -> None:
    path = tmp_path / "map.tif"
    write_array(path, probability, is_labels=False)
    told: list[float] = []

    class Telling:
        def report(self, fraction: float, message: str = "", **values: float) -> None:
            told.append(fraction)

    run(request(path), Telling())
    assert told == [0.5, 1.0]


def test_what_is_outside_of_the_range_is_said_with_its_section_unread(
    tmp_path: Path, probability: np.ndarray
) -> None:
    path = tmp_path / "map.tif"
    probability[2] *= 7
    write_array(path, probability, is_labels=False)
    with pytest.raises(EmsegError, match="are no probabilities"):
        run(request(path))
    first = Region((0, 0, 0), (1, 20, 30))
    assert np.allclose(run(request(path, region=first))[0], probability[0])


def test_the_inside_of_a_large_cell_is_no_gap(tmp_path: Path, probability: np.ndarray) -> None:
    path = tmp_path / "map.tif"
    probability[1, 2:12, 3:23] = 0
    probability[2] = 0
    write_array(path, probability, is_labels=False)
    inside = Region((1, 2, 3), (2, 12, 23))
    assert not run(request(path, region=inside))[0].any()
    with pytest.raises(EmsegError, match="one value, 0, all over section 2"):
        run(request(path))


@pytest.mark.parametrize(("share", "cells"), [(0.2, False), (0.35, False), (0.62, True), (0.8, True)])
def test_what_fills_most_of_a_section_is_no_membrane(share: float, cells: bool) -> None:
    assert given_membranes.seems_to_show_cells(share) is cells
