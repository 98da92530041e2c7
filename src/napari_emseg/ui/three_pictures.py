"""The image, and what the model says of it before and after it has learned, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_emseg.ui.grey import pixmap
from napari_emseg.ui.panels.base import faint

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

_SIDE = 108  # pixels: three fit beside each other into the dock
_CAPTIONS = ("image", "before", "after")


class ThreePictures(QWidget):
    """Three grey pictures with a word below each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        self.labels: list[QLabel] = []
        for column, words in enumerate(_CAPTIONS):
            label = QLabel()
            label.setObjectName(f"picture_{words}")
            label.setFixedSize(_SIDE, _SIDE)
            label.setToolTip("Where the two models differ most")
            grid.addWidget(label, 0, column)
            caption = faint()
            caption.setText(words)
            grid.addWidget(caption, 1, column, Qt.AlignmentFlag.AlignHCenter)
            self.labels.append(label)

    def show_arrays(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Show three arrays (y, x) of grey values; an empty sequence clears them."""
        if not pictures:
            for label in self.labels:
                label.clear()
            return
        for label, values in zip(self.labels, pictures, strict=True):
            label.setPixmap(_pixmap(values, self.devicePixelRatioF()))


def _pixmap(values: NDArray[Any], ratio: float) -> QPixmap:
    side = round(_SIDE * ratio)
    found = pixmap(values).scaled(
        side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    found.setDevicePixelRatio(ratio)
    return found
