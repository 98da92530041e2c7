"""Where the person's own models and projects lie."""

from __future__ import annotations

import os
from pathlib import Path

from napari_emseg.core.errors import EmsegError


def own_folder() -> Path:
    """The person's own folder of this program; ``NAPARI_EMSEG_HOME`` moves it.

    Raises
    ------
    EmsegError
        If nobody knows the person's home, as in a container that runs as a number without a name.
    """
    if given := os.environ.get("NAPARI_EMSEG_HOME"):
        return Path(given)
    try:
        return Path.home() / ".local" / "share" / "napari-emseg"
    except RuntimeError as error:
        raise EmsegError(
            "you have no home folder here", "HOME", "name a folder in HOME or NAPARI_EMSEG_HOME"
        ) from error
