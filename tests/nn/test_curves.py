"""What is written of a training is written as a whole, whenever Ctrl-C is pressed."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_emseg.nn.curves import METRICS, Curves


class Board:
    """Stands for TensorBoard's writer: Ctrl-C is pressed in the midst of whatever it does."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def _do(self, what: str) -> None:
        signal.raise_signal(signal.SIGINT)
        self.done.append(what)

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self._do(f"{tag} {value:g} at {step}")

    def add_image(self, tag: str, image: np.ndarray, step: int) -> None:
        self._do(f"{tag} {image.shape} at {step}")

    def close(self) -> None:
        self._do("closed")


@pytest.mark.parametrize(
    ("write", "done"),
    [
        (lambda log: log.scalars(3, {"loss": 0.5, "rate": 0.1}), ["loss 0.5 at 3", "rate 0.1 at 3"]),
        (lambda log: log.picture(3, "look", np.zeros((4, 5), np.float32)), ["look (1, 4, 5) at 3"]),
        (lambda log: log.close(), ["closed"]),
    ],
)
def test_ctrl_c_waits_until_a_line_is_written(
    tmp_path: Path, write: Callable[[Curves], None], done: list[str]
) -> None:
    log = Curves(tmp_path)
    log._board.close()
    log._board = board = Board()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            write(log)
    finally:
        signal.signal(signal.SIGINT, before)
    assert board.done == done
    lines = (tmp_path / METRICS).read_text("utf-8").splitlines()
    assert [json.loads(line)["loss"] for line in lines] == ([0.5] if len(done) == 2 else [])
    log._board = SimpleNamespace(close=lambda: None)
    log.close()
