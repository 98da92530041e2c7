"""Write what a learning run reports to its folder, for people and for TensorBoard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.jobs.progress import JobProgress


class Logged:
    """Progress that is also kept in ``metrics.jsonl`` and as TensorBoard events.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    progress : JobProgress
        Told everything first, so that a wish to stop acts at once.
    """

    def __init__(self, folder: Path, progress: JobProgress) -> None:
        from napari_emseg.nn.curves import Curves

        self._log = Curves(folder)
        self._progress = progress
        self._step = 0

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Pass on, and write the values down."""
        self._progress.report(fraction, message, **values)
        if values:
            self._step += 1
            self._log.scalars(self._step, values)

    def partial(self, value: Any) -> None:
        """Pass on."""
        self._progress.partial(value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()
