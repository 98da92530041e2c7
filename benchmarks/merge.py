"""Claim: merging two objects of a 10-gigavoxel label volume takes at most 50 ms, whatever their size.

The volume is sparse on disk: two long objects cross every tenth section, and others lie beside them. A merge is timed
from the click (`proofread.merge`) until it is durable and can be undone (`Session.commit`), then its undo, then
the section on screen as it is read again. The peer, in the same run, is what a merge costs when ids are rewritten:
``np.where`` on one gigavoxel, a tenth of the volume.

Run ``python benchmarks/merge.py``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.stack import ImageStack
from napari_emseg.proofread.merge import merge
from napari_emseg.session import Session

SHAPE = (2400, 2048, 2048)  # 10.07 gigavoxels
PEER_VOXELS = 2**30


def blank(shape: tuple[int, int, int]) -> np.ndarray:
    """An image of any size that takes no memory; only its shape matters here."""
    return np.broadcast_to(np.zeros(1, np.uint8), shape)


def draw(session: Session, objects: int, every: int) -> None:
    """Long objects side by side in every n-th section, as a segmentation would write them."""
    section = np.zeros((1, 256, 16 * objects), np.uint32)
    for n in range(objects):
        section[:, :, 16 * n : 16 * n + 14] = n + 1
    none = np.zeros_like(section)
    for z in range(0, SHAPE[0], every):
        region = Region((z, 900, 900), (z + 1, 900 + section.shape[1], 900 + section.shape[2]))
        session.commit(Edit("segment", "model", (Patch(region, none, section),)))
    session.save()


def rewrite(slab: int) -> float:
    """The peer: seconds to give one id in place of another in a gigavoxel, a slab of sections at a time."""
    labels = np.zeros((slab, *SHAPE[1:]), np.uint32)
    labels[:, 900:1100, 900:1100] = 4
    began = time.perf_counter()
    for _ in range(PEER_VOXELS // labels.size):
        np.where(labels == 4, np.uint32(7), labels)
    return time.perf_counter() - began


def main(argv: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--merges", type=int, default=50)
    parser.add_argument("--every", type=int, default=10, help="distance of the sections that hold objects")
    options = parser.parse_args(argv)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as home:
        image = ImageStack(blank(SHAPE), (50.0, 4.6, 4.6), "sample", "toy", "sample:toy")
        session = Session.create(Path(home) / "toy.emseg", image)
        objects = options.merges + 1
        draw(session, objects, options.every)
        merges, undos, looks = [], [], []
        for n in range(options.merges):
            z = int(rng.integers(SHAPE[0] // options.every)) * options.every
            session.volume[z]
            began = time.perf_counter()
            session.commit(merge(session.volume, [1, n + 2]))
            merges.append(time.perf_counter() - began)
            began = time.perf_counter()
            assert session.volume[z, 1000, 900 + 16 * (n + 1)] == 1
            looks.append(time.perf_counter() - began)
        for _ in range(options.merges):
            began = time.perf_counter()
            session.undo()
            undos.append(time.perf_counter() - began)
        assert [int(session.volume[0, 1000, 900 + 16 * n]) for n in range(3)] == [1, 2, 3]
        began = time.perf_counter()
        session.redo()
        session._ledger.compaction.run()
        compaction = time.perf_counter() - began
        session.close()
    peer = rewrite(64)
    for name, seconds in (
        ("merge, click to durable", merges),
        ("undo", undos),
        ("first look after it", looks),
    ):
        p50, p95 = np.percentile(np.asarray(seconds) * 1e3, (50, 95))
        print(f"{name:<28} p50 {p50:8.2f} ms   p95 {p95:8.2f} ms   longest {max(seconds) * 1e3:8.2f} ms")
    pages = SHAPE[0] // options.every
    print(f"bringing {pages} sections of the object up to date in idle time: {compaction:.1f} s")
    print(f"peer: np.where on {PEER_VOXELS / 2**30:.0f} gigavoxel {peer * 1e3:.0f} ms")
    print(f"a merge in {np.prod(SHAPE) / 1e9:.1f} gigavoxels is {peer / np.median(merges):.0f} times quicker")
    return 0


if __name__ == "__main__":
    sys.exit(main())
