from __future__ import annotations

from pathlib import Path

import pytest

from napari_emseg.io.paths import DataPath, parse_output, parse_path


@pytest.mark.parametrize(
    ("text", "path", "inner"),
    [
        ("stack.tif", "stack.tif", ""),
        ("file.h5::/volumes/raw", "file.h5", "volumes/raw"),
        ("store.zarr::labels/neurons/", "store.zarr", "labels/neurons"),
        ("folder/", "folder", ""),
    ],
)
def test_internal_path_is_split_off(text: str, path: str, inner: str) -> None:
    assert parse_path(text) == DataPath(Path(path), inner)


def test_home_is_expanded() -> None:
    assert parse_path("~/a.tif").path == Path.home() / "a.tif"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b.tif", "b"),
        ("b.ome.tif", "b"),
        ("b.ome.zarr", "b"),
        ("f.h5::volumes/raw", "f raw"),
        ("em_51", "em_51"),
    ],
)
def test_short_name(text: str, name: str) -> None:
    assert parse_path(text).name == name


def test_text_leads_back_to_the_same_path() -> None:
    assert parse_path(str(parse_path("f.h5::/a/b"))) == parse_path("f.h5::a/b")


def test_what_windows_made_of_an_internal_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_emseg.io.paths.os.sep", "\\")
    assert parse_path(r"file.h5::\volumes\raw").inner == "volumes/raw"
    assert parse_output(r"out.h5::volumes\labels\ids", {".h5"}).inner == "volumes/labels/ids"
