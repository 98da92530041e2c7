"""Claim: a project of 100 gigavoxels opens in 2 s to its first section on screen, with less than 1 GB of memory.

Two projects are made, one of 0.1 and one of 100.7 gigavoxels, with the same labels in some sections and a history of
edits. Each is opened in a fresh process: napari starts, then the clock starts, the project is opened, its layers are added
and the canvas is drawn. The small project is the peer: the ratio says what a thousand times more voxels cost.

Run ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/open_project.py``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session

SHAPES = {"0.1 gigavoxels": (6, 4096, 4096), "100.7 gigavoxels": (6000, 4096, 4096)}


def stack(shape: tuple[int, int, int]) -> ImageStack:
    """A stack of any size that takes no memory."""
    return ImageStack(
        np.broadcast_to(np.zeros(1, np.uint8), shape), (30.0, 4.0, 4.0), "sample", "toy", "sample:toy"
    )


def make(folder: Path, shape: tuple[int, int, int]) -> None:
    """Labels in six sections all over the volume, and a hundred strokes."""
    session = Session.create(folder, stack(shape))
    rng = np.random.default_rng(0)
    for z in np.linspace(0, shape[0] - 1, 6).astype(int).tolist():
        labels = np.kron(rng.integers(1, 60_000, (64, 64)), np.ones((64, 64), int)).astype(np.uint32)[None]
        region = Region((z, 0, 0), (z + 1, *shape[1:]))
        session.commit(Edit("segment", "model", (Patch(region, np.zeros_like(labels), labels),)))
    for n in range(100):
        session.volume[0, 20 * n : 20 * n + 20, 100:200] = n + 1
        session.commit_stroke()
    session.close()


def opened(folder: Path, shape: tuple[int, int, int]) -> dict[str, float]:
    """In a process of its own: seconds and bytes from the start of napari's empty window on."""
    import napari
    import psutil
    from qtpy.QtWidgets import QApplication

    from napari_emseg.ui.layers import add_layers

    viewer = napari.Viewer(show=True)
    warm = viewer.add_labels(np.zeros((2, 64, 64), np.uint32))
    canvas = viewer.window._qt_viewer.canvas.native
    QApplication.processEvents()
    canvas.repaint()
    viewer.layers.remove(warm)
    process = psutil.Process()
    memory = process.memory_info().rss
    began, cpu = time.perf_counter(), time.process_time()
    session = Session.open(folder, stack(shape))
    open_s = time.perf_counter() - began
    add_layers(viewer, session)
    viewer.dims.set_point(0, 0)
    QApplication.processEvents()
    canvas.repaint()
    shown_s = time.perf_counter() - began
    cpu_s = time.process_time() - cpu
    grown = process.memory_info().rss - memory
    assert session.volume[0, 0, 150] == 1
    session.close()
    viewer.close()
    return {"open_s": open_s, "shown_s": shown_s, "cpu_s": cpu_s, "grown_mb": grown / 2**20}


def main(argv: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        print(json.dumps(opened(Path(options.child[0]), SHAPES[options.child[1]])))
        return 0
    medians = {}
    with tempfile.TemporaryDirectory() as home:
        for n, (name, shape) in enumerate(SHAPES.items()):
            folder = Path(home) / f"toy{n}.emseg"
            make(folder, shape)
            runs = []
            for _ in range(options.runs):
                command = [sys.executable, __file__, "--child", str(folder), name]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                runs.append(json.loads(done.stdout.splitlines()[-1]))
            found = {key: float(np.median([run[key] for run in runs])) for key in runs[0]}
            medians[name] = found
            print(
                f"{name:<18} opened in {found['open_s']:.2f} s, first section drawn after {found['shown_s']:.2f} s "
                f"({found['cpu_s']:.2f} s of processor time), "
                f"{found['grown_mb']:.0f} MB more memory"
            )
    small, large = medians.values()
    print(f"a thousand times the voxels: {large['cpu_s'] / small['cpu_s']:.2f} x the processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
