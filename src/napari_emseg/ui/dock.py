"""The main dock: header, spine, the open stage; and the section rail under the canvas."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QDockWidget,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.ui import as_stack, keys
from napari_emseg.ui.branch_page import BranchPage
from napari_emseg.ui.conflicts_page import ConflictsPage
from napari_emseg.ui.desk import Desk
from napari_emseg.ui.docked import Docked, scrolling
from napari_emseg.ui.facts import facts, header
from napari_emseg.ui.find_page import FindPage
from napari_emseg.ui.flows import branching, opening, other_stack
from napari_emseg.ui.focus import give_back
from napari_emseg.ui.following import Follower
from napari_emseg.ui.garbage import Garbage
from napari_emseg.ui.header import Header
from napari_emseg.ui.history_page import HistoryPage
from napari_emseg.ui.leaving import LastQuestion
from napari_emseg.ui.next_page import NextPage
from napari_emseg.ui.notes import notes
from napari_emseg.ui.pages import Pages
from napari_emseg.ui.panels.base import StagePanel, rule
from napari_emseg.ui.panels.clean_up import CleanUpPanel
from napari_emseg.ui.panels.data import DataPanel
from napari_emseg.ui.panels.export import ExportPanel
from napari_emseg.ui.panels.measure import MeasurePanel
from napari_emseg.ui.panels.predict import PredictPanel
from napari_emseg.ui.panels.proofread import ProofreadPanel
from napari_emseg.ui.panels.propagate import PropagatePanel
from napari_emseg.ui.panels.segment import SegmentPanel
from napari_emseg.ui.panels.synapses import SynapsesPanel
from napari_emseg.ui.panels.train import TrainPanel
from napari_emseg.ui.rail import SectionRail
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.sheet import KeySheet
from napari_emseg.ui.spine import Spine
from napari_emseg.ui.state import STAGES, resolve
from napari_emseg.ui.style import look_of, style_sheet
from napari_emseg.ui.tidying import TidyPage
from napari_emseg.ui.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer

    from napari_emseg.ui.runner import Work

WIDTH = 380
_WIDEST = 600
_PANELS: tuple[type[StagePanel], ...] = (
    DataPanel,
    CleanUpPanel,
    PredictPanel,
    SegmentPanel,
    PropagatePanel,
    ProofreadPanel,
    TrainPanel,
    SynapsesPanel,
    MeasurePanel,
    ExportPanel,
)


def make_engine() -> Any:
    """The engine that the window uses: one worker process on this machine."""
    from napari_emseg.jobs.engine import Engine

    engine = Engine()
    engine.start()
    return engine


class EmsegDock(Docked):
    """The window's part of the program. napari makes one and gives it the viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Injected by napari by the name of the parameter.
    engine : callable, optional
        Makes the engine when it is first needed.
    """

    def __init__(self, napari_viewer: Viewer, *, engine: Callable[[], Any] = make_engine) -> None:
        super().__init__(napari_viewer)
        self.setMinimumWidth(WIDTH - 8)
        executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="emseg")
        self.desk = Desk(self.viewer, post=self._main_thread.post, executor=executor, engine=engine)
        self._refresh_waits = False
        self._elsewhere: Saying | None = None
        self._build()
        self._connect()
        self.follower = Follower(self.desk, self)
        self.waiting = Waiting(self.desk, self)
        self.garbage = Garbage(self.desk, self)
        self._rail_dock = self._add_rail(self.viewer)
        self.last_question = LastQuestion(self.desk, self.viewer.window._qt_window, self)
        keys.bind(self.desk)
        self._on_theme()
        self._on_opened(self.desk.stage)
        self._refresh()
        self.at_end(partial(_leave, self.desk, executor, self._rail_dock))
        self._adopt_soon()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As the design wants it."""
        return QSize(WIDTH, 640)

    def may_go(self) -> bool:
        """Whether the disk has what was painted last, or the person lets it go."""
        return self.last_question.may_go("panel")

    # ------------------------------------------------------------------ building

    def _build(self) -> None:
        self.header = Header()
        self.header.followed.connect(self.desk.do)
        self.panels = {panel.stage: panel(self.desk) for panel in _PANELS}
        self.spine = Spine(resolve(facts(self.desk)))
        self.spine.picked.connect(self.desk.open_stage)
        self.pages = Pages(above=self.spine.lines[STAGES[-1][0]])
        self.pages.settled.connect(self._fit_width)
        for panel in self.panels.values():
            panel.setProperty("emsegPanel", True)
            self.pages.add(panel)
        self.key_sheet = KeySheet()
        self.history_page = HistoryPage(self.desk)
        self.conflicts_page = ConflictsPage(self.desk)
        self.find_page = FindPage(self.desk)
        self.branch_page = BranchPage(self.desk)
        self.tidy_page = TidyPage(self.panels["proofread"])
        self.next_page = NextPage(self.desk)
        for page in (
            self.key_sheet, self.history_page, self.conflicts_page, self.find_page, self.branch_page, self.tidy_page,
            self.next_page,
        ):  # fmt: skip
            page.setProperty("emsegPanel", True)
            page.closed.connect(partial(self._leave_page, page))
            self.pages.add(page)
        self.stage_area = scroll = scrolling(self.pages)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(rule())
        column.addWidget(self.spine)
        column.addWidget(rule())
        column.addWidget(scroll, 1)
        QShortcut(QKeySequence(keys.HELP), self).activated.connect(partial(self._toggle, self.key_sheet))
        for part in (self, *self.pages.all):
            give_back(part, self._to_canvas, self._canvas)
        self.rail = SectionRail()
        self.rail.picked.connect(self._on_rail_picked)

    def _connect(self) -> None:
        desk = self.desk
        desk.state_changed.connect(self._refresh_soon)
        desk.session_changed.connect(self._on_session)
        desk.section_changed.connect(self._on_section)
        desk.said.connect(self._on_said)
        desk.amended.connect(self._on_amended)
        desk.worked.connect(self._on_worked)
        desk.opened.connect(self._on_opened)
        desk.asked.connect(self._on_asked)
        layers = self.viewer.layers.events
        self.hear(
            (self.viewer.events.theme, self._on_theme),
            (layers.inserted, self._on_layer_inserted),
            (layers.removed, self._refresh_soon),
            (self.viewer.layers.selection.events.active, self._refresh_soon),
        )

    def _add_rail(self, viewer: Viewer) -> Any:
        window = viewer.window._qt_window
        for corner, area in (
            (Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea),
            (Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea),
        ):
            window.setCorner(corner, area)
        dock = viewer.window.add_dock_widget(
            self.rail, name="Sections", area="bottom", add_vertical_stretch=False
        )
        dock.setTitleBarWidget(QWidget())
        return dock

    # ------------------------------------------------------------------ following the desk

    def _refresh_soon(self, event: object = None) -> None:
        """Many changes in one turn of the event loop need one refresh."""
        if not self._refresh_waits:
            self._refresh_waits = True
            self._main_thread.post(self._refresh)

    def _refresh(self) -> None:
        self._refresh_waits = False
        states = resolve(facts(self.desk))
        titles = {state.name: state.title for state in states}
        self.spine.show_states(states)
        for state in states:
            self.panels[state.name].show_state(state, titles.get(state.needs, ""))
        self.header.show_line(header(self.desk))
        self.header.show_notes(notes(self.desk))
        session = self.desk.session
        self.rail.set_states(tuple(session.sections) if session else (), self.desk.doubts)
        self._fit_width()

    def _fit_width(self) -> None:
        """Wide enough for the widest stage, also with a larger font: nothing may be cut at the edge."""
        stages = (page for page in self.pages.placed if isinstance(page, StagePanel))
        needed = max((page.minimumSizeHint().width() for page in stages), default=0)
        needed += self.stage_area.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(max(WIDTH - 8, min(needed, _WIDEST)))

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Another font or theme needs other room."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange) and hasattr(self, "stage_area"):
            self._refresh_soon()

    def _on_session(self) -> None:
        if self.desk.session is not None:
            keys.bind_layer(self.desk)
        for stage, panel in self.panels.items():
            if stage not in self.desk.sayings:
                panel.say_hint()

    def _on_section(self, section: int) -> None:
        self.rail.set_current(section)
        self._refresh_soon()

    def _on_said(self, stage: str, saying: Saying) -> None:
        """Keys work in every stage: what another one has to say is seen in the open panel too."""
        self.panels[stage].show_saying(saying)
        if stage != self.desk.stage and saying.text:
            self.panels[self.desk.stage].show_saying(saying)

    def _on_amended(self, stage: str, before: Saying, _after: Saying) -> None:
        for panel in {self.panels[stage], self.panels[self.desk.stage]}:
            if panel.says.saying == before:
                panel.show_own_saying()

    def _on_worked(self, stage: str, work: Work | None) -> None:
        panel = self.panels[stage]
        self._tell_elsewhere(stage, work)
        if work is None:
            panel.progress.finish()
        else:
            panel.progress.show_progress(work.fraction, work.message, work.remaining_s)

    def _tell_elsewhere(self, stage: str, work: Work | None) -> None:
        """Keys begin work of any stage: the open panel says so, as the bar is in another one."""
        if stage == self.desk.stage:
            return
        panel = self.panels[self.desk.stage]
        if work is None:
            if panel.says.saying == self._elsewhere:
                panel.show_own_saying()
        elif work.fraction < 0:
            title = next(title for name, _, title in STAGES if name == stage)
            saying = Saying(f"{title}: {work.message} ...", "busy", "Show", f"stage:{stage}")
            if saying != self._elsewhere:
                self._elsewhere = saying
                panel.show_saying(saying)

    def _on_opened(self, stage: str) -> None:
        panel = self.panels[stage]
        panel.show_own_saying()
        self.spine.show_open(stage)
        self.pages.show_page(panel)
        self.stage_area.verticalScrollBar().setValue(0)
        self._refresh_soon()  # some panels look things up only when they are seen, and know only then how wide they are

    def _on_asked(self, question: str) -> None:
        if question == "keys":
            self._toggle(self.key_sheet)
        elif question == "history":
            self._toggle(self.history_page)
        elif question == "conflicts":
            self._toggle(self.conflicts_page)
        elif question == "find":
            self._toggle(self.find_page)
            if self.pages.current is self.find_page:
                self.find_page.begin()
        elif question == "branches":
            self._show_branches()
        elif question == "tidy":
            self._toggle(self.tidy_page)
        elif question == "next":
            self.pages.show_page(self.next_page)
            self._come_forward()
        elif question == "stage":
            self._on_escape()

    def _show_branches(self) -> None:
        """The tree of the object that is meant; asked again for the same one, the stage again."""
        meant = branching.object_meant(self.desk)
        shown = self.pages.current is self.branch_page
        if not shown or meant == self.branch_page.object_id or self._is_behind():
            self._toggle(self.branch_page)
        if self.pages.current is self.branch_page and not (shown and meant == self.branch_page.object_id):
            self.branch_page.begin(meant)

    def _leave_page(self, page: QWidget) -> None:
        """Back to the open stage, and the keys to the canvas."""
        if self.pages.current is page:
            self._on_escape()

    def _on_escape(self) -> None:
        """From a page to the open stage; keys go to the canvas."""
        self.pages.show_page(self.panels[self.desk.stage])
        self._to_canvas()

    def _is_behind(self) -> bool:
        """Whether another tab hides the dock."""
        return self.visibleRegion().isEmpty()

    def _toggle(self, page: QWidget) -> None:
        """Show a page in place of the open stage, or the stage again. A dock behind another tab comes to the front."""
        shown = self.pages.current is page and not self._is_behind()
        self.pages.show_page(self.panels[self.desk.stage] if shown else page)
        self._come_forward()

    def _come_forward(self) -> None:
        holder = self.parent()
        if isinstance(holder, QDockWidget):
            holder.show()
            holder.raise_()

    def _on_rail_picked(self, section: int) -> None:
        from napari_emseg.ui.view import go_to_section

        if self.desk.layers is not None:
            go_to_section(self.desk.viewer, self.desk.layers.image, section)

    def _on_theme(self, event: object = None) -> None:
        look = look_of(self.desk.viewer.theme)
        sheet = style_sheet(look)
        self.setStyleSheet(sheet)
        self.rail.set_look(look)
        self.header.set_look(look)
        self.history_page.set_look(look)
        self.conflicts_page.set_look(look)
        self.find_page.set_look(look)
        self.branch_page.set_look(look)
        self.tidy_page.set_look(look)
        self.next_page.set_look(look)
        for panel in self.panels.values():
            panel.set_look(look)

    # ------------------------------------------------------------------ layers that others open

    def _on_layer_inserted(self, event: Any) -> None:
        self._refresh_soon()
        self._tell_unfit(event.value)
        other_stack.tell(self.desk, event.value)
        self._adopt_soon()

    def _adopt_soon(self) -> None:
        if self.desk.session is None:
            self._main_thread.post(self._adopt)

    def _tell_unfit(self, layer: Any) -> None:
        """What is dropped into the window and is no stack is answered, too."""
        why = "" if self.desk.session is not None or not hasattr(layer, "rgb") else as_stack.unfit(layer)
        if why:
            self.desk.say("data", why, tone="error")

    def _adopt(self) -> None:
        """Work at once on a stack that came through our own readers and samples."""
        if self.desk.session is None and not self.desk.work:
            found = as_stack.ours(self.desk)
            if found is not None:
                opening.adopt_or_say(self.desk, found)


def _leave(desk: Desk, executor: ThreadPoolExecutor, rail_dock: Any, window_stays: bool) -> None:
    """End what outlives the widgets. They may be gone already, so nothing may reach them any more."""
    for signal in desk.signals():
        signal.disconnect()
    keys.unbind(desk.viewer)
    with suppress(RuntimeError):  # the interpreter is going away, and the worker ends with it
        desk.close(remove_layers=window_stays)
    executor.shutdown(wait=False, cancel_futures=True)
    if window_stays:
        with suppress(LookupError, RuntimeError):  # done before
            desk.viewer.window.remove_dock_widget(rail_dock)
