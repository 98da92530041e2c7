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


class Repeated:
    """Passes reports on, and says the last one again where it is only to be heard whether to go on.

    Parameters
    ----------
    progress : Progress
    first : str
        What is being done before anything has been reported.
    """

    def __init__(self, progress: Progress, first: str) -> None:
        self._progress = progress
        self._last = 0.0, first

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Pass it on."""
        self._last = fraction, message
        self._progress.report(fraction, message, **values)

    def again(self) -> None:
        """Say where the work is once more."""
        self._progress.report(*self._last)
