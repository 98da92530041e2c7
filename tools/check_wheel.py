"""Build the wheel and see that what is in it works by itself: the program, its models and recipes, its manifest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_BESIDE = ("resources/recipes", "resources/augmentation", "napari.yaml", "py.typed")
_PREDICT = """
import numpy as np, tifffile
tifffile.imwrite("some.tif", np.random.default_rng(0).integers(0, 256, (2, 64, 64), np.uint8))
from napari_emseg.cli import main
raise SystemExit(main(["predict", "some.tif", "found.h5", "--model", "membrane", "--pixel-size", "4.6"]))
"""


def build(folder: Path) -> Path:
    """The wheel of this checkout, unpacked; the folder that Python finds the package in."""
    words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run([sys.executable, *words, str(folder), str(_ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
    return site


def missing(site: Path) -> list[str]:
    """What an installed program would lack."""
    package = site / "napari_emseg"
    found = [f"no {name}" for name in _BESIDE if not (package / name).exists()]

    def said(*words: str) -> str:
        call = subprocess.run(
            [sys.executable, *words], env=os.environ | {"PYTHONPATH": str(site)}, cwd=site.parent,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if call.returncode:
            found.append(call.stderr.strip())
        return call.stdout

    if str(site) not in said("-c", "import napari_emseg; print(napari_emseg.__file__)"):
        return [*found, "Python takes napari_emseg from elsewhere"]
    models = {model["name"] for model in json.loads(said("-m", "napari_emseg", "models", "--json") or "[]")}
    shipped = {card.parent.name for card in (_ROOT / "resources/models").glob("*/card.json")}
    found += [f"model {name} is not there" for name in sorted(shipped - models)]
    said("-c", _PREDICT)
    return found


def main() -> int:
    """Say what is missing; 0 if nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        wrong = missing(build(Path(folder)))
    sys.stdout.write("".join(f"the wheel: {one}\n" for one in wrong) or "the wheel has all that it needs\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
