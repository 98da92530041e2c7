"""Progress of long work in a terminal: a bar for people, JSON lines for programs. Both go to standard error."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, TextIO

_WIDTH = 30  # characters of the bar
_EVERY_S = 0.1
_SURE_AFTER_S = 1.0  # an estimate of the remaining time from less than this is noise


def reporter(style: str) -> Bar | JsonLines | Quiet:
    """The progress of a style: "auto", "bar", "json" or "none"; auto is a bar on a terminal."""
    if style == "json":
        return JsonLines(sys.stderr)
    if style == "bar" or (style == "auto" and sys.stderr.isatty()):
        return Bar(sys.stderr)
    return Quiet()


class Quiet:
    """No progress."""

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Ignore."""

    def partial(self, value: Any) -> None:
        """Ignore: the result is written as a whole."""

    def close(self) -> None:
        """Nothing to tidy."""


class JsonLines(Quiet):
    """One JSON object a line: ``fraction``, ``message``, ``seconds`` since the start, and values."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._last = -1.0
        self._said: dict[str, Any] = {}

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Write a line, at most ten a second unless there are values; what the last one said is not said again."""
        now = time.monotonic() - self._began
        if not values and 0 < fraction < 1 and now - self._last < _EVERY_S:
            return
        row = {"fraction": round(fraction, 4), "message": message} | values
        if row == self._said:
            return
        self._last, self._said = now, row
        print(json.dumps(row | {"seconds": round(now, 2)}), file=self._stream, flush=True)


class Bar(Quiet):
    """One line that is drawn over and over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._last = -1.0
        self._drawn = 0

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Draw, at most ten times a second."""
        now = time.monotonic() - self._began
        if fraction < 1 and now - self._last < _EVERY_S:
            return
        self._last = now
        filled = round(_WIDTH * min(max(fraction, 0.0), 1.0))
        parts = [f"[{'#' * filled}{' ' * (_WIDTH - filled)}] {fraction:4.0%}", message]
        parts += [f"{name} {value:.4g}" for name, value in values.items() if name != "seconds_left"]
        if 0 < fraction < 1 and now > _SURE_AFTER_S:
            parts.append(f"{_clock(now * (1 - fraction) / fraction)} left")
        line = "  ".join(part for part in parts if part)
        self._stream.write("\r" + line.ljust(self._drawn))
        self._stream.flush()
        self._drawn = len(line)

    def close(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._stream.write("\r" + " " * self._drawn + "\r")
            self._stream.flush()
            self._drawn = 0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
