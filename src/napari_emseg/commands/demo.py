"""The whole loop on the built-in sample: predict, seeds, segment, propagate, correct, learn, predict again.

Without --headless it opens napari on the sample, ready to use. With it, the loop is gone through without
hands, and DIR gets report.json, report.md, screenshot.png and the project itself.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import seconds
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import find_model

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sample, and where the report goes."""
    parser.add_argument("--headless", action="store_true", help="no window: go through the loop and report")
    parser.add_argument(
        "--output", type=Path, default=Path("emseg-demo"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument("--sample", choices=("phantom", "vnc"), default="phantom")
    parser.add_argument(
        "--model", default="", metavar="NAME_OR_PATH",
        help="model to start from; default: membrane-isbi, which has never seen the samples",
    )  # fmt: skip
    parser.add_argument(
        "--learn-seconds", type=seconds, default=60.0, metavar="S", help="default: %(default)s"
    )
    parser.add_argument("--no-screenshot", action="store_true", help="leave the picture out")


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Open the window, or go through the loop."""
    if not args.headless:
        from napari_emseg.ui import launch

        progress.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # ends the window at once: its journal knows everything
        return launch(sample=args.sample)
    from napari_emseg.jobs import demo, demo_report

    folder = args.output / f"{args.sample}.emseg"
    model = args.model or demo.STRANGER
    find_model(model)  # a wrong name is told before anything is made or replaced
    if args.output.is_file():
        raise EmsegError("a file of this name is in the way", str(args.output), "choose another --output")
    args.output.mkdir(parents=True, exist_ok=True)
    _make_room(folder)
    report = demo.run(args.sample, folder, progress, model=model, learn_s=args.learn_seconds)
    demo_report.write(report, args.output)
    progress.close()
    before, after = report.facts["before"], report.facts["after"]
    print(
        f"{args.output}/report.md: edits per 100 objects of other sections {before['edits_per_100_objects']:.1f} "
        f"before learning from one section, {after['edits_per_100_objects']:.1f} after; "
        f"V_rand {before['v_rand']:.4f}, {after['v_rand']:.4f}"
    )
    print(demo_report.verdict(report.facts))
    if not args.no_screenshot:
        _screenshot(folder, args.output / "screenshot.png", report.facts["section"])
    return 0


def _make_room(folder: Path) -> None:
    """Remove the project of an earlier demo; one of a person stays, and so does one that is open.

    Raises
    ------
    EmsegError
        If the folder is not to be removed.
    """
    from napari_emseg.core.folder_lock import FolderLock
    from napari_emseg.jobs.demo import MARK

    if not (folder / "project.json").is_file():
        return
    if not (folder / MARK).is_file():
        raise EmsegError(
            "a project that no demo has made is in the way", str(folder), "choose another --output"
        )
    lock = FolderLock(folder / "lock")
    if reason := lock.acquire():
        raise EmsegError(f"the project of the demo before is kept: {reason}", str(folder), "close it there")
    lock.release()
    shutil.rmtree(folder)


def _screenshot(project: Path, output: Path, section: int) -> None:
    """Picture of the real window; where none can be opened the report stands without it, and that is said."""
    from napari_emseg.ui import screenshot

    try:
        screenshot(project, output, section=section)
    except EmsegError as error:
        print(f"no picture: {error}")
    else:
        print(f"{output}: the window")
