"""One labelled section through a hundred, and the time it takes against LapTrack.

Claims: with drift, flicker and two missing sections, at least 97 % of the object-sections of 100 sections are right. An
object-section is an object of the labelled section in a later section, as far as it can be followed there: through overlaps
of the object with itself from section to section (in the truth without membranes, before sections were shifted), also
across the missing ones, also where it branches. It is right if most of its pixels have the id that the labelled section gave
the object. Objects that the labelled section does not have, and those that left and came back without a connection, count
only where they take the id of another object: as wrong ones. Membranes are drawn around all objects, so that a person sees
a little less than what the truth can follow: "seen" says how much overlaps of the drawn pieces alone could give. The same is
counted in plainer stacks of cells that wander and never branch, also of those cells that leave the view and come back.

Time grows linearly with sections and is at least ten times less than LapTrack's on the same sections. From file to file,
sections are read one by one, twice: what is kept of each are its objects, and no pixels. The figure is the largest resident
memory of the command, without pages of memory-mapped files.

An object that was not found in a section leaves a hole between neighbours that are there. The figure is how often it has one id
on both sides of a hole of one or two sections, in phantoms of which one object in eight has one.

    OMP_NUM_THREADS=1 python benchmarks/propagation.py [--peer DIR] [--only carried|holes|speed|memory]

DIR is a folder of packages that has LapTrack, if this environment has not; without LapTrack its row is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cc3d
import numpy as np
from convert_memory import peak
from matching import tubes
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.propagation import propagate
from napari_emseg.io import write_array
from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.settings import DefectSettings, PhantomSettings
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.phantom import Phantom

SETTINGS = PropagateSettings()
PHANTOMS = (
    (31, 256, (40.0, 8.0, 8.0)),
    (41, 256, (40.0, 8.0, 8.0)),
    (31, 512, (50.0, 4.6, 4.6)),
    (41, 512, (50.0, 4.6, 4.6)),
)
WANDERING = ((0, 0.0), (0, 3.0), (1, 6.0))
MISSING = (37, 68)
HOLES = range(101, 109)
LEAST_PX = 60
PEER_SECTIONS = 8
MOST_BYTES = 4000


def phantom_of(seed: int, side: int, spacing: tuple[float, float, float]) -> Phantom:
    settings = PhantomSettings(flicker=2.0, defects=DefectSettings(max_shift_nm=40.0))
    return make_phantom((100, side, side), spacing, seed=seed, settings=settings)


def carried(seed: int, side: int, spacing: tuple[float, float, float]) -> list[dict[str, object]]:
    """How many object-sections are right when section 0 is labelled, without and with the image."""
    phantom = phantom_of(seed, side, spacing)
    truth = np.where(phantom.membranes > 0, 0, phantom.labels).astype(np.uint32)
    cut = np.stack([cc3d.connected_components(s, connectivity=4) for s in truth]).astype(np.uint32)
    cut[list(MISSING)] = 0
    goal = np.where(truth > 0, followed(phantom.labels, phantom.labels, phantom.shifts), 0)
    seen = np.where(truth > 0, followed(cut, phantom.labels, phantom.shifts), 0)
    rows = []
    for name, image in (("labels alone", None), ("with the image", phantom.image)):
        found, _ = propagate(cut, SETTINGS, spacing, image=image, anchors={0: truth[0]})
        rows.append(
            {
                "claim": "one labelled section through 100",
                "phantom": f"seed {seed}, 100 x {side} x {side}, {spacing[0]:g} x {spacing[1]:g} nm",
                "from": name,
                **counted(truth, goal, found),
                "seen": counted(truth, goal, seen)["right"],
            }
        )
    return rows


def wandering(seed: int, drift_px: float) -> dict[str, object]:
    """The same in 640 x 640 pixels of cells that wander by 1.5 pixels a section, under a random walk of the whole picture."""
    path = np.cumsum(np.random.default_rng(seed).normal(0, drift_px, (100, 2)), 0)
    path = np.clip(path, -190, 190).round().astype(int) + 192
    truth = np.stack([s[y : y + 640, x : x + 640] for s, (y, x) in zip(tubes(100), path, strict=True)])
    cut = np.stack([cc3d.connected_components(s, connectivity=4) for s in truth]).astype(np.uint32)
    cut[list(MISSING)] = 0
    found, _ = propagate(cut, SETTINGS, (50.0, 4.0, 4.0), anchors={0: truth[0]})
    return {
        "claim": "one labelled section through 100",
        "phantom": f"wandering cells, seed {seed}, drift of {drift_px:g} pixels a section",
        **counted(truth, truth, found),
    }


def followed(pieces: NDArray, labels: NDArray, shifts: NDArray) -> NDArray[np.uint32]:
    """Ids (z, y, x) of the objects of section 0 wherever overlaps of their pieces lead; 0 elsewhere.

    ``pieces`` may be the labels themselves: then an object's parts within a section are its pieces.
    """
    used = [z for z in range(len(labels)) if z not in MISSING]
    still = [tuple(np.roll(k[z], tuple(-shifts[z]), (0, 1)) for k in (pieces, labels)) for z in used]
    parts = [cc3d.connected_components((p > 0) * o, connectivity=8).astype(np.int64) for p, o in still]
    start = np.cumsum([0, *(int(p.max()) + 1 for p in parts)])
    names = np.zeros(start[-1], np.int64)
    for part, (_, owner), at in zip(parts, still, start[:-1], strict=True):
        names[part.ravel() + at] = np.where(part > 0, owner, 0).ravel()
    first = np.flatnonzero(names[: start[1]])
    order = first[np.argsort(names[first], kind="stable")]
    same = names[order[1:]] == names[order[:-1]]
    ends = [np.stack([order[1:][same], order[:-1][same]])]
    for k in range(len(used) - 1):
        one, two = parts[k].ravel() + start[k], parts[k + 1].ravel() + start[k + 1]
        both = (names[one] == names[two]) & (names[one] > 0)
        ends.append(np.unique(np.stack([one[both], two[both]]), axis=1))
    u, v = np.concatenate(ends, axis=1)
    group = connected_components(coo_array((np.ones(u.size), (u, v)), (start[-1], start[-1])), False)[1]
    names[~np.isin(group, group[first])] = 0
    result = np.zeros(labels.shape, np.uint32)
    for k, z in enumerate(used):
        result[z] = np.roll(names[parts[k] + start[k]], tuple(shifts[z]), (0, 1))
    return result


def counted(truth: NDArray, goal: NDArray, found: NDArray) -> dict[str, object]:
    """Object-sections that count, and the parts of them, and of their area, that are right."""
    labelled = set(np.unique(truth[0]).tolist()) - {0}
    total = right = strange = area = right_area = 0
    for z in sorted(set(range(1, len(truth))) - set(MISSING)):
        size = dict(zip(*(k.tolist() for k in np.unique(truth[z], return_counts=True)), strict=True))
        reached = dict(zip(*(k.tolist() for k in np.unique(goal[z], return_counts=True)), strict=True))
        for name, new in most_common(truth[z], found[z]).items():
            if name in labelled and 2 * reached.get(name, 0) > size[name]:
                total, area = total + 1, area + size[name]
                right, right_area = right + (new == name), right_area + size[name] * (new == name)
            else:
                strange += new in labelled and new != name
    share = right / (total + strange)
    return {
        "objects": len(labelled),
        "object_sections": total,
        "strangers": strange,
        "right": round(share, 4),
        "right_area": round(right_area / area, 4),
        "passed": bool(share >= 0.97),
    }


def most_common(truth: NDArray, found: NDArray) -> dict[int, int]:
    """The id that most pixels of every true object got."""
    table = contingency(truth, found)
    order = np.argsort(table.count, kind="stable")
    pairs = zip(table.a[order].tolist(), table.b[order].tolist(), strict=True)
    return {name: new for name, new in pairs if name}


def holes(n_sections: int) -> dict[str, object]:
    """How often objects that are left out of so many sections are found again behind them."""
    asked = again = 0
    spacing, before = (50.0, 8.0, 8.0), 5
    behind = before + 1 + n_sections
    for seed in HOLES:
        phantom = make_phantom((14, 320, 320), spacing, seed=seed)
        truth = np.where(phantom.membranes, 0, phantom.labels)
        ids = np.unique(truth)[1:]
        stay = [k for k in ids if all(np.count_nonzero(section == k) > LEAST_PX for section in truth[2:12])]
        gone = np.random.default_rng(seed).permutation(stay)[: max(4, len(stay) // 8)]
        drawn = truth.copy()
        drawn[before + 1 : behind][np.isin(drawn[before + 1 : behind], gone)] = 0
        found = propagate(drawn.astype(np.uint32), SETTINGS, spacing)[0]
        here, there = (most_common(truth[z], found[z]) for z in (before, behind))
        asked += len(gone)
        again += sum(here[k] != 0 and here[k] == there[k] for k in gone.tolist())
    return {"sections": n_sections, "objects": asked, "found again": again}


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


def memory() -> dict[str, object]:
    """Of the command, for a quarter of the sections and for all."""
    stack = tubes(100)
    gigabytes = {}
    for n in (25, 100):
        with tempfile.TemporaryDirectory() as name:
            source, output = Path(name) / "stack.zarr", Path(name) / "objects.zarr"
            write_array(source, stack[:n], spacing_nm=(50.0, 4.0, 4.0))
            command = [sys.executable, "-m", "napari_emseg.cli", "propagate", str(source), str(output)]
            gigabytes[n] = round(peak(command)[0], 3)
    objects = sum(np.unique(section).size - 1 for section in stack[25:])
    each = 1e9 * (gigabytes[100] - gigabytes[25]) / objects
    return {
        "claim": f"memory follows the objects: at most {MOST_BYTES} bytes for one in one section",
        "gigabytes": gigabytes,
        "labels_gigabytes": {n: round(stack[:n].nbytes / 1e9, 3) for n in gigabytes},
        "bytes_per_object": round(each),
        "passed": bool(each <= MOST_BYTES),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", metavar="DIR")
    parser.add_argument("--only", choices=("carried", "holes", "speed", "memory"))
    args = parser.parse_args()
    if args.peer:
        sys.path.append(args.peer)
    rows: list[dict[str, object]] = []
    if args.only in (None, "carried"):
        rows += [wandering(*k) for k in WANDERING]
        rows += [row for phantom in PHANTOMS for row in carried(*phantom)]
    if args.only in (None, "holes"):
        rows += [holes(n) for n in (1, 2)]
    if args.only in (None, "speed"):
        rows.append(speed())
    if args.only in (None, "memory"):
        rows.append(memory())
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
