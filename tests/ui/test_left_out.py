"""Exports of a project in which sections are left out, one of them unreadable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array
from napari_emseg.ui.flows.exporting import export


class Torn:
    """Section 3 cannot be decoded."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.shape, self.dtype = data, data.shape, data.dtype

    def __getitem__(self, key: Any) -> Any:
        if 3 in np.arange(self.shape[0])[key[0] if isinstance(key, tuple) else key].ravel():
            raise EmsegError("the section cannot be decoded", "3.png", "copy or export it again")
        return self.data[key]


def test_movies_and_labels_go_around_it_and_say_what_is_left_out(labelled: Any, tmp_path: Path) -> None:
    session = labelled.session
    session.image = replace(session.image, data=Torn(np.asarray(session.image.data)), _statistics={})
    export(labelled, "movie", str(tmp_path / "a.gif"))
    assert "or exclude section 3" in labelled.sayings["export"].text
    assert list(tmp_path.glob("*.gif")) == []
    session.mark(3, "excluded", "missing")
    export(labelled, "movie", str(tmp_path / "a.gif"))
    assert "6 sections" in labelled.sayings["export"].text
    export(labelled, "labels", str(tmp_path / "a.h5"))
    assert "labels of 6 sections, 1 of them left out by you" in labelled.sayings["export"].text
    np.testing.assert_array_equal(open_array(tmp_path / "a.h5")[0][:], np.asarray(session.volume))
