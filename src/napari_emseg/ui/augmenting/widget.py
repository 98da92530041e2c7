"""Inspect augmentations: what a network would be shown, beside what it is made from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_emseg.augment.preview import PreviewRequest, preview
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.ui.augmenting.editor import RecipeEditor
from napari_emseg.ui.augmenting.histogram import GreyHistogram
from napari_emseg.ui.augmenting.sheet import ContactSheet
from napari_emseg.ui.augmenting.source import Part, check, full_resolution, on_screen
from napari_emseg.ui.docked import Docked, put_beside, scrolling
from napari_emseg.ui.flows.augmenting import keep
from napari_emseg.ui.focus import give_back
from napari_emseg.ui.panels.base import heading, row
from napari_emseg.ui.runner import Handlers, Runner
from napari_emseg.ui.saying import Saying
from napari_emseg.ui.says import SpeakingLine
from napari_emseg.ui.style import look_of, style_sheet

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from napari_emseg.augment.preview import Preview
    from napari_emseg.augment.recipe import Augmentation
    from napari_emseg.ui.desk import Desk

_KEY = "samples"
_PAUSE_MS = 60  # a slider that is moved asks once, when it rests this long
_DEPTHS = (1, 3, 5, 9)
_CONTROLS_PX = 230  # that stay in view above the samples, however much there is to be said about these


class InspectAugmentations(Docked):
    """A contact sheet of samples, with everything that changes them.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Injected by napari by the name of the parameter.
    desk : Desk, optional
        Of the main dock, whose project keeps recipes; looked for when it is needed.
    """

    def __init__(self, napari_viewer: Viewer, *, desk: Desk | None = None) -> None:
        super().__init__(napari_viewer)
        self.setMinimumWidth(340)
        self.desk = desk
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="samples")
        self.runner = Runner(self._main_thread.post, self._executor)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_rest)
        self._waits = False
        self._read: tuple[Any, Part, NDArray[Any]] | None = None
        self._build()
        self._connect()
        self._fill_layers()
        self._offer_saved()
        self._on_theme()
        self.at_end(partial(_leave, self.runner, self._executor))
        self._ask()

    # ------------------------------------------------------------------ building

    def _build(self) -> None:
        self.stack, self.labels = QComboBox(), QComboBox()
        for combo in (self.stack, self.labels):  # long names of layers must not widen the dock
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(8)
        self.stack.setObjectName("stack")
        self.labels.setObjectName("labels")
        self.editor = RecipeEditor()
        self.strength = QSlider(Qt.Orientation.Horizontal)
        self.strength.setObjectName("strength")
        self.strength.setRange(0, 200)
        self.strength.setValue(100)
        self.strength_words = QLabel("100 %")
        self.seed = QSpinBox()
        self.seed.setObjectName("seed")
        self.seed.setRange(0, 999_999)
        self.next_seed = QPushButton("Next samples")
        self.next_seed.setObjectName("nextSeed")
        self.next_seed.setToolTip("Draw other samples")
        self.count, self.extent = QSpinBox(), QSpinBox()
        self.count.setRange(1, 24)
        self.count.setValue(8)
        self.extent.setRange(64, 512)
        self.extent.setSingleStep(32)
        self.extent.setValue(192)
        self.extent.setSuffix(" px")
        self.sections_each = QComboBox()
        self.sections_each.addItems([str(d) for d in _DEPTHS])
        self.sections_each.setCurrentIndex(1)
        self.section = QSlider(Qt.Orientation.Horizontal)
        self.section.setObjectName("section")
        self.before = QPushButton("Show before")
        self.before.setObjectName("before")
        self.before.setCheckable(True)
        self.show_labels, self.show_grid = QCheckBox("Labels"), QCheckBox("Grid")
        self.show_labels.setChecked(True)
        self.histogram = GreyHistogram()
        self.warnings = QLabel()
        self.warnings.setObjectName("warnings")
        self.warnings.setProperty("role", "says")
        self.warnings.setWordWrap(True)
        self.name = QLineEdit("my recipe")
        self.name.setObjectName("recipeName")
        self.save = QPushButton("Save in project")
        self.save.setObjectName("saveRecipe")
        self.use = QPushButton("Learn with it")
        self.use.setObjectName("useRecipe")
        self.use.setProperty("role", "primary")
        self.use.setToolTip("Save it in the project, and vary samples like this from now on")
        self.says = SpeakingLine()
        self.sheet = ContactSheet()
        self._lay_out()
        give_back(self, self._to_canvas, self._canvas)

    def _lay_out(self) -> None:
        controls = QWidget()
        column = QVBoxLayout(controls)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        column.addLayout(row(QLabel("Stack"), self.stack, equal=False))
        column.addLayout(row(QLabel("Labels"), self.labels, equal=False))
        column.addWidget(heading("Recipe"))
        column.addWidget(self.editor)
        column.addLayout(row(QLabel("How strong"), self.strength, self.strength_words, equal=False))
        column.addWidget(heading("Samples"))
        column.addLayout(row(self.count, QLabel("samples of"), self.extent, equal=False))
        column.addLayout(row(QLabel("Sections of each"), self.sections_each, equal=False))
        column.addLayout(row(QLabel("Seed"), self.seed, self.next_seed, equal=False))
        column.addWidget(self.histogram)
        column.addWidget(heading("Keep it"))
        column.addWidget(self.name)
        column.addLayout(row(self.save, self.use))
        column.addWidget(self.says)
        column.addStretch(1)
        self.controls = scrolling(controls)
        self.pictures = QWidget()
        right = QVBoxLayout(self.pictures)
        right.setContentsMargins(8, 8, 12, 8)
        right.setSpacing(6)
        right.addLayout(
            row(self.before, self.show_labels, self.show_grid, QLabel("Section"), self.section, equal=False)
        )
        right.addWidget(self.warnings)
        right.addWidget(scrolling(self.sheet), 1)
        self.layout_ = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self.layout_.setContentsMargins(0, 0, 0, 0)
        self.layout_.setSpacing(0)
        self.layout_.addWidget(self.controls, 1)
        self.layout_.addWidget(self.pictures, 1)

    def _connect(self) -> None:
        self.editor.changed.connect(self._ask)
        self.editor.form_made.connect(lambda form: give_back(form, self._to_canvas, self._canvas))
        self.strength.valueChanged.connect(self._on_strength)
        self.next_seed.clicked.connect(lambda: self.seed.setValue(self.seed.value() + 1))
        for spin in (self.seed, self.count, self.extent):
            spin.valueChanged.connect(self._ask)
        for combo in (self.sections_each, self.stack, self.labels):
            combo.currentIndexChanged.connect(self._ask)
        self.section.valueChanged.connect(self._on_view)
        self.before.toggled.connect(self._on_view)
        self.show_labels.toggled.connect(self._on_view)
        self.show_grid.toggled.connect(self._on_view)
        self.sheet.flipped.connect(self.before.setChecked)
        self.save.clicked.connect(lambda: self._keep(use=False))
        self.use.clicked.connect(lambda: self._keep(use=True))
        viewer = self.viewer
        self.hear(
            (viewer.layers.events.inserted, self._fill_layers),
            (viewer.layers.events.removed, self._fill_layers),
            (viewer.dims.events.current_step, self._ask),
            (viewer.events.theme, self._on_theme),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Controls beside the samples where there is room, above them where not."""
        super().resizeEvent(event)
        is_wide = put_beside(self.layout_, self.controls, self.width())
        self.controls.setMinimumHeight(0 if is_wide else _CONTROLS_PX)

    # ------------------------------------------------------------------ what is inspected

    def _fill_layers(self, event: object = None) -> None:
        """Offer the stacks and labels of the viewer; what is picked stays picked."""
        from napari.layers import Image, Labels

        self._read = None  # it would keep the stack of a removed layer alive
        layers = list(self.viewer.layers)
        images = [layer for layer in layers if isinstance(layer, Image) and not self._is_map(layer)]
        _refill(self.stack, [(layer.name, layer) for layer in images])
        found = [layer for layer in layers if isinstance(layer, Labels)]
        first_time = self.labels.count() == 0
        _refill(self.labels, [*((layer.name, layer) for layer in found), ("none", None)])
        if first_time or self.labels.currentData() is None:
            self.labels.setCurrentIndex(0)
        self._ask()

    def _is_map(self, layer: Image) -> bool:
        """Whether a layer shows probabilities of the main dock and no tissue."""
        from napari_emseg.ui.boundary_map import BoundaryMap

        return isinstance(layer.data, BoundaryMap)

    def _ask(self, *_: object) -> None:
        """Draw new samples soon."""
        self._timer.start(_PAUSE_MS)

    def _on_rest(self) -> None:
        """Draw, unless nobody looks: the tab may be behind another while people go through the stack."""
        self._waits = not self.isVisible()
        if not self._waits:
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Catch up with what has happened while nobody looked."""
        super().showEvent(event)
        if self._waits:
            self._ask()

    def _on_strength(self, percent: int) -> None:
        self.strength_words.setText(f"{percent} %")
        self._ask()

    def refresh(self) -> None:
        """Draw new samples now, in a thread; the answer to an earlier question is dropped."""
        self._timer.stop()
        image: Image | None = self.stack.currentData()
        labels: Labels | None = self.labels.currentData()
        if image is None:
            self.sheet.show_preview(None)
            self._warn((), "Open a stack first.", tone="")
            return
        try:
            check(image, labels)
        except EmsegError as error:
            self._on_failed(error)
            return
        size = (int(self.sections_each.currentText()), self.extent.value(), self.extent.value())
        part = on_screen(self.viewer, image, size)
        ids = None if labels is None else part.of(full_resolution(labels))
        self._show(image, part, ids, size)

    def _show(self, image: Image, part: Part, ids: Any, size: tuple[int, int, int]) -> None:
        recipe, strength = self.editor.shown, self.strength.value() / 100
        seed, count = self.seed.value(), self.count.value()
        data = full_resolution(image)
        number = self.runner.generation(_KEY) + 1

        def work() -> Preview:
            if self.runner.generation(_KEY) != number:  # overtaken while it waited
                raise Cancelled
            read = self._read
            if read is None or read[0] is not data or read[1] != part:
                read = self._read = (data, part, part.of(data))
            return preview(PreviewRequest(read[2], ids, recipe, strength, seed, count, size))

        if self.sheet.preview is None:  # nor is anything else to be seen
            self._warn((), "Samples are being made ...", tone="busy")
        handlers = Handlers(self._on_drawn, self._on_failed, lambda: None, lambda _: None)
        self.runner.thread(_KEY, work, handlers)

    def _on_drawn(self, found: Preview) -> None:
        depth = len(found.samples[0].after)
        if self.section.maximum() != depth - 1:
            self.section.blockSignals(True)
            self.section.setRange(0, depth - 1)
            self.section.setValue(depth // 2)
            self.section.blockSignals(False)
        self.section.setEnabled(depth > 1)
        self.sheet.section = self.section.value()
        self.sheet.show_preview(found)
        self.histogram.show_values(found.histogram_before, found.histogram_after)
        n = len(found.samples)
        words = f"Nothing false was found in {f'these {n} samples' if n > 1 else 'this sample'}."
        if not any(
            sample.labels_before is not None and sample.labels_before.any() for sample in found.samples
        ):
            words += " There are no labels here that could be judged with them."
        self._warn(found.warnings, words)

    def _on_failed(self, error: EmsegError) -> None:
        self.sheet.show_preview(None)
        self._warn((f"{str(error)[:1].upper()}{str(error)[1:]}.",), "")

    def _warn(self, texts: tuple[str, ...], otherwise: str, *, tone: str = "done") -> None:
        self.warnings.setProperty("tone", "error" if texts else tone)
        if texts and texts[0].startswith("In "):
            self.warnings.setText("This would teach the network something false.\n" + "\n".join(texts))
        else:
            self.warnings.setText("\n".join(texts) or otherwise)
        self.warnings.style().unpolish(self.warnings)
        self.warnings.style().polish(self.warnings)

    def _on_view(self, *_: object) -> None:
        """Show the same samples in another way."""
        self.before.setText("Before" if self.before.isChecked() else "Show before")
        self.sheet.section = self.section.value()
        self.sheet.before = self.before.isChecked()
        self.sheet.labels = self.show_labels.isChecked()
        self.sheet.grid = self.show_grid.isChecked()
        self.sheet.redraw()

    def _on_theme(self, event: object = None) -> None:
        look = look_of(self.viewer.theme)
        self.setStyleSheet(style_sheet(look))
        self.sheet.set_look(look)
        self.histogram.set_look(look)
        self.says.set_look(look)

    # ------------------------------------------------------------------ keeping a recipe

    def set_recipe(self, recipe: Augmentation) -> None:
        """Inspect another recipe."""
        self.editor.set_recipe(recipe)

    def _offer_saved(self) -> None:
        if self.desk is not None and self.desk.session is not None:
            self.editor.offer(self.desk.session.get_settings("augmentation").recipes)

    def _project_desk(self) -> Desk:
        if self.desk is None:
            from napari_emseg.ui.commands import PLUGIN

            _, dock = self.viewer.window.add_plugin_dock_widget(PLUGIN, "EM proofreading")
            self.desk = dock.desk
        return self.desk

    def _keep(self, *, use: bool) -> None:
        """Save the recipe under its name in the project, and let fine-tuning learn with it."""
        name = self.name.text().strip()
        try:
            keep(self._project_desk(), name, self.editor.recipe, use=use)
        except EmsegError as error:
            self._say(Saying(f"{str(error)[:1].upper()}{str(error)[1:]}.", tone="error"))
            return
        self._offer_saved()
        self.editor.choice.setCurrentText(name)
        then = " Samples are varied like this when the model learns." if use else ""
        self._say(Saying(f"“{name}” is kept in the project.{then}", tone="done"))

    def _say(self, saying: Saying) -> None:
        """Answer below the buttons, and scroll there: in a low window the answer would be out of sight."""
        self.says.say(saying)

        def scroll() -> None:
            self.controls.widget().layout().activate()  # else the line is as high as it was
            self.controls.ensureWidgetVisible(self.says)

        self._main_thread.post(scroll)


def _refill(combo: QComboBox, rows: list[tuple[str, Any]]) -> None:
    """Put other rows into a choice; the picked object stays picked where it is still there."""
    picked = combo.currentData()
    combo.blockSignals(True)
    combo.clear()
    for words, value in rows:
        combo.addItem(words, value)
    for index, (_, value) in enumerate(rows):
        if value is picked and picked is not None:
            combo.setCurrentIndex(index)
    combo.blockSignals(False)


def _leave(runner: Runner, executor: ThreadPoolExecutor, window_stays: bool) -> None:
    runner.close()
    executor.shutdown(wait=False, cancel_futures=True)
