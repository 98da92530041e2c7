"""Training logs of earlier systems: lines of text, parsed back into a curve."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.textfiles import read_text

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_NUMBER = r"([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf))"
_LINE = re.compile(rf"\[Volume (\d+)\]\s+train_loss\s*=\s*{_NUMBER}\s+lr\s*=\s*{_NUMBER}", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class LossCurve:
    """What a training said of itself.

    Parameters
    ----------
    step : ndarray of int64 (n,)
        Number of the training step ("Volume" in the log).
    loss : ndarray of float64 (n,)
    learning_rate : ndarray of float64 (n,)
    """

    step: NDArray[np.int64]
    loss: NDArray[np.float64]
    learning_rate: NDArray[np.float64]


def is_training_log(text: str) -> bool:
    """Whether a piece of text holds a line of such a log."""
    return _LINE.search(text) is not None


def read_training_log(path: Path) -> LossCurve:
    """Read lines like ``[Volume 120] train_loss=0.2311 lr=0.00100``; other lines are skipped.

    A log that was written by several runs one after the other is returned in the order of its lines.

    Raises
    ------
    EmsegError
        If there is no such line.
    """
    rows = [m.groups() for m in _LINE.finditer(read_text(path, "training log"))]
    if not rows:
        raise EmsegError(
            "there is no line of a training in it",
            str(path),
            "they look like [Volume 12] train_loss=0.2 lr=0.001",
        )
    steps, losses, rates = zip(*rows, strict=True)
    try:
        step = np.asarray([int(s) for s in steps], np.int64)
    except OverflowError as error:
        raise EmsegError("a step has too many digits", str(path), "check the file") from error
    return LossCurve(step, np.asarray(losses, float), np.asarray(rates, float))


def write_curve(path: Path, curve: LossCurve) -> None:
    """Write a curve as comma-separated values: step, loss, learning rate."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["step", "loss", "learning_rate"])
    table.writerows(zip(curve.step.tolist(), curve.loss.tolist(), curve.learning_rate.tolist(), strict=True))
    path.write_text(text.getvalue(), "utf-8", newline="")
