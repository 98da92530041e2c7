"""Libraries that are not installed with the program, and what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from napari_emseg.core.errors import EmsegError


def required(module: str, extra: str, where: str) -> Any:
    """Import a library of an extra.

    Raises
    ------
    EmsegError
        If it is not installed, with the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise EmsegError(
            f"this format needs the library {module}", where, f"pip install 'napari-emseg[{extra}]'"
        ) from error
