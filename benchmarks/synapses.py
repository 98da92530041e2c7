"""Claim: how many pairs of synaptic partners `napari-emseg synapses` finds, and in the right direction.

Phantoms that were used neither for the clues nor for their weights. Cells are the true ones; what differs is where synapses
and their sides come from: true ones (``true``), true ones with noise, leaks, faint and invented synapses (``noisy``, ``bad``),
and the maps of a network (``--model``, or ``--train DIR``: up to ten minutes, on other phantoms; 1200 steps, which take longer on
one core, put two thirds of the voxels on the right side, and then little is gained; `train --resume` goes on). Scored as
``napari-emseg evaluate partners`` does: CREMI's F1, 400 nm, same cells, same direction.

The peer is the usual recipe: connected parts of the same cleft map, the two cells of at least 25 voxels that overlap each part
most, turned round by the sum of the signed prediction in them. ``no sides`` gives neither side map nor image, ``image`` the
image instead of the side map: the peer has no answer there, and half of its pairs would be right by chance.

    python benchmarks/synapses.py
    python benchmarks/synapses.py --train runs/sides
    python benchmarks/synapses.py --levels --model runs/sides
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _synapse_maps import LEVELS, maps, side_truth
from bundled_model import program

from napari_emseg.io import open_array, write_array
from napari_emseg.io.annotations import write_annotations
from napari_emseg.io.cremi import POST, PRE, CremiAnnotations
from napari_emseg.jobs.evaluate_partners import evaluate_partners
from napari_emseg.jobs.synapses import synapses_file
from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.settings import PhantomSettings
from napari_emseg.settings import SynapseSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.phantom.phantom import Phantom

SEEDS = range(101, 107)  # the weights were fitted on 1-8
TEACHING = range(21, 25)
SHAPE = (16, 384, 384)
LEAST_OVERLAP = 25  # voxels, of the usual recipe
SPACING_NM = (50.0, 4.6, 4.6)
COUNTS = ("matched", "false_positives", "false_negatives")

RECIPE = """name: sides
targets: [pre, post, cleft]
start_from: membrane
sampling: {at: {cleft: 0.6}}
steps: 1200
batch: 4
size: 160
average: 0.99
learning_rate: 2.0e-3
validate_every: 400
pixel_size_nm: 4.6
volumes:
"""


def phantom_of(seed: int) -> Phantom:
    """A phantom with many synapses; every third has thinner sections."""
    spacing = SPACING_NM if seed % 3 else (40.0, 4.0, 4.0)
    return make_phantom(SHAPE, spacing, seed=seed, settings=PhantomSettings(synapses_per_um3=9))


def usual(
    cleft: NDArray[Any], signed: NDArray[Any], cells: NDArray[Any], spacing_nm: tuple[float, ...]
) -> CremiAnnotations:
    """Two cells for every part of the cleft map, as the recipe goes."""
    import cc3d
    from scipy import ndimage as ndi

    parts = cc3d.dust(cleft > 0.5, threshold=100, connectivity=26)
    parts, n = cc3d.connected_components(parts, connectivity=26, return_N=True)
    places: list[tuple[float, ...]] = []
    for k, box in enumerate(ndi.find_objects(parts.astype(np.int32), n), 1):
        here = parts[box] == k
        ids, sizes = np.unique(cells[box][here], return_counts=True)
        order = [i for i in np.argsort(-sizes)[:2] if sizes[i] >= LEAST_OVERLAP]
        if len(order) < 2:
            continue
        sides = [here & (cells[box] == ids[i]) for i in order]
        sums = [float(signed[box][side].sum()) for side in sides]
        if sums[0] < sums[1]:
            sides.reverse()
        for side in sides:
            voxels = np.argwhere(side)
            middle = voxels[np.argmin(((voxels - voxels.mean(0)) ** 2).sum(1))]
            at = (middle + [s.start for s in box] + 0.5) * np.asarray(spacing_nm)
            places.append(tuple(at.tolist()))
    return pairs(np.asarray(places, float).reshape(-1, 3))


def pairs(places: NDArray[Any]) -> CremiAnnotations:
    """Places, presynaptic and postsynaptic in turn, as partners."""
    ids = np.arange(1, len(places) + 1, dtype=np.uint64)
    return CremiAnnotations(ids, (PRE, POST) * (len(ids) // 2), places, ids.reshape(-1, 2))


def truth_of(phantom: Phantom) -> CremiAnnotations:
    """What is true."""
    return pairs(np.asarray([at for p in phantom.partners for at in (p.pre_point_nm, p.post_point_nm)]))


def scored(work: Path, found: Path) -> dict[str, float]:
    """Pairs that were found, invented and missed."""
    said = evaluate_partners(work / "truth.hdf", found, segmentation=work / "cells.h5")
    return {name: float(said[name] or 0) for name in COUNTS}


def results(
    work: Path, phantom: Phantom, cleft: NDArray[Any], sides: NDArray[Any]
) -> dict[str, dict[str, float]]:
    """Every way to find partners, on one pair of maps."""
    for name, values, axes in (("clefts", cleft, "zyx"), ("sides", sides, "czyx")):
        write_array(
            work / f"{name}.h5",
            np.rint(values * 255).astype(np.uint8),
            spacing_nm=phantom.spacing_nm,
            axes=axes,
        )
    clefts, both, image = (work / f"{name}.h5" for name in ("clefts", "sides", "image"))
    one = SynapseSettings(partners="one")
    ways: dict[str, dict[str, Any]] = {
        "clefts and sides": {"clefts": clefts, "sides": both},
        "sides alone": {"sides": both},
        "clefts and sides, one pair": {"clefts": clefts, "sides": both, "settings": one},
        "clefts, no sides": {"clefts": clefts},
        "clefts and image": {"clefts": clefts, "image": image},
    }
    out = {}
    for name, how in ways.items():
        synapses_file(work / "cells.h5", work / "found.hdf", spacing_nm=phantom.spacing_nm, **how)
        out[name] = scored(work, work / "found.hdf")
    write_annotations(
        work / "usual.hdf", usual(cleft, sides[0] - sides[1], phantom.labels, phantom.spacing_nm)
    )
    out["peer: two most overlapping"] = scored(work, work / "usual.hdf")
    return out


def teach(folder: Path) -> Path:
    """Train a network for clefts and both sides on phantoms of its own; gives the model."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = RECIPE
    for seed in TEACHING:
        phantom = make_phantom(SHAPE, SPACING_NM, seed=seed, settings=PhantomSettings(synapses_per_um3=9))
        write_array(folder / f"image{seed}.h5", phantom.image, spacing_nm=SPACING_NM)
        write_array(folder / f"sides{seed}.h5", side_truth(phantom), spacing_nm=SPACING_NM)
        write_array(
            folder / f"clefts{seed}.h5", (phantom.clefts > 0).astype(np.uint8) * 255, spacing_nm=SPACING_NM
        )
        last = SHAPE[0] - 1
        part = (
            f"train: 0-{last}"
            if seed != TEACHING[-1]
            else f"train: 0-{last - 4}\n    validate: {last - 3}-{last}"
        )
        recipe += (
            f"  - name: p{seed}\n    image: image{seed}.h5\n    {part}\n    truth:\n"
            f"      pre: {{objects: sides{seed}.h5, make: pre}}\n      post: {{objects: sides{seed}.h5, make: post}}\n"
            f"      cleft: {{path: clefts{seed}.h5, above: 127}}\n"
        )
    (folder / "recipe.yaml").write_text(recipe, "utf-8")
    program("train", folder / "recipe.yaml", folder / "model", "--max-seconds", "600")
    return folder / "model"


