"""Where the person's folders cannot be written, the command line says so in one sentence."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from napari_emseg import ui
from napari_emseg.core.errors import EmsegError


def test_napari_that_cannot_keep_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing it makes folders for settings and icons."""

    class Window(ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise PermissionError(13, "Permission denied", "/home/me/.cache")

    monkeypatch.setitem(sys.modules, "napari_emseg.ui.window", Window("window"))
    monkeypatch.setattr("napari_emseg.ui.screen.is_missing", lambda: False)
    with pytest.raises(EmsegError) as refused:
        ui.launch([])
    assert str(refused.value) == (
        "napari cannot keep its settings (permission denied), /home/me/.cache, "
        "name folders that you may write in XDG_CONFIG_HOME and XDG_CACHE_HOME"
    )
