"""A section that cannot be read is black and said; the ones behind it are reached all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from napari_emseg.io import open_image
from napari_emseg.session import Session
from napari_emseg.ui.flows import opening
from napari_emseg.ui.shown import Shown, shown


def sections(folder: Path) -> Path:
    folder.mkdir()
    for z in range(5):
        Image.fromarray(np.full((32, 40), 10 * z + 10, np.uint8)).save(folder / f"s{z}.png")
    return folder


def test_a_damaged_section_does_not_stop_the_keys(desk: Any, tmp_path: Path) -> None:
    folder = sections(tmp_path / "stack")
    stack = replace(open_image(folder), spacing_nm=(40.0, 8.0, 8.0))
    opening.show(desk, Session.create(tmp_path / "stack.emseg", stack))
    (folder / "s3.png").write_bytes((folder / "s3.png").read_bytes()[:30])
    desk.viewer.dims.set_current_step(0, 2)
    desk.do("next_section")
    assert desk.section == 3
    text = desk.sayings[desk.stage].text
    assert text.startswith("The section cannot be decoded (")
    assert text.endswith(": copy or export it again. It is shown black.")
    desk.do("next_section")
    assert desk.section == 4
    assert int(np.asarray(desk.layers.image.data[4]).max()) == 50


def test_a_disk_that_is_away_is_said_and_comes_back(desk: Any, tmp_path: Path) -> None:
    folder = sections(tmp_path / "stack")
    stack = replace(open_image(folder), spacing_nm=(40.0, 8.0, 8.0))
    opening.show(desk, Session.create(tmp_path / "own.emseg", stack))
    folder.rename(tmp_path / "away")
    desk.do("next_section")
    desk.do("next_section")
    assert "The file of this section is gone (" in desk.sayings[desk.stage].text
    (tmp_path / "away").rename(folder)
    assert int(np.asarray(desk.layers.image.data[desk.section]).max()) == 10 * desk.section + 10


def test_keys_give_the_shapes_of_numpy_also_where_nothing_can_be_read() -> None:
    class Broken:
        shape, dtype = (4, 6, 8), np.dtype(np.uint16)

        def __getitem__(self, key: Any) -> Any:
            raise OSError("gone")

    told: list[str] = []
    found = Shown(Broken(), lambda error: told.append(error.what))
    whole = np.zeros((4, 6, 8), np.uint16)
    for key in (2, slice(1, 3), (1, slice(None), slice(2, 5)), (slice(None), 3), np.s_[:, ::2, 1]):
        assert found[key].shape == whole[key].shape
        assert found[key].dtype == whole.dtype
    assert (len(found), found.ndim, found.size) == (4, 3, 192)
    assert set(told) == {"the image cannot be read (gone)"}


def test_arrays_in_memory_stay_what_they_are() -> None:
    array = np.zeros((2, 3, 4))
    assert shown(array, lambda error: None) is array
