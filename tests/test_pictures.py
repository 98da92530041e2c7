"""Pictures of the documentation: small, with greys that are grey and marks that have their colour."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

MARK = (240, 228, 66)


@pytest.fixture
def shrinking() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "docs/shrinking.py"
    spec = importlib.util.spec_from_file_location("shrinking", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_greys_stay_grey_and_small_marks_keep_their_colour(tmp_path: Path, shrinking: ModuleType) -> None:
    """A noisy section, half of it under labels in some colours, and one mark of 6 x 6 pixels."""
    rng = np.random.default_rng(0)
    grey = rng.normal(120, 40, (400, 1280, 1)).clip(0, 255)
    picture = np.repeat(grey, 3, axis=2)
    for n, colour in enumerate(rng.integers(0, 255, (16, 3))):
        picture[:, 640 + 40 * n : 680 + 40 * n] = 0.6 * picture[:, 640 + 40 * n : 680 + 40 * n] + 0.4 * colour
    picture[100:106, 100:106] = MARK
    before = picture.astype(np.uint8)
    Image.fromarray(before).save(tmp_path / "a.png")
    shrinking.shrink(tmp_path / "a.png", keep_rare=True)
    with Image.open(tmp_path / "a.png") as made:
        assert made.mode == "P"
        after = np.asarray(made.convert("RGB")).astype(int)
    is_grey = np.ptp(before, axis=2) == 0
    assert np.ptp(after[is_grey], axis=1).max() == 0
    assert np.abs(after - before)[is_grey].mean() < 4
    assert np.abs(after[101:105, 101:105] - MARK).max() < 20
    assert np.abs(after - before).mean() < 8
