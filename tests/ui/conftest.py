"""A window on a toy stack, with an engine that works at once and in this process.

The toy: 6 sections of 48 x 64 pixels of 8 nm, two cells between dark membranes::

    ########################    y 0..3    membrane
    #          #           #
    #   cell 1 #   cell 2  #    membranes at x 0..3, 30..33, 60..63
    #          #           #
    ########################    y 44..47  membrane

The stand-in for the network says: membrane where the image is dark, mitochondria everywhere else.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from one_window import OneWindow

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs.predict import PredictResult
from napari_emseg.session import Session

SHAPE = (6, 48, 64)
CELL_1 = (2, 20, 15)
CELL_2 = (2, 20, 45)


@pytest.fixture(scope="package", autouse=True)
def _what_is_there_stays() -> Iterator[None]:
    """napari's viewer fixture collects garbage after every test: what all tests before have imported need not be searched."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="package", autouse=True)
def _settings_of_the_person_stay() -> Iterator[None]:
    """napari writes its settings to the person's own file with every change, and its viewer fixture resets them."""
    from napari.settings import get_settings

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(get_settings(), "_save_on_change", False)
        yield


@pytest.fixture(scope="package")
def the_window(qapp: Any) -> Iterator[OneWindow]:
    window = OneWindow()
    yield window
    window.close()


@pytest.fixture
def viewer(
    the_window: OneWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Any]:
    """A viewer in a window that is shown and as new."""
    yield the_window.take(qtbot, monkeypatch)
    ended = getattr(request.node, "rep_call", None)
    left = the_window.put_back(failed=ended is None or ended.failed)
    assert not left, "what this test leaves in the window: " + "; ".join(left)


@pytest.fixture
def mock_app_model(mock_app_model: Any) -> Iterator[Any]:
    """napari's own; its hundreds of actions go without every menu being built anew after each of them."""
    yield mock_app_model
    mock_app_model.menus.menus_changed.block()


def toy_image() -> np.ndarray:
    image = np.full(SHAPE, 200, np.uint8)
    image[:, :4] = image[:, -4:] = 30
    for x in (0, 30, 60):
        image[:, :, x : x + 4] = 30
    return image


def toy_labels() -> np.ndarray:
    labels = np.zeros(SHAPE[1:], np.uint32)
    labels[4:44, 4:30] = 1
    labels[4:44, 34:60] = 2
    return labels


@pytest.fixture
def stack() -> ImageStack:
    return ImageStack(toy_image(), (40.0, 8.0, 8.0), "file", "toy", "")


@pytest.fixture
def session(stack: ImageStack, tmp_path: Path) -> Iterator[Session]:
    made = Session.create(tmp_path / "toy.emseg", stack)
    yield made
    made.close()


def labels_edit(session: Session, sections: tuple[int, ...], source: Any = "model") -> Edit:
    patches = []
    for z in sections:
        region = Region((z, 0, 0), (z + 1, *SHAPE[1:]))
        patches.append(Patch(region, session.volume.read(region), toy_labels()[None]))
    return Edit("segment", source, tuple(patches))


@pytest.fixture
def make_labels() -> Callable[..., Edit]:
    """Builds the edit that writes both cells into some sections."""
    return labels_edit


@pytest.fixture
def drag() -> Callable[..., None]:
    """Presses, moves and releases the mouse over (y, x) voxels of the section on screen."""

    def press_move_release(dock: Any, points: list[tuple[float, float]]) -> None:
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        viewer, layer = dock.desk.viewer, dock.desk.layers.labels
        canvas = viewer.window._qt_viewer.canvas.native
        height, width = viewer.window._qt_viewer.canvas.size

        def place(y: float, x: float) -> QPoint:
            world = np.array(layer.data_to_world((dock.desk.section, y, x)))[-2:]
            pixel = (world - np.array(viewer.scene.camera.center)[-2:]) * viewer.scene.camera.zoom
            return QPoint(round(width / 2 + pixel[1]), round(height / 2 + pixel[0]))

        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=place(*points[0]))
        for point in points[1:]:
            QTest.mouseMove(canvas, place(*point))
            QTest.qWait(10)
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=place(*points[-1]))

    return press_move_release


