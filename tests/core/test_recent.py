"""The list of recent projects is bounded, survives damage, and never stands in the way."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from napari_emseg.core import recent


@pytest.fixture
def file() -> Path:
    return Path(os.environ["NAPARI_EMSEG_HOME"]) / "recent.json"


def names() -> list[str]:
    return [one.name for one in recent.recent()]


def test_the_newest_stands_first_once_and_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(recent.LIMIT + 3):
        monkeypatch.setattr("time.time", lambda n=n: 1000.0 + n)
        recent.remember(tmp_path / f"{n}.emseg", f"stack {n}")
    assert names() == [f"stack {n}" for n in range(recent.LIMIT + 2, 2, -1)]
    monkeypatch.setattr("time.time", lambda: 2000.0)
    recent.remember(tmp_path / "5.emseg", "stack 5")
    assert names()[0] == "stack 5"
    assert len(names()) == recent.LIMIT == len(set(names()))
    recent.forget(str(tmp_path / "5.emseg"))
    assert "stack 5" not in names()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"projects": 3}', b'{"projects": {"a": 1}}', b"[" * 5000],
)
def test_a_damaged_list_is_empty_and_written_anew(file: Path, tmp_path: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    assert recent.recent() == ()
    recent.remember(tmp_path / "a.emseg", "a")
    assert names() == ["a"]


def test_rows_of_another_kind_are_left_out(file: Path) -> None:
    good = {"folder": "/a.emseg", "name": "a", "time": 5}
    bad = [
        None, 3, {}, good | {"folder": "relative"}, good | {"folder": "/b\0"}, good | {"name": None},
        good | {"time": "now"}, good | {"time": -1}, good | {"time": 1e300},
    ]  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"projects": [*bad, good, good]}))
    assert names() == ["a"]


def test_a_place_that_cannot_be_written_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path / "file" / "below"))
    recent.remember(tmp_path / "a.emseg", "a")
    assert recent.recent() == ()


def test_it_lies_among_the_settings_of_the_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NAPARI_EMSEG_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    recent.remember(tmp_path / "a.emseg", "a")
    assert [path.name for path in (tmp_path / "napari-emseg").iterdir()] == ["recent.json"]
