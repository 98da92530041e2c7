"""Check that every relative link of the documentation leads to a file of the repository, and to a heading in it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCED = re.compile(r"```.*?```", re.DOTALL)
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def broken_links(root: Path) -> list[str]:
    """Links of all tracked Markdown folders that lead nowhere, as "file: link"."""
    pages = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("resources/**/*.md")]
    found = []
    for page in sorted(pages):
        for link in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
            target, _, place = link.partition("#")
            if "://" in link or link.startswith("mailto:"):
                continue
            there = page.parent / target if target else page
            if not there.exists() or (place and there.suffix == ".md" and place not in places(there)):
                found.append(f"{page.relative_to(root)}: {link}")
    return found


def places(page: Path) -> set[str]:
    """What the headings of a page are called in links, as GitHub does it; a second one of a name is no place."""
    titles = _HEADING.findall(_FENCED.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


if __name__ == "__main__":
    wrong = broken_links(Path(__file__).resolve().parents[1])
    sys.stdout.write("".join(f"broken link: {w}\n" for w in wrong) or "all links lead somewhere\n")
    sys.exit(bool(wrong))
