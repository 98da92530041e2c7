"""The window: the only package that imports Qt or napari."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_emseg.core.stack import Spacing


def launch(
    paths: Sequence[str | Path] = (), *, sample: str | None = None, spacing_nm: Spacing | None = None
) -> int:
    """Open napari with the dock, and the given stack; returns when the window is closed.

    Parameters
    ----------
    paths : sequence of path
        The first becomes the open stack, or the open project (``NAME.emseg``); the others are opened as
        plain layers beside it.
    sample : str, optional
        Name of a built-in sample to open instead.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x) of the stack, where its file has none.

    Returns
    -------
    int
        Exit status of the window.

    Raises
    ------
    EmsegError
        If there is no screen: Qt would end the program without a word of ours; or napari may not write its own folders.
    """
    from napari_emseg.core.errors import EmsegError
    from napari_emseg.ui import screen

    if screen.is_missing() and not screen.is_chosen():
        remedy = "set DISPLAY, use ssh -X or xvfb-run, or a command that needs no window (--help)"
        raise EmsegError("there is no screen to open a window on", "DISPLAY", remedy)
    try:
        # importing napari takes seconds, and the command line must answer --help at once
        from napari_emseg.ui.window import run
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        remedy = "name folders that you may write in XDG_CONFIG_HOME and XDG_CACHE_HOME"
        raise EmsegError(
            f"napari cannot keep its settings ({why})", str(error.filename or ""), remedy
        ) from error

    return run(paths, sample=sample, spacing_nm=spacing_nm)


def screenshot(
    source: str | Path, output: str | Path, *, stage: str = "proofread", section: int | None = None
) -> Path:
    """Picture of the real window with a project or stack open, made in a process of its own.

    Parameters
    ----------
    source : str or Path
        Project folder (``NAME.emseg``), stack, or ``sample:NAME``.
    output : str or Path
        PNG file to write.
    stage : str
        Stage that is open in the dock.
    section : int, optional
        Section on screen; by default the middle.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    EmsegError
        If no window can be opened here; the message says what is missing.
    """
    from napari_emseg.ui.picture import in_own_process

    return in_own_process(source, output, stage=stage, section=section)
