"""Files that travel with the program: bundled models, recipes, icons."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def resource_path(*parts: str) -> Path:
    """Path of a bundled resource, in an installed wheel or in a source checkout."""
    packed = _PACKAGE / "resources"
    root = packed if packed.is_dir() else _PACKAGE.parents[1] / "resources"
    return root.joinpath(*parts)
