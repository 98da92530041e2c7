"""Numbers about objects: calibre, contact area, volume."""

from __future__ import annotations

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.flows import measuring
from napari_emseg.ui.fold import Fold
from napari_emseg.ui.measuring.table import MeasureTable
from napari_emseg.ui.panels.base import StagePanel, action_button, faint, row
from napari_emseg.ui.saving import ask_name

_SHARE = 20  # of the free height goes to the table, 1 to what is below everything


class MeasurePanel(StagePanel):
    """A few settings, all objects or the one that is picked, and a table that leads to each."""

    stage = "measure"
    primary = "measure"

    def build(self) -> None:
        """The settings."""
        self.form = self.settings_form("measure")
        self.fold = Fold(self.form, "What is measured", name="measure_settings")
        self.fold.open()
        self.body.addWidget(self.fold)
        self.desk.asked.connect(self._on_asked)
        self.desk.session_changed.connect(self._on_session)
        self.desk.settings_changed.connect(self._on_settings)

    def after_button(self) -> None:
        """What else can be done, and the table."""
        self.one = action_button(self.desk, "measure_object")
        self.old = faint()
        self.table = MeasureTable()
        self.table.picked.connect(self._on_picked)
        self.save = action_button(self.desk, "save_measurements")
        self.report = action_button(self.desk, "save_measure_report")
        self.column.addWidget(self.old)
        self.column.addWidget(self.table, _SHARE)
        self.column.addLayout(row(self.one, self.save, self.report, equal=False))
        self._shown: object = None
        self.refresh()

    def hint(self) -> str:
        """Before anything was measured."""
        return "Calibre across the axis of every object, contact areas and volumes, in nm, µm² and µm³."

    def refresh(self) -> None:
        """Follow the measurement on the desk and the picked object."""
        found = self.desk.measurement
        if found is not self._shown:
            self._shown = found
            self.table.show_rows(() if found is None else found.objects)
            self.fold.open(found is None)  # the table needs the room
        for widget in (self.table, self.save, self.report):
            widget.setVisible(found is not None)
            widget.setEnabled("measure" not in self.desk.work)
        self._say_if_old()
        self._name_object()

    def _out_of_date(self) -> str:
        """Why the numbers are not what measuring would give now; empty where they are."""
        found = self.desk.measured
        if found is None or self.desk.session is None:
            return ""
        why = measuring.why_old(self.desk)
        if not why and self.desk.settings("measure") != found.survey.settings:
            why = "what is measured has changed"
        return f"Measured on {found.day}; {why} since. Measure again to have true numbers." if why else ""

    def _on_settings(self, stage: str) -> None:
        if stage == self.stage:
            self._say_if_old()

    def _say_if_old(self) -> None:
        self.old.setText(self._out_of_date())
        self.old.setVisible(bool(self.old.text()))

    def _on_session(self) -> None:
        if self.desk.layers is not None:
            self.desk.layers.labels.events.selected_label.connect(lambda _event: self._name_object())

    def _name_object(self) -> None:
        """The button says which object is picked."""
        layers = self.desk.layers
        picked = 0 if layers is None else int(layers.labels.selected_label)
        self.one.setText(f"Measure object {picked}" if picked else "Measure an object")
        self.one.setEnabled(self.button.isEnabled() and picked > 0)

    def _on_picked(self, object_id: int) -> None:
        try:
            measuring.go_to_object(self.desk, object_id)
        except EmsegError as error:
            self.desk.fail("measure", error)

    def _on_asked(self, question: str) -> None:
        if question not in ("measure_table", "measure_report") or self.desk.session is None:
            return
        folder = self.desk.session.project.folder
        is_table = question == "measure_table"
        start = str(folder.with_name(f"{folder.stem}-objects.csv" if is_table else f"{folder.stem}-measured"))
        title, words = (
            ("Save the tables", "Comma-separated values (*.csv)")
            if is_table
            else ("Save a report", "A new folder")
        )
        path = ask_name(self, title, start, words, ".csv" if is_table else "")
        if not path:
            return
        try:
            if is_table:
                measuring.save_tables(self.desk, path)
            else:
                measuring.save_report(self.desk, path)
        except EmsegError as error:
            self.desk.fail("measure", error)
