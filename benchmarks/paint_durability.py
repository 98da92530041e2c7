"""Claim: a brush stroke is durable within 100 ms of the mouse being released.

Times `Session.commit_stroke`, the work between the end of a stroke and the moment from which neither a killed
program nor a power cut can take it away, for a brush of 20 pixels and for one fill of 1024 x 1024. The same
with ``synchronous=NORMAL``, which a power cut could undo, shows what the fsync costs. The peer, in the
same run, is what saving costs without a journal: rewriting the whole label stack with numpy and fsync.

Run ``python benchmarks/paint_durability.py``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session

SHAPE = (20, 1024, 1024)
SPACING_NM = (50.0, 4.6, 4.6)


def disc(y: int, x: int, diameter: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels under a round brush, inside the section."""
    r = diameter / 2
    rows, columns = np.mgrid[-int(r) : int(r) + 1, -int(r) : int(r) + 1]
    inside = rows**2 + columns**2 <= r**2
    rows, columns = rows[inside] + y, columns[inside] + x
    keep = (rows >= 0) & (rows < SHAPE[1]) & (columns >= 0) & (columns < SHAPE[2])
    return rows[keep], columns[keep]


def paint(session: Session, rng: np.random.Generator) -> tuple[float, float]:
    """One stroke of 30 dabs; returns seconds per dab and seconds from its end to durable."""
    z, value = int(rng.integers(SHAPE[0])), int(rng.integers(1, 500))
    y, x = (int(rng.integers(n)) for n in SHAPE[1:])
    began = time.perf_counter()
    for _ in range(30):
        y, x = (
            int(np.clip(p + rng.integers(-8, 9), 0, n - 1)) for p, n in zip((y, x), SHAPE[1:], strict=True)
        )
        rows, columns = disc(y, x, 20)
        session.volume[np.full_like(rows, z), rows, columns] = value
    ended = time.perf_counter()
    session.commit_stroke()
    return (ended - began) / 30, time.perf_counter() - ended


def fill(session: Session, rng: np.random.Generator) -> float:
    """A fill of a whole 1024 x 1024 section over detailed labels; seconds from its end to durable."""
    section = np.kron(rng.integers(1, 2**20, (128, 128)), np.ones((8, 8), np.int64))
    session.volume[int(rng.integers(SHAPE[0]))] = section
    ended = time.perf_counter()
    session.commit_stroke()
    return time.perf_counter() - ended


def rewrite(labels: np.ndarray, folder: Path) -> float:
    """The peer: save the whole stack."""
    began = time.perf_counter()
    with (folder / "peer.npy").open("wb") as file:
        np.save(file, labels)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - began


def summary(name: str, seconds: list[float]) -> str:
    """One line in ms."""
    p50, p99 = np.percentile(np.asarray(seconds) * 1e3, (50, 99))
    return f"{name:<40} p50 {p50:8.2f} ms   p99 {p99:8.2f} ms   longest {max(seconds) * 1e3:8.2f} ms"


def main(argv: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--strokes", type=int, default=1000)
    parser.add_argument("--fills", type=int, default=100)
    options = parser.parse_args(argv)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as home:
        image = ImageStack(np.zeros(SHAPE, np.uint8), SPACING_NM, "sample", "toy", "sample:toy")
        session = Session.create(Path(home) / "toy.emseg", image)
        strokes = [paint(session, rng) for _ in range(options.strokes)]
        fills = [fill(session, rng) for _ in range(options.fills)]
        session._ledger.journal._db.execute("PRAGMA synchronous = NORMAL")
        unsynced = [paint(session, rng)[1] for _ in range(options.strokes)]
        peer = [rewrite(np.asarray(session.volume), Path(home)) for _ in range(5)]
        session.close()
    print(summary("one dab of a brush of 20", [dab for dab, _ in strokes]))
    print(summary("stroke end to durable, brush of 20", [durable for _, durable in strokes]))
    print(summary("  the same without fsync (NORMAL)", unsynced))
    print(summary("fill end to durable, 1024 x 1024", fills))
    print(summary("peer: rewriting the stack with numpy", peer))
    print(
        f"a stroke is durable {np.median(peer) / np.median([d for _, d in strokes]):.0f} times sooner than by rewriting"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
