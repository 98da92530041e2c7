"""A moved stack is found from a file in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import write_array
from napari_emseg.io.finding import open_around

SHAPE = (5, 20, 30)
IMAGE = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)


def test_a_section_stands_for_its_folder_and_a_part_for_its_store(tmp_path: Path) -> None:
    write_array(f"{tmp_path / 'sections'}/", IMAGE)
    write_array(tmp_path / "store.zarr", IMAGE)
    part = next(p for p in (tmp_path / "store.zarr").rglob("zarr.json") if p.parent.name == "0")
    for chosen in (tmp_path / "sections", tmp_path / "sections" / "0002.png", tmp_path / "store.zarr", part):
        np.testing.assert_array_equal(open_around(chosen, SHAPE).data[:], IMAGE)


def test_one_section_stays_one_section(tmp_path: Path) -> None:
    write_array(f"{tmp_path / 'sections'}/", IMAGE)
    chosen = tmp_path / "sections" / "0002.png"
    assert open_around(chosen, (1, 20, 30)).shape == (1, 20, 30)
    assert open_around(chosen, None).shape == (1, 20, 30)
    assert open_around(chosen, (9, 9, 9)).shape == (
        1,
        20,
        30,
    )  # nothing fits: what was chosen is what is refused


def test_the_place_inside_the_file_is_kept(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["raw"], file["other"] = IMAGE, IMAGE[::-1]
    np.testing.assert_array_equal(open_around(tmp_path / "two.h5", SHAPE, "other").data[:], IMAGE[::-1])


def test_what_is_no_stack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c" / "d").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c" / "d" / "notes.txt").write_text("no stack")
    with pytest.raises(EmsegError, match=r"notes\.txt"):
        open_around(tmp_path / "a" / "b" / "c" / "d" / "notes.txt", SHAPE)
