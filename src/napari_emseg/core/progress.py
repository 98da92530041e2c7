"""How long work tells where it is, and learns that it should stop."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receiver of progress; an object with one method, so that any front end can be one."""

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Say how far the work is.

        Parameters
        ----------
        fraction : float
            Part done, 0 to 1.
        message : str
            What is being done, in the person's words.
        **values : float
            Numbers worth plotting: loss, score, seconds left.

        Raises
        ------
        Cancelled
            If the person asked for the work to stop.
        """


class Silent:
    """Progress for callers that do not care."""

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Ignore the report."""


class Part:
    """A stretch of a longer work.

    Parameters
    ----------
    whole : Progress
        Told about the whole.
    start, stop : float
        Where this stretch lies in it, 0 to 1.
    """

    def __init__(self, whole: Progress, start: float, stop: float) -> None:
        self._whole, self._start, self._stop = whole, start, stop

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Pass it on."""
        self._whole.report(self._start + (self._stop - self._start) * fraction, message, **values)
