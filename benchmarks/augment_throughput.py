"""Augmentation against gunpowder: how many samples a second on one core, and whether both mean the same.

Claims: the recipe *serial sections* on (24, 256, 256) with labels at least 5 times the throughput of the same steps in
gunpowder on one core; on (256, 256) at least 150 samples a second; the same means, ranges and displacements for the
same parameters.

    GUNPOWDER_PYTHON=/path/to/venv/bin/python OMP_NUM_THREADS=1 python benchmarks/augment_throughput.py

gunpowder pins older packages: it lives in an environment of its own (``pip install gunpowder``), whose interpreter is
named by GUNPOWDER_PYTHON and runs this file with ``--peer``. Ours also synthesises artefacts and folds sections: the peer has no
source of artefacts, and its folds raise an error behind ElasticAugment (1.4.4).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import time
import warnings
from typing import Any

import numpy as np

SIZE = (24, 256, 256)
SOURCE = (24, 900, 900)
SAMPLES = 8
STATISTICS = 30
SPACING, JITTER, MISALIGN = (4, 40, 40), 2.0, 25


def volume(shape: tuple[int, ...] = SOURCE) -> tuple[np.ndarray, np.ndarray]:
    """Noise between 0.2 and 0.8, and labels."""
    rng = np.random.default_rng(0)
    return rng.uniform(0.2, 0.8, shape).astype(np.float32), rng.integers(0, 500, shape, dtype=np.uint32)


def one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def timed(draw: Any, n: int) -> float:
    """Median processor seconds of a sample: other programs on the machine do not count."""
    draw()
    seconds = []
    for _ in range(n):
        start = time.process_time()
        draw()
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))


# ---------------------------------------------------------------- ours


def ours() -> dict[str, Any]:
    from napari_emseg.augment.compose import augment, source_size
    from napari_emseg.augment.recipe import load_recipe

    recipe = load_recipe("serial sections")
    found: dict[str, Any] = {}
    rng = np.random.default_rng(1)
    for name, size, n in (("3d", SIZE, SAMPLES), ("2d", (1, *SIZE[1:]), 100)):
        image, labels = volume(source_size(size, recipe))
        image = (image - 0.5) / image.std()
        seconds = timed(lambda s=size, i=image, k=labels: augment(i, k, recipe, rng, size=s), n)
        found[f"seconds_{name}"] = seconds
    return found | our_statistics()


def our_statistics() -> dict[str, float]:
    from napari_emseg.augment.defects import Defects, plan
    from napari_emseg.augment.elastic import control_point_field
    from napari_emseg.augment.greys import from_unit, to_unit
    from napari_emseg.augment.scale_shift import ScaleShift, scale_shift
    from napari_emseg.augment.slip import Slip, draw_offsets

    rng = np.random.default_rng(2)
    fields = [control_point_field((24, 128, 128), JITTER, SPACING, rng) for _ in range(STATISTICS)]
    slips = Slip(per_section_slip=0.05, per_section_shift=0.05, max_misalign_px=MISALIGN, max_total_px=500)
    offsets = np.array([draw_offsets(24, slips, rng) for _ in range(50 * STATISTICS)])
    section = from_unit(volume((1, 64, 64))[0])
    grey = np.array([to_unit(scale_shift(section, ScaleShift(), rng)) for _ in range(20 * STATISTICS)])
    struck = plan(200_000, {"lost": 0.05, "low_contrast": 0.05}, Defects(), rng)
    return (
        summary(np.array(fields), offsets, grey)
        | our_mirrors()
        | our_low_contrast()
        | {
            "missing_rate": sum(v == "lost" for v in struck.values()) / 200_000,
            "low_contrast_rate": sum(v == "low_contrast" for v in struck.values()) / 200_000,
        }
    )


def corners() -> np.ndarray:
    """A cube whose mirrors and transposes are all different."""
    return np.arange(64, dtype=np.float32).reshape(4, 4, 4)


def mirror_shares(seen: list[np.ndarray]) -> dict[str, float]:
    """How many of the sixteen are met, and how often the rarest and the most frequent."""
    _, counts = np.unique(np.array([s.ravel() for s in seen]), axis=0, return_counts=True)
    return {
        "mirrors_met": float(len(counts)),
        "mirror_rarest": float(counts.min() / len(seen)),
        "mirror_most_frequent": float(counts.max() / len(seen)),
    }


def our_mirrors() -> dict[str, float]:
    from napari_emseg.augment.compose import augment
    from napari_emseg.augment.mirror import Mirror
    from napari_emseg.augment.recipe import only

    rng, recipe = np.random.default_rng(4), only(mirror=Mirror())
    return mirror_shares([augment(corners(), None, recipe, rng).image for _ in range(100 * STATISTICS)])


def our_low_contrast() -> dict[str, float]:
    from napari_emseg.augment.greys import from_unit, to_unit
    from napari_emseg.augment.low_contrast import LowContrast, low_contrast

    section = from_unit(volume((1, 64, 64))[0])[0]
    pale = low_contrast(section, LowContrast(scale=0.1), np.random.default_rng(0))[0]
    return contrast_left(to_unit(section), to_unit(pale))


def contrast_left(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    return {
        "low_contrast_left": float(after.std() / before.std()),
        "low_contrast_mean_moved": float(abs(after.mean() - before.mean())),
    }


def summary(fields: np.ndarray, offsets: np.ndarray, grey: np.ndarray) -> dict[str, float]:
    """What is compared: sizes of displacements and of grey values."""
    steps = np.diff(offsets, axis=1)
    return {
        "displacement_std_px": float(fields.std()),
        "displacement_99_percent_px": float(np.percentile(np.abs(fields), 99)),
        "sections_moved_against_neighbour": float((steps != 0).any(-1).mean()),
        "largest_offset_of_one_step_px": float(np.abs(offsets[:, 0]).max()),
        "last_offset_std_px": float(offsets[:, -1].std()),
        "mean_grey": float(grey.mean()),
        "mean_grey_std": float(grey.mean((1, 2, 3)).std()),
        "contrast_low": float((grey.std((1, 2, 3)) / volume((1, 64, 64))[0].std()).min()),
        "contrast_high": float((grey.std((1, 2, 3)) / volume((1, 64, 64))[0].std()).max()),
    }


# ---------------------------------------------------------------- gunpowder


def peer() -> dict[str, Any]:
    """The same with gunpowder; runs in its environment and knows nothing of ours."""
    warnings.simplefilter("ignore")
    import gunpowder as gp

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - what gunpowder draws from
    raw, labels = gp.ArrayKey("RAW"), gp.ArrayKey("LABELS")
    voxel = gp.Coordinate((1, 1, 1))

    def source(shape: tuple[int, ...]) -> Any:
        image, ids = volume(shape)
        parts = []
        for key, data in ((raw, image), (labels, ids.astype(np.uint64))):
            parts.append(array_source(gp, key, data))
        return tuple(parts) + gp.MergeProvider()

    def request(shape: tuple[int, ...], begin: tuple[int, ...], *keys: Any) -> Any:
        wanted = gp.BatchRequest()
        for key in keys:
            wanted[key] = gp.ArraySpec(roi=gp.Roi(begin, shape), voxel_size=voxel)
        return wanted

    def elastic(subsample: int = 1, **more: Any) -> Any:
        return gp.ElasticAugment(SPACING, (0, JITTER, JITTER), (0, np.pi / 2), subsample=subsample, **more)

    found: dict[str, Any] = {}
    for subsample in (1, 4):
        pipeline = (
            source(SOURCE)
            + elastic(subsample, prob_slip=0.05, prob_shift=0.05, max_misalign=MISALIGN)
            + gp.SimpleAugment(transpose_only=[1, 2])
            + gp.IntensityAugment(raw, 0.9, 1.1, -0.1, 0.1, z_section_wise=True)
            + gp.DefectAugment(raw, prob_missing=0.03, prob_low_contrast=0.01)
        )
        with gp.build(pipeline):
            wanted = request(SIZE, (0, 322, 322), raw, labels)
            found[f"seconds_3d_subsample_{subsample}"] = timed(
                lambda p=pipeline, w=wanted: p.request_batch(w), SAMPLES
            )
    return found | peer_statistics(gp, source, request, raw)


def array_source(gp: Any, key: Any, data: np.ndarray) -> Any:
    """A provider of one array, whatever the version calls it."""
    interpolatable = data.dtype.kind == "f"
    from funlib.persistence import Array

    array = Array(data, offset=(0,) * data.ndim, voxel_size=(1,) * data.ndim)
    return gp.ArraySource(key, array, interpolatable=interpolatable)


def peer_statistics(gp: Any, source: Any, request: Any, raw: Any) -> dict[str, float]:
    import augment

    fields = np.array(
        [
            augment.create_elastic_transformation((24, 128, 128), SPACING, (0, JITTER, JITTER))[1]
            for _ in range(STATISTICS)
        ]
    )
    node = gp.ElasticAugment(
        SPACING, (0, 0, 0), (0, 0), prob_slip=0.05, prob_shift=0.05, max_misalign=MISALIGN
    )
    offsets = []
    for _ in range(50 * STATISTICS):
        transformation = np.zeros((3, 24, 1, 1))
        node._ElasticAugment__misalign(transformation)
        offsets.append(transformation[1:, :, 0, 0].T)
    pipeline = source((1, 64, 64)) + gp.IntensityAugment(raw, 0.9, 1.1, -0.1, 0.1, z_section_wise=True)
    with gp.build(pipeline):
        wanted = request((1, 64, 64), (0, 0, 0), raw)
        grey = np.array([pipeline.request_batch(wanted)[raw].data for _ in range(20 * STATISTICS)])
    missing, pale, n = 0, 0, 0
    found: dict[str, float] = {}
    original = volume((200, 8, 8))[0]
    pipeline = source((200, 8, 8)) + gp.DefectAugment(raw)
    with gp.build(pipeline):
        for _ in range(100):
            data = pipeline.request_batch(request((200, 8, 8), (0, 0, 0), raw))[raw].data
            missing, n = missing + int((data == 0).all((1, 2)).sum()), n + 200
            changed = (data != original).any((1, 2)) & (data != 0).any((1, 2))
            pale += int(changed.sum())
            for z in np.flatnonzero(changed)[:1]:
                found = contrast_left(original[z], data[z])
    cube = array_source(gp, raw, corners())
    pipeline = cube + gp.SimpleAugment()
    with gp.build(pipeline):
        wanted = request((4, 4, 4), (0, 0, 0), raw)
        seen = [pipeline.request_batch(wanted)[raw].data for _ in range(100 * STATISTICS)]
    # gunpowder also exchanges sections and rows, which ours never does: only orders that keep sections are counted
    flat = [s for s in seen if abs(abs(float(s[1, 0, 0] - s[0, 0, 0])) - 16) < 0.5]
    return summary(fields, np.array(offsets), grey) | found | mirror_shares(flat) | {
        "missing_rate": missing / n, "low_contrast_rate": pale / n
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="store_true")
    one_core()
    if parser.parse_args().peer:
        print(json.dumps(peer()))
        return
    mine = ours()
    report: dict[str, Any] = {
        "milliseconds_3d": round(1000 * mine["seconds_3d"], 1),
        "samples_per_second_2d": round(1 / mine["seconds_2d"], 1),
    }
    passed = 1 / mine["seconds_2d"] >= 150
    interpreter = os.environ.get("GUNPOWDER_PYTHON")
    if interpreter:
        done = subprocess.run([interpreter, __file__, "--peer"], capture_output=True, text=True, check=True)
        theirs = json.loads(done.stdout.strip().splitlines()[-1])
        for subsample in (1, 4):
            seconds = theirs[f"seconds_3d_subsample_{subsample}"]
            report[f"gunpowder_milliseconds_3d_subsample_{subsample}"] = round(1000 * seconds, 1)
            report[f"ratio_subsample_{subsample}"] = round(seconds / mine["seconds_3d"], 1)
        passed = passed and report["ratio_subsample_1"] >= 5
        report["statistics"] = {
            key: {"ours": round(mine[key], 4), "gunpowder": round(theirs[key], 4)}
            for key in mine
            if not key.startswith("seconds")
        }
    else:
        report["peer"] = "GUNPOWDER_PYTHON names no interpreter: gunpowder was not measured"
    report["passed"] = bool(passed)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
