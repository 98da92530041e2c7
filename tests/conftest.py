"""Fixtures shared by all rooms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real data; tests that need it skip with the reason when it is not there."""
    value = os.environ.get("NAPARI_EMSEG_DATA", "")
    if not value:
        pytest.skip("NAPARI_EMSEG_DATA is unset: real data are not here")
    folder = Path(value).resolve()
    if not folder.is_dir():
        pytest.skip(f"NAPARI_EMSEG_DATA names no folder: {folder}")
    return folder


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep projects and models that tests make out of the person's own folder."""
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path_factory.mktemp("home")))
