"""Damaged files of every format are opened or refused in one sentence: a short run of ``benchmarks/fuzz_readers.py``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz_readers.py"


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the memory of a process is limited with Linux's means"
)
def test_five_seconds_of_damaged_files() -> None:
    found = runpy.run_path(str(BENCHMARK))["run"](5, say=lambda _: None)
    assert found["failures"] == []
    assert found["cases"] > 0
