"""Where a training writes its losses, scores and pictures."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.learning import IGNORE, LEVELS
from napari_emseg.nn.interrupts import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

METRICS = "metrics.jsonl"
_SHOWN = 4  # samples in a picture


class Curves:
    """Numbers as JSON lines and as TensorBoard scalars, pictures for TensorBoard, all under fixed tags.

    Ctrl-C waits while something is written: TensorBoard's queue, once interrupted, may not answer any more.

    Parameters
    ----------
    folder : Path
    step : int, optional
        Where it goes on from: what a killed run has written of later steps, which now come again, is left out.
    """

    def __init__(self, folder: Path, step: int | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow import, needed only here

        folder.mkdir(parents=True, exist_ok=True)
        if step is not None:
            _forget_after(folder / METRICS, step)
        self._file = (folder / METRICS).open("a", encoding="utf-8")
        purge = None if step is None else step + 1
        self._board: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=purge)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Record numbers of one step."""
        with uninterrupted():
            self._file.write(json.dumps({"step": step, "time": round(time.time(), 1)} | values) + "\n")
            self._file.flush()
            for tag, value in values.items():
                self._board.add_scalar(tag, value, step)

    def picture(self, step: int, tag: str, image: NDArray[np.float32]) -> None:
        """Record a picture (y, x) with values in [0, 1]."""
        with uninterrupted():
            self._board.add_image(tag, np.clip(np.nan_to_num(image), 0, 1)[None], step)

    def samples(
        self, step: int, image: NDArray[np.float32], truth: NDArray[np.uint8], targets: Sequence[str]
    ) -> None:
        """Record what the network is shown: augmented images and their truth, grey where nothing is known."""
        middle = image.shape[1] // 2
        self.picture(step, "samples/image", _row(_grey(image[:_SHOWN, middle])))
        for c, target in enumerate(targets):
            drawn = truth[:_SHOWN, c] if truth.ndim == 4 else truth[:_SHOWN, c, middle]
            levels = (
                np.where(drawn == 1, LEVELS, drawn) if drawn[drawn != IGNORE].max(initial=0) <= 1 else drawn
            )
            known = levels.astype(np.float32) / LEVELS
            self.picture(step, f"samples/{target}", _row(np.where(drawn == IGNORE, 0.5, known)))

    def close(self) -> None:
        """Finish both files."""
        with uninterrupted():
            self._board.close()
            self._file.close()


def last_step(path: Path) -> int:
    """The highest step of a file of JSON lines; 0 without any."""
    return max((step for step, _ in _rows(path)), default=0)


def _forget_after(path: Path, step: int) -> None:
    kept = "".join(line + "\n" for at, line in _rows(path) if at <= step).encode()
    if path.is_file() and path.read_bytes() != kept:
        write_atomic(path, kept, after_killed=True)


def _rows(path: Path) -> Iterator[tuple[int, str]]:
    """Steps and lines; one that was cut short is none."""
    for line in path.read_text("utf-8", "replace").splitlines() if path.is_file() else ():
        with suppress(ValueError, KeyError, TypeError):
            yield int(json.loads(line)["step"]), line


def _grey(normalised: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean 0 and standard deviation 1 to values that can be seen: two and a half deviations on either side."""
    return np.asarray(np.clip(normalised / 5 + 0.5, 0, 1), dtype=np.float32)


def _row(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate(list(pictures), axis=1)


def side_by_side(image: NDArray[np.float32], maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """A normalised section (y, x) and the maps (targets, y, x) of it, in one row."""
    return _row(np.concatenate((_grey(image)[None], maps)))
