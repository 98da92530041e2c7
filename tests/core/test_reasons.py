"""What the system gives as its reason, in words."""

from __future__ import annotations

import errno
import shutil
import sqlite3

import pytest

from napari_emseg.core.errors import reason_of


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "the folder cannot be written"),
        (PermissionError(errno.EACCES, "Permission denied"), "the folder cannot be written"),
        (OSError(errno.EIO, "whatever"), "input/output error"),
        (shutil.Error([("/a", "/b", "[Errno 28] No space left on device: '/a' -> '/b'")] * 9), "the disk is full"),
        (sqlite3.OperationalError("database or disk is full"), "database or disk is full"),
    ],
)  # fmt: skip
def test_reasons(error: Exception, words: str) -> None:
    assert reason_of(error) == words
