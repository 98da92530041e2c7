"""Opening compares a stack with what it looked like: that is read in a thread, and the window does not wait for it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.stack import ImageStack
from napari_emseg.io import write_array
from napari_emseg.io.lazy import LazyStack
from napari_emseg.session import Session
from napari_emseg.ui.flows import opening

SHAPE = (9, 80, 96)


class Watched(LazyStack):
    """Remembers who reads which box."""

    def __init__(self) -> None:
        super().__init__(SHAPE, np.uint8)
        self.read_by: list[tuple[str, tuple[int, ...]]] = []

    def read(self, region: Any) -> np.ndarray:
        self.read_by.append((threading.current_thread().name, region.shape))
        return np.full(region.shape, 100, np.uint8)

    @property
    def boxes_of_the_window(self) -> list[tuple[int, ...]]:
        """What its thread has read, but for whole sections: these are drawn."""
        window = threading.main_thread().name
        return [shape for name, shape in self.read_by if name == window and shape != (1, *SHAPE[1:])]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watched:
    import napari_emseg.io

    data = Watched()
    file = tmp_path / "em.tif"
    file.write_bytes(b"x")
    stack = ImageStack(data, (40.0, 8.0, 8.0), "file", "em", str(file))
    Session.create(tmp_path / "em.emseg", stack).close()
    data.read_by.clear()
    monkeypatch.setattr(napari_emseg.io, "open_image", lambda *_a, **_k: stack_anew(data, file))
    return data


def stack_anew(data: Watched, file: Path) -> ImageStack:
    return ImageStack(data, (40.0, 8.0, 8.0), "file", "em", str(file))


def test_a_project_that_is_opened_by_its_folder(
    dock: Any, qtbot: Any, watched: Watched, tmp_path: Path
) -> None:
    opening.open_path(dock.desk, tmp_path / "em.emseg")
    assert "data" in dock.desk.work
    qtbot.waitUntil(lambda: dock.desk.session is not None, timeout=5000)
    assert len(watched.read_by) > 12
    assert watched.boxes_of_the_window == []


def test_a_stack_that_is_in_the_window_already(
    dock: Any, qtbot: Any, watched: Watched, tmp_path: Path
) -> None:
    origin = {"napari-emseg": {"uri": str(tmp_path / "em.tif")}}
    dock.desk.viewer.add_image(watched, name="em", metadata=origin)
    qtbot.waitUntil(lambda: dock.desk.session is not None, timeout=5000)
    assert dock.desk.session.project.folder == tmp_path / "em.emseg"
    assert watched.boxes_of_the_window == []


def test_one_that_is_removed_while_it_is_read(dock: Any, qtbot: Any, watched: Watched) -> None:
    layer = dock.desk.viewer.add_image(watched, name="em")
    opening.adopt(dock.desk, layer)
    dock.desk.viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: "data" not in dock.desk.work, timeout=5000)
    assert dock.desk.session is None


def test_another_image_is_still_asked_about(dock: Any, qtbot: Any, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    write_array(str(tmp_path / "em.tif"), image, spacing_nm=(40.0, 8.0, 8.0))
    from napari_emseg.io import open_image

    begun = Session.open_or_create(open_image(tmp_path / "em.tif"))
    begun.volume[2, 5:9, 5:9] = 4
    begun.close()
    (tmp_path / "em.tif").unlink()
    write_array(str(tmp_path / "em.tif"), 255 - image, spacing_nm=(40.0, 8.0, 8.0))
    opening.open_path(dock.desk, tmp_path / "em.emseg")
    qtbot.waitUntil(lambda: dock.desk.session is not None, timeout=5000)
    assert "not the one on which these labels were made" in dock.desk.sayings["data"].text
    notes = dock.header.notes
    qtbot.waitUntil(lambda: "Not the image that the labels were made on." in notes.text(), timeout=3000)
