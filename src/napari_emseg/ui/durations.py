"""Times in words, rounded for people."""

from __future__ import annotations

_MINUTE_S, _HOUR_S = 60, 3600


def in_words(seconds: float) -> str:
    """How long something will go on: "4 s", "about 2 min"."""
    if seconds < 1:
        return "a moment"
    if seconds < _MINUTE_S:
        return f"{round(seconds)} s"
    if seconds < _HOUR_S:
        return f"about {round(seconds / _MINUTE_S)} min"
    return f"about {round(seconds / _HOUR_S, 1):g} h"


def took(seconds: float) -> str:
    """How long something took: "3.1 s", "37 s", "2.5 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{round(seconds / _MINUTE_S, 1):g} min"
    return f"{round(seconds / _HOUR_S, 1):g} h"
