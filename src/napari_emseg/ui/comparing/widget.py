"""Compare two segmentations: scores, a table of objects, and the errors as a layer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QEvent, QModelIndex, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.io.packed import PackedStack
from napari_emseg.ui.comparing.legend import Legend
from napari_emseg.ui.comparing.table import ROW_ROLE, ErrorFilter, ErrorModel, about
from napari_emseg.ui.comparing.words import score_lines
from napari_emseg.ui.flows import comparing
from napari_emseg.ui.main_thread import MainThread
from napari_emseg.ui.panels.base import faint, heading, row
from napari_emseg.ui.progress_line import ProgressLine
from napari_emseg.ui.runner import Handlers, Runner, Work
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine
from napari_emseg.ui.style import look_of, style_sheet
from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer
    from napari.layers import Labels

    from napari_emseg.algorithms.metrics.object_errors import ObjectErrors
    from napari_emseg.jobs.compare import Comparison

_KEY = "comparison"
_JOB = "napari_emseg.jobs.compare:run"
_WIDE = 760  # pixels from which the table stands beside the form
_FORM = 372
_TABLE_HEIGHT = 150
_HINT = "Choose what is true and what is to be judged, then compare. Both may be layers or files."


def _own_engine() -> Any:
    from napari_emseg.ui.dock import make_engine

    return make_engine()


class CompareSegmentations(QWidget):
    """A form, what came out, and a table that leads to every error.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Injected by napari by the name of the parameter.
    engine : callable, optional
        Gives the engine of the main dock; without one, an engine is started when it is first needed.
    """

    def __init__(self, napari_viewer: Viewer, *, engine: Callable[[], Any] | None = None) -> None:
        super().__init__()
        self.setObjectName("emseg")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumWidth(340)
        self.viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self._engine_of_dock = engine
        self._own: list[Any] = []
        self._main_thread = MainThread(self)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="comparison")
        self.runner = Runner(self._main_thread.post, self._executor)
        self.compared: tuple[Labels, Labels] | None = None
        self.errors: Labels | None = None
        self.result: Comparison | None = None
        self._seen: tuple[ObjectErrors | None, int] = (None, 0)
        self._docked = False
        self._build()
        self._connect()
        self._fill_layers()
        self._on_theme()
        self._leave = partial(_leave, self.runner, self._executor, self._own, self._listeners())
        self.destroyed.connect(self._leave)

    # ------------------------------------------------------------------ building

    def _build(self) -> None:
        self.truth, self.other = QComboBox(), QComboBox()
        for name, combo in (("truth", self.truth), ("other", self.other)):
            combo.setObjectName(name)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(6)
        self.truth.setToolTip("What is right. Voxels of its id 0 are not scored")
        self.other.setToolTip("What is judged")
        self.truth_file, self.other_file = QPushButton("File ..."), QPushButton("File ...")
        for name, button in (("truth_file", self.truth_file), ("other_file", self.other_file)):
            button.setObjectName(name)
            button.setProperty("role", "tool")
            button.setToolTip("Open a segmentation of a file; it is read section by section")
        self.first, self.last = QSpinBox(), QSpinBox()
        self.first.setObjectName("first_section")
        self.last.setObjectName("last_section")
        self.sections_words = faint()
        self.on_screen = QCheckBox("Only what is on the screen")
        self.on_screen.setObjectName("on_screen")
        self.on_screen.setToolTip("The part of every section that the canvas shows now")
        self.border = QDoubleSpinBox()
        self.border.setObjectName("border_nm")
        self.border.setRange(0, 1000)
        self.border.setDecimals(0)
        self.border.setSuffix(" nm")
        self.border.setToolTip("True borders are not scored up to this far: people draw them differently")
        self.button = QPushButton("Compare")
        self.button.setObjectName("do_compare")
        self.button.setProperty("role", "primary")
        self.progress = ProgressLine()
        self.says = SpeakingLine()
        self.scores = QWidget()
        self.score_grid = QGridLayout(self.scores)
        self.score_grid.setContentsMargins(0, 0, 0, 0)
        self.score_grid.setVerticalSpacing(2)
        self.score_grid.setHorizontalSpacing(8)
        self.legend = Legend()
        self.model = ErrorModel(self)
        self.shown = ErrorFilter(self)
        self.shown.setSourceModel(self.model)
        self.table = QTableView()
        self.table.setObjectName("errors")
        self.table.setModel(self.shown)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(4, Qt.SortOrder.DescendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(22)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(36)
        self.table.setMinimumHeight(_TABLE_HEIGHT)
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.with_right = QCheckBox("Objects without errors too")
        self.with_right.setObjectName("with_right")
        self.save = QPushButton("Save the table ...")
        self.save.setObjectName("save_table")
        self.save.setToolTip("As comma-separated values, all objects, with their places")
        self._lay_out()

    def _lay_out(self) -> None:
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        column.addWidget(heading("Compare two segmentations"))
        for spin in (self.first, self.last):
            spin.setMinimumWidth(60)
        for words, combo, file in (
            ("Truth", self.truth, self.truth_file),
            ("Other", self.other, self.other_file),
        ):
            line = row(QLabel(words), combo, file, equal=False)
            line.setStretch(1, 1)
            column.addLayout(line)
        line = row(QLabel("Sections"), self.first, QLabel("to"), self.last, self.sections_words, equal=False)
        line.setStretch(4, 1)
        column.addLayout(line)
        column.addWidget(self.on_screen)
        line = row(QLabel("Leave out true borders up to"), self.border, equal=False)
        line.setStretch(0, 1)
        column.addLayout(line)
        column.addWidget(self.button)
        column.addWidget(self.progress)
        column.addWidget(self.says)
        column.addWidget(self.scores)
        self.form = _scrolling(form)
        self.results = QWidget()
        right = QVBoxLayout(self.results)
        right.setContentsMargins(12, 4, 12, 8)
        right.setSpacing(6)
        right.addWidget(self.legend)
        right.addWidget(self.table, 1)
        right.addLayout(row(self.with_right, self.save, equal=False))
        self.layout_ = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self.layout_.setContentsMargins(0, 0, 0, 0)
        self.layout_.setSpacing(0)
        self.layout_.addWidget(self.form, 0)
        self.layout_.addWidget(self.results, 1)
        self._show_result(None)

    def _connect(self) -> None:
        self.truth_file.clicked.connect(lambda: self._on_file(self.truth))
        self.other_file.clicked.connect(lambda: self._on_file(self.other))
        self.truth.currentIndexChanged.connect(self._on_picked)
        self.button.clicked.connect(self.compare)
        self.progress.stopped.connect(lambda: self.runner.stop(_KEY))
        self.legend.changed.connect(self._on_filter)
        self.with_right.toggled.connect(self._on_filter)
        self.table.clicked.connect(self._on_row)
        self.table.activated.connect(self._on_row)
        self.save.clicked.connect(self._on_save)
        for emitter, callback in self._listeners():
            emitter.connect(callback)

    def _listeners(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        viewer = self.viewer
        return (
            (viewer.layers.events.inserted, self._fill_layers),
            (viewer.layers.events.removed, self._fill_layers),
            (viewer.events.theme, self._on_theme),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """The table beside the form where there is room, below it where not."""
        super().resizeEvent(event)
        wide = self.width() >= _WIDE
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self.layout_.direction() != direction:
            self.layout_.setDirection(direction)
        self.form.setMaximumWidth(_FORM if wide else 16_777_215)
        self._fit_form()

    def _fit_form(self) -> None:
        """The form is as high as what it holds, as long as the table keeps some lines."""
        inside = self.form.widget()
        if self.layout_.direction() == QBoxLayout.Direction.LeftToRight:
            self.form.setMinimumHeight(0)
            self.form.setMaximumHeight(16_777_215)
            return
        wanted = (
            inside.heightForWidth(self.width()) if inside.hasHeightForWidth() else inside.sizeHint().height()
        )
        room = self.height() - (
            self.results.minimumSizeHint().height() if self.results.isVisibleTo(self) else 0
        )
        self.form.setFixedHeight(max(120, min(wanted, room)))

    # ------------------------------------------------------------------ what is compared

    def _fill_layers(self, event: object = None) -> None:
        """Offer the label layers of the viewer; what is picked stays picked."""
        layers = comparing.candidates(self.viewer)
        for combo, place in ((self.truth, -1), (self.other, 0)):
            picked = combo.currentData()
            combo.blockSignals(True)
            combo.clear()
            for layer in layers:
                combo.addItem(layer.name, layer)
            found = [n for n, layer in enumerate(layers) if layer is picked]
            combo.setCurrentIndex(found[0] if found else place % max(len(layers), 1) if layers else -1)
            combo.blockSignals(False)
        self._on_picked()
        if self.errors is not None and self.errors not in self.viewer.layers:
            self.errors = None

    def _on_picked(self, *_: object) -> None:
        layer = self.truth.currentData()
        n = 0 if layer is None else int(comparing.data_of(layer).shape[0])
        for spin, value in ((self.first, 0), (self.last, n - 1)):
            if spin.maximum() != max(n - 1, 0):
                spin.setRange(0, max(n - 1, 0))
                spin.setValue(max(value, 0))
        self.sections_words.setText(f"of {n}" if n else "")
        self.button.setEnabled(n > 0 and not self.runner.is_running(_KEY))
        if self.result is None and not self.runner.is_running(_KEY):
            self.says.say(Saying(_HINT if n else "Open a segmentation first: a layer of labels, or a file."))
        border_known = layer is not None and comparing.spacing_of(layer) is not None
        self.border.setEnabled(border_known)
        if not border_known:
            self.border.setValue(0)

    def _on_file(self, combo: QComboBox) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "A segmentation")
        if not path:
            return
        try:
            layer = comparing.open_file(self.viewer, path)
        except EmsegError as error:
            self._fail(error)
            return
        combo.setCurrentIndex(combo.findData(layer))

    def _region(self, layer: Labels) -> Region:
        shape = comparing.data_of(layer).shape
        first, last = sorted((self.first.value(), self.last.value()))
        (y0, x0), (y1, x1) = (0, 0), (int(shape[1]), int(shape[2]))
        if self.on_screen.isChecked():
            seen = visible_region(self.viewer, layer)
            (_, y0, x0), (_, y1, x1) = seen.start, seen.stop
        return Region((first, y0, x0), (last + 1, y1, x1))

    def compare(self) -> None:
        """Compare what is picked, in a worker; the error map fills while it is drawn."""
        truth, other = self.truth.currentData(), self.other.currentData()
        try:
            if truth is None or other is None:
                raise EmsegError("there is no segmentation", "this window", "open two")
            region = self._region(truth)
            number = self.runner.generation(_KEY) + 1
            prepare = comparing.request_of(
                truth, other, region, self.border.value(), lambda: self.runner.generation(_KEY) == number
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

    def _end(self) -> None:
        self.progress.finish()
        self.button.setEnabled(self.truth.count() > 0)

    def _on_done(self, result: Comparison) -> None:
        self._end()
        if self.errors is not None and self.errors in self.viewer.layers:
            self.errors.refresh(extent=False)
        self._show_result(result)
        wrong = sum(r.error != "right" for r in result.rows if r.object_id)
        objects = sum(bool(r.object_id) for r in result.rows)
        text = f"{wrong} of {objects} objects have an error. Click one to go there."
        self.says.say(Saying(text if wrong else f"All {objects} objects are right.", tone="done"))

    def _on_failed(self, error: EmsegError) -> None:
        self._end()
        self._fail(error)

    def _on_stopped(self) -> None:
        self._end()
        self.says.say(Saying("Stopped. The sections that were drawn stay."))

    def _fail(self, error: EmsegError) -> None:
        text = str(error)
        self.says.say(Saying(f"{text[:1].upper()}{text[1:]}.", tone="error"))
        self._fit_form()

    def _show_result(self, result: Comparison | None) -> None:
        self.result = result
        while (item := self.score_grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        rows = () if result is None else result.rows
        if result is not None:
            for line, score in enumerate(score_lines(result.scores)):
                title, value, meaning = QLabel(score.title), QLabel(score.value), faint(score.meaning)
                value.setProperty("role", "heading")
                value.setObjectName(f"score_{line}")
                meaning.setWordWrap(False)
                for label in (title, value, meaning):
                    label.setToolTip(score.more)
                self.score_grid.addWidget(title, line, 0, Qt.AlignmentFlag.AlignTop)
                self.score_grid.addWidget(
                    value, line, 1, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight
                )
                self.score_grid.addWidget(meaning, line, 2)
            self.score_grid.setColumnStretch(2, 1)
        self.model.show_rows(rows, self._voxel_nm3())
        self.legend.count(rows)
        self._seen = (None, 0)
        self.scores.setVisible(result is not None)
        self.results.setVisible(result is not None)
        self._fit_form()

    def _voxel_nm3(self) -> float | None:
        if self.compared is None:
            return None
        spacing = comparing.spacing_of(self.compared[0]) or comparing.spacing_of(self.compared[1])
        return None if spacing is None else float(np.prod(spacing))

    # ------------------------------------------------------------------ the table

    def _on_filter(self, *_: object) -> None:
        self.shown.show_kinds(self.legend.kinds, with_right=self.with_right.isChecked())

    def _on_row(self, index: QModelIndex) -> None:
        """Go to an error; a second click on the same row goes to the other one that it has."""
        found: ObjectErrors | None = index.data(ROW_ROLE)
        if found is None or self.compared is None:
            return
        places = [place for place in (found.place, found.other_place) if place is not None]
        self.says.say(Saying(about(found)))
        if not places:
            return
        last, times = self._seen
        times = times + 1 if last is found else 0
        self._seen = (found, times)
        truth, other = self.compared
        if truth not in self.viewer.layers or other not in self.viewer.layers:
            self.says.say(
                Saying("A layer that was compared is gone. Open it and compare again.", tone="error")
            )
            return
        comparing.go_there(self.viewer, truth, other, found, places[times % len(places)])

    def _on_save(self) -> None:
        if self.result is None:
            return
        start = "errors.csv" if self.compared is None else f"{self.compared[1].name}-errors.csv"
        path, _ = QFileDialog.getSaveFileName(self, "Save the table", start, "Comma-separated values (*.csv)")
        if path:
            self.save_table(path if path.lower().endswith(".csv") else f"{path}.csv")

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
            Saying(f"{Path(path).name}: {len(rows)} rows. It is in {Path(path).parent}.", tone="done")
        )

    # ------------------------------------------------------------------ looks, and going away

    def _on_theme(self, event: object = None) -> None:
        look = look_of(self.viewer.theme)
        self.setStyleSheet(style_sheet(look) + table_style(look))
        self.says.set_look(look)
        self.progress.bar.set_look(look)

    def event(self, event: QEvent) -> bool:
        """Let go of everything when napari takes the widget out of its dock."""
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is not None:
                self._docked = True
            elif self._docked:
                self._docked = False
                self._main_thread.post(self.shut_down)
        return bool(super().event(event))

    def shut_down(self) -> None:
        """Stop, and take the drawn layers away; the widget is not used afterwards."""
        with suppress(TypeError, RuntimeError):  # done already
            self.destroyed.disconnect(self._leave)
        self._leave()
        with suppress(Exception):  # the window may be going away with its layers
            comparing.hide(self.viewer)


def table_style(look: Any) -> str:
    """Style sheet of the table, which the main dock has none of."""
    return f"""
    QTableView {{ background: {look.raised}; border: 1px solid {look.line}; border-radius: 3px; color: {look.text};
        selection-background-color: {look.accent}; selection-color: {look.on_accent}; }}
    QHeaderView::section {{ background: {look.ground}; color: {look.faint}; border: none; padding: 3px 6px; }}
    """


def _scrolling(widget: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setObjectName("stageArea")
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    widget.setProperty("emsegPanel", True)
    return area


def _leave(
    runner: Runner,
    executor: ThreadPoolExecutor,
    engines: list[Any],
    listeners: tuple[tuple[Any, Callable[..., None]], ...],
    *_: object,
) -> None:
    """End what outlives the widget."""
    for emitter, callback in listeners:
        with suppress(ValueError, RuntimeError):  # disconnected already
            emitter.disconnect(callback)
    runner.close()
    executor.shutdown(wait=False, cancel_futures=True)
    while engines:
        engines.pop().close()
