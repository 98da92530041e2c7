"""One thing, two things."""

from __future__ import annotations

import pytest

from napari_emseg.core.words import counted, file_name, last_name


@pytest.mark.parametrize(("n", "said"), [(0, "0 edits"), (1, "1 edit"), (2, "2 edits")])
def test_one_is_one(n: int, said: str) -> None:
    assert counted(n, "edit") == said


def test_what_has_a_plural_of_its_own() -> None:
    assert [counted(n, "axis", "axes") for n in (1, 3)] == ["1 axis", "3 axes"]
    assert [counted(n, "pair of cells", "pairs of cells") for n in (1, 3)] == [
        "1 pair of cells",
        "3 pairs of cells",
    ]


@pytest.mark.parametrize(
    "path", ["models/mine-2", "models/mine-2/", r"C:\models\mine-2", "/home/a/mine-2", "mine-2"]
)
def test_a_name_is_the_end_of_a_path_of_any_system(path: str) -> None:
    assert last_name(path) == "mine-2"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nerve cord", "nerve cord"),
        ('a/b\\c:d*e?f"g<h>i|j', "a-b-c-d-e-f-g-h-i-j"),
        (" ends in dots. ", "ends in dots"),
        ("..", ""),
    ],
)
def test_every_system_takes_the_name(text: str, name: str) -> None:
    assert file_name(text) == name
