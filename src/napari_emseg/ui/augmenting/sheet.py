"""The contact sheet: all samples side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_emseg.ui.augmenting.tiles import tile
from napari_emseg.ui.style import DARK, Look

if TYPE_CHECKING:
    from napari_emseg.augment.preview import Preview

_TILE = 168  # pixels wide at least
_GAP = 6
_CAPTION = 16
_STRUCK = {
    "lost": "lost", "low_contrast": "low contrast", "artefact": "artefact", "fold": "fold",
    "partial": "partly missing",
}  # fmt: skip


class ContactSheet(QWidget):
    """Shows a preview; holding the mouse on it shows what the samples were before."""

    flipped = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("contactSheet")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.setToolTip("Hold the mouse button to see the samples as they were before")
        self.preview: Preview | None = None
        self.section = 0
        self.before = False
        self.labels = True
        self.grid = False
        self._look = DARK
        self._images: list[QImage] = []

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self._look = look
        self.update()

    def show_preview(self, preview: Preview | None) -> None:
        """Show other samples."""
        self.preview = preview
        self.redraw()

    def redraw(self) -> None:
        """Follow the switches: section, before, labels, grid."""
        self._images = []
        for sample in self.preview.samples if self.preview else ():
            z = min(self.section, len(sample.after) - 1)
            rgb = tile(sample, z, before=self.before, labels=self.labels, grid=self.grid)
            height, width = rgb.shape[:2]
            picture = QImage(rgb.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
            self._images.append(picture.copy())
        self._take_room()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide enough for two samples."""
        return QSize(2 * (_TILE + _GAP), 2 * (_TILE + _CAPTION + _GAP))

    def caption(self, number: int) -> str:
        """What is said below a sample."""
        if self.preview is None or self.before:
            return ""
        struck = self.preview.samples[number].struck
        here = _STRUCK.get(struck.get(self.section, ""), "")
        others = sorted({_STRUCK[name] for z, name in struck.items() if z != self.section})
        return here or ("above or below: " + ", ".join(others) if others else "")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """As many columns as fit."""
        super().resizeEvent(event)
        self._take_room()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Show the samples as they were."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.flipped.emit(True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Show them as they are."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.flipped.emit(False)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw all samples with their captions."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        if not self._images:
            painter.setPen(QColor(self._look.faint))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "samples appear here")
            return
        for number, image in enumerate(self._images):
            box = self._box(number)
            painter.drawImage(box, image)
            painter.setPen(QPen(QColor(self._look.line), 1))
            painter.drawRect(box)
            painter.setPen(QColor(self._look.warn))
            under = QRectF(box.left(), box.bottom() + 1, box.width(), _CAPTION)
            painter.drawText(under, Qt.AlignmentFlag.AlignLeft, self.caption(number))

    def _columns(self) -> int:
        return max(1, (self.width() + _GAP) // (_TILE + _GAP))

    def _box(self, number: int) -> QRectF:
        """Where a sample is drawn."""
        columns = self._columns()
        width = (self.width() - (columns - 1) * _GAP) / columns
        image = self._images[number]
        height = width * image.height() / max(1, image.width())
        row, column = divmod(number, columns)
        return QRectF(column * (width + _GAP), row * (height + _CAPTION + _GAP), width - 1, height)

    def _take_room(self) -> None:
        if self._images:
            wanted = int(self._box(len(self._images) - 1).bottom()) + _CAPTION + 2
            if self.minimumHeight() != wanted:
                self.setMinimumHeight(wanted)
