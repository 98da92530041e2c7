"""A tree of branches, drawn: sections downwards, every branch in its lane, doubtful links stand out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from qtpy.QtWidgets import QAbstractScrollArea, QSizePolicy, QToolTip, QWidget

from napari_emseg.ui.style import DARK, Look

if TYPE_CHECKING:
    from napari_emseg.jobs.branch_view import BranchView

_LEFT, _TOP, _LANE = 52, 12, 20
_ROW, _MOST_ROW, _LEAST_ROW = 14.0, 40.0, 0.05
_NODES_FROM = 5.0  # pixels a section from which pieces are drawn as discs
_LARGEST = 0.3  # radius of the largest piece in rows: the links between them are to be seen
_REACH = 9.0  # pixels from a piece that still mean it
_LABEL_PX = 34  # between numbers of sections
DOUBT, UNSURE = "#d55e00", "#e69f00"
"""Vermilion and orange of Okabe and Ito: told from grey by everybody, and doubtful links are broken lines too."""


class BranchTree(QAbstractScrollArea):
    """Draws what is in view only, so that a thousand sections are as quick as ten."""

    picked = Signal(int)
    """Number of the piece that was clicked, or gone to by key."""
    own_keys = (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("branch_tree")
        self.setMinimumHeight(160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.view: BranchView | None = None
        self.row = _ROW
        self.chosen = -1
        self.section = -1
        self._look = DARK
        self._upper = np.zeros(0, np.int64)
        self._longest = 1

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Fits the dock."""
        return QSize(340, 320)

    def set_look(self, look: Look) -> None:
        """Take the colours of the theme."""
        self._look = look
        self.viewport().update()

    def show_view(self, view: BranchView | None) -> None:
        """Show another tree, all of it where that is readable."""
        self.view = view
        self.chosen = -1
        if view is not None:
            a, b = view.section[view.graph.edges].T if len(view.graph.edges) else (np.zeros(0, int),) * 2
            self._upper = np.argsort(a, kind="stable")
            self._longest = int((b - a).max(initial=1))
            self.fit(least=_NODES_FROM + 1)
        self.viewport().update()

    def show_section(self, section: int) -> None:
        """Mark the section on the screen, and keep it in view."""
        self.section = section
        self._keep_in_view(self._y(section))
        self.viewport().update()

    def choose(self, piece: int) -> None:
        """Mark a piece, and keep it in view."""
        if self.view is not None and 0 <= piece < self.view.section.size:
            self.chosen = piece
            self._keep_in_view(self._y(int(self.view.section[piece])))
            self.viewport().update()

    def fit(self, least: float = _LEAST_ROW) -> None:
        """Zoom so that the whole tree is seen, but rows get no lower than this many pixels."""
        if self.view is not None:
            height = self.viewport().height() - 2 * _TOP
            self.zoom(max(least, min(_MOST_ROW / 2, height / max(1, self._n_rows() - 1))))

    def zoom(self, row: float) -> None:
        """Draw a section this many pixels high; the middle of the view stays."""
        bar = self.verticalScrollBar()
        middle = (bar.value() + self.viewport().height() / 2) / self.row
        self.row = max(_LEAST_ROW, min(row, _MOST_ROW))
        self._fit_bars()
        bar.setValue(round(middle * self.row - self.viewport().height() / 2))
        self.viewport().update()

    def piece_at(self, x: float, y: float) -> int:
        """The piece under a point of the viewport; -1 where there is none."""
        if self.view is None:
            return -1
        first, last = self._in_view(y - _REACH, y + _REACH)
        if first == last:
            return -1
        across, down = self._xy(np.arange(first, last))
        away = np.hypot(across - x, down - y)
        best = int(away.argmin())
        return first + best if away[best] <= _REACH else -1

    def position(self, piece: int) -> QPointF:
        """Where a piece is drawn, in the viewport."""
        x, y = self._xy(np.array([piece]))
        return QPointF(float(x[0]), float(y[0]))

    # ------------------------------------------------------------------ geometry

    def _n_rows(self) -> int:
        return 0 if self.view is None else int(self.view.section[-1] - self.view.section[0]) + 1

    def _y(self, section: float) -> float:
        first = 0 if self.view is None else int(self.view.section[0])
        return _TOP + (section - first) * self.row - self.verticalScrollBar().value()

    def _xy(self, pieces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert self.view is not None
        x = _LEFT + 10 + self.view.lane[pieces] * _LANE - self.horizontalScrollBar().value()
        y = _TOP + (self.view.section[pieces] - self.view.section[0]) * self.row
        return x.astype(float), y - self.verticalScrollBar().value()

    def _section_at(self, y: float) -> float:
        assert self.view is not None
        return float(self.view.section[0]) + (y - _TOP + self.verticalScrollBar().value()) / self.row

    def _in_view(self, top: float, bottom: float) -> tuple[int, int]:
        """Pieces between two heights of the viewport: first, and one after the last."""
        assert self.view is not None
        low, high = self._section_at(top), self._section_at(bottom)
        first, last = np.searchsorted(self.view.section, [np.ceil(low), np.floor(high) + 1])
        return int(first), int(max(first, last))

    def _fit_bars(self) -> None:
        height = _TOP * 2 + max(0, self._n_rows() - 1) * self.row
        width = _LEFT + 30 + (0 if self.view is None else int(self.view.lane.max()) * _LANE)
        for bar, whole, page in (
            (self.verticalScrollBar(), height, self.viewport().height()),
            (self.horizontalScrollBar(), width, self.viewport().width()),
        ):
            bar.setRange(0, max(0, round(whole - page)))
            bar.setPageStep(page)
            bar.setSingleStep(20)

    def _keep_in_view(self, y: float) -> None:
        height = self.viewport().height()
        if self.view is not None and not _TOP <= y <= height - _TOP:
            bar = self.verticalScrollBar()
            bar.setValue(round(bar.value() + y - height / 2))

    # ------------------------------------------------------------------ drawing

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw rows, links and pieces of what is in view."""
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._look.raised))
        if self.view is None or not self.view.section.size:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top, bottom = -self.row - _REACH, self.viewport().height() + self.row + _REACH
        self._draw_sections(painter)
        doubts = self._draw_links(painter, top, bottom)
        self._draw_pieces(painter, *self._in_view(top, bottom))
        for place in doubts:
            self._draw_doubt(painter, place)

    def _draw_sections(self, painter: QPainter) -> None:
        assert self.view is not None
        first, last = int(self.view.section[0]), int(self.view.section[-1])
        step = next(s for d in range(7) for s in (10**d, 2 * 10**d, 5 * 10**d) if s * self.row >= _LABEL_PX)
        low = max(first, int(np.floor(self._section_at(0))))
        high = min(last, int(np.ceil(self._section_at(self.viewport().height()))))
        metrics = QFontMetrics(self.font())
        for z in range(-(-low // step) * step, high + 1, step):
            y = self._y(z)
            painter.setPen(QColor(self._look.line))
            painter.drawLine(QPointF(_LEFT - 6, y), QPointF(self.viewport().width(), y))
            painter.setPen(QColor(self._look.faint))
            text = str(z)
            painter.drawText(
                QPointF(_LEFT - 10 - metrics.horizontalAdvance(text), y + metrics.ascent() / 2 - 1), text
            )
        if first <= self.section <= last:
            y = self._y(self.section)
            band = QColor(self._look.accent)
            band.setAlpha(110)
            height = max(3.0, self.row)
            painter.fillRect(QRectF(0, y - height / 2, self.viewport().width(), height), band)

    def _draw_links(self, painter: QPainter, top: float, bottom: float) -> list[QPointF]:
        """Draw what is in view; gives the middles of doubtful links."""
        assert self.view is not None
        graph = self.view.graph
        doubts: list[QPointF] = []
        if not len(graph.edges):
            return doubts
        starts = self.view.section[graph.edges[self._upper, 0]]
        low, high = self._section_at(top) - self._longest, self._section_at(bottom)
        here = self._upper[np.searchsorted(starts, low) : np.searchsorted(starts, high, "right")]
        ends = graph.edges[here]
        (xa, ya), (xb, yb) = self._xy(ends[:, 0]), self._xy(ends[:, 1])
        gap = self.view.section[ends[:, 1]] - self.view.section[ends[:, 0]] > 1
        for k, sure in enumerate(graph.confidence[here].tolist()):
            doubtful = sure < self.view.doubt_below
            colour = (
                DOUBT if doubtful else UNSURE if sure < (1 + self.view.doubt_below) / 2 else self._look.good
            )
            pen = QPen(QColor(colour), 2.4 if doubtful else 1.8)
            if doubtful:
                pen.setStyle(Qt.PenStyle.DashLine)
            elif gap[k]:
                pen.setStyle(Qt.PenStyle.DotLine)
            painter.setPen(pen)
            one, two = QPointF(xa[k], ya[k]), QPointF(xb[k], yb[k])
            painter.drawLine(one, two)
            if doubtful:
                doubts.append((one + two) / 2)
        return doubts

    def _draw_doubt(self, painter: QPainter, at: QPointF) -> None:
        """A diamond on a doubtful link."""
        size = 4.0
        painter.setPen(QPen(QColor(self._look.raised), 1))
        painter.setBrush(QColor(DOUBT))
        painter.drawPolygon(
            QPolygonF(
                [at + QPointF(0, -size), at + QPointF(size, 0), at + QPointF(0, size), at + QPointF(-size, 0)]
            )
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _draw_pieces(self, painter: QPainter, first: int, last: int) -> None:
        assert self.view is not None
        ring = QPen(QColor(self._look.text), 2)
        if self.row >= _NODES_FROM:
            x, y = self._xy(np.arange(first, last))
            most = min(self.row, _LANE) * _LARGEST
            size = np.sqrt(self.view.area_px[first:last] / max(1, int(self.view.area_px.max())))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._look.text))
            for k in range(last - first):
                radius = max(1.6, most * float(size[k]))
                painter.drawEllipse(QPointF(x[k], y[k]), radius, radius)
        if first <= self.chosen < last:
            painter.setPen(ring)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(self.position(self.chosen), 8, 8)

    # ------------------------------------------------------------------ mouse and keys

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """The bars follow the room."""
        super().resizeEvent(event)
        self._fit_bars()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Go to the piece that is clicked."""
        piece = self.piece_at(event.position().x(), event.position().y())
        if piece >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._go(piece)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Zoom with Ctrl, else scroll."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(self.row * 1.25 ** (event.angleDelta().y() / 120))
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Arrows go along the tree, + and - zoom, Home and End go to its ends."""
        key = event.key()
        if key in self.own_keys:
            self.zoom(self.row * (0.8 if key == Qt.Key.Key_Minus else 1.25))
        elif self.view is not None and (piece := self._neighbour(key)) is not None:
            self._go(piece)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Say what is under the mouse."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self.view is not None:
            piece = self.piece_at(event.pos().x(), event.pos().y())
            if piece >= 0:
                QToolTip.showText(event.globalPos(), self.words(piece), self.viewport())
            else:
                QToolTip.hideText()
            return True
        return bool(super().viewportEvent(event))

    def words(self, piece: int) -> str:
        """What is known of a piece."""
        assert self.view is not None
        view = self.view
        lines = [f"Section {view.section[piece]}, {view.area_px[piece]} pixels"]
        for side, word in ((1, "from"), (0, "to")):
            for k in np.flatnonzero(view.graph.edges[:, side] == piece).tolist():
                other = int(view.graph.edges[k, 1 - side])
                lines.append(f"{word} section {view.section[other]}: {view.graph.confidence[k]:.0%} sure")
        return "\n".join(lines)

    def _go(self, piece: int) -> None:
        self.choose(piece)
        self.picked.emit(piece)

    def _neighbour(self, key: int) -> int | None:
        assert self.view is not None
        view, here = self.view, max(self.chosen, 0)
        if key == Qt.Key.Key_Home:
            return 0
        if key == Qt.Key.Key_End:
            return int(view.section.size) - 1
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            side = 1 if key == Qt.Key.Key_Up else 0
            beside = view.graph.edges[view.graph.edges[:, side] == here, 1 - side]
            if not beside.size:
                return None
            return int(beside[np.argmin(np.abs(view.lane[beside] - view.lane[here]))])
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            same = np.flatnonzero(view.section == view.section[here])
            same = same[np.argsort(view.lane[same])]
            at = int(np.flatnonzero(same == here)[0]) + (1 if key == Qt.Key.Key_Right else -1)
            return int(same[at]) if 0 <= at < same.size else None
        return None
