"""The models that have learned in this project, as a tree: go back to any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QSizePolicy, QVBoxLayout, QWidget

from napari_emseg.ui.flows import learning
from napari_emseg.ui.panels.base import action_button, heading

if TYPE_CHECKING:
    from napari_emseg.jobs.versions import Version
    from napari_emseg.ui.desk import Desk

_MODEL = Qt.ItemDataRole.UserRole
_LINES = 5  # shown without scrolling


class _Lines(QListWidget):
    """As high as its lines. A line that has not been seen yet does not know how high it will be, so Qt asks when it lays out."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for a few lines."""
        height = self.sizeHintForRow(0) * min(self.count(), _LINES)
        return QSize(super().sizeHint().width(), max(height, 0) + 2 * self.frameWidth() + 2)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """No less."""
        return QSize(super().minimumSizeHint().width(), self.sizeHint().height())


class VersionList(QWidget):
    """Versions below each other, children indented; the one that predicts is ticked.

    Parameters
    ----------
    desk : Desk
        Whose project's models are listed.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self._shown: tuple[Version, ...] = ()
        self.list = _Lines()
        self.list.setObjectName("versions")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemDoubleClicked.connect(lambda _: desk.do("use_version"))
        self.list.currentItemChanged.connect(self._on_chosen)
        self.use = action_button(desk, "use_version")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(heading("Versions"))
        column.addWidget(self.list)
        column.addWidget(self.use)

    def refresh(self) -> None:
        """List what there is; hidden while no model has learned here, and while one learns: *Stop* needs the room."""
        versions = learning.version_tree(self.desk.session) if self.desk.session else ()
        learns = "train" in self.desk.work
        self.setVisible(len(versions) > 1 and self.desk.learning is None and not learns)
        if versions == self._shown:
            return
        self._shown = versions
        self.list.blockSignals(True)
        self.list.clear()
        for version in versions:
            item = QListWidgetItem(learning.version_words(version))
            item.setData(_MODEL, version.model)
            item.setToolTip(learning.version_help(version))
            if version.is_lost:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.list.addItem(item)
            if version.is_current:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self.list.updateGeometry()
        self._on_chosen(self.list.currentItem())

    def _on_chosen(self, item: QListWidgetItem | None, _before: QListWidgetItem | None = None) -> None:
        chosen = item.data(_MODEL) if item else ""
        self.desk.version = chosen
        current = next((v.model for v in self._shown if v.is_current), "")
        self.use.setEnabled(bool(chosen) and chosen != current)
