"""One labelled section through a hundred, and the time it takes against LapTrack.

Claims: with drift, flicker and two missing sections, at least 97 % of the object-sections of 100 sections are right. An
object-section is a true object in one section. It is right if most of its pixels have the id that the labelled section
gave the object; for objects that come later, the one new id that the object has in most of its sections, and that no other
object has more often. Time grows linearly with sections and is at least ten times less than LapTrack's on the same sections.

    OMP_NUM_THREADS=1 python benchmarks/propagation.py [--peer DIR]

DIR is a folder of packages that has LapTrack, if this environment has not; without LapTrack its row is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

import cc3d
import numpy as np
from matching import tubes

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.propagation import propagate
from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.settings import DefectSettings, PhantomSettings
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

SETTINGS = PropagateSettings()
MISSING = (37, 68)
PEER_SECTIONS = 8


def carried() -> dict[str, object]:
    """How many object-sections are right when section 0 is labelled."""
    settings = PhantomSettings(flicker=2.0, defects=DefectSettings(max_shift_nm=40.0))
    phantom = make_phantom((100, 256, 256), (40.0, 8.0, 8.0), seed=31, settings=settings)
    truth = np.where(phantom.membranes > 0, 0, phantom.labels).astype(np.uint32)
    cut = np.stack([cc3d.connected_components(s, connectivity=4) for s in truth]).astype(np.uint32)
    cut[list(MISSING)] = 0
    found, _ = propagate(cut, SETTINGS, phantom.spacing_nm, anchors={0: truth[0]})
    labelled = set(np.unique(truth[0]).tolist()) - {0}
    given = given_ids(truth, found)
    own = own_ids(given, labelled)
    parts = {"of labelled objects": [0, 0], "of later objects": [0, 0]}
    for (name, _), (new, _) in given.items():
        part = parts["of labelled objects" if name in labelled else "of later objects"]
        part[0] += new == (name if name in labelled else own.get(name))
        part[1] += 1
    right, total = (sum(k[i] for k in parts.values()) for i in (0, 1))
    return {
        "claim": "one labelled section through 100",
        "object_sections": total,
        "right": round(right / total, 4),
        **{name: [n, round(r / n, 4)] for name, (r, n) in parts.items()},
        "passed": right / total >= 0.97,
    }


def given_ids(truth: NDArray, found: NDArray) -> dict[tuple[int, int], tuple[int, int]]:
    """For every true object and section after the first: the id that most of its pixels got, and how many."""
    given: dict[tuple[int, int], tuple[int, int]] = {}
    for z in range(1, len(truth)):
        if z in MISSING:
            continue
        table = contingency(truth[z], found[z])
        for name, new, pixels in zip(table.a.tolist(), table.b.tolist(), table.count.tolist(), strict=True):
            if name and pixels > given.get((name, z), (0, 0))[1]:
                given[name, z] = new, pixels
    return given


def own_ids(given: dict[tuple[int, int], tuple[int, int]], labelled: set[int]) -> dict[int, int]:
    """The one new id of every object that the labelled section does not have: that of most of its sections.

    An id belongs to the object that has it most often, and to no other.
    """
    votes: dict[tuple[int, int], int] = {}
    for (name, _), (new, _) in given.items():
        if name not in labelled and new and new not in labelled:
            votes[name, new] = votes.get((name, new), 0) + 1
    own: dict[int, int] = {}
    taken: set[int] = set()
    for (name, new), _ in sorted(votes.items(), key=lambda k: -k[1]):
        if name not in own and new not in taken:
            own[name] = new
            taken.add(new)
    return own


def seconds(stack: NDArray[np.uint32]) -> float:
    start = time.process_time()
    propagate(stack, SETTINGS, (50.0, 4.0, 4.0))
    return time.process_time() - start


def speed() -> dict[str, object]:
    stack = tubes(100)
    times = {n: seconds(stack[:n]) for n in (25, 50, 100)}
    report: dict[str, object] = {
        "claim": "100 x 1024 x 1024, 529 objects",
        "processor_seconds": {n: round(t, 2) for n, t in times.items()},
        "linear": bool(times[100] <= 1.3 * 4 * times[25]),
        "passed": bool(times[100] <= 10),
    }
    try:
        from laptrack import OverLapTrack
    except ImportError:
        report["peer"] = "LapTrack is not installed"
        return report
    peer = OverLapTrack(
        metric_coefs=(1.0, 0.0, 0.0, 0.0, -1.0), cutoff=0.9, gap_closing_cutoff=False,
        splitting_cutoff=0.9, merging_cutoff=0.9,
    )  # fmt: skip
    start = time.process_time()
    peer.predict_overlap_dataframe(list(stack[:PEER_SECTIONS]))
    slow = time.process_time() - start
    fast = seconds(stack[:PEER_SECTIONS])
    report |= {
        "peer": f"LapTrack on overlap, {PEER_SECTIONS} sections",
        "peer_seconds": round(slow, 2),
        "seconds": round(fast, 2),
        "ratio": round(slow / fast, 1),
        "ratio_passed": bool(slow >= 10 * fast),
    }
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", metavar="DIR")
    peer = parser.parse_args().peer
    if peer:
        sys.path.append(peer)
    print(json.dumps([carried(), speed()], indent=1))


if __name__ == "__main__":
    main()
