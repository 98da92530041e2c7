"""The moment, as files say it."""

from __future__ import annotations

import time


def timestamp() -> str:
    """Now in UTC to the second, as ISO 8601 writes it: ``2026-01-31T09:05:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
