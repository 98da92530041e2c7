"""Somebody without a home, as in a container that runs as a number."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_emseg.core import model_card, recent
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.project import default_folder, home


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("NAPARI_EMSEG_HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", staticmethod(unknown))


def test_bundled_models_predict_without_a_home() -> None:
    assert "membrane" in model_card.list_models()
    assert model_card.find_model("mitochondria").is_dir()


def test_what_needs_one_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(
        EmsegError, match="no home folder here, HOME, name a folder in HOME or NAPARI_EMSEG_HOME"
    ):
        home()
    (tmp_path / "stack.tif").touch()
    assert default_folder(str(tmp_path / "stack.tif"), "stack").parent == tmp_path, (
        "beside the image all is well"
    )


def test_recent_projects_are_not_remembered(tmp_path: Path) -> None:
    recent.remember(tmp_path, "toy")
    recent.forget(str(tmp_path))
    assert recent.recent() == ()
