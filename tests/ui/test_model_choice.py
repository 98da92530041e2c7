"""The chooser says where a name that people know from a bundled model leads to one of their own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt

from napari_emseg.core import model_card
from napari_emseg.core.resources import resource_path
from napari_emseg.ui.flows import learning

ROLE = Qt.ItemDataRole.ToolTipRole


def test_a_model_of_ones_own_under_a_bundled_name_is_marked(opened: Any, model: Path) -> None:
    """The fixture's model lies in the person's folder and is called as the bundled one."""
    panel = opened.panels["predict"]
    opened.desk.open_stage("predict")
    panel.refresh()
    assert panel.model.currentText() == "membrane (yours)"
    words = f"membrane is your model in {model.resolve()}, and not the bundled one of this name."
    assert panel.model.itemData(panel.model.currentIndex(), ROLE) == words
    assert panel.model.toolTip().startswith(words)
    assert "space_unet" in panel.model.toolTip()


def test_others_are_not_and_the_mark_goes_with_the_model(
    opened: Any, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundled = tmp_path / "bundled"
    shutil.copytree(model, bundled / "membrane")
    shutil.copytree(model, model.parent / "mine")
    monkeypatch.setattr(
        model_card, "resource_path", lambda name: bundled if name == "models" else resource_path(name)
    )
    panel = opened.panels["predict"]
    panel.refresh()
    assert [panel.model.itemText(i) for i in range(panel.model.count())] == ["membrane (yours)", "mine"]
    assert panel.model.itemData(1, ROLE) is None
    shutil.rmtree(model)
    panel.refresh()
    assert [panel.model.itemText(i) for i in range(panel.model.count())] == ["membrane", "mine"]
    assert panel.model.toolTip().startswith("space_unet")


def test_choosing_it_says_so(desk: Any, model: Path) -> None:
    shutil.copytree(model, model.parent / "mine")
    learning.choose(desk, "mine")
    assert desk.sayings["predict"].text == "Predictions come from mine now."
    learning.choose(desk, "membrane")
    text = desk.sayings["predict"].text
    assert text.startswith("Predictions come from membrane now. membrane is your model in ")
    assert text.endswith(", and not the bundled one of this name.")
