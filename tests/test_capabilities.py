"""Every row of ``docs/capabilities.md`` names code and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = ROOT / "src" / "napari_emseg"
ROWS = {
    match[1]: match[0]
    for match in re.finditer(
        r"^\| ([A-Z]\d+) \|.*$", (ROOT / "docs/capabilities.md").read_text("utf-8"), re.M
    )
}
LEARNING = [
    *(f"F{n}" for n in range(1, 5)), *(f"G{n}" for n in range(1, 13)), *(f"H{n}" for n in range(1, 17)),
    *(f"I{n}" for n in range(1, 12)), "S1", "S2",
]  # fmt: skip


def quoted(text, pattern):
    """What stands between backticks, or begins what stands there, and looks like this."""
    return [match[1] for match in re.finditer(rf"`({pattern})", text)]


def test_no_row_of_learning_is_missing():
    assert not set(LEARNING) - set(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_tests_that_test_something(row):
    named = quoted(ROWS[row], r"(?:tests/)?[\w/]*test_\w+\.py")
    assert named, f"{row} has no test"
    for name in named:
        files = [ROOT / name] if name.startswith("tests/") else list((ROOT / "tests").rglob(Path(name).name))
        assert files, f"{row}: {name} does not exist"
        assert all("def test_" in file.read_text("utf-8") for file in files), f"{row}: {name}"


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_code_that_is_there(row):
    rooms = [path.name for path in CODE.iterdir() if path.is_dir()]
    for name in quoted(ROWS[row], rf"(?:{'|'.join(rooms)})/[\w/]+\.(?:py|yaml)(?::\w+)?"):
        file, _, member = name.partition(":")
        assert (CODE / file).is_file(), f"{row}: {file}"
        assert not member or re.search(rf"\b{member}\b", (CODE / file).read_text("utf-8")), f"{row}: {name}"
