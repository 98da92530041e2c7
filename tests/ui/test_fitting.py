"""Every stage fits a small screen, also with a larger font and with much to say."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QLabel, QPushButton, QScrollBar

from napari_emseg.core.sections import Status
from napari_emseg.ui.state import STAGES


def click(dock: Any, qtbot: Any, name: str) -> None:
    button = dock.findChild(QPushButton, name)
    assert button is not None, name
    assert button.isVisible(), name
    assert button.isEnabled(), name
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_every_stage_fits_a_small_screen_in_both_themes(opened: Any, qtbot: Any, engine: Any) -> None:
    from napari_emseg.ui.style import DARK, LIGHT

    opened.desk.session.mark(opened.desk.section, Status.PROOFREAD)  # with every button that there can be
    for theme, look in (("light", LIGHT), ("dark", DARK)):
        opened.desk.viewer.theme = theme
        assert look.ground in opened.styleSheet()
        for name, _, _ in STAGES:
            click(opened, qtbot, f"stage_{name}")
            qtbot.wait(30)
            bar: QScrollBar = opened.stage_area.verticalScrollBar()
            assert bar.maximum() == 0, name
            panel = opened.panels[name]
            assert panel.minimumSizeHint().width() <= opened.stage_area.viewport().width(), name
    # closing the dock closes the stack and the engine
    opened.desk.do("predict")
    viewer, desk = opened.desk.viewer, opened.desk
    viewer.window.remove_dock_widget(opened)
    qtbot.waitUntil(lambda: desk.session is None, timeout=3000)
    assert len(viewer.layers) == 0
    assert engine.closed


def is_done(desk: Any, stage: str) -> bool:
    return not desk.work and stage in desk.sayings and desk.sayings[stage].tone == "done"


def test_predict_fits_a_small_screen_with_all_that_a_model_finds(opened: Any, qtbot: Any, model: Any) -> None:
    from napari_emseg.core.model_card import CARD, ModelCard

    card = ModelCard.model_validate_json((model / CARD).read_text("utf-8"))
    more = card.model_copy(update={"targets": ("membrane", "mitochondria", "clefts", "inside")})
    (model / CARD).write_text(more.model_dump_json(), "utf-8")
    click(opened, qtbot, "stage_predict")
    opened.desk.do("predict")
    qtbot.waitUntil(lambda: is_done(opened.desk, "predict"), timeout=5000)
    opened.desk.say("predict", "Two lines of words, " * 4, link="and a link that follows them")
    qtbot.wait(50)
    bar: QScrollBar = opened.stage_area.verticalScrollBar()
    assert bar.maximum() == 0
    # what only some need is one click away, and stays open while there are clicks
    panel = opened.panels["predict"].by_clicks
    assert not panel.on.isVisible()
    click(opened, qtbot, "by_clicks")
    assert panel.on.isVisible()


def test_joining_fits_a_small_screen_with_much_to_say(opened: Any, qtbot: Any, engine: Any) -> None:
    desk = opened.desk
    click(opened, qtbot, "stage_segment")
    desk.do("segment")
    qtbot.waitUntil(lambda: is_done(desk, "segment"), timeout=5000)
    panel = opened.panels["segment"]
    panel.join_slider.setValue(50)
    assert panel.join_button.isVisible()
    said = "297 segments in section 7, 3.9 s. "
    said += "4 areas too thin for a seed went to a neighbour: a smaller seed depth keeps them apart."
    desk.say("segment", said, tone="done", link="Next: carry the ids onwards", action="stage:propagate")
    qtbot.wait(50)
    bar: QScrollBar = opened.stage_area.verticalScrollBar()
    assert bar.maximum() == 0


def test_looking_for_bad_sections_fits_a_small_screen(opened: Any, qtbot: Any, engine: Any) -> None:
    engine.hold = True
    desk, panel = opened.desk, opened.panels["cleanup"]
    click(opened, qtbot, "stage_cleanup")
    assert panel.says.isVisible()
    desk.do("find_bad")
    qtbot.waitUntil(panel.progress.isVisible, timeout=5000)
    assert not panel.says.isVisible()  # what to do first
    qtbot.wait(50)
    bar: QScrollBar = opened.stage_area.verticalScrollBar()
    assert bar.maximum() == 0
    desk.say("cleanup", "Something happened.")
    assert panel.says.isVisible()
    panel.progress.finish()
    panel.say_hint()
    assert panel.says.isVisible()


def test_the_table_of_shifts_fits_a_small_screen(opened: Any, qtbot: Any, engine: Any) -> None:
    desk, panel = opened.desk, opened.panels["cleanup"]
    click(opened, qtbot, "stage_cleanup")
    panel.pages.setCurrentIndex(1)
    desk.do("estimate_shifts")
    qtbot.waitUntil(lambda: "cleanup" in desk.sayings and not desk.work, timeout=10000)
    qtbot.waitUntil(panel.alignment.table.isVisible, timeout=5000)
    desk.say(
        "cleanup", "Shifts of up to 5 px between neighbours. Look at them, correct the table.", tone="done"
    )
    qtbot.wait(50)
    bar: QScrollBar = opened.stage_area.verticalScrollBar()
    assert bar.maximum() == 0
    rows = panel.alignment.table.viewport().height() / panel.alignment.table.rowHeight(0)
    assert rows >= 5


def test_nothing_is_cut_at_the_edge_with_a_larger_font(opened: Any, qtbot: Any) -> None:
    sheet = opened.styleSheet()
    assert opened.minimumWidth() <= 400
    opened.setStyleSheet(sheet + "\nQWidget { font-size: 13pt; }")
    opened.desk.open_stage("proofread")
    panel = opened.panels["proofread"]

    def reaches() -> int:
        buttons = [b for b in panel.findChildren(QPushButton) if b.isVisible()]
        return max(b.mapTo(opened.stage_area.viewport(), b.rect().topRight()).x() for b in buttons)

    qtbot.waitUntil(lambda: reaches() < opened.stage_area.viewport().width(), timeout=5000)
    numbers = [line.findChild(QLabel) for line in opened.spine.lines.values()]
    qtbot.waitUntil(lambda: all(n.width() >= n.sizeHint().width() for n in numbers), timeout=5000)
    opened.setStyleSheet(sheet)
    qtbot.waitUntil(lambda: opened.minimumWidth() <= 400, timeout=5000)


SCREEN = 1366


def widths(dock: Any, qtbot: Any) -> tuple[int, int]:
    """How wide the dock and the canvas are on a small screen, when the person pulls the dock as narrow as it gets."""
    window = dock.desk.viewer.window._qt_window
    docked = dock.parentWidget()
    while docked is not None and not isinstance(docked, QDockWidget):
        docked = docked.parentWidget()
    assert docked is not None
    window.resize(SCREEN, 768)
    qtbot.wait(50)
    window.resizeDocks([docked], [10], Qt.Orientation.Horizontal)
    qtbot.wait(100)
    assert window.width() == SCREEN  # nothing has pushed it wider
    return dock.width(), window._qt_viewer.canvas.native.width()


def test_the_dock_gets_no_narrower_than_its_widest_stage_and_leaves_the_screen_to_the_canvas(
    opened: Any, qtbot: Any
) -> None:
    """Whichever stage is open: another one must not make the dock jump. Besides it there is napari's list of layers."""
    bar = opened.stage_area.verticalScrollBar().sizeHint().width()
    at_first, _ = widths(opened, qtbot)
    qtbot.waitUntil(lambda: len(opened.pages.placed) == len(opened.pages.all), timeout=10000)
    for name, _, _ in STAGES:
        opened.desk.open_stage(name)
        width, canvas = widths(opened, qtbot)
        widest = max(panel.minimumSizeHint().width() for panel in opened.panels.values())
        assert width >= max(360, widest + bar), name
        assert width == at_first, name
        assert width <= 400, name
        assert canvas >= 600, name
        reaching = [
            label for label in opened.panels[name].findChildren(QLabel)
            if label.isVisible() and not label.wordWrap() and label.width() < label.minimumSizeHint().width()
        ]  # fmt: skip
        assert not reaching, name


def test_a_larger_font_widens_the_dock_only_so_far(opened: Any, qtbot: Any) -> None:
    before, _ = widths(opened, qtbot)
    opened.setStyleSheet(opened.styleSheet() + " * { font-size: 17px; }")
    qtbot.waitUntil(lambda: opened.minimumWidth() > before, timeout=3000)
    larger, _ = widths(opened, qtbot)
    widest = max(panel.minimumSizeHint().width() for panel in opened.panels.values())
    assert larger >= min(widest, 600)
    opened.setStyleSheet(opened.styleSheet().replace("17px", "60px"))
    qtbot.waitUntil(lambda: opened.minimumWidth() == 600, timeout=3000)
