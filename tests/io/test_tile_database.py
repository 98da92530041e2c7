"""Tile databases: any block equals the slice of the whole; what is missing is grey and said."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_image
from napari_emseg.io.opening import open_volume
from napari_emseg.io.reflect import read_reflected

SHAPE, TILE = (3, 10, 14), 4
WHOLE = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)


def database(folder: Path, *, first: int = 1, pad: bool = False, **changes: Any) -> Path:
    """3 sections of 10 x 14 pixels in tiles of 4: the last row and column are cut off, or padded."""
    rows, columns = 3, 4
    padded = np.pad(WHOLE, ((0, 0), (0, rows * TILE - 10), (0, columns * TILE - 14)))
    source = padded if pad else WHOLE
    for z in range(3):
        (folder / f"s{z}").mkdir(exist_ok=True)
        for r in range(rows):
            for c in range(columns):
                part = source[z, r * TILE : (r + 1) * TILE, c * TILE : (c + 1) * TILE]
                Image.fromarray(part).save(folder / f"s{z}/{r + first}_{c + first:02d}.png")
    sizes = {"depth": 3, "height": 10, "width": 14, "n_rows": rows, "n_columns": columns, "tile_size": TILE}
    content = {
        "sections": [f"s{z}/{{row}}_{{column:02d}}.png" for z in range(3)],
        "dimensions": sizes | changes,
    }
    (folder / "db.json").write_text(json.dumps(content))
    return folder / "db.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return database(tmp_path_factory.mktemp("db"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_block_equals_the_slice(made: Path, data: st.DataObject) -> None:
    array, _ = open_array(made)
    key = tuple(
        slice(
            a := data.draw(st.integers(0, n)),
            data.draw(st.integers(a, n)),
            data.draw(st.sampled_from([1, 2])),
        )
        for n in SHAPE
    )
    np.testing.assert_array_equal(array[key], WHOLE[key])


@pytest.mark.parametrize(("first", "pad"), [(1, False), (1, True), (0, False), (0, True)])
def test_tiles_count_from_one_or_from_zero_and_may_be_padded(tmp_path: Path, first: int, pad: bool) -> None:
    opened = open_volume(database(tmp_path, first=first, pad=pad))
    np.testing.assert_array_equal(opened.array[:], WHOLE)
    assert opened.array.notes == ()
    assert not opened.is_labels


def test_missing_tiles_are_grey_and_said(tmp_path: Path) -> None:
    path = database(tmp_path, voxel_size_nm=[30, 4, 4])
    (tmp_path / "s1/2_03.png").unlink()
    (tmp_path / "s2/1_01.png").unlink()
    array, spacing = open_array(path)
    assert spacing == (30, 4, 4)
    assert array.notes == (
        "2 of 36 tiles are missing and shown as grey 128; the first: section 1, row 2, column 3",
    )
    expected = WHOLE.copy()
    expected[1, 4:8, 8:12] = 128
    expected[2, :4, :4] = 128
    np.testing.assert_array_equal(array[:], expected)
    assert open_image(path).shape == SHAPE


def test_missing_tiles_of_labels_are_empty(tmp_path: Path) -> None:
    path = database(tmp_path, dtype="uint32")
    (tmp_path / "s0/1_01.png").unlink()
    colours = np.zeros((4, 4, 3), np.uint8)
    colours[1, 2] = 1, 2, 3
    Image.fromarray(colours).save(tmp_path / "s1/1_02.png")
    opened = open_volume(path)
    assert opened.is_labels
    assert opened.array.dtype == np.uint32
    assert not opened.array[0, :4, :4].any()
    sent = pickle.loads(pickle.dumps(opened.array))
    assert np.argwhere(sent[1, :4, 4:8]).tolist() == [[1, 2]]
    assert sent[1, 1, 6] == 1 << 16 | 2 << 8 | 3


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_halo_is_real_inside_and_mirrored_only_at_the_border(made: Path, data: st.DataObject) -> None:
    array, _ = open_array(made)
    start = tuple(data.draw(st.integers(-30, n - 1)) for n in SHAPE)
    stop = tuple(data.draw(st.integers(max(s, 0) + 1, n + 30)) for s, n in zip(start, SHAPE, strict=True))
    pad = tuple((40, 40) for _ in SHAPE)
    mirrored = np.pad(WHOLE, pad, mode="reflect")
    expected = mirrored[tuple(slice(a + 40, b + 40) for a, b in zip(start, stop, strict=True))]
    np.testing.assert_array_equal(read_reflected(array, start, stop), expected)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n_rows": 2}, "do not cover the height"),
        ({"depth": 4}, "names 3 sections and says that there are 4"),
        ({"tile_size": 0}, "tile_size is no positive number"),
        ({"width": "14"}, "width is no positive number"),
        ({"dtype": "float32"}, "cannot hold float32"),
        ({"dtype": "nonsense"}, "no type of voxels"),
        ({"n_rows": 10**9, "n_columns": 10**9}, "too many tiles"),
    ],
)
def test_sizes_that_do_not_fit(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(EmsegError, match=says):
        open_array(database(tmp_path, **change))


@pytest.mark.parametrize(
    "text",
    [
        '{"sections": [',
        '{"sections": []}',
        '{"sections": 3, "dimensions": {}}',
        '{"sections": [' + "[" * 4000,
    ],
    ids=range(4),
)
def test_bad_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "db.json").write_text(text)
    with pytest.raises(EmsegError):
        open_array(tmp_path / "db.json")


def test_a_small_or_damaged_tile_is_named(tmp_path: Path) -> None:
    path = database(tmp_path)
    Image.fromarray(WHOLE[0, :2, :2]).save(tmp_path / "s0/1_01.png")
    (tmp_path / "s1/1_01.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    array, _ = open_array(path)
    with pytest.raises(EmsegError, match=r"measures \(2, 2\) and not \(4, 4\).*1_01"):
        array[0]
    with pytest.raises(EmsegError, match="cannot be decoded"):
        array[1]
    np.testing.assert_array_equal(array[2], WHOLE[2])


def test_no_tile_at_all(tmp_path: Path) -> None:
    path = database(tmp_path)
    path.write_text(path.read_text().replace("s0/", "x/").replace("s1/", "x/").replace("s2/", "x/"))
    with pytest.raises(EmsegError, match="none of its tiles exists"):
        open_array(path)


def test_patterns_are_no_format_language(tmp_path: Path) -> None:
    path = database(tmp_path)
    path.write_text(
        path.read_text().replace("{row}", "{row.__class__}").replace("{column:02d}", "{column:>9999999999}")
    )
    with pytest.raises(EmsegError, match="none of its tiles exists"):
        open_array(path)
