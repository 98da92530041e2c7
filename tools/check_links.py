"""Check that every relative link of the documentation leads to a file of the repository."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def broken_links(root: Path) -> list[str]:
    """Links of all tracked Markdown folders that lead nowhere, as "file: link"."""
    pages = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("resources/**/*.md")]
    found = []
    for page in sorted(pages):
        for link in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
            target = link.partition("#")[0]
            if "://" in link or link.startswith("mailto:") or not target:
                continue
            if not (page.parent / target).exists():
                found.append(f"{page.relative_to(root)}: {link}")
    return found


if __name__ == "__main__":
    wrong = broken_links(Path(__file__).resolve().parents[1])
    sys.stdout.write("".join(f"broken link: {w}\n" for w in wrong) or "all links lead somewhere\n")
    sys.exit(bool(wrong))
