"""Three small pictures beside each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_emseg.ui.three_pictures import ThreePictures


def test_each_array_becomes_a_picture_of_its_greys(qtbot: Any) -> None:
    widget = ThreePictures()
    qtbot.addWidget(widget)
    greys = (10, 120, 250)
    # an odd width, and a view that is not contiguous: Qt wants rows without gaps
    widget.show_arrays([np.full((40, 62), grey, np.uint8)[:, ::2] for grey in greys])
    for label, grey in zip(widget.labels, greys, strict=True):
        picture = label.pixmap().toImage()
        assert abs(picture.pixelColor(picture.width() // 2, picture.height() // 2).red() - grey) <= 1
    widget.show_arrays(())
    assert all(label.pixmap().isNull() for label in widget.labels)
