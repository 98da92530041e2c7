"""Grey arrays as Qt draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtGui import QImage, QPixmap

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pixmap(picture: NDArray[np.uint8]) -> QPixmap:
    """A grey picture (y, x) of uint8, of any strides."""
    grey = np.ascontiguousarray(picture, dtype=np.uint8)
    height, width = grey.shape
    return QPixmap.fromImage(
        QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
    )
