"""Give results away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QFormLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
)

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.flows import exporting
from napari_emseg.ui.forms import LABEL_WIDTH
from napari_emseg.ui.panels.base import StagePanel, action_button, faint, row
from napari_emseg.ui.saving import ask_name

if TYPE_CHECKING:
    from qtpy.QtGui import QShowEvent

_LINES = 110  # pixels: some lines of the paragraph; it scrolls


class ExportPanel(StagePanel):
    """What, in which format, and the methods paragraph to read before it is copied."""

    stage = "export"
    primary = "export"

    def build(self) -> None:
        """Two choices and the paragraph."""
        self.what = QComboBox()
        self.what.setObjectName("export_what")
        for name, result in exporting.RESULTS.items():
            self.what.addItem(result.title, name)
        self.what.currentIndexChanged.connect(self._on_what)
        self.format = QComboBox()
        self.format.setObjectName("export_format")
        for suffix, words in exporting.formats().items():
            self.format.addItem(words if words == suffix else f"{words} ({suffix})", suffix)
        for box in (self.what, self.format):  # the longest name must not make the dock wider
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(12)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        self.format_label = QLabel("Format")
        for label, widget in ((QLabel("What"), self.what), (self.format_label, self.format)):
            label.setFixedWidth(LABEL_WIDTH)
            form.addRow(label, widget)
        self.about = faint()
        self.text = QPlainTextEdit()
        self.text.setObjectName("methods")
        self.text.setReadOnly(True)
        self.text.setMinimumHeight(_LINES)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.copy = QPushButton("Copy the paragraph")
        self.copy.setObjectName("copy_methods")
        self.copy.clicked.connect(self._on_copy)
        self.body.addLayout(form)
        self.body.addWidget(self.about)
        self.desk.asked.connect(self._on_asked)

    def after_button(self) -> None:
        """The paragraph stands below what it goes with."""
        self.column.addLayout(row(self.copy))
        self.compare = action_button(self.desk, "compare")
        self.column.addWidget(self.compare)
        self.column.addWidget(self.text, 1)
        self._on_what()

    def hint(self) -> str:
        """Before anything was exported."""
        return "Every file says which model, settings and sections it comes from."

    def refresh(self) -> None:
        """Keep up with the project while the panel is open."""
        has = self.desk.session is not None
        for widget in (self.what, self.format, self.copy):
            widget.setEnabled(has)
        view, model = self.what.view(), self.what.model()
        for number in range(self.what.count()):
            offered = exporting.is_offered(self.desk, str(self.what.itemData(number)))
            if view is not None and hasattr(view, "setRowHidden"):
                view.setRowHidden(number, not offered)
            if isinstance(model, QStandardItemModel) and (item := model.item(number)) is not None:
                item.setEnabled(offered)  # keys and the wheel step over what cannot be chosen
            if not offered and number == self.what.currentIndex():
                self.what.setCurrentIndex(0)
        if self.isVisible():
            self._show_paragraph()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """The paragraph is written anew when somebody looks."""
        super().showEvent(event)
        self._show_paragraph()

    def chosen(self) -> str:
        """Key of what is to be exported."""
        return str(self.what.currentData())

    def _show_paragraph(self) -> None:
        from napari_emseg.jobs.methods import methods_text

        wanted = self.chosen() == "methods"
        self.text.setVisible(wanted)
        self.copy.setVisible(wanted)
        if not wanted:
            return
        text = methods_text(self.desk.session) if self.desk.session is not None else ""
        if text != self.text.toPlainText():
            self.text.setPlainText(text)

    def _on_what(self, *_: object) -> None:
        result = exporting.RESULTS[self.chosen()]
        for widget in (self.format, self.format_label):
            widget.setVisible(not result.suffix)
        self.about.setText(result.help[:1].upper() + result.help[1:] + ".")
        self._show_paragraph()

    def _on_copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text.toPlainText())
        self.desk.say("export", "The methods paragraph is on the clipboard.", tone="done")

    def _on_asked(self, question: str) -> None:
        if question != "export":
            return
        what = self.chosen()
        result = exporting.RESULTS[what]
        suffix = result.suffix or str(self.format.currentData())
        start = exporting.suggested_name(self.desk, what, suffix)
        words = (
            "A new folder of sections"
            if suffix == "/"
            else " ".join(f"*{one}" for one in (suffix, *result.also))
        )
        title = f"Export {self.what.currentText()[:1].lower()}{self.what.currentText()[1:]}"
        path = ask_name(self, title, start, words, suffix, also=result.also)
        if not path:
            return
        try:
            exporting.export(self.desk, what, path)
        except EmsegError as error:
            self.desk.fail("export", error)
