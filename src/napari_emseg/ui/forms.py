"""A form generated from a settings model: one row a field, rare ones folded under *More*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.ui.decimal_box import DecimalBox, WholeBox
from napari_emseg.ui.fields import FieldSpec, field_specs
from napari_emseg.ui.fold import Fold

if TYPE_CHECKING:
    from napari_emseg.settings import Settings

LABEL_WIDTH = 128


class SettingsForm(QWidget):
    """Editor of one frozen settings value.

    Parameters
    ----------
    value : Settings
        What is shown first; its class says which rows there are.
    hidden : tuple of str
        Fields that the panel shows elsewhere, or that this version cannot act on.
    more : str
        What is behind the fold of rare ones, where a panel has several.
    """

    changed = Signal(object)

    def __init__(
        self, value: Settings, *, hidden: tuple[str, ...] = (), more: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._value = value
        self._editors: dict[str, Editor] = {}
        specs = [spec for spec in field_specs(type(value)) if spec.name not in hidden]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._rows([s for s in specs if not s.more]))
        if rare := [s for s in specs if s.more]:
            layout.addWidget(self._fold(rare, more))
        self.set_value(value)

    @property
    def value(self) -> Settings:
        """The settings as they stand."""
        return self._value

    def editor(self, name: str) -> Editor:
        """The editor of one field."""
        return self._editors[name]

    def set_value(self, value: Settings) -> None:
        """Show other settings without announcing a change."""
        self._value = value
        for name, editor in self._editors.items():
            editor.set(getattr(value, name))

    def _rows(self, specs: list[FieldSpec]) -> QFormLayout:
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setHorizontalSpacing(8)
        rows.setVerticalSpacing(4)
        rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for spec in specs:
            editor = Editor(spec)
            editor.changed.connect(self._on_edited)
            self._editors[spec.name] = editor
            label = QLabel(spec.title)
            label.setFixedWidth(LABEL_WIDTH)
            label.setWordWrap(True)
            label.setToolTip(tooltip(spec))
            label.setBuddy(editor.focus_widget)
            rows.addRow(label, editor)
        return rows

    def _fold(self, specs: list[FieldSpec], title: str) -> QWidget:
        inner = QWidget()
        inner.setLayout(self._rows(specs))
        return Fold(inner, title or "More", less=title or "Less", name="more")

    def _on_edited(self, name: str, value: object) -> None:
        try:
            new = type(self._value).model_validate(self._value.model_dump() | {name: value})
        except ValidationError:  # the bounds of the editors make this rare: put the old value back
            self._editors[name].set(getattr(self._value, name))
            return
        if new != self._value:
            self._value = new
            self.changed.emit(new)


def tooltip(spec: FieldSpec) -> str:
    """Help of one row: what it does, its bounds with unit, and the field's exact name."""
    text = spec.help[:1].upper() + spec.help[1:]
    if spec.kind == "number" and spec.slider:
        unit, times = ("%", 100) if spec.percent else (spec.unit, 1)
        text += f"\nFrom {times * spec.low:g} to {times * spec.high:g} {unit}".rstrip()
    return f"{text}\nSetting: {spec.name}".strip()


class Editor(QWidget):
    """Widget of one field: slider with number, number, choice, switch or text."""

    changed = Signal(str, object)

    def __init__(self, spec: FieldSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self.slider: QSlider | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.focus_widget = self._build(row)
        self.setToolTip(tooltip(spec))
        self.focus_widget.setAccessibleName(spec.title)

    def _build(self, row: QHBoxLayout) -> QWidget:
        spec = self.spec
        if spec.kind == "switch":
            box = QCheckBox()
            box.toggled.connect(self._announce)
            row.addWidget(box)
            return box
        if spec.kind == "choice":
            combo = QComboBox()
            combo.addItems(spec.words)
            combo.currentIndexChanged.connect(lambda i: self._announce(spec.choices[i]))
            row.addWidget(combo)
            return combo
        if spec.kind == "text":
            line = QLineEdit()
            line.editingFinished.connect(lambda: self._announce(line.text()))
            row.addWidget(line)
            return line
        return self._number(row)

    def _number(self, row: QHBoxLayout) -> QWidget:
        spec = self.spec
        spin: QSpinBox | QDoubleSpinBox
        if spec.percent:
            spin = WholeBox()
            spin.setRange(round(100 * spec.low), round(100 * spec.high))
        elif spec.decimals:
            spin = DecimalBox()
            spin.setDecimals(spec.decimals)
            spin.setRange(spec.low, spec.high)
            spin.setSingleStep(spec.step)
        else:
            spin = WholeBox()
            spin.setRange(int(spec.low), min(int(spec.high), 2**31 - 1))
            spin.setSingleStep(int(spec.step))
        spin.setButtonSymbols(spin.ButtonSymbols.NoButtons)
        spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        if unit := "%" if spec.percent else spec.unit:
            spin.setSuffix(f" {unit}")
        if spec.zero and spec.low == 0:
            spin.setSpecialValueText(spec.zero)
        spin.valueChanged.connect(lambda value: self._announce(value / 100 if spec.percent else value))
        if spec.slider:
            self.slider = QSlider(Qt.Orientation.Horizontal)
            self.slider.setRange(0, round((spec.high - spec.low) / spec.step))
            self.slider.valueChanged.connect(lambda n: spin.setValue(self._from_slider(n)))
            spin.valueChanged.connect(self._follow)
            spin.setFixedWidth(84 if len(spec.unit) <= 3 else 104)
            row.addWidget(self.slider, 1)
        else:
            spin.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row.addWidget(spin)
        return spin

    def _from_slider(self, position: int) -> Any:
        value = self.spec.low + position * self.spec.step
        if self.spec.percent:
            return round(100 * value)
        return value if self.spec.decimals else round(value)

    def _follow(self, value: float) -> None:
        assert self.slider is not None
        share = value / 100 if self.spec.percent else value
        position = round((share - self.spec.low) / self.spec.step)
        if self.slider.value() != position:
            self.slider.blockSignals(True)
            self.slider.setValue(position)
            self.slider.blockSignals(False)

    def set(self, value: Any) -> None:
        """Show a value without announcing it."""
        widget = self.focus_widget
        value = round(100 * value) if self.spec.percent else value
        widget.blockSignals(True)
        if isinstance(widget, QCheckBox):
            widget.setChecked(bool(value))
        elif isinstance(widget, QComboBox):
            widget.setCurrentIndex(self.spec.choices.index(value))
        elif isinstance(widget, QLineEdit):
            widget.setText(str(value))
        elif isinstance(widget, QDoubleSpinBox):
            widget.setValue(float(value))
        elif isinstance(widget, QSpinBox):
            widget.setValue(round(value))
        widget.blockSignals(False)
        if self.slider is not None:
            self._follow(float(value))

    def _announce(self, value: object) -> None:
        self.changed.emit(self.spec.name, value)
