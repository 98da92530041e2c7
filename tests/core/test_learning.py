"""Whether what was learned helps: what the window recommends to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_emseg.core.learning import FinetuneResult

EDITS = "edits_per_100_objects"


@pytest.mark.parametrize(
    ("edits", "v_rand", "more", "helps"),
    [
        (9.0, 0.90, {}, True),
        (11.0, 0.99, {}, False),
        (10.0, 0.96, {}, True),  # as many edits, finer lines
        (10.0, 0.95, {}, False),  # the same
        (10.0, 0.94, {}, False),
        (9.0, 0.96, {"share": 0.0}, False),  # nothing was changed
    ],
)
def test_fewer_edits_help_and_nothing_that_is_the_same(
    edits: float, v_rand: float, more: dict[str, Any], helps: bool
) -> None:
    result = FinetuneResult(
        Path("new"), 10, 1.0, (), {EDITS: 10.0, "v_rand": 0.95}, {EDITS: edits, "v_rand": v_rand}, **more
    )
    assert result.helps == helps
