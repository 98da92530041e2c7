"""One labelled section through a hundred, and the time it takes against LapTrack.

Claims: with drift and two missing sections, at least 97 % of the objects of 100 sections get the id that the labelled
section gave them (or none of its ids, if they are not of it); time grows linearly with sections and is at least ten
times less than LapTrack's on the same sections.

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
    labelled = np.unique(truth[0])
    right = total = 0
    for z in range(1, len(cut)):
        if z in MISSING:
            continue
        ids, at = np.unique(cut[z], return_index=True)
        true, given = truth[z].ravel()[at[ids > 0]], found[z].ravel()[at[ids > 0]]
        known = np.isin(true, labelled)
        right += int((given[known] == true[known]).sum() + (~np.isin(given[~known], labelled)).sum())
        total += int(true.size)
    part = right / total
    return {
        "claim": "one labelled section through 100",
        "object_sections": total,
        "right": round(part, 4),
        "passed": part >= 0.97,
    }


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
