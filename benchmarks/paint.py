"""Claim: painting on a disk-backed label volume of 100 gigavoxels is no slower than 1.2 times a numpy layer.

Two windows show the same view, a section of 2048 x 2048: one of a numpy array of three sections, one of a project's label
volume of 24,000 sections. The same random strokes of a brush of 20 pixels are painted in both by turns, dab by
dab, each dab with the redraw of the canvas that shows it. In the project each stroke is also made durable and undoable,
and the pages are written out meanwhile. A bare zarr array with the same chunks is the second peer.

Run ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/paint.py``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from napari_emseg.core.stack import ImageStack
from napari_emseg.core.volume import LabelVolume
from napari_emseg.session import Session

SIDE = 2048
DEPTH = 24_000  # 100.7 gigavoxels
BRUSH = 20


def stroke(rng: np.random.Generator, dabs: int, side: int) -> np.ndarray:
    """A wandering line of (y, x), inside the section."""
    start = rng.uniform(200, side - 200, 2)
    return np.clip(start + np.cumsum(rng.normal(0, 8, (dabs, 2)), axis=0), 0, side - 1)


class Painter:
    """One window with one label layer."""

    def __init__(self, data: Any, section: int) -> None:
        import napari
        from napari.layers import Labels

        from napari_emseg.ui.volume_layer import VolumeLabels

        self.viewer = napari.Viewer(show=True)
        kind = VolumeLabels if isinstance(data, LabelVolume) else Labels  # as in the program's own window
        self.layer = self.viewer.add_layer(kind(data, multiscale=False))
        self.layer.mode = "paint"
        self.layer.brush_size = BRUSH
        self.section = section
        self.viewer.dims.set_point(0, section)
        self.canvas = self.viewer.window._qt_viewer.canvas.native
        self.show()

    def show(self) -> None:
        """Draw now."""
        from qtpy.QtWidgets import QApplication

        QApplication.processEvents()
        self.canvas.repaint()

    def paint(self, line: np.ndarray, label: int) -> list[float]:
        """Paint a stroke; seconds for each dab and its redraw, and of the end of the stroke as the last of them."""
        seconds = []
        last = (self.section, *line[0])
        with self.layer.block_history():
            for y, x in line:
                began = time.perf_counter()
                self.layer._draw(label, last, (self.section, y, x))
                self.show()
                seconds.append(time.perf_counter() - began)
                last = (self.section, y, x)
            began = time.perf_counter()
        self.show()
        return [*seconds, time.perf_counter() - began]


def main(argv: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--strokes", type=int, default=40)
    parser.add_argument("--dabs", type=int, default=15)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of a section's side")
    options = parser.parse_args(argv)
    side: int = options.side
    depth = DEPTH * SIDE**2 // side**2
    import zarr
    from qtpy.QtCore import QTimer

    from napari_emseg.ui.labels_layer import LabelsAdapter

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as home:
        image = ImageStack(
            np.broadcast_to(np.zeros(1, np.uint8), (depth, side, side)), (50.0, 4.6, 4.6), "sample", "toy", ""
        )
        session = Session.create(Path(home) / "toy.emseg", image)
        bare = zarr.create_array(
            f"{home}/bare.zarr", shape=(depth, side, side), chunks=(1, 512, 512), dtype="uint32"
        )
        painters = {
            "numpy array": Painter(np.zeros((3, side, side), np.uint32), 1),
            "label volume": Painter(session.volume, depth // 2),
            "bare zarr array": Painter(bare, depth // 2),
        }
        adapter = LabelsAdapter(
            painters["label volume"].layer,
            session,
            later=lambda function: QTimer.singleShot(0, function),
            failed=lambda error: sys.exit(str(error)),
        )
        dabs: dict[str, list[float]] = {name: [] for name in painters}
        ends: dict[str, list[float]] = {name: [] for name in painters}
        for n in range(options.strokes + 2):
            line = stroke(rng, options.dabs, side)
            for name, painter in painters.items():
                if name == "bare zarr array" and n > options.strokes // 4:
                    continue
                *seconds, end = painter.paint(line, n + 1)
                if n >= 2:  # the first ones warm up
                    dabs[name] += seconds
                    ends[name].append(end)
        same = np.array_equal(session.volume[depth // 2], painters["numpy array"].layer.data[1])
        assert same, "both windows are to be painted alike"
        assert session.volume[depth // 2].any()
        assert len(session.history.names()) >= options.strokes + 2, len(session.history.names())
        adapter.disconnect()
        for painter in painters.values():
            painter.viewer.close()
        session.close()
    peer = np.percentile(dabs["numpy array"], (50, 95))
    for name in painters:
        p50, p95 = np.percentile(dabs[name], (50, 95))
        print(
            f"{name:<16} dab and redraw p50 {p50 * 1e3:6.1f} ms   p95 {p95 * 1e3:6.1f} ms   "
            f"{p50 / peer[0]:4.2f} x and {p95 / peer[1]:4.2f} x numpy   "
            f"end of a stroke p50 {np.median(ends[name]) * 1e3:6.1f} ms"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
