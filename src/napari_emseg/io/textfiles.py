"""Text files that people and programs exchange: read whole, with a limit, and never with a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 1 << 30
"""A text file larger than this is none of the lists and tables that are read here."""


def read_text(path: Path, what: str) -> str:
    """Contents of a text file.

    Parameters
    ----------
    path : Path
    what : str
        What it should be, for messages: "segment table".

    Returns
    -------
    str
        UTF-8, with or without a mark in front; otherwise the 8-bit Windows alphabet, in which programs of
        the field still write.

    Raises
    ------
    EmsegError
        If it is missing, empty, far too large, or no text.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise EmsegError(f"it is too large for a {what}", str(path), "check that it is the right file")
        content = path.read_bytes()
    except OSError as error:
        raise EmsegError(
            f"the {what} cannot be read ({error.strerror})", str(path), "check the path"
        ) from error
    if not content.strip():
        raise EmsegError(f"the {what} is empty", str(path), "copy or export it again")
    if b"\0" in content:
        raise EmsegError(f"it is no {what}: it is no text", str(path), "check that it is the right file")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def number(value: float) -> str:
    """A number as short as can be without losing what a person wrote: 15 digits, no trailing zeros."""
    return f"{value:.15g}"
