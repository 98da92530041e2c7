"""Blocks of any depth become one volume; a gap or an overlap does not."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.io import open_volume, write_array
from napari_emseg.jobs.block_files import block_name, join_blocks

WHOLE = np.random.default_rng(0).integers(0, 255, (2, 12, 6, 7), dtype=np.uint8)  # sections 20 to 31
SPACING = (50.0, 4.0, 4.0)


@pytest.fixture
def blocks(tmp_path):
    """Blocks of 1, 7, 3 and 1 sections of two channels."""
    folder = tmp_path / "blocks"
    for a, b in ((20, 21), (21, 28), (28, 31), (31, 32)):
        write_array(
            folder / block_name(a, b), WHOLE[:, a - 20 : b - 20], axes="czyx", spacing_nm=SPACING,
            offset_nm=(50.0 * a, 8.0, 12.0), metadata={"model": "toy", "region": [a, b]},
        )  # fmt: skip
    (folder / "notes.txt").touch()
    return folder


@pytest.mark.parametrize("name", ["out.h5", "out.zarr"])
def test_blocks_of_any_depth_become_one_volume(name, blocks, tmp_path):
    assert join_blocks(blocks, str(tmp_path / name), (20, 32), Silent()) == (2, 12, 6, 7)
    found = open_volume(tmp_path / name)
    np.testing.assert_array_equal(found.array[:], WHOLE)
    assert (found.spacing_nm, found.offset_nm) == (SPACING, (1000, 8, 12))
    assert not found.holds_ids


def test_where_it_comes_from_is_kept(blocks, tmp_path):
    import h5py

    join_blocks(blocks, str(tmp_path / "out.h5"), (20, 32), Silent())
    with h5py.File(tmp_path / "out.h5") as file:
        text = file["main"].attrs["provenance"]
    assert '"model": "toy"' in text
    assert "region" not in text


@pytest.mark.parametrize(
    ("sections", "said"),
    [((19, 32), "sections 19 to 19 are not there"), ((20, 40), "sections 32 to 39 are not there")],
)
def test_sections_that_lack_are_named(sections, said, blocks, tmp_path):
    with pytest.raises(EmsegError, match=said):
        join_blocks(blocks, str(tmp_path / "out.h5"), sections, Silent())
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize(("start", "said"), [(26, "26 to 27"), (27, "27 to 27")])
def test_sections_that_are_there_twice_are_named(blocks, tmp_path, start, said):
    write_array(blocks / block_name(start, 29), WHOLE[:, start - 20 : 9], axes="czyx")
    with pytest.raises(EmsegError, match=f"sections {said} are there twice"):
        join_blocks(blocks, str(tmp_path / "out.h5"), (20, 32), Silent())


def test_no_folder_no_sections(tmp_path):
    with pytest.raises(EmsegError, match="sections 0 to 4 are not there yet"):
        join_blocks(tmp_path / "nothing", str(tmp_path / "out.h5"), (0, 5), Silent())
