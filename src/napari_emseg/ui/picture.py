"""Pictures of the real window, for the demo and the documentation."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.screen import is_missing

if TYPE_CHECKING:
    from collections.abc import Callable

_WAIT_S = 120.0
_SCREEN = "1600x1000x24"


def in_own_process(source: str | Path, output: str | Path, *, stage: str, section: int | None) -> Path:
    """Take a picture in another process, under a virtual screen where there is no screen.

    Raises
    ------
    EmsegError
        If no window can be opened.
    """
    output = Path(output)
    command = [sys.executable, "-m", "napari_emseg.ui.picture", str(source), str(output), "--stage", stage]
    if section is not None:
        command += ["--section", str(section)]
    if is_missing():
        if shutil.which("xvfb-run") is None:
            raise EmsegError(
                "no picture of the window: there is no screen and no virtual one", "xvfb-run",
                "apt-get install xvfb",
            )  # fmt: skip
        command = ["xvfb-run", "-a", "-s", f"-screen 0 {_SCREEN}", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3 * _WAIT_S)
    if done.returncode or not output.is_file():
        last = done.stderr.strip().splitlines()[-1:] or ["it gave no reason"]
        raise EmsegError("no picture of the window", str(output), last[0])
    return output


def take(source: str, output: Path, *, stage: str, section: int | None, size: tuple[int, int]) -> None:
    """Open the window, wait until everything is drawn, and save what it looks like."""
    from napari_emseg.ui.flows import opening
    from napari_emseg.ui.view import go_to_section
    from napari_emseg.ui.window import open_window

    viewer, dock = open_window(size=size)
    desk = dock.desk
    opening.open_path(desk, source)
    wait_until(lambda: desk.session is not None or "data" not in desk.work)
    _, layers = desk.need_session()
    desk.open_stage(stage)
    if section is not None:
        go_to_section(viewer, layers.image, section)
    wait_until(lambda: bool(desk.device) or "predict" in desk.sayings)
    save(viewer, output)
    viewer.close()


def save(viewer: Any, output: Path) -> None:
    """Save the whole window as it is drawn now."""
    settle()
    output.parent.mkdir(parents=True, exist_ok=True)
    viewer.screenshot(str(output), canvas_only=False, flash=False)


def wait_until(condition: Callable[[], bool], seconds: float = _WAIT_S) -> None:
    """Let the window live until something has happened.

    Raises
    ------
    EmsegError
        If it does not happen in time.
    """
    from qtpy.QtTest import QTest

    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise EmsegError("the window did not get ready", f"{seconds:.0f} s")
        QTest.qWait(20)  # type: ignore[call-arg, arg-type] # the stub forgets that it is static


def settle(milliseconds: int = 400) -> None:
    """Let everything be drawn."""
    from qtpy.QtTest import QTest

    QTest.qWait(milliseconds)  # type: ignore[call-arg, arg-type]


def main() -> int:
    """``python -m napari_emseg.ui.picture SOURCE OUTPUT``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("source")
    parser.add_argument("output", type=Path)
    parser.add_argument("--stage", default="proofread")
    parser.add_argument("--section", type=int)
    parser.add_argument("--size", default="1600x1000")
    given = parser.parse_args()
    width, _, height = given.size.partition("x")
    try:
        take(
            given.source, given.output, stage=given.stage, section=given.section,
            size=(int(width), int(height)),
        )  # fmt: skip
    except EmsegError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
