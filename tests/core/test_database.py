"""How a file is called to SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from napari_emseg.core.database import read_only_uri, refusing
from napari_emseg.core.errors import EmsegError


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PurePosixPath("/data/a b/journal.sqlite"), "file:///data/a%20b/journal.sqlite?mode=ro"),
        (PureWindowsPath(r"C:\data\journal.sqlite"), "file:///C:/data/journal.sqlite?mode=ro"),
        (PureWindowsPath(r"\\server\share\a b\journal.sqlite"), "file:////server/share/a%20b/journal.sqlite?mode=ro"),
    ],
)  # fmt: skip
def test_a_file_on_a_share_is_called_by_its_path(path: PurePosixPath, uri: str) -> None:
    assert read_only_uri(path) == uri


def test_sqlite_opens_what_is_called_so(tmp_path: Path) -> None:
    """Also with the slashes of a share."""
    path = tmp_path / "a?b#c.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE log (seq)")
    share = PureWindowsPath("//" + path.as_posix().lstrip("/"))
    for name in (path, share):
        with closing(sqlite3.connect(read_only_uri(name), uri=True)) as db:
            assert db.execute("SELECT count(*) FROM log").fetchone() == (0,)
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                db.execute("INSERT INTO log VALUES (1)")


@pytest.mark.parametrize(("length", "remedy"), [(600, "place with a shorter one"), (100, "its permissions")])
def test_a_path_that_is_too_long_for_sqlite_is_said_to_be(tmp_path: Path, length: int, remedy: str) -> None:
    path = tmp_path / "nowhere"
    while len(str(path)) < length:
        path /= "d" * 40
    with pytest.raises(EmsegError, match=remedy), refusing(path):
        sqlite3.connect(path / "journal.sqlite")
