"""The moment, as files say it."""

from __future__ import annotations

import time

import pytest

from napari_emseg.core.timestamp import timestamp


def test_it_is_utc_wherever_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "gmtime", lambda: time.struct_time((2026, 1, 31, 9, 5, 0, 5, 31, 0)))
    assert timestamp() == "2026-01-31T09:05:00Z"
