"""Who may know whom: the rooms table of CONTRIBUTING.md, enforced.

::

    settings core          know nothing of ours (core's files know each other)
       |      |
       io phantom preprocess augment algorithms
       |                               |
    session                    proofread measure   nn
       |________________________|__________________|
                   jobs      (nn only inside functions)
                    |
                 ui   cli    (nn's tables only, never its modules)
"""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "napari_emseg"
ROOT = Path(__file__).resolve().parents[1] / "src" / PACKAGE

_BASE = {"core", "settings"}
_ALL = {
    *_BASE, "io", "phantom", "preprocess", "augment", "algorithms", "proofread", "measure", "session", "jobs",
}  # fmt: skip
ROOMS: dict[str, set[str]] = {
    "settings": set(),
    "core": set(),
    **dict.fromkeys(("io", "phantom", "preprocess", "augment", "algorithms"), _BASE),
    "proofread": {*_BASE, "algorithms"},
    "measure": {*_BASE, "algorithms"},
    "nn": {*_BASE, "algorithms", "augment"},
    "session": {*_BASE, "io"},
    "jobs": {*_ALL, "nn"},
    "ui": {*_ALL, "nn"},
    "commands": {*_ALL, "nn", "ui"},
    "cli": {*_ALL, "nn", "ui", "commands"},
    "__main__": {"cli"},
    "__init__": set(),
}
TORCH = {"torch", "torchvision", "tensorboard"}
WINDOW = {"napari", "qtpy", "magicgui", "superqt", "vispy", "PyQt5", "PyQt6", "PySide2", "PySide6"}


@dataclass(frozen=True)
class Import:
    """One imported module and where it stands."""

    module: str
    line: int
    inside_function: bool
    for_types: bool


def imports_of(source: str, module: str, *, is_package: bool) -> list[Import]:
    """All imports of a module, relative ones resolved; ``from a import b`` counts as ``a`` and ``a.b``."""
    found: list[Import] = []

    def visit(node: ast.AST, inside: bool, types: bool) -> None:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                keep = len(parts) - node.level + (1 if is_package else 0)
                base = ".".join([*parts[:keep], *([base] if base else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        found.extend(Import(name, node.lineno, inside, types) for name in names)
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        types = types or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for child in ast.iter_child_nodes(node):
            visit(child, inside, types)

    visit(ast.parse(source), False, False)
    return found


def module_name(path: Path) -> str:
    """Dotted name of a file of the package."""
    parts = [PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def problems(path_name: str, source: str, *, is_package: bool = False) -> list[str]:
    """What one module imports that its room may not."""
    parts = path_name.split(".")
    room = parts[1] if len(parts) > 1 else "__init__"
    if room not in ROOMS:
        return [f"{path_name}: room {room!r} is not in the table of tests/test_layering.py"]
    wrong: list[str] = []
    for item in imports_of(source, path_name, is_package=is_package):
        top, *rest = item.module.split(".")
        at = f"{path_name}:{item.line}"
        if top in TORCH and room != "nn":
            wrong.append(f"{at}: {item.module} belongs in nn/")
        if top in WINDOW and room != "ui":
            wrong.append(f"{at}: {item.module} belongs in ui/")
        if top != PACKAGE or not rest or rest[0] == "__version__":
            continue
        other = rest[0]
        if other not in ROOMS:
            if item.module != f"{PACKAGE}.{other}" or not (ROOT / other).exists():
                wrong.append(f"{at}: {item.module} is not a room")
            continue
        if room == "core" and other == "settings" and item.for_types:
            continue  # a request carries settings; naming their type is no dependence
        if other != room and other not in ROOMS[room]:
            wrong.append(f"{at}: {room} may not know {other}")
        if (
            other == "nn"
            and room in {"ui", "cli", "commands"}
            and len(rest) > 1
            and (ROOT / "nn" / rest[1]).exists()
        ):
            wrong.append(f"{at}: {room} may know the tables of nn, not {item.module}")
        if (
            other == "nn"
            and room in {"ui", "cli", "commands"}
            and (ROOT / "nn" / f"{'/'.join(rest[1:])}.py").exists()
        ):
            wrong.append(f"{at}: {room} may know the tables of nn, not {item.module}")
        if other == "nn" and room == "jobs" and not (item.inside_function or item.for_types):
            wrong.append(f"{at}: jobs import nn only inside run()")
    return wrong


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[module_name(p) for p in FILES])
def test_imports_keep_to_the_rooms(path: Path) -> None:
    found = problems(module_name(path), path.read_text("utf-8"), is_package=path.name == "__init__.py")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("napari_emseg.core.edit", "from napari_emseg.io import open_image", "core may not know io"),
        ("napari_emseg.core.edit", "from ..io import open_image", "core may not know io"),
        ("napari_emseg.core.edit", "def f():\n    import torch", "torch belongs in nn/"),
        ("napari_emseg.io.tiff", "import napari.layers", "napari.layers belongs in ui/"),
        ("napari_emseg.jobs.predict", "from napari_emseg import nn", "only inside run()"),
        ("napari_emseg.algorithms.seeds", "from napari_emseg.nn import MODELS", "may not know nn"),
        ("napari_emseg.jobs.predict", "from napari_emseg.ui import dock", "jobs may not know ui"),
        ("napari_emseg.attic.thing", "", "not in the table"),
    ],
)
def test_a_forbidden_import_is_seen(name: str, source: str, says: str) -> None:
    assert any(says in problem for problem in problems(name, source))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("napari_emseg.jobs.predict", "def run():\n    from napari_emseg.nn import predict"),
        ("napari_emseg.core.edit", "from .sections import Status"),
        ("napari_emseg.ui.dock", "import napari\nfrom napari_emseg.nn import MODELS"),
        ("napari_emseg.cli", "from napari_emseg import __version__"),
    ],
)
def test_an_allowed_import_passes(name: str, source: str) -> None:
    assert problems(name, source) == []


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_costs_nothing() -> None:
    code = (
        "import sys, time; t = time.perf_counter(); import napari_emseg; t = time.perf_counter() - t;"
        "heavy = {'torch', 'napari', 'qtpy', 'PyQt6', 'numpy'} & set(sys.modules);"
        "assert not heavy, heavy; print(t)"
    )
    assert min(float(_run(code)) for _ in range(3)) < 0.1


def test_the_dock_opens_without_scipy() -> None:
    """Importing it would take longer than the dock itself, for what a person may never do in this window."""
    asked = "napari_emseg.ui.dock, napari_emseg.jobs.preprocess"  # the panel looks whether there is a cleaned copy
    assert _run(f"import sys, {asked}; print('scipy' in sys.modules)") == "False"


def test_no_room_below_the_window_loads_torch_or_qt() -> None:
    """A lazy import in one file must not be undone by an eager one in what it imports."""
    modules = [
        m for m in map(module_name, FILES)
        if m.split(".")[1:2] not in (["ui"], ["__main__"]) and not m.startswith(f"{PACKAGE}.nn.")
    ]  # fmt: skip
    code = (
        f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\n"
        f"print(sorted({{m.split('.')[0] for m in sys.modules}} & {(TORCH | WINDOW)!r}))"
    )
    assert _run(code) == "[]"
