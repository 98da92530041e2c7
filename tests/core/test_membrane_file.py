"""Where a file of membranes lies, for a project that moves, is copied, or was damaged."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from napari_emseg.core.membrane_file import MembraneFile, file_of_record


def test_beside_the_project_wins_over_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "walls.h5").touch()
    file = MembraneFile.to(tmp_path / "a" / "walls.h5::main", tmp_path / "a" / "p.emseg")
    assert file.relative == "../walls.h5::main"
    assert file.name == "walls.h5::main"
    (tmp_path / "b").mkdir()
    assert file.place(tmp_path / "b" / "p.emseg") == f"{tmp_path / 'a' / 'walls.h5'}::main"
    (tmp_path / "b" / "walls.h5").touch()
    assert file.place(tmp_path / "b" / "p.emseg") == f"{tmp_path / 'b' / 'walls.h5'}::main"


def test_a_copy_elsewhere_finds_it(tmp_path: Path) -> None:
    (tmp_path / "walls.tif").touch()
    file = MembraneFile.to(tmp_path / "walls.tif", tmp_path / "p.emseg")
    copy = tmp_path / "deep" / "down" / "p.emseg"
    seen = file.seen_from(tmp_path / "p.emseg", copy)
    assert seen.relative == "../../../walls.tif"
    assert seen.place(copy) == str(tmp_path / "walls.tif")


def test_a_file_that_is_nowhere_is_named_where_it_was(tmp_path: Path) -> None:
    file = MembraneFile.to(tmp_path / "gone.tif", tmp_path / "p.emseg")
    assert file.place(tmp_path / "other" / "p.emseg") == str(tmp_path / "gone.tif")


def test_the_record_of_an_edit_tells_files_from_models() -> None:
    assert file_of_record(MembraneFile("/data/walls.zarr").record) == "walls.zarr"
    assert file_of_record("models/membrane-2") == ""


@pytest.mark.parametrize("change", [{"uri": 5}, {"is_used": "yes"}, {"relative": None}])
def test_what_is_no_such_entry_is_refused(change: dict[str, object]) -> None:
    whole = asdict(MembraneFile("/data/walls.zarr", "../walls.zarr", shows_cells=True, is_used=False))
    assert asdict(MembraneFile.understood(whole)) == whole
    with pytest.raises(TypeError):
        MembraneFile.understood(whole | change)
