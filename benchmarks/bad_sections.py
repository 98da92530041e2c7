"""Bad-section detection: F1 with one section in ten damaged, on phantoms and on real stacks with injected defects.

Eight kinds of damage in turn; each stack is damaged anew in every round, and a stack without damage shows how many sections are
called bad for nothing. The peer calls a section bad whose mean or standard deviation lies three standard deviations off.

Run: ``python benchmarks/bad_sections.py [--rounds 8]``; real stacks need ``NAPARI_EMSEG_DATA``.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_emseg.io import open_array
from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.injuries import KINDS, injure
from napari_emseg.preprocess.bad_sections import find_bad_sections

NAMES = {"fold": "folded", "crack": "cracked"}


def peer(stack: NDArray[np.uint8]) -> set[int]:
    """Three standard deviations off in mean or contrast."""
    found: set[int] = set()
    for values in (stack.mean(axis=(1, 2)), stack.std(axis=(1, 2))):
        off = np.abs(values - values.mean()) > 3 * values.std()
        found |= set(np.flatnonzero(off).tolist())
    return found


def stacks(side: int) -> dict[str, Any]:
    """Phantoms, and the real stacks that are there."""
    found: dict[str, Any] = {
        f"phantom {seed}": make_phantom((20, side, side), seed=seed).image for seed in (1, 2)
    }
    if folder := os.environ.get("NAPARI_EMSEG_DATA"):
        for name, inside in (
            ("VNC stack 1", "vnc/stack1/raw"), ("VNC stack 2", "vnc/stack2/raw"),
            ("ISBI train", "isbi2012/train/image"), ("ISBI test", "isbi2012/test/image"),
        ):  # fmt: skip
            found[name] = open_array(Path(folder) / inside)[0][:]
    else:
        print("NAPARI_EMSEG_DATA is unset: phantoms only")
    return found


def f1(hits: int, false: int, missed: int) -> float:
    return 2 * hits / max(1, 2 * hits + false + missed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--side", type=int, default=384)
    given = parser.parse_args()
    everything = np.zeros(6, int)
    for name, stack in stacks(given.side).items():
        count = np.zeros(6, int)  # ours: hits, false, missed; the peer: the same
        named, missed_kinds = 0, []
        started = time.perf_counter()
        untouched = [(s.section, s.kind) for s in find_bad_sections(stack)]
        seconds = time.perf_counter() - started
        for round_ in range(given.rounds):
            rng = np.random.default_rng(round_)
            n = max(1, round(0.1 * len(stack)))
            kinds = [KINDS[(round_ * n + k) % len(KINDS)] for k in range(n)]
            width = 6 + 24 * max(stack.shape[1:]) / 1024
            damaged, truth = injure(stack, kinds, rng, width_px=width)
            found = {s.section: s.kind for s in find_bad_sections(damaged)}
            for offset, sections in ((0, set(found)), (3, peer(damaged))):
                count[offset] += len(sections & set(truth))
                count[offset + 1] += len(sections - set(truth))
                count[offset + 2] += len(set(truth) - sections)
            named += sum(found.get(z) == NAMES.get(kind, kind) for z, kind in truth.items())
            missed_kinds += [kind for z, kind in truth.items() if z not in found]
        everything += count
        print(
            f"{name:12} {'x'.join(map(str, stack.shape)):>13}: F1 {f1(*count[:3]):.3f} (peer {f1(*count[3:]):.3f}), "
            f"kind right {named} of {count[0]}, called bad undamaged: {untouched or 'none'}, missed {missed_kinds or 'none'}, "
            f"{seconds / len(stack):.2f} s a section"
        )
    print(f"all: F1 {f1(*everything[:3]):.3f}, peer {f1(*everything[3:]):.3f}")


if __name__ == "__main__":
    main()
