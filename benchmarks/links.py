"""Whether the confidence of a link is what it says, and whether the wrong links are among the doubtful ones.

Claims: expected calibration error at most 0.05 over the links of phantoms that nothing was fitted to (seeds of their own)
and of FIB-SEM ground truth cut into thicker sections (all of it took part in the fit of the pairs, its first half in that of
the confidence); the peer is an uncalibrated confidence, the overlap over the joint area. Also the part of the wrong links
among the tenth with the least confidence, a goal of 0.8. Every stack counts twice: from its labels alone, and with its image, as
in the window and by ``propagate --image``.

    OMP_NUM_THREADS=1 python benchmarks/links.py

The FIB-SEM rows need NAPARI_EMSEG_DATA and are left out without it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import cc3d
import numpy as np

from napari_emseg.algorithms.propagation import track
from napari_emseg.phantom import make_phantom
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

BINS = 10
DOUBTFUL = 0.1
PHANTOMS = ((901, 30.0, 6.0), (902, 50.0, 4.6), (903, 50.0, 8.0), (904, 40.0, 6.0))


def stacks() -> Iterator[tuple[str, NDArray, NDArray, tuple[float, float, float]]]:
    for seed, thickness, pixel in PHANTOMS:
        phantom = make_phantom((24, 256, 256), (thickness, pixel, pixel), seed=seed)
        truth = np.where(phantom.membranes > 0, 0, phantom.labels)
        yield f"phantom {seed}, {thickness:g} nm", truth, phantom.image, phantom.spacing_nm
    folder = os.environ.get("NAPARI_EMSEG_DATA")
    if not folder:
        return
    import h5py

    with h5py.File(Path(folder) / "fib/train-gt.lzf.h5") as file:
        truth = file["stack"][:].astype(np.uint32)
    with h5py.File(Path(folder) / "fib/train-image.h5") as file:
        image = file["stack"][:]
    for step in (1, 2, 3, 4, 5, 6):
        yield f"FIB-SEM, every {step}", truth[::step], image[::step], (10.0 * step, 10.0, 10.0)


def links(
    truth: NDArray, spacing: tuple[float, float, float], image: NDArray | None
) -> tuple[NDArray, NDArray, NDArray]:
    """Confidence, overlap over joint area, and whether it is right, of every link that was made."""
    cut = np.stack([cc3d.connected_components(s.astype(np.uint32), connectivity=4) for s in truth])
    found = track(cut.astype(np.uint32), PropagateSettings(), spacing, image=image)
    owner = [
        dict(zip(c.ravel().tolist(), t.ravel().tolist(), strict=True))
        for c, t in zip(cut, truth, strict=True)
    ]
    rows = []
    for k in found.links:
        if k.a and k.b:
            one, two = cut[k.section_a] == k.a, cut[k.section_b] == k.b
            overlap = (one & two).sum() / (one | two).sum()
            rows.append((k.confidence, overlap, owner[k.section_a][k.a] == owner[k.section_b][k.b]))
    table = np.array(rows, float)
    return table[:, 0], table[:, 1], table[:, 2].astype(bool)


def calibration_error(confidence: NDArray, right: NDArray) -> float:
    """Expected calibration error over ten bins (Guo et al. 2017, arXiv:1706.04599)."""
    part = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = [part == k for k in range(BINS) if (part == k).any()]
    return float(sum(b.mean() * abs(confidence[b].mean() - right[b].mean()) for b in bins))


def caught(confidence: NDArray, right: NDArray) -> float | None:
    """Part of the wrong links among the least confident tenth."""
    if right.all():
        return None
    doubtful = np.argsort(confidence, kind="stable")[: int(np.ceil(DOUBTFUL * right.size))]
    return float((~right[doubtful]).sum() / (~right).sum())


def row(name: str, confidence: NDArray, overlap: NDArray, right: NDArray) -> dict[str, object]:
    found = caught(confidence, right)
    peer = caught(overlap, right)
    return {
        "stack": name,
        "links": int(right.size),
        "wrong": round(float(1 - right.mean()), 4),
        "calibration_error": round(calibration_error(confidence, right), 4),
        "peer_calibration_error": round(calibration_error(overlap, right), 4),
        "wrong_among_doubtful": None if found is None else round(found, 3),
        "peer_wrong_among_doubtful": None if peer is None else round(peer, 3),
    }


def main() -> None:
    rows = []
    tables: dict[str, list[tuple[NDArray, NDArray, NDArray]]] = {"labels alone": [], "with the image": []}
    for name, truth, image, spacing in stacks():
        for source, seen in zip(tables, (None, image), strict=True):
            tables[source].append(links(truth, spacing, seen))
            rows.append(row(f"{name}, {source}", *tables[source][-1]))
    for source, found in tables.items():
        together = row(f"all, {source}", *(np.concatenate(part) for part in zip(*found, strict=True)))
        together["passed"] = bool(together["calibration_error"] <= 0.05)
        together["doubtful_passed"] = bool((together["wrong_among_doubtful"] or 1) >= 0.8)
        rows.append(together)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
