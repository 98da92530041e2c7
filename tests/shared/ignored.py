"""Progress that nobody looks at."""

from __future__ import annotations

from typing import Any


class Ignored:
    """Progress for callers that want the result only."""

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Ignore the report."""

    def partial(self, value: Any) -> None:
        """Ignore the piece; it is part of the result as well."""
