"""The section rail: one cell a section, under the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QFont, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_emseg.core.sections import SectionState, Status
from napari_emseg.ui.style import DARK, Look

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEIGHT = 34
_MARGIN = 8
_CELL_TOP, _CELL_HEIGHT = 9, 17
_GLYPH_FROM = 11  # narrower cells cannot hold a readable sign
_WIDEST = 48
_DOUBT = "#f0b429"
GLYPHS = {Status.UNSEEN: "", Status.PREDICTED: "·", Status.PROOFREAD: "✓", Status.EXCLUDED: "×"}


class SectionRail(QWidget):
    """Shows the state of every section and where the view is; a click goes there."""

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sectionRail")
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._states: tuple[SectionState, ...] = ()
        self._doubts: frozenset[int] = frozenset()
        self._current = 0
        self._look = DARK

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as there is room for."""
        return QSize(400, _HEIGHT)

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self._look = look
        self.update()

    def set_states(self, states: Sequence[SectionState], doubts: frozenset[int] = frozenset()) -> None:
        """Show other states."""
        self._states = tuple(states)
        settled = (Status.PROOFREAD, Status.EXCLUDED)
        self._doubts = frozenset(z for z in doubts if self._states[z].status not in settled)
        self.setAccessibleName(f"{len(self._states)} sections")
        self.update()

    def set_current(self, section: int) -> None:
        """Mark the section on screen."""
        if section != self._current:
            self._current = section
            self.update()

    @property
    def current(self) -> int:
        """The marked section."""
        return self._current

    def cell(self, section: int) -> QRectF:
        """Where a section's cell is, in widget coordinates."""
        width = self._cell_width
        return QRectF(_MARGIN + section * width, _CELL_TOP, width, _CELL_HEIGHT)

    def section_at(self, x: float) -> int | None:
        """Section under a horizontal position, or None beside the cells."""
        if not self._states:
            return None
        section = int((x - _MARGIN) // self._cell_width)
        return section if 0 <= section < len(self._states) else None

    def words(self, section: int) -> str:
        """What the tooltip says of a section."""
        state = self._states[section]
        text = f"Section {section}: {state.status.value}"
        if state.reason:
            text += f" ({state.reason})"
        return text + (", has doubtful links" if section in self._doubts else "")

    @property
    def _cell_width(self) -> float:
        return min(_WIDEST, (self.width() - 2 * _MARGIN) / max(1, len(self._states)))

    def event(self, event: QEvent) -> bool:
        """Show the state of the section under the mouse as a tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            section = self.section_at(event.pos().x())
            if section is not None:
                QToolTip.showText(event.globalPos(), self.words(section), self)
            else:
                QToolTip.hideText()
            return True
        return bool(super().event(event))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Go to the section under the mouse."""
        self._pick(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Scrub through the stack while the button is down."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._pick(event)

    def _pick(self, event: QMouseEvent) -> None:
        section = self.section_at(event.position().x())
        if section is not None:
            self.picked.emit(section)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the cells; thin gaps between them vanish when there are many."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._look.ground))
        font = QFont(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        if not self._states:
            painter.setPen(QColor(self._look.faint))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "the sections appear here")
            return
        for section, state in enumerate(self._states):
            self._draw_cell(painter, section, state)
        self._draw_current(painter)

    def _draw_cell(self, painter: QPainter, section: int, state: SectionState) -> None:
        look = self._look
        cell = self.cell(section)
        gap = 1.0 if cell.width() >= 4 else 0.0
        box = cell.adjusted(gap, 0, -gap, 0)
        fill = {
            Status.UNSEEN: look.unseen,
            Status.PREDICTED: look.predicted,
            Status.PROOFREAD: look.proofread,
            Status.EXCLUDED: look.excluded,
        }[state.status]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(fill))
        painter.drawRoundedRect(box, 2 * gap, 2 * gap)
        if state.status is Status.EXCLUDED:
            painter.setBrush(QBrush(QColor(look.faint), Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(box, 2 * gap, 2 * gap)
        if cell.width() >= _GLYPH_FROM and state.status is not Status.EXCLUDED:
            painter.setPen(QColor("#ffffff" if state.status is Status.PROOFREAD else look.text))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, GLYPHS[state.status])
        if section in self._doubts and cell.width() >= 4:
            corner = box.topRight()
            size = min(8.0, box.width() / 2)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(_DOUBT))
            painter.drawPolygon(QPolygonF([corner, corner + QPointF(-size, 0), corner + QPointF(0, size)]))

    def _draw_current(self, painter: QPainter) -> None:
        if not 0 <= self._current < len(self._states):
            return
        cell = self.cell(self._current)
        painter.setPen(QPen(QColor(self._look.text), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(cell.adjusted(0.2, -1.2, -0.2, 1.2), 3, 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._look.text))
        middle = cell.center().x()
        painter.drawPolygon(QPolygonF([QPointF(middle - 4, 1), QPointF(middle + 4, 1), QPointF(middle, 6)]))
