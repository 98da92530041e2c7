"""Ctrl-C while Python imports something: it comes a moment later, and no lock of the imports is kept."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from napari_emseg import cli


@pytest.fixture
def noted() -> Iterator[list[int]]:
    """What a command notes of Ctrl-C."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield cli._note_stops(["train"])
    for number, handler in before:
        signal.signal(number, handler)


def pressed_in(file: str) -> list[str]:
    """What is done after Ctrl-C was pressed in a function of that file, within a second."""
    done: list[str] = []
    place: dict[str, object] = {"signal": signal, "done": done}
    source = "def work():\n    signal.raise_signal(signal.SIGINT)\n    done.append('lock given back')\n"
    exec(compile(source, file, "exec"), place)
    try:
        place["work"]()  # type: ignore[operator]
        done.append("import is over")
        time.sleep(1)
        done.append("nobody stopped it")
    except KeyboardInterrupt:
        pass
    return done


@pytest.mark.parametrize("file", ["<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"])
def test_it_comes_when_the_import_is_over(noted: list[int], file: str) -> None:
    assert pressed_in(file) == ["lock given back", "import is over"]
    assert noted == [signal.SIGINT]


def test_elsewhere_it_comes_at_once(noted: list[int]) -> None:
    assert pressed_in("module.py") == []
    assert noted == [signal.SIGINT]
