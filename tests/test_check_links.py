"""What `make docs` finds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "check_links.py"


@pytest.fixture
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_links", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_lead_to_files_and_to_headings_in_them(tool: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "guide.md").write_text(
        "# Guide\n\n## What is meant by ...\n\n## `seeds.json`, layout 1\n\n```bash\n# no heading\n```\n",
        "utf-8",
    )
    good = (
        "docs/guide.md", "docs/guide.md#what-is-meant-by-", "docs/guide.md#seedsjson-layout-1", "#readme", "https://a.org/b#c",
    )  # fmt: skip
    bad = "docs/gone.md", "docs/guide.md#what-is-meant-by", "docs/guide.md#no-heading", "#nowhere"
    (tmp_path / "README.md").write_text(
        "# Readme\n" + "\n".join(f"[a]({link})" for link in (*good, *bad)), "utf-8"
    )
    assert tool.broken_links(tmp_path) == [f"README.md: {link}" for link in bad]