class FakeTicket:
    """Remembers that it was cancelled."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeEngine:
    """Answers in the caller's thread; ``hold`` keeps answers until they are released."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, str]] = []
        self.held: list[Callable[[], None]] = []
        self.hold = False
        self.closed = False
        self.answers: dict[str, Callable[[Any, Any], Any]] = {
            "napari_emseg.jobs.predict:run": dark_is_membrane
        }

    def submit(
        self,
        function: str,
        request: Any,
        *,
        lane: str = "interactive",
        on_progress: Any = None,
        on_partial: Any = None,
        on_done: Any = None,
        on_error: Any = None,
    ) -> FakeTicket:
        self.asked.append((function, request, lane))
        module, name = function.split(":")
        run = self.answers.get(function) or getattr(importlib.import_module(module), name)
        progress = SimpleNamespace(
            report=on_progress or (lambda *a, **v: None), partial=on_partial or (lambda part: None)
        )

        def answer() -> None:
            try:
                result = run(request, progress)
            except Exception as error:
                on_error(error)
            else:
                on_done(result)

        if self.hold:
            self.held.append(answer)
        else:
            answer()
        return FakeTicket()

    def warm_up(self, *, request: Any, on_done: Any, on_error: Any) -> FakeTicket:
        on_done("CPU, 1 core")
        return FakeTicket()

    def release(self) -> None:
        held, self.held = self.held, []
        for answer in held:
            answer()

    def close(self) -> None:
        self.closed = True


def dark_is_membrane(request: Any, progress: Any) -> PredictResult:
    block = request.block
    inside = tuple(
        slice(a - s, b - s)
        for a, b, s in zip(request.region.start, request.region.stop, block.origin, strict=True)
    )
    dark = (block.data[inside] < 100).astype(np.float32)
    probability = np.stack([dark if target == "membrane" else 1 - dark for target in request.targets])
    progress.report(0.5, "half")
    progress.partial((request.region, probability))
    return PredictResult(request.region, probability, request.targets, "CPU, 1 core", (), 0.1)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A model folder that nobody loads."""
    from napari_emseg.core.model_card import CARD, WEIGHTS, ModelCard

    folder = tmp_path / "home" / "models" / "membrane"
    folder.mkdir(parents=True)
    card = ModelCard(
        name="membrane",
        architecture="space_unet",
        targets=("membrane", "mitochondria"),
        pixel_size_nm=8.0,
        pixel_size_range_nm=(2.0, 20.0),
    )
    (folder / CARD).write_text(card.model_dump_json(), "utf-8")
    (folder / WEIGHTS).write_bytes(b"")
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path / "home"))
    return folder


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


class AtOnce:
    """An executor without threads."""

    def submit(self, function: Callable[[], Any]) -> None:
        function()


@pytest.fixture
def desk(engine: FakeEngine, model: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A desk without any window, with the toy stack open; all of it is on screen."""
    from napari.components import ViewerModel

    from napari_emseg.ui import view
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.flows.opening import show

    monkeypatch.setattr(view, "canvas_size", lambda viewer: (600.0, 800.0))
    made = Desk(ViewerModel(), post=lambda f: f(), executor=AtOnce(), engine=lambda: engine)
    show(made, session)
    yield made
    made.close()


@pytest.fixture
def labelled(desk: Any) -> Any:
    """The desk with both cells in sections 1 to 3, and section 2 on screen."""
    desk.session.commit(labels_edit(desk.session, (1, 2, 3)))
    desk.viewer.dims.set_current_step(0, 2)
    return desk


@pytest.fixture
def dock(viewer: Any, engine: FakeEngine, model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The dock in a real window, which does nothing unasked (`test_ahead.py`)."""
    from napari_emseg.ui import ahead
    from napari_emseg.ui.dock import EmsegDock

    monkeypatch.setattr(ahead, "IDLE_MS", 10**9)
    made = EmsegDock(viewer, engine=lambda: engine)
    viewer.window.add_dock_widget(made, name="EM proofreading", area="right", add_vertical_stretch=False)
    yield made
    made.shut_down()


@pytest.fixture
def opened(dock: Any, session: Session) -> Any:
    """The dock with the toy stack open and section 2 on screen."""
    from napari_emseg.ui.flows.opening import show

    show(dock.desk, session)
    dock.desk.viewer.dims.set_current_step(0, 2)
    return dock
