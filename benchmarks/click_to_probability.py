"""Claim: from click to shown probability for 512 x 512 on screen within 0.6 s, and the window never waits 50 ms.

Opens the real window on the phantom, waits until the worker is warm, and presses *predict* on one section after
the other. A click ends when the whole region has been drawn. Meanwhile a timer that wants to fire every millisecond
records the longest time for which the event loop did something else. The same is recorded while the layer is only
drawn again and again, without any prediction: with software OpenGL drawing alone can take long. Then clicks come while the
program predicts the next section unasked, which has to give way. The peer, in the
same run, is the bare forward pass of the same network over the same tiles in a process of its own: what no program
can be faster than.

Run ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/click_to_probability.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PEER = """
import json, sys, time
from pathlib import Path
import numpy as np
from napari_emseg.nn.predict import Predictor
from napari_emseg.settings import PredictSettings
settings = PredictSettings()
predictor = Predictor(Path(sys.argv[1]))
extent = settings.tile + 2 * settings.halo
window = np.random.default_rng(0).normal(size=(2 * predictor.card.context_sections + 1, extent, extent))
window = window.astype(np.float32)
tiles = (-(-512 // settings.tile)) ** 2
predictor.window(window, settings.halo)
times = []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    for _ in range(tiles):
        predictor.window(window, settings.halo)
    times.append(time.perf_counter() - began)
print(json.dumps({"times": times, "device": predictor.device_name}))
"""


class Probe:
    """A timer that notices for how long the event loop was busy with something else.

    Parameters
    ----------
    clock : callable, optional
        ``time.process_time`` counts what this process has computed, and not what others took from it meanwhile.
    """

    def __init__(self, clock=time.perf_counter):
        from qtpy.QtCore import Qt, QTimer

        self.gaps = []
        self._clock = clock
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def start(self):
        self._last = self._clock()
        self._timer.start(1)

    def stop(self):
        self._timer.stop()

    def _tick(self):
        now = self._clock()
        self.gaps.append(now - self._last)
        self._last = now


def clicks(model, n):
    """Seconds from click to the drawn result, also while it looks ahead; gaps of the event loop, and when only drawing."""
    from qtpy.QtTest import QTest

    from napari_emseg.ui.flows import opening
    from napari_emseg.ui.view import go_to_section
    from napari_emseg.ui.window import open_window

    def until(condition):
        end = time.perf_counter() + 120
        while not condition():
            if time.perf_counter() > end:
                raise SystemExit(f"gave up waiting; the window says {desk.sayings}")
            QTest.qWait(1)

    viewer, dock = open_window(size=(1366, 768))
    desk = dock.desk
    opening.open_path(desk, "sample:phantom")
    until(lambda: desk.session is not None)
    _, layers = desk.need_session()
    if model != desk.session.model:
        desk.session.model = model
    desk.open_stage("predict")
    go_to_section(viewer, layers.image, 0)
    desk.do("predict")
    until(lambda: 0 in layers.boundary_map.sections and "predict" not in desk.work)
    print(f"on {desk.device or desk.engine.device()}, {sys.platform}, {os.cpu_count()} cores", flush=True)

    drawn = [0.0]
    viewer.window._qt_viewer.canvas.native.frameSwapped.connect(
        lambda: drawn.__setitem__(0, time.perf_counter())
    ) if hasattr(viewer.window._qt_viewer.canvas.native, "frameSwapped") else None

    def click():
        began = time.perf_counter()
        desk.do("predict")
        until(lambda: "predict" not in desk.work)
        finished = time.perf_counter()
        if drawn[0]:
            until(lambda: drawn[0] > finished)
        return time.perf_counter() - began

    probe, times, ahead = Probe(), [], []
    for i in range(n):
        section = 1 + i % (desk.session.image.shape[0] - 2)
        go_to_section(viewer, layers.image, section)
        layers.boundary_map.clear()
        QTest.qWait(300)
        probe.start()
        times.append(click())
        QTest.qWait(50)
        probe.stop()
    for i in range(n):
        until(lambda: desk.runner.is_running("ahead"))
        QTest.qWait(30 * (1 + i % 8))
        ahead.append(click())
        layers.boundary_map.clear()
        go_to_section(viewer, layers.image, 1 + (i + 1) % (desk.session.image.shape[0] - 2))
        click()
    drawing = Probe()
    drawing.start()
    for _ in range(4 * n):
        layers.boundary.refresh(extent=False)
        QTest.qWait(50)
    drawing.stop()
    assert "torch" not in sys.modules
    viewer.close()
    return times, ahead, probe.gaps, drawing.gaps


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clicks", type=int, default=15)
    parser.add_argument("--model", default="membrane")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    from napari_emseg.core.model_card import find_model

    folder = str(find_model(args.model))
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_EMSEG_HOME"] = home
        times, ahead, gaps, drawing = clicks(args.model, args.clicks)
    peer = subprocess.run(
        [sys.executable, "-c", PEER, folder, "5"], check=True, capture_output=True, text=True
    )
    bare = statistics.median(json.loads(peer.stdout)["times"])
    median, worst, gap = statistics.median(times), max(times), max(gaps)
    slow = sum(g > 0.05 for g in gaps)
    print(f"click to shown probability: median {median:.3f} s, worst {worst:.3f} s (wanted: 0.6 s)")
    print(
        f"the same while the next section is predicted unasked: median {statistics.median(ahead):.3f} s, worst {max(ahead):.3f} s"
    )
    print(f"bare forward pass of the same tiles: {bare:.3f} s; ratio {median / bare:.2f}")
    print(f"longest event-loop gap: {gap * 1000:.0f} ms, {slow} of {len(gaps)} above 50 ms (wanted: 50 ms)")
    print(f"longest gap while only drawing: {max(drawing) * 1000:.0f} ms")
    if args.json:
        result = {
            "median_s": median,
            "worst_s": worst,
            "ahead_s": statistics.median(ahead),
            "bare_s": bare,
            "gap_s": gap,
            "drawing_gap_s": max(drawing),
            "clicks": times,
        }
        args.json.write_text(json.dumps(result, indent=1))
    return 0 if median <= 0.6 and gap <= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
