"""An engine that cannot start says why, and nobody waits for it."""

from __future__ import annotations

import sys

import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.engine import Engine


def test_what_it_needs_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as Dask without the system's library for TLS."""
    monkeypatch.setitem(sys.modules, "napari_emseg.jobs.backend", None)
    engine = Engine()
    with pytest.raises(EmsegError, match="the engine did not start"):
        engine.call("napari_emseg.jobs.predict:warm_up", None)
    engine.close()
