"""Ask under which name something is to be saved; what is there already is replaced only with the person's consent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QMessageBox

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


def ask_name(
    parent: QWidget, title: str, start: str, words: str, suffix: str, *, also: tuple[str, ...] = ()
) -> str:
    """A file's name with its suffix; empty where the person changes their mind.

    The dialog has asked about the name as it was typed: of one that only becomes the name of an existing file by its
    suffix nobody has been asked yet.

    Parameters
    ----------
    parent : QWidget
    title : str
        Of the dialog.
    start : str
        Suggested path.
    words : str
        What the dialog offers to show, in Qt's form.
    suffix : str
        Appended where it is missing; "/" is a folder.
    also : tuple of str
        Other suffixes that a name may have.
    """
    path, _ = QFileDialog.getSaveFileName(parent, title, start, words)
    if not path:
        return ""
    if suffix == "/":
        return str(path).rstrip("/") + "/"
    if path.lower().endswith((suffix, *also)):
        return str(path)
    path += suffix
    return path if may_replace(parent, title, Path(path)) else ""


def may_replace(parent: QWidget, title: str, path: Path) -> bool:
    """Whether a name is free, or the person agrees to replace what has it."""
    if not path.exists():
        return True
    yes = QMessageBox.StandardButton.Yes
    words = f"“{path.name}” exists already in {path.parent}. Replace it?"
    return QMessageBox.question(parent, title, words) == yes
