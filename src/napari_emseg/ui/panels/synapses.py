"""Synapses: found by the machine, looked at by people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractSpinBox, QCheckBox, QLabel, QSpinBox, QVBoxLayout, QWidget

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.flows import synapse_queue, synapses
from napari_emseg.ui.fold import Fold
from napari_emseg.ui.forms import LABEL_WIDTH
from napari_emseg.ui.panels.base import StagePanel, action_button, row, set_words
from napari_emseg.ui.saving import ask_name
from napari_emseg.ui.synapses.table import SynapseTable

if TYPE_CHECKING:
    from collections.abc import Hashable

    from napari_emseg.core.answers import Sites
    from napari_emseg.jobs.kept_synapses import Row

_SHARE = 20  # of the free height goes to the table, 1 to what is below everything
_NOT_HERE = ("signed_threshold",)  # for maps of sides, which the window does not make

_ANSWERS = {"synapse_right": "Right", "synapse_wrong": "No pair", "turn_synapse": "Turn round"}
_COLOURS = (
    "Orange is presynaptic, blue postsynaptic, grey has no direction; rings lie in a section beside this one. "
    "Of more than 1000 pairs 3D shows those near the section, or near the chosen pair"
)


class SynapsesPanel(StagePanel):
    """A few settings, the list of pairs, and four keys to go through it."""

    stage = "synapses"
    primary = "find_synapses"

    def build(self) -> None:
        """The settings and the sections, folded once there is a list."""
        self.form = self.settings_form("synapses", hidden=_NOT_HERE)
        self.first, self.last = QSpinBox(), QSpinBox()
        for box, name in ((self.first, "synapses_first"), (self.last, "synapses_last")):
            box.setObjectName(name)
            box.setKeyboardTracking(False)
            box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
            box.setAlignment(Qt.AlignmentFlag.AlignRight)
            box.valueChanged.connect(self._on_span)
        label = QLabel("Sections")
        label.setFixedWidth(LABEL_WIDTH)
        label.setToolTip("Those that are searched; what was found in others stays")
        label.setBuddy(self.first)
        span = row(label, self.first, QLabel("to"), self.last, equal=False)
        span.setStretch(1, 1)
        span.setStretch(3, 1)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(span)
        column.addWidget(self.form)
        self.fold = Fold(inner, "What counts as a synapse", name="synapse_settings")
        self.fold.open()
        self.body.addWidget(self.fold)
        self.desk.asked.connect(self._on_asked)
        self.desk.session_changed.connect(self._on_session)

    def after_button(self) -> None:
        """The list, the answers, and where it all goes."""
        self.table = SynapseTable()
        self.table.picked.connect(self._on_picked)
        self.column.addWidget(self.table, _SHARE)
        self.answers = [action_button(self.desk, name, text=words) for name, words in _ANSWERS.items()]
        self.previous = action_button(self.desk, "previous_synapse")
        self.next = action_button(self.desk, "next_synapse")
        self.sites = action_button(self.desk, "save_synapse_sites")
        self.save = action_button(self.desk, "save_synapse_table")
        self.shown = QCheckBox("Show in the stack")
        self.shown.setObjectName("show_synapses")
        self.shown.setToolTip(_COLOURS)
        self.shown.setChecked(True)
        self.shown.toggled.connect(self._on_shown)
        for button in (*self.answers, self.sites, self.save):
            button.setProperty("role", "tool")
        self.column.addLayout(row(*self.answers, equal=False))
        self.column.addLayout(row(self.previous, self.next))
        last = row(self.shown, self.sites, self.save, equal=False)
        last.setSpacing(3)  # the widest line of all stages
        self.column.addLayout(last)
        self._version = -1
        self._held: object = None
        self._selected: object = None
        self.refresh()

    def hint(self) -> str:
        """Before anything was found."""
        return "Clefts are predicted, the cells at each are judged, and you look at the least sure."

    def refresh(self) -> None:
        """Follow what is held; the list is only looked up while it is seen."""
        desk, held = self.desk, self.desk.synapses
        there = desk.session is not None and bool(held.n_pairs)
        working = self.stage in desk.work
        words = "Find synapses anew" if held.found else "Find synapses"
        set_words(self.button, self.primary, words)
        for widget in (self.table, self.shown, self.previous, self.next, *self.answers):
            widget.setVisible(there)
        for widget in (self.sites, self.save):
            widget.setVisible(desk.session is not None and bool(held.found))
            widget.setEnabled(not working)
        for button in self.answers:
            button.setEnabled(held.chosen is not None)
        if self._held is not held:
            self._held, self._version = held, -1
            self.fold.open(not there)
        if there and desk.stage == self.stage and self._version != held.version:
            if self._version == -1:
                self.fold.open(False)
            self._show_rows()
        if there and desk.stage == self.stage and self._selected != (held.chosen,):
            self._selected = (held.chosen,)
            self.table.select(held.chosen)

    def _show_rows(self) -> None:
        """Follow the rows, each by itself where it is known which are other ones; many are looked up beside the window."""
        held = self.desk.synapses
        rows = synapse_queue.rows_soon(self.desk)
        if rows is None:
            return
        changed, self._version = held.changed_since(self._version), held.version
        now: dict[Hashable, Row] | None = (
            None if changed is None else {one: rows[held.place_of(one) or 0] for one in changed}
        )
        if now is None or not self.table.change_rows(now):
            self.table.show_rows(rows)
            self._selected = None

    def _on_session(self) -> None:
        session = self.desk.session
        if session is None:
            return
        top = session.volume.shape[0] - 1
        for box, value in ((self.first, 0), (self.last, top)):
            box.blockSignals(True)
            box.setRange(0, top)
            box.setValue(value)
            box.blockSignals(False)
        self.shown.setChecked(self.desk.synapses.are_shown)

    def _on_span(self) -> None:
        low, high = sorted((self.first.value(), self.last.value()))
        self.desk.synapses.span = low, high

    def _on_shown(self, is_on: bool) -> None:
        if self.desk.session is not None:
            synapse_queue.turn_on(self.desk, is_on)

    def _on_picked(self, sites: Sites) -> None:
        try:
            synapse_queue.look_at(self.desk, sites)
        except EmsegError as error:
            self.desk.fail(self.stage, error)

    def _on_asked(self, question: str) -> None:
        if question not in ("synapse_table", "synapse_sites") or self.desk.session is None:
            return
        folder = self.desk.session.project.folder
        title, suffix, words = (
            ("Save the table", ".csv", "Comma-separated values (*.csv)")
            if question == "synapse_table"
            else ("Save sites and partners", ".hdf", "CREMI (*.hdf)")
        )
        start = str(folder.with_name(f"{folder.stem}-synapses{suffix}"))
        path = ask_name(self, title, start, words, suffix)
        if not path:
            return
        try:
            synapses.export(self.desk, path)
        except EmsegError as error:
            self.desk.fail(self.stage, error)
