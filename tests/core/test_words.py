"""One thing, two things."""

from __future__ import annotations

import pytest

from napari_emseg.core.words import counted


@pytest.mark.parametrize(("n", "said"), [(0, "0 edits"), (1, "1 edit"), (2, "2 edits")])
def test_one_is_one(n: int, said: str) -> None:
    assert counted(n, "edit") == said


def test_what_has_a_plural_of_its_own() -> None:
    assert [counted(n, "axis", "axes") for n in (1, 3)] == ["1 axis", "3 axes"]
    assert [counted(n, "pair of cells", "pairs of cells") for n in (1, 3)] == [
        "1 pair of cells",
        "3 pairs of cells",
    ]
