"""Ids carried through blocks of real mouse cortex that nothing was fitted to, against simpler rules.

Claim: with the default setting V_rand is higher than with one-to-one assignment by overlap and than with linking whatever shares
half of the smaller object, which are the peers. Forty blocks of 36 to 50 sections of 40 nm or 80 nm, pixels of 16 or 8 nm, most
with drift and jumps, from the half of the volume that judges (`tools/link_stacks.py`, which tells where the file comes from).
Objects are those of an automatic segmentation that nobody has proofread, taken for true in every section.

    OMP_NUM_THREADS=1 python benchmarks/cortex.py connectomics.npy.gz
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matching import by_overlap
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

sys.path.append(str(Path(__file__).parent.parent / "tools"))
from link_stacks import HELD_BACK, JUDGES, cortex_stack, cut, read_cortex

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.segmentation import segmentation_scores
from napari_emseg.algorithms.propagation import propagate
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray


def by_half(stack: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Peer: everything that shares half of the smaller object is one."""
    start = np.cumsum([0, *(int(k.max()) + 1 for k in stack)])
    ends = []
    for z in range(len(stack) - 1):
        table = contingency(stack[z], stack[z + 1])
        (ids_a, size_a), (ids_b, size_b) = table.sizes_a(), table.sizes_b()
        smaller = np.minimum(size_a[np.searchsorted(ids_a, table.a)], size_b[np.searchsorted(ids_b, table.b)])
        one = (table.a > 0) & (table.b > 0) & (2 * table.count >= smaller)
        ends.append(np.stack([table.a[one] + start[z], table.b[one] + start[z + 1]]))
    u, v = np.concatenate(ends, axis=1)
    group = connected_components(coo_array((np.ones(u.size), (u, v)), (start[-1], start[-1])), False)[1]
    return np.stack([np.where(k > 0, group[k + s] + 1, 0) for k, s in zip(stack, start[:-1], strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cortex", type=Path)
    volume = read_cortex(parser.parse_args().cortex)
    rules = {
        "ours": lambda stack, spacing: propagate(stack, PropagateSettings(), spacing)[0],
        "one to one by overlap": lambda stack, _: by_overlap(stack),
        "half of the smaller": lambda stack, _: by_half(stack),
    }
    scores: dict[float, list[list[float]]] = {}
    for seed in range(HELD_BACK, HELD_BACK + JUDGES["cx"]):
        _, labels, spacing, border = cortex_stack(volume, seed)
        pieces = cut(labels, border)
        truth = labels * (pieces > 0)
        row = [segmentation_scores(truth, rule(pieces, spacing))["v_rand"] for rule in rules.values()]
        scores.setdefault(spacing[0], []).append(row)
        print(seed, spacing, *(f"{k:.4f}" for k in row), file=sys.stderr, flush=True)
    report = [
        {
            "sections_nm": thickness,
            "blocks": len(rows),
            **{
                name: {"median": round(float(np.median(k)), 4), "mean": round(float(np.mean(k)), 4),
                       "lowest": round(float(np.min(k)), 4)}
                for name, k in zip(rules, np.transpose(rows), strict=True)
            },
            "passed": bool(np.mean(rows, axis=0).argmax() == 0),
        }
        for thickness, rows in scores.items()
    ]  # fmt: skip
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
