"""Make the moving picture of the README: the loop on the phantom, by the keys and the mouse of the real window.

``make screenshots`` runs this after the other pictures.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from napari_emseg.jobs.oracle import components, correct
from napari_emseg.ui.picture import settle, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from qtpy.QtCore import QPoint

Place = tuple[int, int]
"""Pixel (y, x) of the section on screen."""

FILE = Path(__file__).resolve().parent / "images" / "loop.webp"
SIZE = (1440, 860)
WIDTH = 1000
SECTION = 8
LEARN_SECONDS = 60.0
_CAPTION = 44  # pixels below the window
_QUALITY = 60
_INK, _PAPER, _KEY = (236, 239, 244), (26, 28, 35), (45, 108, 198)
_ARROW = ((0, 0), (0, 26), (6, 20), (10, 30), (15, 28), (11, 18), (18, 18))


class Film:
    """Frames of a window, with the mouse and a line that says what happens.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.frames: list[Image.Image] = []
        self.milliseconds: list[int] = []
        self.pointer: tuple[int, int] | None = None
        self._key, self._text = "", ""

    def say(self, key: str, text: str) -> None:
        """What the next frames show, and the key that was pressed for it."""
        self._key, self._text = key, text

    def shoot(self, seconds: float, wait_ms: int = 300) -> None:
        """Add a frame of the window as it is now."""
        settle(wait_ms)
        window = Image.fromarray(self.viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
        if self.pointer is not None:
            x, y = self.pointer
            outline = [(x + dx, y + dy) for dx, dy in _ARROW]
            ImageDraw.Draw(window).polygon(outline, fill="white", outline="black")
        height = window.height * WIDTH // window.width
        frame = Image.new("RGB", (WIDTH, height + _CAPTION), _PAPER)
        frame.paste(window.resize((WIDTH, height), Image.Resampling.LANCZOS))
        self._caption(ImageDraw.Draw(frame), height)
        self.frames.append(frame)
        self.milliseconds.append(round(1000 * seconds))

    def _caption(self, draw: ImageDraw.ImageDraw, top: int) -> None:
        font = ImageFont.load_default(20)
        middle, left = top + _CAPTION // 2, 16
        if self._key:
            wide = draw.textlength(self._key, font)
            draw.rounded_rectangle((left, middle - 15, left + wide + 20, middle + 15), 6, fill=_KEY)
            draw.text((left + 10, middle), self._key, _INK, font, anchor="lm")
            left += int(wide) + 36
        draw.text((left, middle), self._text, _INK, font, anchor="lm")

    def save(self, file: Path) -> None:
        """Write all frames; it starts again at its end."""
        first, *others = self.frames
        first.save(
            file, save_all=True, append_images=others, duration=self.milliseconds, loop=0,
            quality=_QUALITY, method=6,
        )  # fmt: skip


class Person:
    """Presses keys over the canvas and uses the mouse on it, at (y, x) pixels of the section on screen."""

    def __init__(self, viewer: Any, layers: Any, film: Film) -> None:
        self._viewer, self._layers, self._film = viewer, layers, film
        self._canvas = viewer.window._qt_viewer.canvas.native

    def press(self, key: str) -> None:
        """Press a key as it is written in the list of keys: "R", "Shift-Y", "Ctrl-Z"."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        *modifiers, letter = key.split("-")
        held = Qt.KeyboardModifier.NoModifier
        for name in modifiers:
            held |= {"Ctrl": Qt.KeyboardModifier.ControlModifier, "Shift": Qt.KeyboardModifier.ShiftModifier}[
                name
            ]
        self._canvas.setFocus()
        QTest.keyClick(self._canvas, getattr(Qt.Key, f"Key_{letter}"), held)

    def point_at(self, place: Sequence[float]) -> None:
        """Move the mouse."""
        from qtpy.QtTest import QTest

        QTest.mouseMove(self._canvas, self._at(place))
        settle(30)

    def click(self, place: Sequence[float]) -> None:
        """Click with the left button."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        self.point_at(place)
        QTest.mouseClick(self._canvas, Qt.MouseButton.LeftButton, pos=self._at(place))
        settle(30)

    def drag(self, path: NDArray[Any], shots: int = 0) -> None:
        """Draw along places (n, 2) with the left button down; so many frames are taken on the way."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        self.point_at(path[0])
        QTest.mousePress(self._canvas, Qt.MouseButton.LeftButton, pos=self._at(path[0]))
        seen = {round((k + 1) * (len(path) - 1) / (shots + 1)) for k in range(shots)}
        for k, place in enumerate(path):
            self.point_at(place)
            if k in seen:
                self._film.shoot(0.35, 50)
        QTest.mouseRelease(self._canvas, Qt.MouseButton.LeftButton, pos=self._at(path[-1]))
        settle(30)

    def _at(self, place: Sequence[float]) -> QPoint:
        from qtpy.QtCore import QPoint

        section = self._viewer.dims.current_step[0]
        _, y, x = self._layers.labels.data_to_world((section, *place))
        camera = self._viewer.scene.camera
        _, cy, cx = camera.center
        point = QPoint(
            round(self._canvas.width() / 2 + (x - cx) * camera.zoom),
            round(self._canvas.height() / 2 + (y - cy) * camera.zoom),
        )
        window = self._viewer.window._qt_window
        on_window = self._canvas.mapTo(window, point)
        self._film.pointer = on_window.x(), on_window.y()
        return point


def main() -> int:
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_EMSEG_HOME"] = os.environ.get("SCREENSHOTS_HOME", home)
        film = filmed()
    film.save(FILE)
    print(FILE)
    return 0


def filmed() -> Film:
    """The loop once round."""
    from napari_emseg.io.samples import sample_truth
    from napari_emseg.ui.view import go_to_section, visible_region
    from napari_emseg.ui.window import open_window

    viewer, dock = open_window(size=SIZE)
    desk = dock.desk
    desk.do("open_phantom")
    wait_until(lambda: desk.session is not None and not desk.work and bool(desk.device))
    session, layers = desk.need_session()
    go_to_section(viewer, layers.image, SECTION)
    viewer.reset_view()
    viewer.scene.camera.zoom *= 1.35
    film = Film(viewer)
    person = Person(viewer, layers, film)
    settings = desk.settings("finetune")
    desk.set_settings("finetune", settings.model_copy(update={"max_seconds": LEARN_SECONDS}))

    def press(key: str, text: str) -> None:
        film.say(key.replace("-", "+"), text)
        person.press(key)

    def idle() -> bool:
        return not desk.work

    film.say("", "A stack of electron-microscopy sections is open")
    film.shoot(2.0)
    press("S", "Segment what I see: membranes, seeds, cells")
    film.shoot(0.6, 50)
    wait_until(idle)
    film.shoot(2.0)

    truth = sample_truth("phantom").membranes
    region = visible_region(viewer, layers.image)
    seen = region.slices[1:]
    cells = np.zeros(truth.shape[1:], int)
    cells[seen] = components(truth[SECTION])[seen]
    first, second = _two(cells, np.asarray(session.volume[SECTION]))
    press("U", "Merge: click the object, then each piece that belongs to it")
    person.click(first)
    film.shoot(1.0)
    person.click(second)
    film.shoot(1.6)
    desk.do("put_down")
    first, second = _two(np.where(cells > 0, np.asarray(session.volume[SECTION]), 0), cells)
    press("D", "Cut: click into one part, then into the other")
    person.click(first)
    film.shoot(1.0)
    person.click(second)
    film.shoot(1.6)
    desk.do("put_down")
    press("P", "Paint with napari's own brush. A slip ...")
    person.drag(_bow(_innermost(_largest(cells))), shots=4)
    film.shoot(0.6)
    press("Z", "")
    press("Ctrl-Z", "... is taken back, like anything else, also yesterday's")
    film.shoot(1.6)
    correct(session, SECTION, truth[SECTION])  # what a person would merge, split and paint
    press("R", "When the section is right, mark it: it is safe, and it teaches")
    film.shoot(1.6)
    go_to_section(viewer, layers.image, SECTION)
    press("W", "Carry the ids through the next sections")
    film.shoot(0.6, 50)
    wait_until(idle)
    for section in range(SECTION, SECTION + 4):
        go_to_section(viewer, layers.image, section)
        film.shoot(0.7)
    press("N", "Doubtful links are asked, least certain first")
    film.shoot(2.0)
    press("Shift-Y", "One key answers")
    film.shoot(1.2)
    for section in (SECTION + 1, SECTION + 2):
        correct(session, section, truth[section])
    go_to_section(viewer, layers.image, SECTION + 2)
    desk.open_stage("train")
    press("T", "Learn from what is proofread, while you go on")
    while not idle():
        film.shoot(0.5, 100)
        settle(round(1000 * LEARN_SECONDS / 8))
    film.say("", "The new model beside the old one, on what it has not seen: you decide")
    film.shoot(4.0)
    viewer.close()
    return film


def _two(whole: NDArray[Any], parts: NDArray[Any]) -> list[Place]:
    """Places in the middle of two parts of an object: of the object whose second part is largest."""
    best, chosen = 0, (0, 0, 0)
    for one in np.unique(whole[whole > 0]).tolist():
        ids, sizes = np.unique(parts[(whole == one) & (parts > 0)], return_counts=True)
        order = np.argsort(-sizes)
        if len(ids) > 1 and sizes[order[1]] > best:
            best, chosen = sizes[order[1]], (one, int(ids[order[0]]), int(ids[order[1]]))
    one, *both = chosen
    return [_innermost((whole == one) & (parts == part)) for part in both]


def _largest(objects: NDArray[Any]) -> NDArray[np.bool_]:
    """The largest object."""
    return np.asarray(objects == np.bincount(objects[objects > 0]).argmax())


def _innermost(mask: NDArray[np.bool_]) -> Place:
    """The pixel that is farthest from the edge."""
    depth = ndimage.distance_transform_edt(mask)
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return int(y), int(x)


def _bow(middle: Place) -> NDArray[np.float64]:
    """A curved stroke (n, 2) around a pixel."""
    angle = np.linspace(-2.4, 0.6, 30)
    return np.add(middle, 30 * np.stack([np.sin(angle), np.cos(angle)], axis=1))


if __name__ == "__main__":
    sys.exit(main())
