"""Compare two segmentations: scores, a table of objects, and the errors as a layer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted
from napari_emseg.io.packed import PackedStack
from napari_emseg.ui.bench import sentence
from napari_emseg.ui.comparing.error_list import ErrorList
from napari_emseg.ui.comparing.form import CompareForm
from napari_emseg.ui.comparing.scores import ScoreGrid
from napari_emseg.ui.comparing.table import about
from napari_emseg.ui.docked import Docked, put_beside, scrolling
from napari_emseg.ui.flows import comparing
from napari_emseg.ui.focus import give_back
from napari_emseg.ui.panels.base import heading
from napari_emseg.ui.progress_line import ProgressLine
from napari_emseg.ui.runner import Handlers, Runner, Work
from napari_emseg.ui.saving import ask_name
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine
from napari_emseg.ui.shown import forgive
from napari_emseg.ui.style import look_of, style_sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer
    from napari.layers import Labels

    from napari_emseg.algorithms.metrics.object_errors import ObjectErrors
    from napari_emseg.jobs.compare import Comparison

_KEY = "comparison"
_JOB = "napari_emseg.jobs.compare:run"
_SLACK = 4  # pixels that style sheets add here and there
_SECOND = "There is one segmentation here. Open the one to compare it with: File, or drop it into the window."
_GONE = "A layer that was compared is gone. Open it and compare again."
_HINT = "Choose what is true and what is to be judged, then compare. Both may be layers or files."


def _own_engine() -> Any:
    from napari_emseg.ui.dock import make_engine

    return make_engine()


class CompareSegmentations(Docked):
    """A form, what came out, and a table that leads to every error.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Injected by napari by the name of the parameter.
    engine : callable, optional
        Gives the engine of the main dock; without one, an engine is started when it is first needed.
    """

    def __init__(self, napari_viewer: Viewer, *, engine: Callable[[], Any] | None = None) -> None:
        super().__init__(napari_viewer)
        self.setMinimumWidth(340)
        self._engine_of_dock = engine
        self._own: list[Any] = []
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="comparison")
        self.runner = Runner(self._main_thread.post, executor)
        self.compared: tuple[Labels, Labels] | None = None
        self.errors: Labels | None = None
        self.result: Comparison | None = None
        self._seen: tuple[ObjectErrors | None, int] = (None, 0)
        self._build()
        self._connect()
        self._fill_layers()
        self._on_theme()
        self.at_end(partial(_leave, self.viewer, self.runner, executor, self._own))

    # ------------------------------------------------------------------ building

    def _build(self) -> None:
        self.form = CompareForm(self.viewer)
        self.button = QPushButton("Compare")
        self.button.setObjectName("do_compare")
        self.button.setProperty("role", "primary")
        self.progress = ProgressLine()
        self.says = SpeakingLine()
        self.scores = ScoreGrid()
        self.list = ErrorList()
        self._lay_out()

    def _lay_out(self) -> None:
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        column.addWidget(heading("Compare two segmentations"))
        column.addWidget(self.form)
        column.addWidget(self.button)
        column.addWidget(self.progress)
        column.addWidget(self.says)
        column.addWidget(self.scores)
        self.upper = scrolling(upper)
        self.layout_ = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self.layout_.setContentsMargins(0, 0, 0, 0)
        self.layout_.setSpacing(0)
        self.layout_.addWidget(self.upper, 0)
        self.layout_.addWidget(self.list, 1)
        self.layout_.addStretch(0)  # while there is no list the form stands at the top
        self._show_result(None)
        give_back(self, self._to_canvas, self._canvas)

    def _connect(self) -> None:
        self.form.changed.connect(self._on_picked)
        self.form.failed.connect(self._fail)
        self.button.clicked.connect(self.compare)
        self.progress.stopped.connect(lambda: self.runner.stop(_KEY))
        self.progress.turned.connect(self._fit_form)
        self.list.picked.connect(self._on_row)
        self.list.save_asked.connect(self._on_save)
        layers = self.viewer.layers.events
        self.hear(
            (layers.inserted, self._fill_layers),
            (layers.removed, self._fill_layers),
            (self.viewer.events.theme, self._on_theme),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """The table beside the form where there is room, below it where not."""
        super().resizeEvent(event)
        put_beside(self.layout_, self.upper, self.width())
        self._fit_form()

    def _fit_form(self) -> None:
        """The form is as high as what it holds, as long as the table keeps some lines."""
        inside = self.upper.widget()
        inside.layout().activate()
        if self.layout_.direction() == QBoxLayout.Direction.LeftToRight:
            self.upper.setMinimumHeight(0)
            self.upper.setMaximumHeight(16_777_215)
            return
        # As if there were a scroll bar: words that then wrap would bring one about.
        width = self.width() - self.upper.verticalScrollBar().sizeHint().width() - _SLACK
        tall = inside.heightForWidth(width) if inside.hasHeightForWidth() else inside.sizeHint().height()
        wanted = tall + 2 * self.upper.frameWidth()
        room = self.height() - (self.list.minimumSizeHint().height() if self.list.isVisibleTo(self) else 0)
        self.upper.setFixedHeight(max(120, min(wanted, room)))
        self.layout_.activate()  # the list moves at once, not when the window has time

    # ------------------------------------------------------------------ what is compared

    def _fill_layers(self, event: object = None) -> None:
        """Offer the label layers of the viewer; what of them is on a disk may go away."""
        for layer in self.viewer.layers:
            forgive(layer, self._on_unreadable)
        self.form.fill()
        if self.errors is not None and self.errors not in self.viewer.layers:
            self.errors = None
        if self.compared is not None and self.compared[0] not in self.viewer.layers:
            self._main_thread.post(self._let_go)  # once napari has removed it

    def _let_go(self) -> None:
        """What was taken to be true is closed, and what was drawn over it goes; the table can still be saved."""
        if self.compared is None or self.compared[0] in self.viewer.layers:
            return
        name, self.compared = self.compared[0].name, None
        self.runner.stop(_KEY)
        comparing.hide(self.viewer)
        saved = "" if self.result is None else " The table can still be saved."
        self.says.say(Saying(f"“{name}” is closed, and the errors drawn over it with it.{saved}"))
        self._fit_form()

    def _on_picked(self) -> None:
        n, busy = self.form.n_sections, self.runner.is_running(_KEY)
        self.button.setEnabled(n > 0 and not busy)
        if self.result is None and not busy:
            self.says.say(Saying(self._hint()))

    def _hint(self) -> str:
        truth, other = self.form.truth.currentData(), self.form.other.currentData()
        if truth is None:
            return "Open a segmentation first: a layer of labels, or a file."
        return _SECOND if truth is other else _HINT

    def compare(self) -> None:
        """Compare what is picked, in a worker; the error map fills while it is drawn."""
        try:
            truth, other = self.form.pair()
            region = self.form.region()
            number = self.runner.generation(_KEY) + 1
            prepare = comparing.request_of(
                truth, other, region, self.form.border_nm(), lambda: self.runner.generation(_KEY) == number
            )
            engine = self._engine()
        except EmsegError as error:
            self._fail(error)
            return
        self.compared = truth, other
        self._show_result(None)
        z, y, x = (int(n) for n in comparing.data_of(truth).shape)
        errors = PackedStack((z, y, x), np.uint8)
        self.errors = comparing.add_error_map(self.viewer, truth, errors)

        def submit(request: Any, **callbacks: Any) -> Any:
            return engine.submit(_JOB, request, lane="background", **callbacks)

        handlers = Handlers(
            self._on_done, self._on_failed, self._on_stopped, self._on_progress, self._on_part
        )
        self._on_progress(Work(-1, "reading", None, {}))
        self.says.say(Saying(""))
        self.button.setEnabled(False)
        self.runner.submit_prepared(_KEY, prepare, submit, handlers)

    def _engine(self) -> Any:
        if self._engine_of_dock is not None:
            return self._engine_of_dock()
        from napari_emseg.ui.dock import EmsegDock

        for dock in self.viewer.window._qt_window.findChildren(EmsegDock):
            return dock.desk.engine
        if not self._own:
            self._own.append(_own_engine())
        return self._own[0]

    # ------------------------------------------------------------------ what comes back

    def _on_progress(self, work: Work) -> None:
        self.progress.show_progress(work.fraction, work.message, work.remaining_s)

    def _on_part(self, part: tuple[int, bytes]) -> None:
        """One more section of the error map."""
        if self.errors is None or self.errors not in self.viewer.layers:
            return
        z, raw = part
        self.errors.data.put_packed(z, raw)
        if z == round(float(self.errors.world_to_data(self.viewer.dims.point)[-3])):
            self.errors.refresh(extent=False)

    def _on_unreadable(self, layer: Any, error: EmsegError) -> None:
        self._main_thread.post(lambda: self._fail(error))  # when the view has been drawn

    def _end(self) -> None:
        self.progress.finish()
        self.button.setEnabled(self.form.n_sections > 0)

    def _on_done(self, result: Comparison) -> None:
        self._end()
        if self.errors is not None and self.errors in self.viewer.layers:
            self.errors.refresh(extent=False)
        self._show_result(result)
        wrong = sum(r.error != "right" for r in result.rows if r.object_id)
        objects = sum(bool(r.object_id) for r in result.rows)
        text = f"{wrong} of {objects} objects have an error. Click one to go there."
        said = Saying(text if wrong else f"All {objects} objects are right.", tone="done")
        if note := str(result.scores.get("note") or ""):
            said = Saying(f"{note[0].upper()}{note[1:]}.", tone="error")
        self.says.say(said)
        self._fit_form()

    def _on_failed(self, error: EmsegError) -> None:
        self._end()
        self._fail(error)

    def _on_stopped(self) -> None:
        self._end()
        if self.compared is not None:  # else it has been said why
            self.says.say(Saying("Stopped. The sections that were drawn stay."))

    def _fail(self, error: EmsegError) -> None:
        self.says.say(Saying(sentence(error), tone="error"))
        self._fit_form()

    def _show_result(self, result: Comparison | None) -> None:
        self.result = result
        rows = () if result is None else result.rows
        self.scores.show_scores(None if result is None else result.scores)
        self.list.show_rows(rows, self._voxel_nm3())
        self._seen = (None, 0)
        self.list.setVisible(result is not None)
        self._fit_form()
        QTimer.singleShot(0, self._fit_form)  # once the new lines have their heights

    def _voxel_nm3(self) -> float | None:
        if self.compared is None:
            return None
        spacing = comparing.spacing_of(self.compared[0]) or comparing.spacing_of(self.compared[1])
        return None if spacing is None else float(np.prod(spacing))

    # ------------------------------------------------------------------ the table

    def _on_row(self, found: ObjectErrors) -> None:
        """Go to an error; a second click on the same row goes to the other one that it has."""
        if self.compared is None:
            self.says.say(Saying(_GONE, tone="error"))
            return
        places = [place for place in (found.place, found.other_place) if place is not None]
        self.says.say(Saying(about(found)))
        QTimer.singleShot(0, self._fit_form)
        if not places:
            return
        last, times = self._seen
        times = times + 1 if last is found else 0
        self._seen = (found, times)
        truth, other = self.compared
        if truth not in self.viewer.layers or other not in self.viewer.layers:
            self.says.say(Saying(_GONE, tone="error"))
            return
        try:
            comparing.go_there(self.viewer, truth, other, found, places[times % len(places)])
        except EmsegError as error:
            self._fail(error)

    def _on_save(self) -> None:
        if self.result is None:
            return
        start = "errors.csv" if self.compared is None else f"{self.compared[1].name}-errors.csv"
        path = ask_name(self, "Save the table", start, "Comma-separated values (*.csv)", ".csv")
        if path:
            self.save_table(path)

    def save_table(self, path: str) -> None:
        """Write all objects with their errors and places."""
        from napari_emseg.jobs.evaluate_runs import write_object_errors

        rows = () if self.result is None else self.result.rows
        try:
            write_object_errors(Path(path), rows)
        except EmsegError as error:
            self._fail(error)
            return
        self.says.say(
            Saying(
                f"{Path(path).name}: {counted(len(rows), 'row')}. It is in {Path(path).parent}.", tone="done"
            )
        )

    # ------------------------------------------------------------------ looks

    def _on_theme(self, event: object = None) -> None:
        look = look_of(self.viewer.theme)
        self.setStyleSheet(style_sheet(look) + table_style(look))
        self.says.set_look(look)
        self.progress.bar.set_look(look)


def table_style(look: Any) -> str:
    """Style sheet of the table, which the main dock has none of."""
    return f"""
    QTableView {{ background: {look.raised}; border: 1px solid {look.line}; border-radius: 3px; color: {look.text};
        selection-background-color: {look.accent}; selection-color: {look.on_accent}; }}
    QHeaderView::section {{ background: {look.ground}; color: {look.faint}; border: none; padding: 3px 2px; }}
    """


def _leave(
    viewer: Viewer, runner: Runner, executor: ThreadPoolExecutor, engines: list[Any], window_stays: bool
) -> None:
    """Stop, and take the drawn layers away."""
    runner.close()
    executor.shutdown(wait=False, cancel_futures=True)
    while engines:
        engines.pop().close()
    if window_stays:
        comparing.hide(viewer)
