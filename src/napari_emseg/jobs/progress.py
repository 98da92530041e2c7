"""What the ``run`` step of a job gets besides its request."""

from __future__ import annotations

from typing import Any, Protocol


class JobProgress(Protocol):
    """Receiver of progress and of partial results.

    Every `napari_emseg.core.progress.Progress` consumer accepts it; jobs that give results piece by piece
    need `partial` as well.
    """

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Say how far the work is; raises `Cancelled` when the person asked for it to stop."""

    def partial(self, value: Any) -> None:
        """Hand over a piece of the result at once; raises `Cancelled` as `report` does."""