def predicted(work: Path, model: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Maps of a network."""
    program("predict", work / "image.h5", work / "maps.h5", "--model", model, "--targets", "pre,post,cleft")
    found = np.asarray(open_array(work / "maps.h5")[0][:]).astype(np.float32)
    return found[2], found[:2]


def main() -> None:
    """Make, find, score, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--levels", nargs="*", choices=LEVELS, default=list(LEVELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--train", type=Path, metavar="DIR", help="train a network first")
    parser.add_argument("--model", type=Path, help="a network for pre, post and cleft")
    args = parser.parse_args()
    model = teach(args.train) if args.train else args.model
    sources = [*args.levels, *(["network"] if model else [])]
    total: dict[tuple[str, str], dict[str, float]] = {}
    for seed in args.seeds:
        phantom = phantom_of(seed)
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            write_array(work / "cells.h5", phantom.labels, spacing_nm=phantom.spacing_nm)
            write_array(work / "image.h5", phantom.image, spacing_nm=phantom.spacing_nm)
            write_annotations(work / "truth.hdf", truth_of(phantom))
            for source in sources:
                if source == "network":
                    cleft, sides = predicted(work, model)
                else:
                    cleft, sides = maps(phantom, LEVELS[source], np.random.default_rng(seed))
                for way, counts in results(work, phantom, cleft, sides).items():
                    held = total.setdefault((source, way), dict.fromkeys(COUNTS, 0.0))
                    for name in COUNTS:
                        held[name] += counts[name]
        print(f"phantom {seed}: {len(phantom.partners)} pairs", flush=True)
    print_scores(total)


def print_scores(total: dict[tuple[str, str], dict[str, float]]) -> None:
    """One line for every source of maps and every way."""
    for (source, way), held in total.items():
        right, extra, missed = (held[name] for name in COUNTS)
        print(
            f"{source:8s} {way:27s} F1 {2 * right / max(2 * right + extra + missed, 1):.3f}  "
            f"precision {right / max(right + extra, 1):.3f}  recall {right / max(right + missed, 1):.3f}  ({right:.0f} right)"
        )


if __name__ == "__main__":
    main()
